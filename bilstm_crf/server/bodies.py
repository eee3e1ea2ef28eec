"""Bodies of requests: read whole within limits, or as a stream for code that is not asynchronous."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import CancelledError, Future
from typing import Any

from bilstm_crf.server.problems import ProblemError

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ClientGoneError(Exception):
    """The client has closed the connection."""


class Body:
    """The body of a request, part by part."""

    def __init__(self, receive: Receive, length: str | None, limit: int, timeout: float) -> None:
        """`length`: the header Content-Length. Raises ProblemError if it says more than `limit` bytes."""
        self._receive, self._limit, self._timeout = receive, limit, timeout
        self._taken, self.ended = 0, False
        if length is not None and length.isascii() and length.isdigit() and int(length[:20]) > limit:
            raise _too_large(limit)

    async def part(self) -> bytes:
        """Return the next part; nothing at the end. Raises ProblemError, and ClientGoneError."""
        while not self.ended:
            try:
                async with asyncio.timeout(self._timeout):
                    message = await self._receive()
            except TimeoutError:
                message_ = f"nothing of the body came for {self._timeout:g} seconds"
                raise ProblemError(408, message_, headers={"Connection": "close"}) from None
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            self.ended = not message.get("more_body", False)
            content: bytes = message.get("body", b"")
            self._taken += len(content)
            if self._taken > self._limit:
                raise _too_large(self._limit)
            if content:
                return content
        return b""

    async def whole(self) -> bytes:
        """Return all of it. Raises ProblemError, also if it does not come in time, and ClientGoneError."""
        parts = []
        try:
            async with asyncio.timeout(self._timeout):
                while part := await self.part():
                    parts.append(part)
                return b"".join(parts)
        except TimeoutError:
            message = f"the body did not come within {self._timeout:g} seconds"
            raise ProblemError(408, message, headers={"Connection": "close"}) from None


def _too_large(limit: int) -> ProblemError:
    return ProblemError(
        413,
        f"the body has more than {limit:,} bytes",
        hint="send less at a time; files (text/plain or text/x-conllu) are tagged while they arrive",
        headers={"Connection": "close"},
    )


class BodyStream(io.RawIOBase):
    """A body as a binary stream, for a thread other than that of the event loop."""

    def __init__(self, body: Body, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._body, self._loop, self._held = body, loop, b""
        self._asked: Future[bytes] | None = None
        self._given_up = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Wait for the next part. Raises what `Body.part` raises, and ClientGoneError after `give_up`."""
        if not self._held:
            self._asked = asyncio.run_coroutine_threadsafe(self._body.part(), self._loop)
            if self._given_up:
                self._asked.cancel()
            try:
                self._held = self._asked.result()
            except CancelledError:
                raise ClientGoneError from None
        taken = self._held[: len(buffer)]
        buffer[: len(taken)] = taken
        self._held = self._held[len(taken) :]
        return len(taken)

    def give_up(self) -> None:
        """Let the thread that waits for the next part wait no longer."""
        self._given_up = True
        if self._asked is not None:
            self._asked.cancel()
