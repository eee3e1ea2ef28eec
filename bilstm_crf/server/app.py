"""The addresses of the server: tagging, models, health, metrics, the page.

request ─► `Guard` (host, token, errors, times) ─► a function below ─► `Batcher` ─► answer

Nothing that a client sends is logged: an unexpected error is reported by its type and place alone.
"""

from __future__ import annotations

import asyncio
import hmac
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from importlib import resources
from io import BufferedReader
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from bilstm_crf.errors import BilstmCrfError
from bilstm_crf.formats import FormatOptions, text
from bilstm_crf.inference.decoding import Decoding
from bilstm_crf.output import Writer
from bilstm_crf.server.annotation import annotated_sentences
from bilstm_crf.server.answers import Answer, JsonWork
from bilstm_crf.server.batching import Batcher, Job, QueueFullError
from bilstm_crf.server.bodies import Body, BodyStream, ClientGoneError
from bilstm_crf.server.files import MEDIA_TYPES, FileRequest, TaggedFile, source_of, writer_of
from bilstm_crf.server.metrics import CONTENT_TYPE, Metrics
from bilstm_crf.server.openapi import openapi
from bilstm_crf.server.problems import ProblemError, problem_of, to_json
from bilstm_crf.server.requests import DECODING, decoding_of, query_options, tag_request
from bilstm_crf.server.settings import ServedModel, Settings, is_loopback
from bilstm_crf.util.progress import say
from bilstm_crf.version import __version__

Handler = Callable[[Request], Awaitable[Response]]

