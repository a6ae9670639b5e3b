"""A small server that speaks the Hugging Face Hub's protocol on loopback.

It answers what `huggingface_hub` asks to create repositories, upload (regular and LFS), list and
download, so that publishing is run and tested without the Hub. Every commit is a JSON file and
every blob a file named by its SHA-256 below `root`, so a server started again there knows its
repositories. Nothing is authenticated: it listens on 127.0.0.1 and takes any token.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from georeasoner.lake.files import write_bytes, write_json

OWNER = "georeasoner"
PIECE_BYTES = 1 << 20
_LARGE = (".parquet", ".safetensors", ".bin", ".jpg", ".png", ".zip", ".tar", ".arrow")
_API = re.compile(
    r"/api/(models|datasets|spaces)/([^/]+/[^/]+)(?:/([a-z-]+)(?:/([^/]+)(?:/(.*))?)?)?"
)
_RESOLVE = re.compile(r"/(?:(datasets|spaces)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_LFS_BATCH = re.compile(r"/(?:(?:datasets|spaces)/)?[^/]+/[^/]+\.git/info/lfs/objects/batch")
_DATE = "2024-01-01T00:00:00.000Z"

File = dict[str, Any]  # {"sha256", "size", "lfs"}


class NotThere(Exception):
    """A repository, revision or file that does not exist; the argument is the Hub's error code."""


class Store:
    """Repositories on disk: blobs, commits, and what branches and tags point to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = threading.RLock()
        (root / "blobs").mkdir(parents=True, exist_ok=True)

    def blob(self, sha256: str) -> Path:
        """Where a blob is, or would be."""
        return self.root / "blobs" / sha256

    def folder(self, kind: str, name: str) -> Path:
        """The folder of a repository."""
        return self.root / kind / name

    def create(self, kind: str, name: str, private: bool) -> bool:
        """Make an empty repository; False when it is there."""
        folder = self.folder(kind, name)
        with self.lock:
            if (folder / "repo.json").is_file():
                return False
            write_json(folder / "repo.json", {"private": private, "refs": {}})
            self.commit(kind, name, "main", {}, "initial commit")
            return True

    def repo(self, kind: str, name: str) -> dict[str, Any]:
        """{"private", "refs"}. Raises `NotThere`."""
        path = self.folder(kind, name) / "repo.json"
        if not path.is_file():
            raise NotThere("RepoNotFound")
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def revision(self, kind: str, name: str, revision: str) -> str:
        """The commit that a branch, a tag or a commit means. Raises `NotThere`."""
        commit = str(self.repo(kind, name)["refs"].get(revision, revision))
        if not (self.folder(kind, name) / "commits" / f"{commit}.json").is_file():
            raise NotThere("RevisionNotFound")
        return commit

    def files(self, kind: str, name: str, commit: str) -> dict[str, File]:
        """path -> file, of a commit."""
        path = self.folder(kind, name) / "commits" / f"{commit}.json"
        found: dict[str, File] = json.loads(path.read_text())["files"]
        return found

    def commit(self, kind: str, name: str, ref: str, files: dict[str, File], title: str) -> str:
        """Write a commit and move `ref` to it; the commit's name."""
        with self.lock:
            repo = self.repo(kind, name)
            content = {"parent": repo["refs"].get(ref), "title": title, "files": files}
            commit = hashlib.sha1(json.dumps(content, sort_keys=True).encode()).hexdigest()
            write_json(self.folder(kind, name) / "commits" / f"{commit}.json", content)
            repo["refs"][ref] = commit
            write_json(self.folder(kind, name) / "repo.json", repo)
            return commit

    def point(self, kind: str, name: str, ref: str, commit: str) -> None:
        """Make a branch or tag."""
        with self.lock:
            repo = self.repo(kind, name)
            repo["refs"][ref] = commit
            write_json(self.folder(kind, name) / "repo.json", repo)

    def delete(self, kind: str, name: str) -> None:
        """Forget a repository; its blobs may belong to others and stay."""
        import shutil

        shutil.rmtree(self.folder(kind, name), ignore_errors=True)


