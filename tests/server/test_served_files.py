"""Files through /v1/tag: byte for byte what `bilstm-crf tag` writes, while they arrive."""

from __future__ import annotations

import http.client
import io
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl
import pytest

from done import Done
from servers import MODEL, ROOT, Server

SAMPLE = (ROOT / "data" / "sample" / "nob" / "no_bokmaal-ud-dev.conllu").read_bytes()
RAW = (ROOT / "data" / "sample" / "raw.txt").read_bytes()[:150_000]
ODD = (
    "\ufeff# newdoc\n# sent_id =  1\n1-2\tNordmennene\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No\n"
    "1\tKari\t_\t_\t_\t_\t_\t_\t_\tname=B-PER|name_score=0.5\n2\tNordmann\t_\t_\t_\t_\t_\t_\t_\tA=1|name=O\r\n"
    "2.1\tikkje\t_\t_\t_\t_\t_\t_\t_\tA=B\n\n\n# no tokens, no end"
).encode()


def of_tag(cli: Callable[..., Done], tmp_path: Path, content: bytes, suffix: str, *options: str) -> bytes:
    """Return the output of the command for a file."""
    source = tmp_path / f"in{suffix}"
    source.write_bytes(content)
    done = cli("tag", "--model", MODEL, source, *options, "--quiet")
    assert done.status == 0, done.err
    return done.out


@pytest.mark.parametrize("content", [SAMPLE, SAMPLE * 8, ODD, b"", b"\n\n"], ids=len)
def test_conllu_comes_back_as_the_command_writes_it(
    server: Server, cli: Callable[..., Done], tmp_path: Path, content: bytes
) -> None:
    answer = server.tag_file(content)
    assert answer.status == 200
    assert answer.body == of_tag(cli, tmp_path, content, ".conllu")


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("scores=true", ["--scores"]),
        ("recall=0.05&scores", ["--recall", "0.05", "--scores"]),
        ("min_score=0.8", ["--min-score", "0.8"]),
        ("misc_key=ner", ["--misc-key", "ner"]),
        ("to=jsonl&nbest=3", ["--to", "jsonl", "--nbest", "3"]),
        ("to=conll2003", ["--to", "conll2003"]),
        ("to=csv&scores=1", ["--to", "csv", "--scores"]),
        ("to=html&scores=1", ["--to", "html", "--scores"]),
    ],
)
def test_options_are_those_of_the_command(
    server: Server, cli: Callable[..., Done], tmp_path: Path, query: str, options: list[str]
) -> None:
    name = str(tmp_path / "in.conllu")
    answer = server.tag_file(SAMPLE, f"{query}&name={name}")
    assert answer.status == 200, answer.body
    assert answer.body == of_tag(cli, tmp_path, SAMPLE, ".conllu", *options)


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("to=text", ["--to", "text"]),
        ("", ["--to", "jsonl"]),
        ("sentences=line", ["--sentences", "line", "--to", "jsonl"]),
    ],
)
def test_text_comes_back_as_the_command_writes_it(
    server: Server, cli: Callable[..., Done], tmp_path: Path, query: str, options: list[str]
) -> None:
    name = str(tmp_path / "in.txt")
    answer = server.tag_file(RAW, f"{query}&name={name}", "text/plain; charset=utf-8")
    assert answer.status == 200
    assert answer.body == of_tag(cli, tmp_path, RAW, ".txt", *options)
    assert len(answer.body) > 1_000


def test_a_workbook_can_be_opened(server: Server) -> None:
    answer = server.tag_file(SAMPLE, "to=xlsx&scores=true&name=dev.conllu")
    assert answer.headers["content-disposition"] == "attachment"
    rows = list(openpyxl.load_workbook(io.BytesIO(answer.body)).worksheets[0].iter_rows(values_only=True))
    assert len(rows) > 5
    assert "dev.conllu" in rows[1]


def test_an_answer_begins_before_the_file_has_ended(server: Server) -> None:
    """As with a feed that never ends: what is tagged comes back while more is sent."""
    times = 1_500_000 // len(SAMPLE)  # more than is tagged ahead
    sent = SAMPLE * times
    with server.begin(2 * len(sent)) as connection:
        connection.sendall(sent)
        assert connection.recv(12) == b"HTTP/1.1 200"  # half of the file is still to come
        rest = threading.Thread(target=connection.sendall, args=(sent,), daemon=True)
        rest.start()  # who sends and never reads fills all buffers
        body = b""
        while not body.endswith(b"0\r\n\r\n"):
            part = connection.recv(1 << 16)
            assert part
            body += part
    assert body.count(b"# sent_id") == 2 * times * SAMPLE.count(b"# sent_id")


def test_parts_may_be_cut_anywhere(server: Server) -> None:
    cut = [SAMPLE[at : at + 997] for at in range(0, len(SAMPLE), 997)]
    assert server.tag_file(iter(cut)).body == server.tag_file(SAMPLE).body


