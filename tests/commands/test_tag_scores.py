"""`tag --scores`, `--nbest`, `--min-score`, `--recall`: what each output holds, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf import Tagger
from bilstm_crf.formats import read
from bilstm_crf.inference.decoding import Decoding
from done import Done
from runs import DEV

Cli = Callable[..., Done]


@pytest.fixture(scope="module")
def article(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some sentences of the sample as text."""
    path = tmp_path_factory.mktemp("article") / "article.txt"
    path.write_text("".join(f"{sentence.text}\n" for sentence in list(read(DEV))[:40]), "utf-8")
    return path


@pytest.fixture(scope="module")
def scored(tiny_model: Path, article: Path) -> list[tuple[str, str, float]]:
    """Each name, its type and its score, from Python."""
    document = Tagger.load(tiny_model).tag(article.read_text("utf-8"), scores=True)
    found = [(span.text, span.label, round(span.score or 0.0, 4)) for span in document.spans]
    assert len(found) > 5
    return found


def records(done: Done) -> list[dict]:
    assert done.status == 0, done.err
    return [json.loads(line) for line in done.out.decode().splitlines()]


def names(done: Done) -> list[tuple[str, str, float]]:
    return [
        (each["text"], each["label"], each["score"])
        for record in records(done)
        for each in record["entities"]
    ]


def test_jsonl_has_the_score_of_each_name(cli: Cli, tiny_model: Path, article: Path, scored: list) -> None:
    assert names(cli("tag", "--model", tiny_model, article, "--scores")) == scored


def test_without_scores_nothing_is_written(cli: Cli, tiny_model: Path, article: Path) -> None:
    done = cli("tag", "--model", tiny_model, article, "--min-score", "0.2", "--recall", "0.3")
    assert done.status == 0
    assert b"score" not in done.out


def test_names_below_the_least_score_are_left_out(
    cli: Cli, tiny_model: Path, article: Path, scored: list
) -> None:
    middle = sorted(score for _, _, score in scored)[len(scored) // 2]
    threshold = middle - 0.00005
    done = cli("tag", "--model", tiny_model, article, "--scores", "--min-score", str(threshold))
    assert names(done) == [each for each in scored if each[2] >= threshold]
    assert 0 < len(names(done)) < len(scored)


def test_recall_adds_names_and_keeps_those_of_the_best_labels(
    cli: Cli, tiny_model: Path, article: Path, scored: list
) -> None:
    found = names(cli("tag", "--model", tiny_model, article, "--scores", "--recall", "0.05"))
    assert len(found) > len(scored)
    rest = iter(found)
    assert all(each in rest for each in scored)  # in this order
    added = sorted(set(found) - set(scored), key=lambda each: each[2])
    assert all(0.05 <= score <= 0.5001 for _, _, score in added)


def test_the_n_best_come_in_order_and_begin_with_what_is_tagged(
    cli: Cli, tiny_model: Path, article: Path
) -> None:
    for record in records(cli("tag", "--model", tiny_model, article, "--nbest", "5")):
        ways = record["alternatives"]
        probabilities = [way["probability"] for way in ways]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) <= 1.001
        assert ways[0]["entities"] == record["entities"]
        spans = [[(each["start"], each["end"], each["label"]) for each in way["entities"]] for way in ways]
        assert len({str(each) for each in spans}) == len(ways) == 5


def test_records_of_others_keep_their_keys_beside_scores(cli: Cli, tiny_model: Path) -> None:
    line = b'{"text": "Kari Nordmann bor i Oslo.", "meta": {"a":1.0}}\n'
    done = cli(
        *("tag", "--model", tiny_model, "--format", "jsonl", "--scores", "--nbest", "2", "--recall", "0.01"),
        stdin=line,
    )
    record = records(done)[0]
    assert done.out.startswith(line.rstrip(b"}\n"))
    assert len(record["alternatives"]) == 2
    assert all("score" in each for each in record["entities"])


