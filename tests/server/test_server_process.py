"""`bilstm-crf serve` as a process: starting, several models, stopping without losing anything."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable

import pytest

from bilstm_crf.errors import BilstmCrfError, UsageError
from bilstm_crf.server import run
from bilstm_crf.server.settings import Settings, named_models
from done import Done
from servers import MODEL, ROOT, Server

SAMPLE = (ROOT / "data" / "sample" / "nob" / "no_bokmaal-ud-dev.conllu").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_asked_is_answered_before_the_end(launch: Callable[..., Server], number: int) -> None:
    server = launch("--timeout", "300")
    whole = server.tag_file(SAMPLE * 5).body
    half = len(SAMPLE) * 2
    with server.begin(len(SAMPLE) * 5) as connection:
        connection.sendall((SAMPLE * 5)[:half])
        while b"bilstm_crf_streams 1" not in server.ask("GET", "/metrics").body:
            pass
        server.process.send_signal(number)
        wait_until_closed(server)
        connection.sendall((SAMPLE * 5)[half:])
        received = b""
        while part := connection.recv(1 << 16):
            received += part
    assert received.startswith(b"HTTP/1.1 200")
    _, _, chunked = received.partition(b"\r\n\r\n")
    assert unchunked(chunked) == whole
    assert server.process.wait(300) == 0
    assert "Traceback" not in server.said


def wait_until_closed(server: Server) -> None:
    """Wait until nobody else is let in."""
    while True:
        try:
            server.ask("GET", "/health")
        except OSError:
            return


def unchunked(body: bytes) -> bytes:
    """The content of a body in chunks, which must be whole."""
    content = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        if int(size, 16) == 0:
            assert body == b"\r\n"
            return content
        content, body = content + body[: int(size, 16)], body[int(size, 16) + 2 :]


def test_a_port_that_is_taken_is_an_error(cli: Callable[..., Done]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = cli("serve", "--model", MODEL, "--port", port)
    assert done.status == 1
    assert str(port) in done.err
    assert "--port" in done.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--model", "a=runs/x", "--model", "a=runs/y"], "a"),
        (["--model", "a b=runs/x"], "name"),
        (["--model", "ensemble=e.toml"], "ensemble"),
        (["--token", ""], "token"),
        (["--token", "blåbær"], "ASCII"),
        (["--token", "secret "], "white space"),
        (["--host", "a..b"], "a..b"),
        (["--model", "kari/navn"], "fetch"),
        (["--model", "nowhere/at/all", "--port", "0"], "nowhere"),
    ],
)
def test_wrong_use_is_an_error(cli: Callable[..., Done], arguments: list[str], word: str) -> None:
    done = cli("serve", *arguments)
    assert done.status == 2
    assert word in done.err


def test_two_servers_that_start_at_once_cannot_share_a_port() -> None:
    """Both can bind while none listens."""
    first = run.bind("127.0.0.1", 0)
    port = first.getsockname()[1]
    other = run.bind("127.0.0.1", port)
    first.listen()
    with first, other, pytest.raises(BilstmCrfError, match=str(port)):
        run.run(Settings(), other, dict, quiet=True)


def test_models_are_named_by_their_folders_or_repositories() -> None:
    assert named_models([]) == {"box": None}
    assert named_models(["./runs/joint", "best=runs/other", "kari/navn@v1"]) == {
        "joint": "./runs/joint",
        "best": "runs/other",
        "navn": "kari/navn@v1",
    }
    with pytest.raises(UsageError):
        named_models(["./runs/a b"])


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("10.0.0.7", False)]
)
def test_loopback_is_known(host: str, local: bool) -> None:
    assert Settings(host=host).on_loopback == local


def test_two_models_answer_under_their_names(launch: Callable[..., Server]) -> None:
    server = launch("--model", f"copy={MODEL}")
    listed = server.ask("GET", "/v1/models").json["models"]
    assert [each["name"] for each in listed] == ["small", "copy"]
    assert "PER" in listed[0]["entity_types"]
    first, other = (server.tag(text="Kari bur i Oslo.", model=name).json for name in ("small", "copy"))
    assert (first["model"], other["model"]) == ("small", "copy")
    assert first["results"] == other["results"]
    assert server.tag(text="Kari").json["model"] == "small"


def test_the_box_is_the_default(launch: Callable[..., Server]) -> None:
    server = launch(model=None)
    answer = server.tag(text="Kari Nordmann flytta til Bergen.").json
    assert answer["model"] == "box"
    assert {each["text"] for each in answer["results"][0]["entities"]} >= {"Kari Nordmann", "Bergen"}