JSON = "application/json"
FILE_OPTIONS = ("model", "scores", "min_score", "recall", "nbest", "to", "name", "misc_key", "sentences")
SCRIPT = "text/javascript; charset=utf-8"
PAGE = {
    "page.css": "text/css; charset=utf-8",
    **dict.fromkeys(("page.js", "document.js", "view.js", "server.js", "input.js"), SCRIPT),
    "icon.svg": "image/svg+xml",
}
STYLES = ("base.css", "names.css")  # of the pages that `tag` writes; this one looks the same
OPEN = ("/", "/health", *(f"/page/{name}" for name in PAGE))  # without the token
MANY_BYTES = 100_000  # a body beyond this is parsed by another thread
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass
class Service:
    """The state that all addresses share."""

    settings: Settings
    models: dict[str, ServedModel]  # the first is the default
    metrics: Metrics = field(default_factory=Metrics)
    streams: int = 0  # files that are being tagged or converted

    def __post_init__(self) -> None:
        self.batcher = Batcher(self.settings.threads, self.settings.max_waiting)
        # One thread for each file, and some for large bodies
        self.pool = ThreadPoolExecutor(self.settings.max_streams + 4, "file")
        self.converter = ThreadPoolExecutor(1, "converter")  # one at a time: a large one takes a gigabyte
        gauge = self.metrics.gauge
        gauge("bilstm_crf_queue_jobs", "gauge", "Parts of requests that wait.", lambda: self.batcher.waiting)
        gauge("bilstm_crf_jobs_total", "counter", "Parts of requests tagged.", lambda: self.batcher.jobs)
        gauge("bilstm_crf_batches_total", "counter", "Batches they were in.", lambda: self.batcher.batches)
        gauge("bilstm_crf_streams", "gauge", "Files in work.", lambda: self.streams)

    @cached_property
    def routes(self) -> dict[str, tuple[str, Handler]]:
        """The method and the function of each address."""
        return {
            "/v1/tag": ("POST", self.tag),
            "/v1/convert": ("POST", self.convert),
            "/v1/models": ("GET", self.list_models),
            "/health": ("GET", self.health),
            "/metrics": ("GET", self.show_metrics),
            "/openapi.json": ("GET", self.show_openapi),
            "/": ("GET", partial(_page_file, "page.html", "text/html; charset=utf-8")),
            **{f"/page/{name}": ("GET", partial(_page_file, name, kind)) for name, kind in PAGE.items()},
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. Raises ProblemError."""
        if scope["path"] not in self.routes:
            raise ProblemError(404, "there is nothing at this address", hint="see /openapi.json")
        method, handler = self.routes[scope["path"]]
        if scope["method"] not in (method, "HEAD" if method == "GET" else method):
            message = f"{scope['method'][:20]} is not for this address, expected {method}"
            raise ProblemError(405, message, headers={"Allow": "GET, HEAD" if method == "GET" else method})
        _require_no_coding(Request(scope))
        response = await handler(Request(scope, receive))
        await response(scope, receive, send)

    def close(self) -> None:
        """Finish what is in the queue."""
        self.batcher.close()
        self.pool.shutdown()
        self.converter.shutdown()

    # ------------------------------------------------------------ tagging

    async def tag(self, request: Request) -> Response:
        """Tag texts or words in JSON, or a file."""
        if media_type_of(request) == JSON:
            return await self._tag_json(request)
        return await self._tag_file(request)

    async def _tag_json(self, request: Request) -> Response:
        query_options(dict(request.query_params), ())
        body = await self._body(request, self.settings.max_body).whole()
        asked = await self._in_thread(tag_request, body)
        self._require_small(len(body), asked.options.get("nbest", 1))
        model = self.model(asked.model)
        consistent = asked.texts is not None and not model.tagger.reads_neighbours
        decoding = decoding_of({"scores": True, "consistent": consistent} | asked.options)
        work = JsonWork(asked, model.name, decoding)
        future = self.batcher.submit(Job(model.tagger, decoding, work.read, work.write, len(body)))
        answer: Answer = await self._result(future, request)
        self._count(model.name, answer.tokens, answer.names)
        return Response(answer.body, media_type=JSON)

    def _require_small(self, size: int, nbest: int) -> None:
        """Raise ProblemError for a body whose answer would fill the memory: it grows with `nbest`."""
        if size * (nbest - 1) > self.settings.max_body:
            most = self.settings.max_body // (nbest - 1)
            hint = "send less at a time, or a file (to=jsonl), which is answered in parts"
            raise ProblemError(413, f"with nbest={nbest}, a body may have {most:,} bytes", hint=hint)

    async def _result(self, future: Future[Any], request: Request) -> Any:
        """Wait for a result, as long as the client does. Raises ProblemError if it takes too long."""
        result = asyncio.wrap_future(future)
        gone = asyncio.ensure_future(request.receive())
        try:
            seconds = self.settings.timeout
            await asyncio.wait((result, gone), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if result.done():
                return result.result()
            if gone.done():
                raise ClientGoneError
            raise _busy(f"there was no result within {seconds:g} seconds")
        finally:
            gone.cancel()
            result.cancel()

    async def _tag_file(self, request: Request) -> Response:
        source = source_of(media_type_of(request))
        options = query_options(dict(request.query_params), FILE_OPTIONS)
        model = self.model(options.get("model"))
        target = writer_of(options.get("to", "jsonl" if source is text else source.name))
        decoding = decoding_of({key: value for key, value in options.items() if key in DECODING})
        _require_place(decoding, target.name)
        splitting = options.get("sentences", "detect")
        if splitting not in ("line", "detect"):
            raise ProblemError(400, f"sentences is {splitting[:40]!r}, expected line or detect")
        reading = FormatOptions(
            misc_key=options.get("misc_key", "name"),
            sentences=splitting,
            known_types=model.tagger.entity_types,
        )
        if request.scope["http_version"] == "1.0":
            message = "a file needs HTTP/1.1: in HTTP/1.0, half an answer looks like a whole one"
            raise ProblemError(505, message, hint="nginx: proxy_http_version 1.1;")
        name = options.get("name", "")
        file = FileRequest(source, target, model.tagger, decoding, reading, name)
        self._require_free_stream()
        body = self._body(request, self.settings.max_stream)
        return FileResponse(self, file, body, partial(self._count, model.name))

    def _require_free_stream(self) -> None:
        if self.streams >= self.settings.max_streams:
            raise _busy(f"{self.streams} files are being tagged or converted, which is the limit")

    def model(self, name: str | None) -> ServedModel:
        """Return the model of a name, by default the first. Raises ProblemError if there is none."""
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            hint = f"known: {' '.join(self.models)}"
            raise ProblemError(404, f"no model is called {name[:40]!r}", hint=hint)
        return self.models[name]

    async def convert(self, request: Request) -> Response:
        """Write annotation in another format."""
        options = query_options(dict(request.query_params), ("to",))
        if media_type_of(request) != JSON:
            raise ProblemError(415, f"expected Content-Type: {JSON}")
        writer = writer_of(options.get("to", "jsonl"))
        self._require_free_stream()
        self.streams += 1
        try:
            body = await self._body(request, self.settings.max_annotation).whole()
            loop = asyncio.get_running_loop()
            content = await loop.run_in_executor(self.converter, _converted, body, writer)
        finally:
            self.streams -= 1
        return Response(content, headers=file_headers(writer.name))

    def _body(self, request: Request, limit: int) -> Body:
        return Body(request.receive, request.headers.get("content-length"), limit, self.settings.timeout)

    async def _in_thread(self, work: Any, body: bytes) -> Any:
        """Return the result of work on a body, done by another thread if it takes long."""
        if len(body) <= MANY_BYTES:
            return work(body)
        return await asyncio.get_running_loop().run_in_executor(self.pool, work, body)

    def _count(self, model: str, tokens: int, names: int) -> None:
        self.metrics.count("bilstm_crf_tokens_total", tokens, model=model)
        self.metrics.count("bilstm_crf_names_total", names, model=model)

    # ------------------------------------------------------------ about the server

    async def list_models(self, request: Request) -> Response:
        """Return the models; the first is the default."""
        described = [each.describe() for each in self.models.values()]
        return Response(to_json({"models": described}), media_type=JSON)

    async def health(self, request: Request) -> Response:
        """Say that the server is up."""
        return Response(to_json({"status": "ok", "version": __version__}), media_type=JSON)

    async def show_metrics(self, request: Request) -> Response:
        """Return the metrics."""
        return Response(self.metrics.render(), headers={"content-type": CONTENT_TYPE})

    async def show_openapi(self, request: Request) -> Response:
        """Return the description of this server."""
        return Response(to_json(openapi(self.settings, list(self.models))), media_type=JSON)


def _converted(body: bytes, writer: Writer) -> bytes:
    sentences = annotated_sentences(body)
    if writer.name == "conllu":  # training data: nobody trains on scores
        for sentence in sentences:
            sentence.scores = None
    return b"".join(writer.write(sentences, FormatOptions()))


def _require_no_coding(request: Request) -> None:
    """Raise ProblemError for a compressed body: its size would say nothing about what it holds."""
    coding = request.headers.get("content-encoding", "identity")
    if coding.strip().lower() != "identity":
        raise ProblemError(415, f"Content-Encoding is {coding[:40]!r}, expected a body as it is")


def _require_place(decoding: Decoding, target: str) -> None:
    """Raise ProblemError for scores or alternatives that an output cannot hold."""
    if decoding.scores and target == "conll2003":
        raise ProblemError(400, "scores: there is no place for scores in columns", hint="leave it out")
    if decoding.nbest > 1 and target != "jsonl":
        raise ProblemError(400, f"nbest: {target} holds one label per word", hint="to=jsonl holds several")


async def _page_file(name: str, media_type: str, request: Request) -> Response:
    return Response(_page_content(name), headers={"content-type": media_type})


@cache
def _page_content(name: str) -> bytes:
    package = resources.files("bilstm_crf")
    content = package.joinpath("server", "page", name).read_bytes()
    if name == "page.css":
        templates = package.joinpath("render", "templates")
        content = b"".join(templates.joinpath(style).read_bytes() for style in STYLES) + content
    return content


def media_type_of(request: Request) -> str:
    """Return the media type of a body, in lower case and without parameters; "" if there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def file_headers(target: str) -> dict[str, str]:
    """Return the headers of an output that a browser should save, not show."""
    headers = {"content-type": MEDIA_TYPES[target]}
    if target in ("html", "xlsx"):
        headers["content-disposition"] = "attachment"
    return headers


def _busy(message: str) -> ProblemError:
    return ProblemError(503, message, hint="try again later", headers={"Retry-After": "1"})


def _refusal(problem: ProblemError) -> Response:
    return Response(problem.body, problem.status, problem.headers, JSON)


class FileResponse(Response):
    """A file that is tagged while it arrives.

    What is wrong with its first chunk is a refusal. Later, when a part of the answer is on its way, the
    connection is broken off: half an answer never looks like a whole one.
    """

    def __init__(self, service: Service, file: FileRequest, body: Body, count: Any) -> None:
        super().__init__(headers=file_headers(file.target.name))
        del self.headers["content-length"]
        self._service, self._file, self._body, self._count = service, file, body, count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        service, loop = self._service, asyncio.get_running_loop()
        stream = BodyStream(self._body, loop)
        tagged = TaggedFile(
            self._file,
            service.batcher,
            BufferedReader(stream, 1 << 16),
            service.settings.threads,
            self._count,
        )
        parts = iter(tagged)
        service.streams += 1
        gone: asyncio.Future[Message] | None = None
        try:
            following = await loop.run_in_executor(service.pool, _next, parts)
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            while following is not None:
                async with asyncio.timeout(service.settings.timeout):  # for a client that does not read
                    await send({"type": "http.response.body", "body": following, "more_body": True})
                if self._body.ended and gone is None:
                    gone = asyncio.ensure_future(receive())
                if gone is not None and gone.done():
                    raise ClientGoneError
                following = await loop.run_in_executor(service.pool, _next, parts)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            service.streams -= 1
            stream.give_up()
            if gone is not None:
                gone.cancel()
            service.pool.submit(cast(Any, parts).close)


def _next(parts: Iterator[bytes]) -> bytes | None:
    return next((part for part in parts if part), None)


# ---------------------------------------------------------------- what holds for every request


class Guard:
    """Checks who asks, counts and times requests, and turns what is raised into answers."""

    def __init__(self, service: Service) -> None:
        self._service, self._metrics, self._settings = service, service.metrics, service.settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        started, status = time.perf_counter(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                here = {name.lower() for name, _ in message["headers"]}
                more = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message["headers"], *(each for each in more if each[0] not in here)]
            await send(message)

        try:
            try:
                self._check(scope)
                await self._service(scope, receive, answer)
            except Exception as error:
                problem = self._problem(error)
                if status:  # a part of the answer has gone: break it off
                    raise BrokenOffError from None
                if problem is not None:
                    await _refusal(problem)(scope, receive, answer)
        finally:
            path = scope["path"] if scope["path"] in self._service.routes else "other"
            self._metrics.count("bilstm_crf_requests_total", path=path, status=str(status or 499))
            self._metrics.observe(time.perf_counter() - started, path=path)

    def _problem(self, error: Exception) -> ProblemError | None:
        """Return the refusal for an error; None if nobody waits for one."""
        if isinstance(error, ProblemError):
            return error
        if isinstance(error, BilstmCrfError):
            return problem_of(error)
        if isinstance(error, QueueFullError):
            return _busy("too many requests wait")
        if isinstance(error, ClientGoneError | TimeoutError):
            return None
        kind = type(error).__name__
        frame = traceback.extract_tb(error.__traceback__)[-1]
        self._metrics.count("bilstm_crf_errors_total", kind=kind)
        say(f"error: internal: {kind} at {frame.filename}:{frame.lineno}")  # its message may hold text
        return ProblemError(500, "the server failed", hint="its log names the place")

    def _check(self, scope: Scope) -> None:
        """Raise ProblemError for a request that nobody may make."""
        headers = dict(scope["headers"])
        settings = self._settings
        if settings.token is None:
            self._check_host(headers.get(b"host", b"").decode("latin-1"))
            # A page elsewhere may post a text without asking, though it cannot read the answer
            if scope["method"] == "POST" and headers.get(b"sec-fetch-site") == b"cross-site":
                raise ProblemError(403, "a page of another site asks, expected the page of this server")
            return
        if scope["path"] in OPEN:
            return
        given = headers.get(b"authorization", b"")
        scheme, _, token = given.partition(b" ")
        if scheme.lower() != b"bearer" or not hmac.compare_digest(token.strip(), settings.token.encode()):
            found = "a wrong token" if given else "no token"
            challenge = {"WWW-Authenticate": "Bearer"}
            raise ProblemError(401, f"{found}, expected Authorization: Bearer TOKEN", headers=challenge)

    def _check_host(self, host: str) -> None:
        """Refuse other names for this machine: a page elsewhere could point its own name here and read."""
        if not self._settings.on_loopback:
            return
        name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
        name = name.strip("[]").lower()
        if name != self._settings.host and not is_loopback(name):
            hint = "a proxy should send Host: localhost, or the server should have a token"
            raise ProblemError(421, f"the host {name[:60]!r} is not this server", hint=hint)


class BrokenOffError(Exception):
    """An answer cannot be finished; the connection is closed."""
