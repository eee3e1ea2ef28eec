"""Counts agree with what the paper prints, and with files counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bilstm_crf.commands.main import run
from bilstm_crf.corpus import statistics
from bilstm_crf.labels import NORNE_TYPES

TRAIN = "Kari B-PER\nNordmann I-PER\nbor O\ni O\nOslo B-GPE_LOC\n. O\n\n« O\nHei O\n» O\n"
DEV = "Ola B-PER\nbor O\nI O\nOslo B-ORG\n. O\n! O\n"


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "train.conll").write_text(TRAIN, "utf-8")
    (tmp_path / "dev.conll").write_text(DEV, "utf-8")
    return [str(tmp_path / "train.conll"), str(tmp_path / "dev.conll")]


def test_files_counted_by_hand(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "stats", *files, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["files"][files[0]] == {
        "sentences": 2,
        "tokens": 9,
        "entities": {"PER": 1, "GPE_LOC": 1, "total": 2},
        "forms": 8,  # all but the full stop: guillemets count, as in the paper
    }
    (unknown,) = report["unknown_forms"]
    assert (unknown["forms"], unknown["unknown"], unknown["percent"]) == (4, 2, 50.0)  # Ola, I


def test_tables_in_text_and_markdown_hold_the_same_numbers(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = []
    for option in ([], ["--markdown"]):
        assert run(["data", "stats", *files, *option]) == 0
        outputs.append(capsys.readouterr().out)
    cells = [line.split() for line in outputs[0].splitlines()[1:6]]
    assert [line.replace("|", " ").split() for line in outputs[1].splitlines()[2:7]] == cells
    assert ["GPE_LOC", "1", "0"] in cells
    assert "2 of 4, 50.0 %" in outputs[0]


def test_any_encoding_counts_the_same(tmp_path: Path) -> None:
    (tmp_path / "iob.conll").write_text("A B-PER\nB I-PER\nC O\n", "utf-8")
    (tmp_path / "iobes.conll").write_text("A B-PER\nB E-PER\nC O\n", "utf-8")
    counted = [statistics.count([tmp_path / name]).entities for name in ("iob.conll", "iobes.conll")]
    assert counted[0] == counted[1] == {"PER": 1}


@pytest.mark.parametrize(
    "arguments",
    [["--json", "--markdown"], ["a.conll", "--data", "b"], ["absent.conll"], ["--data", "absent"]],
)
def test_wrong_usage_ends_with_status_2(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["data", "stats", *arguments]) == 2


def test_the_papers_tables_add_up_but_for_one_row_of_its_own() -> None:
    off = []
    for table, total in (("table3_bm", "BM"), ("table4_nn", "NN")):
        rows = statistics.paper()[table]["rows"]
        assert set(rows) == set(NORNE_TYPES)
        off += [(table, type_) for type_, values in rows.items() if sum(values[:3]) != values[3]]
        entities = statistics.paper()["table2"]["rows"][total]["entities"]
        assert sum(values[3] for values in rows.values()) == entities
    assert off == [("table3_bm", "DRV")]  # 519 + 76 + 48 is 643; the paper prints 644


def test_the_real_corpus_gives_the_papers_numbers(shared: Path) -> None:
    corpus = statistics.count_corpus(shared / "norne", "both")
    printed = statistics.paper()["table4_nn"]["rows"]
    for column, split in enumerate(("train", "dev")):
        entities = corpus["nno"][split].entities
        assert {type_: entities[type_] for type_ in NORNE_TYPES} == {
            type_: values[column] for type_, values in printed.items()
        }
    assert corpus["nob"]["train"].entities["PER"] == 4070  # the paper counted 4,033, before corrections
    bokmaal, nynorsk = statistics.unknown_forms(corpus)
    vocabulary = statistics.paper()["vocabulary"]
    assert (nynorsk.forms, nynorsk.unknown) == (
        vocabulary["nynorsk_dev_forms"],
        vocabulary["nynorsk_dev_unknown"],
    )
    assert round(nynorsk.percent, 1) == nynorsk.paper == 61.6
    assert round(bokmaal.percent, 1) == bokmaal.paper == 36.3
    table = statistics.norne_table("nno", corpus["nno"])
    assert ["PER", 4250, 4250, 481, 481, 4731, 5128] in table.rows
