"""A folder of pages as a website on loopback, for the clue site of ClueWorld and for tests.

In: a folder, optionally a function that answers some paths itself, and a list that takes down what
was asked for. Out: the address, while the context is open. Nothing outside the folder is served,
and nobody outside the machine reached.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answer:
    """A response made up on the spot.

    A body in parts is sent as these come, its end shown by closing the connection; to one that is
    whole `Content-Length` is added where `headers` has none.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""


@dataclass(frozen=True)
class Asked:
    """A request: the path with its query ("/a.html?x=1"), headers by name in lower case."""

    path: str
    headers: Mapping[str, str]


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(
        self,
        answer: Callable[[str], Answer | None] | None,
        asked: list[Asked] | None,
        *args: Any,
        **kwargs: Any,
    ):
        self._answer, self._asked = answer, asked
        super().__init__(*args, **kwargs)

    def handle(self) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # who asked has left
            super().handle()

    def do_GET(self) -> None:
        if self._asked is not None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._asked.append(Asked(self.path, headers))
        made = self._answer(self.path) if self._answer else None
        if made is None:
            super().do_GET()
            return
        if isinstance(made.body, bytes):
            length, parts = {"Content-Length": str(len(made.body))}, iter((made.body,))
        else:
            length, parts = {"Connection": "close"}, iter(made.body)
        self.send_response(made.status)
        for name, value in (length | dict(made.headers)).items():
            self.send_header(name, value)
        self.end_headers()
        for part in parts:
            self.wfile.write(part)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the crawl reports what became of each request."""


@contextmanager
def serve(
    folder: Path,
    answer: Callable[[str], Answer | None] | None = None,
    asked: list[Asked] | None = None,
) -> Iterator[str]:
    """The folder's address ("http://127.0.0.1:PORT/") until the block ends.

    `answer` gets the path of each request ("/a.html?x=1"); where it returns None the folder does.
    Every request is added to `asked`.
    """
    handler = partial(_Handler, answer, asked, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()