class LocalHub:
    """`with LocalHub(root) as hub:` serves on `hub.url` until the block ends."""

    def __init__(self, root: str | Path, port: int = 0) -> None:
        self.store = Store(Path(root))
        handler = type("Handler", (_Handler,), {"store": self.store})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> LocalHub:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing; what went wrong reaches the client as an answer."""

    # -- answers ---------------------------------------------------------------------------------

    def _json(self, code: int, content: Any, **headers: str) -> None:
        body = json.dumps(content).encode()
        self.send_response(code)
        given = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        for name, value in (given | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _error(self, code: int, name: str, message: str = "") -> None:
        text = message or name
        self._json(code, {"error": text}, X_Error_Code=name, X_Error_Message=text)

    def _pieces(self) -> Iterator[bytes]:
        """The request's body in pieces, whether its length is given or it comes in chunks."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().strip() or b"0", 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left:
            piece = self.rfile.read(min(left, PIECE_BYTES))
            if not piece:
                return
            left -= len(piece)
            yield piece

    # -- methods ---------------------------------------------------------------------------------

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        try:
            if url.path == "/api/whoami-v2":
                self._json(200, {
                    "type": "user", "name": OWNER, "fullname": OWNER, "id": "1", "orgs": [],
                    "auth": {"type": "access_token",
                             "accessToken": {"displayName": "local", "role": "write"}},
                })  # fmt: skip
            elif match := _RESOLVE.fullmatch(url.path):
                kind, name, revision, path = match.groups()
                self._file(kind or "models", name, unquote(revision), unquote(path))
            elif match := _API.fullmatch(url.path):
                self._look(*match.groups(), query=parse_qs(url.query))
            else:
                self._error(404, "NotFound", f"no route {url.path}")
        except NotThere as error:
            self._error(404, str(error))

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        body = b"".join(self._pieces())
        try:
            if path == "/api/repos/create":
                self._create(json.loads(body))
            elif path == "/api/validate-yaml":
                self._json(200, {"errors": [], "warnings": []})
            elif _LFS_BATCH.fullmatch(path):
                self._lfs(json.loads(body))
            elif match := _API.fullmatch(path):
                self._change(*match.groups(), body=body)
            else:
                self._error(404, "NotFound", f"no route {path}")
        except NotThere as error:
            self._error(404, str(error))

    def do_PUT(self) -> None:
        """Upload of one LFS blob, kept only when its hash is the one announced."""
        wanted = self.path.rpartition("/")[2]
        digest = hashlib.sha256()
        temporary = self.store.root / "blobs" / f".{wanted}-{threading.get_ident()}"
        with temporary.open("wb") as file:
            for piece in self._pieces():
                digest.update(piece)
                file.write(piece)
        if digest.hexdigest() != wanted:
            temporary.unlink()
            self._error(400, "BadRequest", "the blob has another SHA-256")
            return
        temporary.replace(self.store.blob(wanted))
        self._json(200, {})

    def do_DELETE(self) -> None:
        asked = json.loads(b"".join(self._pieces()) or b"{}")
        kind, name = _named(asked)
        self.store.delete(kind, name)
        self._json(200, {})

    # -- reading ---------------------------------------------------------------------------------

    def _look(
        self, kind: str, name: str, verb: str | None, revision: str | None, path: str | None,
        query: dict[str, list[str]],
    ) -> None:  # fmt: skip
        repo = self.store.repo(kind, name)
        if verb == "refs":
            named = [{"name": n, "ref": f"refs/heads/{n}", "targetCommit": c}
                     for n, c in repo["refs"].items()]  # fmt: skip
            self._json(200, {"branches": named, "tags": [], "converts": []})
            return
        commit = self.store.revision(kind, name, unquote(revision or "main"))
        files = self.store.files(kind, name, commit)
        if verb in (None, "revision"):
            self._json(200, {
                "_id": commit[:24], "id": name, "author": name.partition("/")[0], "sha": commit,
                "modelId": name, "private": repo["private"], "gated": False, "disabled": False,
                "lastModified": _DATE, "createdAt": _DATE, "tags": [], "downloads": 0, "likes": 0,
                "siblings": [{"rfilename": p, "size": f["size"]} for p, f in sorted(files.items())],
            })  # fmt: skip
        elif verb == "tree":
            recursive = query.get("recursive", ["false"])[0].lower() in ("true", "1")
            self._json(200, list(_tree(files, unquote(path or ""), recursive)))
        else:
            self._error(404, "NotFound", f"no verb {verb}")

    def _file(self, kind: str, name: str, revision: str, path: str) -> None:
        commit = self.store.revision(kind, name, revision)
        file = self.store.files(kind, name, commit).get(path)
        if file is None:
            raise NotThere("EntryNotFound")
        size, start, code = file["size"], 0, 200
        end = size - 1
        if asked := re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", "")):
            first, last = asked.groups()
            start = int(first) if first else max(0, size - int(last or 0))
            end = min(int(last), size - 1) if first and last else size - 1
            code = 206
            if start >= size:
                self._json(416, {}, Content_Range=f"bytes */{size}")
                return
        self.send_response(code)
        headers = {
            "ETag": f'"{file["sha256"]}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes",
            "X-Linked-Etag": f'"{file["sha256"]}"', "X-Linked-Size": str(size),
            "Content-Type": "application/octet-stream", "Content-Length": str(end - start + 1),
        }  # fmt: skip
        if code == 206:
            headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        for header, value in headers.items():
            self.send_header(header, value)
        self.end_headers()
        if self.command != "HEAD":
            self._send_blob(file["sha256"], start, end - start + 1)

    def _send_blob(self, sha256: str, start: int, left: int) -> None:
        with self.store.blob(sha256).open("rb") as source:
            source.seek(start)
            while left and (piece := source.read(min(left, PIECE_BYTES))):
                self.wfile.write(piece)
                left -= len(piece)

    # -- writing ---------------------------------------------------------------------------------

    def _create(self, asked: dict[str, Any]) -> None:
        kind, name = _named(asked)
        private = bool(asked.get("private")) or asked.get("visibility") == "private"
        url = f"http://{self.headers['Host']}/{'' if kind == 'models' else kind + '/'}{name}"
        if self.store.create(kind, name, private):
            self._json(200, {"url": url, "name": name, "id": name})
        else:
            self._json(409, {"error": "it is there", "url": url}, X_Error_Code="RepoExists")

    def _lfs(self, asked: dict[str, Any]) -> None:
        objects = []
        for wanted in asked["objects"]:
            entry: dict[str, Any] = {"oid": wanted["oid"], "size": wanted["size"]}
            if not self.store.blob(wanted["oid"]).is_file():
                href = f"http://{self.headers['Host']}/lfs/{wanted['oid']}"
                entry["actions"] = {"upload": {"href": href}}
            objects.append(entry)
        self._json(200, {"transfer": "basic", "objects": objects})

    def _change(
        self, kind: str, name: str, verb: str | None, revision: str | None, path: str | None,
        body: bytes,
    ) -> None:  # fmt: skip
        ref = unquote(revision or "main")
        if verb == "preupload":
            self.store.repo(kind, name)
            files = [
                {"path": f["path"], "shouldIgnore": False, "oid": None,
                 "uploadMode": "lfs" if f["path"].endswith(_LARGE) else "regular"}
                for f in json.loads(body)["files"]
            ]  # fmt: skip
            self._json(200, {"files": files})
        elif verb == "tag":
            self.store.point(
                kind, name, json.loads(body)["tag"], self.store.revision(kind, name, ref)
            )
            self._json(200, {})
        elif verb == "branch":
            self.store.point(kind, name, ref, self.store.revision(kind, name, "main"))
            self._json(200, {})
        elif verb == "paths-info":
            asked = (
                json.loads(body)["paths"] if body[:1] == b"{" else parse_qs(body.decode())["paths"]
            )
            files_there = self.store.files(kind, name, self.store.revision(kind, name, ref))
            found = [_node(p, files_there[p]) for p in asked if p in files_there]
            self._json(200, found)
        elif verb == "commit":
            self._commit(kind, name, ref, body)
        else:
            self._error(404, "NotFound", f"no verb {verb}")

    def _commit(self, kind: str, name: str, ref: str, body: bytes) -> None:
        """One commit: lines of JSON, a header and what is added and deleted."""
        title = ""
        with self.store.lock:
            files = self.store.files(kind, name, self.store.revision(kind, name, ref))
            for line in body.splitlines():
                entry = json.loads(line)
                value = entry["value"]
                if entry["key"] == "header":
                    title = value["summary"]
                elif entry["key"] == "file":
                    content = base64.b64decode(value["content"])
                    sha256 = hashlib.sha256(content).hexdigest()
                    write_bytes(self.store.blob(sha256), content)
                    files[value["path"]] = {"sha256": sha256, "size": len(content), "lfs": False}
                elif entry["key"] == "lfsFile":
                    blob = self.store.blob(value["oid"])
                    if not blob.is_file():
                        self._error(400, "BadRequest", f"{value['path']} was not uploaded")
                        return
                    files[value["path"]] = {
                        "sha256": value["oid"], "size": blob.stat().st_size, "lfs": True,
                    }  # fmt: skip
                elif entry["key"] == "deletedFile":
                    files.pop(value["path"], None)
                elif entry["key"] == "deletedFolder":
                    below = value["path"].rstrip("/") + "/"
                    files = {p: f for p, f in files.items() if not p.startswith(below)}
            commit = self.store.commit(kind, name, ref, files, title)
        url = f"http://{self.headers['Host']}/{kind}/{name}/commit/{commit}"
        self._json(200, {"success": True, "commitOid": commit, "commitUrl": url, "hookOutput": ""})


