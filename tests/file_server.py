"""A server of files on 127.0.0.1 that can be told to misbehave in the ways that networks do."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Answer = tuple[int, dict[str, str], bytes]  # status, headers, body


@dataclass
class FileServer:
    """`files` by path; the lists are used up one request at a time, the last entries first to go wrong."""

    files: dict[str, bytes] = field(default_factory=dict)
    break_off: list[int] = field(default_factory=list)  # close the connection after so many bytes
    on_break: Callable[[], None] = lambda: None  # called before that
    statuses: list[int] = field(default_factory=list)  # answer these instead
    odd: dict[str, Answer] = field(default_factory=dict)  # answers word for word, by path
    after_odd: Callable[[], None] = lambda: None  # called after one of them
    ranges: bool = True
    etags: bool = True
    requests: list[tuple[str, str | None]] = field(
        default_factory=list
    )  # path and Range header, as they came
    address: str = ""

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range")
        self.requests.append((handler.path, asked))
        body = self.files.get(handler.path)
        if self.statuses:
            return handler.send_error(self.statuses.pop(0))
        if handler.path in self.odd:
            status, headers, body = self.odd[handler.path]
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(body)
            self.after_odd()
            return None
        if body is None:
            return handler.send_error(404)
        etag = f'"{hashlib.md5(body).hexdigest()}"'
        first = 0
        if asked and self.ranges and handler.headers.get("If-Range") in (None, etag):
            first = int(asked.removeprefix("bytes=").removesuffix("-"))
            if first >= len(body):
                handler.send_response(416)
                handler.send_header("Content-Range", f"bytes */{len(body)}")
                handler.send_header("Content-Length", "0")
                return handler.end_headers()
        handler.send_response(206 if first else 200)
        if first:
            handler.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        if self.etags:
            handler.send_header("ETag", etag)
        handler.send_header("Content-Length", str(len(body) - first))
        handler.end_headers()
        stop = len(body)
        if self.break_off:
            stop = self.break_off.pop(0)
            self.on_break()
        handler.wfile.write(body[first : first + stop])
        return None


@contextlib.contextmanager
def listening(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Answer requests on a free port for the block; yield the address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}"
        finally:
            running.shutdown()
            thread.join()


@contextlib.contextmanager
def serving() -> Iterator[FileServer]:
    server = FileServer()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                server.answer(self)

        def log_message(self, *arguments: object) -> None:
            pass

    with listening(Handler) as server.address:
        yield server
