"""Scoring: illegal labels of any type, signatures that say what was scored, one system at a time."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf.evaluation.report import signed_label_set
from bilstm_crf.labels import LabelSet
from bilstm_crf.sentence import TokenSpan
from done import Done
from runs import DEV, small_config, start


def columns(path: Path, labels: str) -> Path:
    path.write_text("".join(f"w{i}\t{each}\n" for i, each in enumerate(labels.split())) + "\n", "utf-8")
    return path


@pytest.mark.parametrize("stray", ["I-FOO", "E-FOO", "L-FOO", "I-MISC"])
@pytest.mark.parametrize("labels", ["full", "7", "4", "file"])
def test_an_illegal_label_of_an_unknown_type_counts_as_o(
    tmp_path: Path, cli: Callable[..., Done], labels: str, stray: str
) -> None:
    gold = columns(tmp_path / "gold.conll", "B-PER O O B-GPE_LOC")
    theirs = columns(tmp_path / "theirs.conll", f"B-PER {stray} O B-GPE_LOC")
    done = cli("evaluate", "--gold", gold, "--predicted", theirs, "--labels", labels, "--json")
    assert done.status == 0, done.err
    assert json.loads(done.out)["strict"]["micro"]["f1"] == 1
    assert "count as O" in done.err


def test_a_legal_label_of_an_unknown_type_is_still_refused(tmp_path: Path, cli: Callable[..., Done]) -> None:
    gold = columns(tmp_path / "gold.conll", "B-PER O")
    theirs = columns(tmp_path / "theirs.conll", "B-PER B-FOO")
    done = cli("evaluate", "--gold", gold, "--predicted", theirs, "--labels", "full")
    assert (done.status, "line 2: entity type FOO" in done.err) == (2, True)


def test_a_model_and_its_output_have_the_same_signature_and_scores(
    tmp_path: Path, cli: Callable[..., Done], tiny_model: Path
) -> None:
    tagged = tmp_path / "tagged.conllu"
    assert cli("tag", "--model", tiny_model, DEV, "-o", tagged).status == 0
    model = json.loads(cli("evaluate", "--model", tiny_model, DEV, "--json").out)
    output = json.loads(cli("evaluate", "--gold", DEV, "--predicted", tagged, "--json").out)
    assert model == output
    errors = [
        json.loads(cli("errors", *arguments, "--json").out)["about"]["signature"]
        for arguments in (["--model", tiny_model, DEV], ["--gold", DEV, "--predicted", tagged])
    ]
    assert errors == [model["signatures"]["strict"]] * 2


@pytest.mark.parametrize(
    ("labels", "gold", "predicted", "signed"),
    [
        ("file", "PER GPE_LOC", "PER", "full"),
        ("full", "PER GPE_LOC", "PER", "full"),
        ("7", "PER GPE_LOC", "PER GPE", "7"),
        ("file", "PER PERSON", "PER", "file"),
        ("file", "PER", "FOO", "full"),  # spurious by either
        ("file", "PER MISC", "PER", "4"),
        ("4", "PER MISC", "PER", "4"),
        ("full", "PER MISC", "PER", "full"),
        ("file", "PER PROD", "MISC", "file"),  # which full drops, and file counts as spurious
        ("4", "PER ORG", "PER", "full"),
    ],
)
def test_label_sets_that_leave_all_types_as_they_stand_have_one_name(
    labels: str, gold: str, predicted: str, signed: str
) -> None:
    def spans(types: str) -> list[TokenSpan]:
        return [TokenSpan(i, i + 1, type_) for i, type_ in enumerate(types.split())]

    assert signed_label_set(LabelSet.named(labels), gold.split(), [spans(predicted)]).name == signed


@pytest.mark.parametrize("labels", ["full", "6", "file"])
def test_a_run_and_evaluate_sign_alike(tmp_path: Path, cli: Callable[..., Done], labels: str) -> None:
    """A run maps gold when it reads it: the types of the file are what counts."""
    config = small_config(tmp_path, labels=labels, epochs=1)
    start(config, tmp_path / "run")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text("utf-8"))
    (dev,) = config.data.dev
    done = cli("evaluate", "--model", tmp_path / "run", dev, "--json")
    assert json.loads(done.out)["signatures"] == metrics["dev"]["signatures"]
    assert f"|labels:{labels.replace('file', 'full')}|" in metrics["dev"]["signatures"]["strict"]


def test_no_system_is_dropped_silently(tmp_path: Path, cli: Callable[..., Done]) -> None:
    gold, other = columns(tmp_path / "gold.conll", "B-PER O"), columns(tmp_path / "b.conll", "O O")
    for command in ("evaluate", "errors"):
        done = cli(command, "--gold", gold, "--predicted", other, "--predicted", gold)
        assert done.status == 0
        assert "b.conll" in done.out.decode()
        assert "−100.0" in done.out.decode()
    three = ("--predicted", other, "--predicted", gold, "--predicted", other)
    assert "3 systems" in cli("errors", "--gold", gold, *three).err


@pytest.mark.parametrize("command", ["evaluate", "errors"])
def test_types_that_differ_in_case_are_warned_of(
    cli: Callable[..., Done], tmp_path: Path, command: str
) -> None:
    """`b-person`, all in lower case, is B-PERSON, and `B-person` keeps its type: no span would match."""
    gold, predicted = tmp_path / "gold.conll", tmp_path / "predicted.conll"
    gold.write_text("Kari b-person\nsov O\n\n", "utf-8")
    predicted.write_text("Kari B-person\nsov O\n\n", "utf-8")
    done = cli(command, "--gold", gold, "--predicted", predicted)
    assert done.status == 0
    assert "PERSON (1), person (1)" in done.err
    assert "nearly the same" not in cli(command, "--gold", gold, "--predicted", gold).err
