"""Clients that are broken, slow, curious or hostile get a refusal in JSON, and the server goes on."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import socket
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from servers import Server

SECRET = "Hemmeleg Hansen"


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "JSON"),
        (b"[]", "list"),
        (b"null", "null"),
        (b'{"text": "a"', "JSON"),
        (b'{"text": "\xff"}', "UTF-8"),
        (b'{"text": "\\ud800"}', "surrogate"),
        (b'{"tokens": ["\\udfff"]}', "surrogate"),
        (b'{"text": 1}', "text"),
        (b'{"text": null}', "text"),
        (b'{"texts": "a"}', "list"),
        (b'{"texts": ["a", 1]}', "item 1"),
        (b'{"tokens": ["a", ["b"]]}', "token 1"),
        (b'{"tokens": [["a"], "b"]}', "token 0"),
        (b'{"tokens": [" "]}', "token 0"),
        (b'{"text": "a", "texts": []}', "one of"),
        (b"{}", "one of"),
        (b'{"text": "a", "recal": 0.1}', "recall"),
        (b'{"text": "a", "min_score": 2}', "min_score"),
        (b'{"text": "a", "min_score": NaN}', "number"),
        (b'{"text": "a", "recall": true}', "recall"),
        (b'{"text": "a", "nbest": 0}', "nbest"),
        (b'{"text": "a", "nbest": 1.5}', "nbest"),
        (b'{"text": "a", "nbest": 1e400}', "nbest"),
        (b'{"text": "a", "nbest": ' + b"9" * 5_000 + b"}", "number"),
        (b'{"text": "a", "scores": 1}', "scores"),
        (b'{"text": "a", "model": 1}', "model"),
        (b'{"text": ' + b"[" * 100_000, ""),
    ],
    ids=lambda value: value[:30].decode("utf-8", "replace") if isinstance(value, bytes) else value,
)
def test_a_faulty_body_is_refused_with_what_is_wrong(server: Server, body: bytes, word: str) -> None:
    answer = server.ask("POST", "/v1/tag", body, Content_Type="application/json")
    assert answer.status == 400
    assert word in answer.message


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200), st.sampled_from(["application/json", "text/plain", "text/x-conllu", "a/b", ""])
)
def test_any_bytes_get_an_answer(server: Server, body: bytes, kind: str) -> None:
    answer = server.ask("POST", "/v1/tag", body, Content_Type=kind)
    assert answer.status in (200, 400, 415)
    if answer.status != 200:
        assert answer.message


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/page/../settings.py", 404),
        ("GET", "/page/page.html", 404),
        ("GET", "/v1/tag", 405),
        ("DELETE", "/v1/models", 405),
        ("OPTIONS", "/v1/tag", 405),
        ("POST", "/v1/tag?to=brat", 400),
        ("POST", "/v1/tag?to=html&nbest=2", 400),
        ("POST", "/v1/tag?to=conll2003&scores=true", 400),
        ("POST", "/v1/tag?scores=perhaps", 400),
        ("POST", "/v1/tag?min_score=nan", 400),
        ("POST", "/v1/tag?misc_key=a%7Cb", 400),
        ("POST", "/v1/tag?sentences=all", 400),
        ("POST", "/v1/tag?model=other", 404),
        ("POST", "/v1/tag?colour=red", 400),
        ("POST", "/v1/convert?name=a", 400),
    ],
)
def test_a_faulty_address_is_refused(server: Server, method: str, path: str, status: int) -> None:
    answer = server.ask(method, path, b"Kari" if method == "POST" else None, Content_Type="text/plain")
    assert answer.status == status
    assert answer.message


def test_another_model_is_not_there(server: Server) -> None:
    answer = server.tag(text="Kari", model="large")
    assert answer.status == 404
    assert "small" in answer.json["error"]["hint"]


def test_only_names_of_this_machine_are_answered(server: Server) -> None:
    """A page elsewhere could point its own name to this machine, and read what the server answers."""
    for host in (
        "attacker.example:80",
        "127.0.0.1.attacker.example",
        "localhost.attacker.example",
        "10.0.0.1",
    ):
        assert server.ask("GET", "/v1/models", Host=host).status == 421
    for host in ("localhost", f"localhost:{server.port}", "127.0.0.1", "[::1]:8000"):
        assert server.ask("GET", "/v1/models", Host=host).status == 200


def test_a_page_of_another_site_can_make_nothing_be_tagged(server: Server) -> None:
    for site, status in (("cross-site", 403), ("same-origin", 200), ("none", 200)):
        answer = server.tag_file(b"Kari", kind="text/plain", Sec_Fetch_Site=site)
        assert answer.status == status
    assert server.ask("GET", "/", Sec_Fetch_Site="cross-site").status == 200  # a link to the page


def test_a_compressed_body_is_refused(server: Server) -> None:
    for kind in ("application/json", "text/plain"):
        answer = server.tag_file(gzip.compress(b'{"text": "Kari"}'), kind=kind, Content_Encoding="gzip")
        assert answer.status == 415
        assert "gzip" in answer.message
    assert server.tag_file(b"Kari", kind="text/plain", Content_Encoding="identity").status == 200


def test_a_file_over_http_1_0_is_refused(server: Server) -> None:
    """Its answer has no length and ends with the connection: half of it looks like all of it."""
    with server.connect() as connection:
        lines = (
            b"POST /v1/tag HTTP/1.0",
            b"Host: localhost",
            b"Content-Type: text/plain",
            b"Content-Length: 4",
        )
        connection.sendall(b"\r\n".join([*lines, b"", b"Kari"]))
        assert connection.recv(12) == b"HTTP/1.1 505"


def test_many_second_choices_of_much_text_are_refused(server: Server) -> None:
    text = "Kari bur i Oslo. " * 5_000
    answer = server.tag(text=text, nbest=100)
    assert answer.status == 413
    assert "nbest=100" in answer.message


def test_what_is_not_http_is_no_harm(server: Server) -> None:
    for sent in (b"\x16\x03\x01\x02\x00\x01" * 20, b"GET / HTTP/9\r\n\r\n", b"\r\n" * 100 + b"\0"):
        with server.connect() as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 16):
                pass
    assert server.ask("GET", "/health").status == 200


@pytest.fixture(scope="module")
def narrow(launch: Callable[..., Server]) -> Server:
    """A server with narrow limits, and a token."""
    limits = ("--max-body", "0.01", "--max-stream", "0.02", "--timeout", "2", "--threads", "1")
    return launch(*limits, BILSTM_CRF_TOKEN="s3cret")


class TestLimits:
    def ask(self, narrow: Server, body: bytes | list[bytes], kind: str) -> int:
        sent = body if isinstance(body, bytes) else iter(body)
        headers = {"Content_Type": kind, "Authorization": "Bearer s3cret"}
        answer = narrow.ask("POST", "/v1/tag", sent, **headers)
        assert answer.status == 200 or answer.message
        return answer.status

    def test_a_large_body_is_refused_before_it_is_read(self, narrow: Server) -> None:
        assert self.ask(narrow, json.dumps({"text": "a" * 5_000}).encode(), "application/json") == 200
        with narrow.begin(10**15, "application/json", Authorization="Bearer s3cret") as connection:
            assert connection.recv(12) == b"HTTP/1.1 413"

    def test_a_large_body_without_a_length_is_refused(self, narrow: Server) -> None:
        for kind, size in (("application/json", 200), ("text/plain", 400)):
            with narrow.begin(None, kind, Authorization="Bearer s3cret") as connection:
                connection.sendall((b"64\r\n" + b"a" * 100 + b"\r\n") * size)
                assert connection.recv(12) == b"HTTP/1.1 413"

    @pytest.mark.parametrize("kind", ["application/json", "text/plain"])
    def test_a_body_that_never_comes_is_refused(self, narrow: Server, kind: str) -> None:
        with narrow.begin(100, kind, Authorization="Bearer s3cret") as connection:
            connection.sendall(b"Kari")
            assert connection.recv(12) == b"HTTP/1.1 408"

    def test_an_answer_that_nobody_reads_is_dropped(self, narrow: Server) -> None:
        """Otherwise it would stay in memory for as long as the client likes."""

        def open_files() -> int:
            return len(os.listdir(f"/proc/{narrow.process.pid}/fd"))

        if not os.path.isdir("/proc/self/fd"):
            pytest.skip("needs /proc")
        before = open_files()
        with narrow.connect() as connection:
            connection.sendall(
                b"GET /page/page.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1_000
            )  # 20 MB to read
            assert connection.recv(12) == b"HTTP/1.1 200"
            assert open_files() > before
            while open_files() > before:
                time.sleep(0.1)

    def test_a_head_that_never_ends_is_cut_off(self, narrow: Server) -> None:
        with narrow.connect() as connection:
            connection.sendall(b"POST /v1/tag HTTP/1.1\r\nHost:")
            with contextlib.suppress(ConnectionError):
                assert connection.recv(1) == b""
        assert narrow.ask("GET", "/health").status == 200

    @pytest.mark.parametrize(
        "given", ["", "Bearer", "Bearer s3cre", "Bearer s3cret2", "Basic s3cret", "s3cret"]
    )
    def test_a_wrong_token_opens_nothing(self, narrow: Server, given: str) -> None:
        for path in ("/v1/models", "/metrics", "/openapi.json"):
            answer = narrow.ask("GET", path, Authorization=given)
            assert answer.status == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "s3cret" not in answer.message

    def test_the_right_token_opens_everything(self, narrow: Server) -> None:
        for path in ("/v1/models", "/metrics", "/openapi.json"):
            assert narrow.ask("GET", path, Authorization="Bearer s3cret").status == 200
        assert narrow.ask("GET", "/health").status == 200  # for whatever watches over the server
        assert narrow.ask("GET", "/").status == 200  # the page asks for the token


def test_nothing_that_is_sent_is_logged(launch: Callable[..., Server]) -> None:
    server = launch()
    conllu = f"1\t{SECRET}" + "\t_" * 7 + f"\tname=B-{SECRET.upper().split()[0]}\n\n"
    bad = f"1\t{SECRET}\n\n"
    server.tag(text=SECRET)
    server.tag(text=SECRET, **{SECRET: 1})
    server.tag(texts=[SECRET, 1])
    server.tag_file(conllu.encode())
    server.tag_file(bad.encode())
    server.tag_file(SECRET.encode(), f"name={SECRET.split()[0]}&to=html", "text/plain")
    server.ask("GET", "/" + SECRET.split()[0])
    with server.connect() as connection:
        connection.sendall(SECRET.encode() + b"\r\n\r\n")
        connection.recv(1 << 16)
    assert server.stop() == 0
    assert "http://" in server.said
    for part in SECRET.split():
        assert part.lower() not in server.said.lower()
    assert len(server.said.splitlines()) == 1


def test_metrics_can_be_read_and_count_what_was_asked(server: Server) -> None:
    def read() -> dict[str, float]:
        answer = server.ask("GET", "/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        found = {}
        for line in answer.body.decode().splitlines():
            if not line.startswith("#"):
                match = re.fullmatch(r"([a-z_:]+(?:\{(?:[a-z]+=\"[^\"\\\n]*\",?)*\})?) ([-+.0-9e]+)", line)
                assert match, line
                found[match[1]] = float(match[2])
        return found

    before = read()
    server.tag(text="Kari bur i Oslo.")
    server.tag(text=1)
    server.ask("GET", "/elsewhere")
    after = read()
    name = "bilstm_crf_requests_total"
    grown = {key: after[key] - before.get(key, 0) for key in after}
    assert grown[f'{name}{{path="/v1/tag",status="200"}}'] == 1
    assert grown[f'{name}{{path="/v1/tag",status="400"}}'] == 1
    assert grown[f'{name}{{path="other",status="404"}}'] == 1
    assert grown['bilstm_crf_tokens_total{model="small"}'] == 5
    latency = "bilstm_crf_request_duration_seconds"
    buckets = [value for key, value in after.items() if key.startswith(f'{latency}_bucket{{path="/v1/tag"')]
    assert buckets == sorted(buckets)
    assert buckets[-1] == after[f'{latency}_count{{path="/v1/tag"}}']
