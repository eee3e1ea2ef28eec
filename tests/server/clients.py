"""A client of the server, with nothing but the standard library."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

WAIT = 240  # seconds for an answer, on a busy machine


@dataclass(frozen=True)
class Answer:
    """An answer of the server."""

    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """The message of a refusal, whose body has the form of all refusals."""
        error = self.json["error"]
        assert error["status"] == self.status
        return str(error["message"])


class Client:
    """Asks a server at a port of this machine."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(
        self, method: str, path: str, body: bytes | Iterable[bytes] | None = None, **headers: str
    ) -> Answer:
        """Send a request; keywords are headers, with _ for -. An iterable is sent part by part."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            found = connection.getresponse()
            lower = {name.lower(): value for name, value in found.getheaders()}
            return Answer(found.status, lower, found.read())
        finally:
            connection.close()

    def tag(self, **content: Any) -> Answer:
        """Post JSON to /v1/tag."""
        return self.post_json("/v1/tag", content)

    def post_json(self, path: str, content: Any) -> Answer:
        return self.ask("POST", path, json.dumps(content).encode(), Content_Type="application/json")

    def tag_file(
        self, body: bytes | Iterable[bytes], query: str = "", kind: str = "text/x-conllu", **headers: str
    ) -> Answer:
        """Post a file to /v1/tag."""
        return self.ask("POST", f"/v1/tag?{query}", body, Content_Type=kind, **headers)

    def begin(self, length: int | None = None, kind: str = "text/x-conllu", **headers: str) -> socket.socket:
        """Send the head of a request to /v1/tag, chunked without a length; the body is up to the test."""
        lines = ["POST /v1/tag HTTP/1.1", "Host: localhost", f"Content-Type: {kind}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines.append("Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}")
        connection = self.connect()
        connection.sendall("\r\n".join([*lines, "\r\n"]).encode())
        return connection

    def connect(self) -> socket.socket:
        """Open a connection, for what no client library does."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=WAIT)