def _named(asked: dict[str, Any]) -> tuple[str, str]:
    """Kind and full name of the repository that a request's body speaks of."""
    kind = (asked.get("type") or "model") + "s"
    return kind, f"{asked.get('organization') or OWNER}/{asked['name'].rpartition('/')[2]}"


def _node(path: str, file: File) -> dict[str, Any]:
    node = {"type": "file", "path": path, "size": file["size"], "oid": file["sha256"][:40]}
    if file["lfs"]:
        node["lfs"] = {"oid": file["sha256"], "size": file["size"], "pointerSize": 134}
    return node


def _tree(files: dict[str, File], below: str, recursive: bool) -> Iterator[dict[str, Any]]:
    """Files and folders below a path."""
    prefix = below.rstrip("/") + "/" if below else ""
    inside = sorted(path for path in files if path.startswith(prefix))
    if prefix and not inside:
        raise NotThere("EntryNotFound")
    folders = set()
    for path in inside:
        parts = path[len(prefix) :].split("/")
        for depth in range(1, len(parts) if recursive else min(2, len(parts))):
            folders.add(prefix + "/".join(parts[:depth]))
    for folder in sorted(folders):
        yield {"type": "directory", "path": folder, "oid": "0" * 40, "size": 0}
    for path in inside:
        if recursive or "/" not in path[len(prefix) :]:
            yield _node(path, files[path])
