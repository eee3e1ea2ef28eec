"""Illegal labels: counted and named, repaired where that is asked for, and never the end of an encoding."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.config import DataConfig
from bilstm_crf.corpus.labelled import read_gold
from bilstm_crf.errors import InputError, InputWarning
from bilstm_crf.formats import FormatOptions
from bilstm_crf.labels import ENCODINGS, READABLE, decode_conlleval, faults, read_labels
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.training.corpora import load_corpora
from done import Done
from test_labels import label_sequences, sentences_of_spans

STRAY = "B-PER O O I-LOC O / B-PER I-PER O / O I-LOC O / I-ORG O / I-ORG / B-PER"


def columns(path: Path, labels: str) -> Path:
    sentences = [sentence.split() for sentence in labels.split("/")]
    blocks = ["".join(f"w{i} {label}\n" for i, label in enumerate(each)) for each in sentences]
    path.write_text("\n".join(blocks) + "\n", "utf-8")
    return path


def scores(done: Done) -> dict[str, Any]:
    assert done.status == 0, done.err
    return dict(json.loads(done.out)["strict"]["micro"])


def test_gold_with_illegal_labels_is_refused_with_their_number_and_three_places(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_gold(columns(tmp_path / "a.conll", STRAY), None, FormatOptions())
    assert caught.value.line == 4
    assert "first of 4" in str(caught.value)
    hint = caught.value.hint or ""
    assert "line 12" in hint
    assert "line 15" in hint
    assert "line 18" not in hint
    assert "--repair" in hint


@pytest.mark.parametrize(("repair", "entities"), [("conlleval", 7), ("discard", 3)])
@pytest.mark.parametrize("command", ["evaluate", "errors", "stats"])
def test_repair_reads_gold_and_says_how_much(
    tmp_path: Path, cli: Callable[..., Done], command: str, repair: str, entities: int
) -> None:
    path = columns(tmp_path / "a.conll", STRAY)
    pair = ["--gold", path, "--predicted", path]
    arguments = {
        "evaluate": ["evaluate", *pair],
        "errors": ["errors", *pair],
        "stats": ["data", "stats", path],
    }
    done = cli(*arguments[command], "--repair", repair, "--json")
    assert done.status == 0
    content = json.loads(done.out)
    found = {
        "evaluate": lambda: content["strict"]["micro"]["gold"],
        "errors": lambda: content["total"]["score"]["gold"],
        "stats": lambda: content["files"][str(path)]["entities"]["total"],
    }[command]()
    assert found == entities
    assert f"warning: {path}, line 4: " in done.err
    assert "first of 4" in done.err
    assert cli(*arguments[command], "--json").status == 2


def test_a_run_learns_from_repaired_labels(tmp_path: Path) -> None:
    path = str(columns(tmp_path / "a.conll", STRAY))
    with pytest.raises(InputError, match="line 4"):
        load_corpora(DataConfig(train=(path,), dev=(path,), labels="file"), print, documents=False)
    config = DataConfig(train=(path,), dev=(path,), labels="file", repair="conlleval")
    with pytest.warns(InputWarning, match="first of 4"):
        inputs = load_corpora(config, print, documents=False)
    for split in (inputs.train, inputs.dev):
        assert sum(len(sentence.token_spans or ()) for sentence in split.sentences) == 7


def test_the_signature_tells_repaired_spans_apart_only_where_there_are_any(
    tmp_path: Path, cli: Callable[..., Done]
) -> None:
    stray = columns(tmp_path / "a.conll", STRAY)
    legal = columns(tmp_path / "b.conll", "B-PER O")
    for path, repair, field in (
        (stray, "conlleval", "strict|illegal:conlleval|"),
        (stray, "discard", "strict|illegal:O|"),
        (legal, "conlleval", "strict|illegal:O|"),
    ):
        done = cli("evaluate", "--gold", path, "--predicted", path, "--repair", repair)
        assert field.encode() in done.out


@given(label_sequences("BIES"))
def test_conlleval_reads_as_seqeval_does_by_default(labels: list[str]) -> None:
    from seqeval.metrics.sequence_labeling import get_entities

    expected = [TokenSpan(start, end + 1, type_) for type_, start, end in get_entities(labels)]
    assert decode_conlleval(labels) == expected


@given(st.sampled_from([*READABLE]), sentences_of_spans())
def test_conlleval_and_the_strict_reading_agree_on_legal_labels(
    name: str, given_spans: tuple[int, list[TokenSpan]]
) -> None:
    length, spans = given_spans
    labels = READABLE[name].encode(spans, length)
    assert READABLE[name].decode(labels) == decode_conlleval(labels) == spans


# ---------------------------------------------------------------- the best-fitting encoding

IOB1 = "I-PER O / I-LOC O / I-PER I-PER O / I-ORG I-ORG O / I-PER B-PER O / I-LOC O / I-PER I-PER O"


@pytest.mark.parametrize("stray", ["E-PER", "S-PER", "B-PER", "L-PER", "B-LOC", "E-FOO"])
def test_one_illegal_label_costs_an_iob1_file_one_span_at_most(
    tmp_path: Path, cli: Callable[..., Done], stray: str
) -> None:
    gold = columns(tmp_path / "gold.conll", IOB1)
    theirs = columns(tmp_path / "theirs.conll", stray + IOB1.removeprefix("I-PER"))
    done = cli("evaluate", "--gold", gold, "--predicted", theirs, "--json")
    assert scores(done)["correct"] == scores(done)["gold"] - 1
    assert "read as IOB1; 1 of" in done.err


@given(st.sampled_from([*READABLE]), st.lists(sentences_of_spans(), min_size=1, max_size=4), st.data())
def test_one_illegal_label_never_costs_a_long_file_its_encoding(
    name: str, given_spans: list[tuple[int, list[TokenSpan]]], data: st.DataObject
) -> None:
    """Forty sentences that no other encoding can say; then one label is replaced."""
    encoding = READABLE[name]
    sure = [TokenSpan(0, 1, "PER"), TokenSpan(1, 2, "PER"), TokenSpan(2, 5, "ORG"), TokenSpan(5, 7, "ORG")]
    contents = [(7, sure)] * 40 + given_spans
    labels = [encoding.encode(spans, length) for length, spans in contents]
    place = data.draw(st.integers(0, len(labels) - 1).filter(lambda i: labels[i]))
    position = data.draw(st.integers(0, len(labels[place]) - 1))
    labels[place][position] = data.draw(st.sampled_from(["B-X", "I-X", "E-X", "S-X"]))
    sentences = [Sentence(["w"] * len(each), each) for each in labels]
    reading = read_labels(sentences, lenient=True)
    assert READABLE[name].name in (reading.encoding.lower(), "iob" if reading.encoding == "IOB2" else "")
    lost = [
        s.token_spans for s, (_, spans) in zip(sentences, contents, strict=True) if s.token_spans != spans
    ]
    assert len(lost) <= 1


@given(st.lists(label_sequences("BIES"), min_size=1, max_size=4))
def test_the_encoding_is_one_with_the_fewest_illegal_labels(labels: list[list[str]]) -> None:
    reading = read_labels([Sentence(["w"] * len(each), each) for each in labels], lenient=True)
    fewest = min(sum(len(faults(name, each)) for each in labels) for name in READABLE)
    assert len(reading.illegal) == fewest


def test_predictions_that_are_only_inside_are_announced_as_iob1(
    tmp_path: Path, cli: Callable[..., Done]
) -> None:
    gold = columns(tmp_path / "gold.conll", "B-PER O B-LOC O B-ORG O B-MISC")
    theirs = columns(tmp_path / "theirs.conll", "I-PER O I-LOC O I-ORG O I-MISC")
    done = cli("evaluate", "--gold", gold, "--predicted", theirs)
    assert f"{theirs}: labels read as IOB1" in done.err
    assert b"IOB2" not in done.out
    done = cli("evaluate", "--gold", gold, "--predicted", gold)
    assert "labels read as" not in done.err


@pytest.mark.parametrize("name", [*ENCODINGS])
def test_repair_changes_nothing_where_all_is_legal(name: str) -> None:
    labels = ENCODINGS[name].encode(
        [TokenSpan(0, 1, "PER"), TokenSpan(1, 4, "ORG"), TokenSpan(5, 7, "ORG")], 8
    )
    found = []
    for repair in (None, "conlleval", "discard"):
        sentence = Sentence(["w"] * 8, list(labels))
        assert not read_labels([sentence], repair=repair).illegal
        found.append(sentence.token_spans)
    assert found[0] == found[1] == found[2]


@pytest.mark.filterwarnings("error")
def test_nothing_is_said_of_a_file_that_is_in_order(tmp_path: Path) -> None:
    read_gold(columns(tmp_path / "a.conll", "B-PER O / O"), None, FormatOptions(), "conlleval")
    with pytest.raises(InputWarning):
        read_gold(columns(tmp_path / "a.conll", "B-PER O I-PER"), None, FormatOptions(), "discard")
