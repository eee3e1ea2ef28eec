"""Run the server: bind, load the models, answer until a signal, finish what is there."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import warnings
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from bilstm_crf.errors import BilstmCrfError, InputWarning, UsageError
from bilstm_crf.inference.decoding import Decoding
from bilstm_crf.inference.network import PLAIN_TOKENS, load_loops
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.sentence import Sentence
from bilstm_crf.server.app import Guard, Service
from bilstm_crf.server.settings import ServedModel, Settings
from bilstm_crf.util.progress import say

MAX_HEAD_SECONDS = 10.0  # for the head of a request
MAX_CONNECTIONS = 1_000
BACKLOG = 512


def bind(host: str, port: int) -> socket.socket:
    """Return a socket at the address. Raises BilstmCrfError if that is taken, forbidden or unknown."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        raise _cannot_listen(host, port, error) from None
    except UnicodeError:  # of IDNA: a part that is empty or too long
        raise UsageError(f"--host {host!r} is no name of a machine, nor an address") from None
    return bound


def _cannot_listen(host: str, port: int, error: OSError) -> BilstmCrfError:
    message = f"cannot listen at {host}, port {port}: {error.strerror}"
    return BilstmCrfError(message, hint="--port N takes another one")


def address_of(bound: socket.socket, host: str) -> str:
    """Return the address of the page."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{bound.getsockname()[1]}/"


def warm_up(tagger: Tagger) -> None:
    """Compile, or load from numba's cache, all loops that requests need."""
    load_loops(PLAIN_TOKENS + 1)  # not the plain ones, which short texts get
    # numba compiles once for contiguous arrays, which a single token has, and again for others
    several = [
        Sentence(["Kari", "Nordmann", "flytta", "til", "Bergen", "i", "går", "."], document="1"),
        Sentence(["Oslo"]),
    ]
    for sentences in (several[1:], several[:1], several):
        tagger.annotate(sentences, Decoding(scores=True, nbest=2, recall=0.1, consistent=True))


def run(
    settings: Settings, bound: socket.socket, load: Callable[[], dict[str, Tagger]], *, quiet: bool
) -> None:
    """Serve until SIGINT or SIGTERM; then finish what was asked, for `settings.timeout` seconds at most.

    Raises what `load` raises.
    """
    models = {name: ServedModel(name, tagger) for name, tagger in load().items()}
    for served in models.values():
        warm_up(served.tagger)
    warnings.simplefilter("ignore", InputWarning)  # they quote what clients send
    try:
        bound.listen(BACKLOG)  # whoever reads the address may connect at once
    except OSError as error:  # two servers were started at once: both could bind, one can listen
        raise _cannot_listen(settings.host, bound.getsockname()[1], error) from None
    gc.collect()
    gc.freeze()
    service = Service(settings, models)
    server = uvicorn.Server(config_of(service))
    if not quiet:
        say(f"{address_of(bound, settings.host)}  {', '.join(models)}; Ctrl-C stops")
    try:
        server.run(sockets=[bound])
    except KeyboardInterrupt:  # uvicorn repeats the signal when all is done
        if not server.started:
            raise
    finally:
        service.close()
        bound.close()


def config_of(service: Service) -> uvicorn.Config:
    """Return how uvicorn serves the application: silent but for its own errors, without their traces."""
    logging.getLogger("uvicorn.error").addFilter(_without_traces)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # it quotes errors that nobody waited for
    Protocol.head_seconds = min(MAX_HEAD_SECONDS, service.settings.timeout)
    Protocol.unread_seconds = service.settings.timeout
    return uvicorn.Config(
        Guard(service),
        loop="asyncio",
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=int(service.settings.timeout) + 1,
    )


def _without_traces(record: logging.LogRecord) -> bool:
    record.exc_info = record.exc_text = None
    return True


class Protocol(H11Protocol):
    """HTTP/1.1 that waits a limited time for the head of a request, and for a client to read its answer."""

    head_seconds: float = MAX_HEAD_SECONDS  # one server runs in a process
    unread_seconds: float = 60.0
    _head: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._head is None and (self.cycle is None or self.cycle.response_complete):
            self._wait_for_head()
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._stop_waiting()
        self._stop_watching()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """See H11Protocol."""
        self._stop_waiting()
        self._watch(None)
        super().on_response_complete()

    def _watch(self, unread_before: int | None) -> None:
        """Break off a connection whose client has read nothing of the answer for a while."""
        self._stop_watching()
        unread = self.transport.get_write_buffer_size()
        if unread and unread == unread_before:
            self.transport.abort()
        elif unread:
            self._unread = self.loop.call_later(self.unread_seconds, self._watch, unread)

    def _stop_watching(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _wait_for_head(self) -> None:
        self._stop_waiting()
        self._head = self.loop.call_later(self.head_seconds, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None