@pytest.mark.parametrize(
    "tags", ['"tokens": ["Kari"], "ner_tags": ["O"]', '"text": "Kari", "label": [[0, 4, "PER"]]']
)
def test_records_without_a_place_for_scores_are_refused(cli: Cli, tiny_model: Path, tags: str) -> None:
    line = f"{{{tags}}}\n".encode()
    done = cli(
        *("tag", "--model", tiny_model, "--format", "jsonl", "--scores", "--recall", "0.0001"), stdin=line
    )
    if '"label"' not in tags or done.status:
        assert done.status == 2
        assert "no place for scores" in done.err


def test_conllu_has_the_score_beside_the_label_and_all_else_as_it_was(
    cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    plain, with_scores = tmp_path / "plain.conllu", tmp_path / "scored.conllu"
    assert cli("tag", "--model", tiny_model, DEV, "-o", plain).status == 0
    assert cli("tag", "--model", tiny_model, DEV, "-o", with_scores, "--scores").status == 0
    lines = with_scores.read_text("utf-8").split("\n")
    marked = [line for line in lines if "name_score=" in line]
    assert marked
    assert all("name=B-" in line for line in marked)
    assert len(marked) == sum("name=B-" in line for line in lines)
    without = ["|".join(p for p in line.split("|") if not p.startswith("name_score=")) for line in lines]
    assert "\n".join(without) == plain.read_text("utf-8")
    again = cli("tag", "--model", tiny_model, with_scores, "--scores")
    assert again.out == with_scores.read_bytes()
    removed = cli("tag", "--model", tiny_model, with_scores)  # they belong to labels that are gone
    assert removed.out == plain.read_bytes()


def test_conllu_of_a_text_has_scores_too(cli: Cli, tiny_model: Path, article: Path, scored: list) -> None:
    done = cli("tag", "--model", tiny_model, article, "--scores", "--to", "conllu")
    values = [
        float(part.split("name_score=")[1]) for part in done.out.decode().split() if "name_score=" in part
    ]
    assert values == [score for _, _, score in scored]


def test_marked_text_has_the_score_behind_the_type(
    cli: Cli, tiny_model: Path, article: Path, scored: list
) -> None:
    done = cli("tag", "--model", tiny_model, article, "--scores", "--to", "text")
    text = done.out.decode()
    for name, type_, score in scored:
        assert f"[{type_}|{score:.2f} {name}]" in text


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--scores", "--to", "conll2003"], "no place for scores"),
        (["--nbest", "2", "--to", "conllu"], "--nbest"),
        (["--nbest", "0"], "--nbest"),
        (["--nbest", "101"], "--nbest"),
        (["--nbest", "two"], "--nbest"),
        (["--min-score", "-0.1"], "--min-score"),
        (["--min-score", "nan"], "min_score"),
        (["--recall", "1.01"], "--recall"),
        (["--recall", "inf"], "--recall"),
    ],
)
def test_what_cannot_be_is_wrong_usage(
    cli: Cli, tiny_model: Path, article: Path, options: list[str], says: str
) -> None:
    done = cli("tag", "--model", tiny_model, article, *options)
    assert done.status == 2
    assert says in done.err
    assert not done.out


def test_the_number_of_processes_changes_no_score(
    cli: Cli, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bilstm_crf.inference import chunks

    monkeypatch.setattr(chunks, "CHUNK_BYTES", 5_000)
    one = cli("tag", "--model", tiny_model, DEV, "--scores", "--recall", "0.1", "--threads", "1")
    assert (
        cli("tag", "--model", tiny_model, DEV, "--scores", "--recall", "0.1", "--threads", "2").out == one.out
    )


def test_a_stream_is_scored_sentence_by_sentence(tiny_model: Path) -> None:
    tagger, decoding = Tagger.load(tiny_model), Decoding(scores=True, recall=0.1)
    expected = tagger.annotate(read(DEV), decoding)
    streamed = list(tagger.tag_stream(read(DEV), flush=True, decoding=decoding))
    for one, other in zip(streamed, expected, strict=True):
        assert one.token_spans == other.token_spans
        assert one.scores == pytest.approx(other.scores, abs=1e-5)
