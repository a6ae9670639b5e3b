"""A folder of pages as a website on loopback, for the clue site of ClueWorld and for tests.

In: a folder, and optionally a function that answers some paths itself. Out: the address, while
the context is open. Nothing outside the folder is served, and nobody outside the machine reached.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answer:
    """A response made up on the spot. `Content-Length` is added where `headers` has none."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, answer: Callable[[str], Answer | None] | None, *args: Any, **kwargs: Any):
        self._answer = answer
        super().__init__(*args, **kwargs)

    def handle(self) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # who asked has left
            super().handle()

    def do_GET(self) -> None:
        made = self._answer(self.path) if self._answer else None
        if made is None:
            super().do_GET()
            return
        self.send_response(made.status)
        for name, value in ({"Content-Length": str(len(made.body))} | dict(made.headers)).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(made.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the crawl reports what became of each request."""


@contextmanager
def serve(folder: Path, answer: Callable[[str], Answer | None] | None = None) -> Iterator[str]:
    """The folder's address ("http://127.0.0.1:PORT/") until the block ends.

    `answer` gets the path of each request ("/a.html?x=1"); where it returns None the folder does.
    """
    handler = partial(_Handler, answer, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()