@pytest.mark.parametrize(
    ("content", "kind", "line", "word"),
    [
        (b"1\tKari\n\n", "text/x-conllu", 1, "10"),
        (SAMPLE + b"1\tK\xe5ri" + b"\t_" * 8 + b"\n\n", "text/x-conllu", SAMPLE.count(b"\n") + 1, "UTF-8"),
        (b"Kari\nbur i K\xf8benhavn", "text/plain", 2, "UTF-8"),
        (b"Kari\0", "text/plain", 1, "NUL"),
    ],
    ids=["columns", "bytes", "text", "nul"],
)
def test_an_ill_formed_file_is_refused_with_its_line(
    server: Server, content: bytes, kind: str, line: int, word: str
) -> None:
    answer = server.tag_file(content, kind=kind)
    assert answer.status == 400
    assert word in answer.message
    assert answer.json["error"]["line"] == line


def test_half_an_answer_is_never_a_whole_one(server: Server) -> None:
    """The fault is found when most of the answer has gone: the connection breaks."""
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        server.tag_file(SAMPLE * 30 + b"1\tKari\n\n")
    assert server.ask("GET", "/health").status == 200


def test_a_client_that_goes_leaves_nothing_behind(server: Server) -> None:
    with server.begin() as connection:
        connection.sendall(f"{len(SAMPLE):x}\r\n".encode() + SAMPLE + b"\r\n")
    for _ in range(600):
        metrics = server.ask("GET", "/metrics").body.decode()
        if "bilstm_crf_streams 0" in metrics:
            break
        time.sleep(0.1)
    assert "bilstm_crf_streams 0" in metrics
    assert "bilstm_crf_queue_jobs 0" in metrics


def corrected() -> dict[str, object]:
    text = "Kari bur i 😀 Oslo."
    tokens = [[0, 4], [5, 8], [9, 10], [11, 12], [13, 17], [17, 18]]
    entities = [
        {"start": 13, "end": 17, "label": "GPE_LOC", "score": 0.5},
        {"start": 0, "end": 4, "label": "PER"},
    ]
    sentence = {"text": text, "tokens": tokens, "entities": entities, "start": 0, "before": "", "after": "\n"}
    return {"files": [{"name": "a.txt", "sentences": [sentence, {"text": "Ja", "tokens": [[0, 2]]}]}]}


@pytest.mark.parametrize("to", ["conllu", "jsonl", "conll2003"])
def test_corrections_are_read_back_as_they_were_made(server: Server, tmp_path: Path, to: str) -> None:
    from bilstm_crf.formats import read

    answer = server.post_json(f"/v1/convert?to={to}", corrected())
    assert answer.status == 200, answer.body
    path = tmp_path / "out"
    path.write_bytes(answer.body)
    first, second = read(path, to)
    assert first.tokens == ["Kari", "bur", "i", "😀", "Oslo", "."]
    assert first.labels == ["B-PER", "O", "O", "O", "B-GPE_LOC", "O"]
    assert second.tokens == ["Ja"]
    assert b"None" not in answer.body


def test_what_belongs_to_no_token_is_kept(server: Server) -> None:
    """The second character of a red heart is one; it stands between two sentences."""
    text = "Kari ❤\ufe0f\nOla sov."
    first = {"text": text[:6], "tokens": [[0, 4], [5, 6]], "start": 0}
    second = {"text": text[8:], "tokens": [[0, 3], [4, 7], [7, 8]], "start": 8, "before": "\ufe0f\n"}
    answer = server.post_json("/v1/convert?to=html", {"files": [{"sentences": [first, second]}]})
    assert "❤\ufe0f" in answer.body.decode()


@pytest.mark.parametrize("to", ["html", "xlsx", "csv", "tsv", "text"])
def test_corrections_can_be_written_in_every_format(server: Server, to: str) -> None:
    answer = server.post_json(f"/v1/convert?to={to}", corrected())
    assert answer.status == 200, answer.body
    assert to == "xlsx" or "Kari" in answer.body.decode()


def faulty() -> Iterator[tuple[dict[str, object], str]]:
    good = {"text": "Kari bur.", "tokens": [[0, 4], [5, 8], [8, 9]]}
    yield {"text": 7}, "text"
    yield {"text": "K", "tokens": [[0, 2]]}, "offsets"
    yield {"text": "Kari", "tokens": [[2, 4], [0, 2]]}, "offsets"
    yield {"text": "Kari", "tokens": [[0, True]]}, "whole number"
    yield {**good, "entities": [{"start": 1, "end": 4, "label": "PER"}]}, "tokens"
    yield {**good, "entities": [{"start": 5, "end": 4, "label": "PER"}]}, "tokens"
    yield {**good, "entities": [{"start": 0, "end": 4, "label": "A B"}]}, "entity type"
    yield {**good, "entities": [{"start": 0, "end": 4, "label": "PER", "score": "1"}]}, "number"
    yield {**good, "entities": [{"start": 0, "end": end, "label": "PER"} for end in (4, 8)]}, "overlap"
    yield {**good, "start": 0, "before": 1}, "before"
    yield {**good, "entities": [{"start": 0, "end": 4, "label": "PER", "score": 2}]}, "0 to 1"
    yield {**good, "colour": 1}, "colour"


@pytest.mark.parametrize(("sentence", "word"), list(faulty()))
def test_faulty_annotation_is_refused(server: Server, sentence: dict[str, object], word: str) -> None:
    answer = server.post_json("/v1/convert?to=conllu", {"files": [{"sentences": [sentence]}]})
    assert answer.status == 400
    assert word in answer.message
