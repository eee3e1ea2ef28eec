"""Case 08: entity types by split, what looks like a mistake in them, and a dev set that cannot choose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf import Tagger
from bilstm_crf.corpus import overview
from bilstm_crf.errors import InputWarning, InterruptedRunError
from bilstm_crf.training.records import read_metrics
from done import Done
from runs import history, interrupt, resume, small_config, start, weights_hash

Cli = Callable[..., Done]
TRAIN = "Kari B-PER\nsover O\n\nOla B-PER\nspring O\n\n"
ONLY_O = "han O\nsover O\n\n"


@pytest.fixture
def train(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """`bilstm-crf train` for two epochs on texts in columns."""
    monkeypatch.chdir(tmp_path)

    def call(train: str, dev: str, *more: object, test: str = "") -> Done:
        for name, text in (("train", train), ("dev", dev), ("test", test)):
            Path(f"{name}.conll").write_text(text, "utf-8")
        files = ["--train", "train.conll", "--dev", "dev.conll", *(["--test", "test.conll"] * bool(test))]
        settings = ["--set=hidden=4", "--set=words.dim=4", "--epochs", "2", "--output", "run", "--overwrite"]
        return cli("train", *files, *settings, *more)

    return call


def rows(done: Done) -> dict[str, list[str]]:
    """The table of entities: counts by type."""
    lines = done.err.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("entities"))
    end = next(number for number in range(first, len(lines)) if lines[number].startswith(("vec", "warn")))
    return {line.split()[0]: line.split()[1:] for line in lines[first:end]}


def warnings_of(done: Done) -> list[str]:
    return [line for line in done.err.splitlines() if line.startswith("warning: ")]


def test_a_type_that_only_dev_has_is_counted_and_warned_of(train: Callable[..., Done]) -> None:
    done = train(TRAIN, "Kari B-PER\nsover O\n\ni O\nBergen B-LOC\n\n", test=TRAIN)
    assert rows(done) == {
        "entities": ["train", "dev", "test"],
        "PER": ["2", "1", "2"],
        "LOC": ["0", "1", "0"],
    }
    (warning,) = warnings_of(done)
    assert "dev" in warning
    assert "LOC (1)" in warning


def test_a_type_that_only_test_has_is_warned_of(train: Callable[..., Done]) -> None:
    (warning,) = warnings_of(train(TRAIN, TRAIN, test="Oslo B-GPE\nOslo B-GPE\n\n"))
    assert "test has entity types that train lacks" in warning
    assert "GPE (2)" in warning


@pytest.mark.parametrize("other", ["Per", "PER.", "p-e-r", "ＰＥＲ", "PE\u200bR"])
def test_types_of_nearly_the_same_name_are_warned_of(other: str, train: Callable[..., Done]) -> None:
    text = TRAIN.replace("Ola B-PER", f"Ola B-{other}")
    (warning,) = warnings_of(train(text, text))
    assert "nearly the same" in warning
    assert "PER (2)" in warning
    assert warning.isprintable()


def test_a_corpus_without_a_mistake_is_not_warned_of(train: Callable[..., Done]) -> None:
    """NorNE's types differ by more than case and punctuation; its MISC, which becomes O, is none of them."""
    text = "".join(f"x B-{type_}\n\n" for type_ in ("PER", "ORG", "GPE_LOC", "GPE_ORG", "LOC", "MISC", "EVT"))
    done = train(text, text.replace("x B-MISC\n\n", ""), "--labels", "full")
    assert warnings_of(done) == []
    assert "MISC" not in rows(done)


def test_a_dev_set_without_entities_keeps_the_last_epoch(train: Callable[..., Done]) -> None:
    done = train(TRAIN, ONLY_O, "--patience", 1)
    assert done.out.startswith(b"Last epoch 2: dev strict F1 0.00")
    (warning,) = warnings_of(done)
    assert "dev has no entities" in warning
    assert "the last one is kept" in warning
    assert "--patience has no effect" in warning
    assert [row["best"] for row in history(Path("run"))] == [True, True]
    assert Tagger.load("run").model.provenance["epoch"] == 2
    assert read_metrics(Path("run")).best_epoch == 2
    assert "epoch was kept" in read_metrics(Path("run")).dev_is


def test_nor_can_a_dev_set_choose_whose_types_train_lacks(train: Callable[..., Done]) -> None:
    done = train(TRAIN, "Bergen B-LOC\n\n")
    assert done.out.startswith(b"Last epoch 2: ")
    assert [w for w in warnings_of(done) if "no entity of a type that train has" in w]


def test_train_without_entities_is_warned_of(train: Callable[..., Done]) -> None:
    assert [w for w in warnings_of(train(ONLY_O, TRAIN)) if "train has no entities" in w]


def test_test_without_entities_is_warned_of(train: Callable[..., Done]) -> None:
    assert [w for w in warnings_of(train(TRAIN, TRAIN, test=ONLY_O)) if "test has no entities" in w]


def test_where_dev_cannot_choose_an_interrupted_run_ends_as_an_uninterrupted_one(tmp_path: Path) -> None:
    dev = tmp_path / "dev.conll"
    dev.write_text(ONLY_O, "utf-8")
    config = small_config(tmp_path, dev=[str(dev)], epochs=3, patience=1)
    with pytest.warns(InputWarning, match="cannot choose"):
        start(config, tmp_path / "whole")
    with pytest.warns(InputWarning, match="cannot choose"), pytest.raises(InterruptedRunError):
        start(config, tmp_path / "run", interrupt(2))
    with pytest.warns(InputWarning, match="cannot choose"):
        assert resume(tmp_path / "run").best_epoch == 3
    assert weights_hash(tmp_path / "run") == weights_hash(tmp_path / "whole")
    (tmp_path / "run" / "metrics.json").unlink()
    with pytest.warns(InputWarning, match="cannot choose"):
        assert resume(tmp_path / "run").best_epoch == 3


NAMES = st.text(min_size=1, max_size=8).filter(str.strip)
COUNTS: Any = st.dictionaries(NAMES, st.integers(1, 10**6), max_size=30).map(Counter)


@given(train=COUNTS, dev=COUNTS, test=COUNTS)
def test_the_table_is_short_aligned_and_printable(
    train: Counter[str], dev: Counter[str], test: Counter[str]
) -> None:
    lines = overview.table({"train": train, "dev": dev, "test": test})
    assert len(lines) <= 12
    types = len({*train, *dev, *test})
    shown = len(lines) - 1
    if types > shown:
        assert lines[-1] == f"and {types - shown + 1} more types"
        lines.pop()
    assert len({len(line) for line in lines}) == 1
    assert all(line.isprintable() for line in lines)


@given(train=COUNTS, dev=COUNTS)
def test_a_type_is_warned_of_exactly_where_train_lacks_it(train: Counter[str], dev: Counter[str]) -> None:
    found = [line for line in overview.mistakes({"train": train, "dev": dev}) if "train lacks" in line]
    assert bool(found) == bool(train and set(dev) - set(train))
    assert all(line.isprintable() for line in found)
