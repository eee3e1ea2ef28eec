"""Tables: means, spreads, comparisons and what was not run, from scores whose numbers are known."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.statistics import paper
from bilstm_crf.evaluation.counts import sentence_counts
from bilstm_crf.evaluation.significance import compare, compare_seeds, holm, resample_f1
from bilstm_crf.experiments.corpora import NORNE_CORPORA, find_norne
from bilstm_crf.experiments.corpus_tables import build_counts
from bilstm_crf.experiments.definition import Experiment, read_experiment
from bilstm_crf.experiments.overrides import with_epochs, with_seeds
from bilstm_crf.experiments.records import Evaluation, Place, ScoreCell, ScoreTable
from bilstm_crf.experiments.render import write_table
from bilstm_crf.experiments.results import read_results
from bilstm_crf.render.markdown import escape
from bilstm_crf.sentence import TokenSpan
from bilstm_crf.util.files import write_json
from done import Done
from experiments.finished_runs import GOLD, Norne, finish_run, predictions, table_of
from read_tables import tables_of_markdown
from runs import ROOT, SAMPLE

FILE = """title = "Two rows"
beside = "NorNE, Table 99"
seeds = [42, 43]
[[column]]
name = "dev"
[[column]]
name = "heldout"
evaluate = { split = "test" }
[[row]]
name = "one"
paper = { dev = 60.0 }
[[row]]
name = "two"
encoding = "iobes"
"""


@pytest.fixture
def norne(tmp_path: Path) -> Norne:
    file = tmp_path / "dev.conllu"
    file.write_text("the hash alone matters", "utf-8")
    return {"nob": {"train": [str(file)], "dev": [str(file)], "test": []}}


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    (tmp_path / "two.toml").write_text(FILE, "utf-8")
    return read_experiment(tmp_path / "two.toml")


def finish(folder: Path, encoding: str, seed: int, predicted: list[list[TokenSpan]], norne: Norne) -> None:
    config = RunConfig().replace({"data.encoding": encoding, "run.seed": seed})
    name = f"nob-none-full-{encoding}-seed{seed}"
    finish_run(folder / "runs" / name, config, norne["nob"], predicted)


@pytest.fixture
def table(tmp_path: Path, experiment: Experiment, norne: Norne) -> ScoreTable:
    """Both seeds of row one, the first of row two."""
    for encoding, seed in (("iob", 42), ("iob", 43), ("iobes", 42)):
        finish(tmp_path, encoding, seed, predictions(seed + len(encoding)), norne)
    return table_of(experiment, tmp_path, norne, {"nob-none-full-iobes-seed43": "the disk is full"})


def cell(table: ScoreTable, row: str, column: str) -> ScoreCell:
    return next(c for each in table.rows for c in each.cells if (each.row, c.column) == (row, column))


def f1(seed: int) -> float:
    counts = np.array(sentence_counts(GOLD, predictions(seed))).sum(axis=0)
    return 2 * counts[0] / (counts[1] + counts[2])


def test_a_cell_has_the_mean_and_spread_of_its_seeds_beside_the_paper(table: ScoreTable) -> None:
    found = cell(table, "one", "dev")
    both = [f1(42 + 3), f1(43 + 3)]
    assert {seed: score.f1 for seed, score in found.seeds.items()} == {
        "42": pytest.approx(both[0]),
        "43": pytest.approx(both[1]),
    }
    assert found.mean == pytest.approx(sum(both) / 2)
    assert found.sd == pytest.approx(statistics.stdev(both))
    assert found.interval is not None
    assert found.interval.low < found.mean < found.interval.high
    assert found.paper == 0.6
    assert found.difference == pytest.approx(found.mean - 0.6)
    assert found.missing == {}


def test_what_was_not_run_is_said_with_its_reason(table: ScoreTable) -> None:
    assert cell(table, "two", "dev").missing == {"43": "the disk is full"}
    heldout = cell(table, "one", "heldout")
    assert heldout.mean is None
    assert set(heldout.missing.values()) == {"not run: there is no test file"}
    assert table.runs["nob-none-full-iobes-seed43"].why == "the disk is full"
    assert table.runs["nob-none-full-iob-seed42"].done
    text = write_table(table)
    assert "not run: there is no test file" in text
    assert "1 of 2" in text


def test_rows_with_one_common_seed_are_compared_by_sentences(table: ScoreTable) -> None:
    (pair,) = table.comparisons.pairs
    assert (pair.a, pair.b) == (Place("one", "dev"), Place("two", "dev"))
    assert pair.seeds == [42]
    counts = [np.array([sentence_counts(GOLD, predictions(42 + extra))]) for extra in (3, 5)]
    expected = compare(*counts)
    assert pair.p_value == pair.p_sentences == expected.p_value
    assert pair.interval is None
    assert pair.difference == pytest.approx(f1(42 + 5) - f1(42 + 3))
    assert [pair.p_holm] == holm([expected.p_value])


def test_rows_with_two_common_seeds_are_compared_over_seeds_and_sentences(
    table: ScoreTable, tmp_path: Path, experiment: Experiment, norne: Norne
) -> None:
    finish(tmp_path, "iobes", 43, predictions(1), norne)
    whole = table_of(experiment, tmp_path, norne)
    (pair,) = whole.comparisons.pairs
    assert pair.seeds == [42, 43]
    one, two = (
        np.array([sentence_counts(GOLD, predictions(seed)) for seed in seeds])
        for seeds in ((45, 46), (47, 1))
    )
    expected = compare_seeds(resample_f1(one), resample_f1(two))
    assert (pair.p_value, pair.interval) == (expected.p_value, expected.interval)
    assert pair.p_sentences == compare(one, two).p_value
    means = [cell(whole, row, "dev").mean or 0.0 for row in ("one", "two")]
    assert pair.difference == pytest.approx(means[1] - means[0])


def test_comparisons_say_which_seeds_they_are_based_on(
    table: ScoreTable, tmp_path: Path, experiment: Experiment, norne: Norne
) -> None:
    for form in ("text", "markdown"):
        text = write_table(table, form)
        line = next(line for line in text.splitlines() if "two − one, dev" in line)
        assert line.strip(" |").endswith(" 42"), "row one has two seeds"
        assert "the seeds that both have" in text
        assert "With one seed" in text
    finish(tmp_path, "iobes", 43, predictions(1), norne)
    whole = table_of(experiment, tmp_path, norne)
    for form in ("text", "markdown"):
        text = write_table(whole, form)
        line = next(line for line in text.splitlines() if "two − one, dev" in line)
        assert line.strip(" |").endswith(" 42, 43")
        assert "hierarchical bootstrap" in text
        assert "the seeds that both have" not in text
        assert "With one seed" not in text


def test_a_table_says_where_seeds_differ_more_than_rows(
    table: ScoreTable, tmp_path: Path, experiment: Experiment, norne: Norne
) -> None:
    assert "differ more than rows" not in write_table(table)
    for encoding in ("iob", "iobes"):
        finish(tmp_path, encoding, 42, GOLD, norne)
        finish(tmp_path, encoding, 43, [[] for _ in GOLD], norne)
    text = write_table(table_of(experiment, tmp_path, norne))
    assert "dev: seeds differ more than rows" in text
    assert "70.71 points, that of the rows' means 0.00" in text


def test_confusion_matrices_are_summed_over_the_seeds(table: ScoreTable) -> None:
    confusion = cell(table, "one", "dev").confusion
    assert confusion is not None
    assert confusion.types == ["PER", "ORG", "LOC", "O"]
    assert sum(confusion.spans[0]) == 2 * sum(span.type == "PER" for spans in GOLD for span in spans)
    assert sum(map(sum, confusion.words)) == 2 * 2 * len(GOLD)
    shown = write_table(replace(table, kind="confusion"))
    assert "Spans, sum of seeds 42, 43" in shown
    assert "Spans, seed 42" in shown


def test_scores_of_another_model_or_other_data_do_not_count(
    table: ScoreTable, tmp_path: Path, experiment: Experiment, norne: Norne
) -> None:
    write_json(tmp_path / "runs" / "nob-none-full-iob-seed42" / "model.json", {"sha256": "trained anew"})
    other = tmp_path / "other.conllu"
    other.write_text("corrected", "utf-8")
    again = table_of(experiment, tmp_path, norne)
    assert cell(again, "one", "dev").missing == {"42": "not run"}
    corrected = {"nob": {**norne["nob"], "dev": [str(other)]}}
    assert cell(table_of(experiment, tmp_path, corrected), "one", "dev").mean is None


def test_different_label_sets_are_not_compared(tmp_path: Path, norne: Norne) -> None:
    (tmp_path / "two.toml").write_text(FILE.replace('encoding = "iobes"', 'labels = "4"'), "utf-8")
    experiment = read_experiment(tmp_path / "two.toml")
    for labels in ("full", "4"):
        config = RunConfig().replace({"data.labels": labels})
        folder = tmp_path / "runs" / f"nob-none-{labels}-iob-seed42"
        finish_run(folder, config, norne["nob"], predictions(1), Evaluation("nob", "dev", labels))
    table = table_of(experiment, tmp_path, norne)
    assert cell(table, "two", "dev").mean is not None
    assert table.comparisons.pairs == []


def test_text_markdown_and_latex_show_the_same_numbers(table: ScoreTable) -> None:
    text, markdown, latex = (write_table(table, form) for form in ("text", "markdown", "latex"))
    for expected in (f"{100 * (cell(table, 'one', 'dev').mean or 0):.2f}", "60.00", "NorNE, Table 99"):
        for shown in (text, markdown, latex):
            assert expected in shown
    assert markdown.startswith("### Two rows\n")
    assert "two − one, dev" in text
    for line in markdown.splitlines():
        if line.startswith("|"):
            assert line.count("|") in (8, 6), "as many cells in every line"


def test_columns_in_which_nothing_stands_are_left_out(table: ScoreTable) -> None:
    def headings(table: ScoreTable) -> list[str]:
        (line,) = (line for line in write_table(table).splitlines() if "95 % interval" in line)
        return re.split(" {2,}", line.strip())

    assert headings(table) == ["F1", "seed 42", "95 % interval", "paper", "difference", "seeds"]

    def without(cell: ScoreCell) -> ScoreCell:
        seeds = {seed: score for seed, score in cell.seeds.items() if seed != "42"}
        return replace(cell, paper=None, difference=None, seeds=seeds)

    rows = [replace(row, cells=list(map(without, row.cells))) for row in table.rows]
    assert headings(replace(table, rows=rows)) == ["F1", "95 % interval", "seeds"]


@pytest.mark.parametrize("name", ["a|b", "*x* <b>_y_</b>", "`c`|\\\\|"])
def test_any_name_keeps_the_cells_of_markdown(name: str, table: ScoreTable) -> None:
    comparisons = table.comparisons
    pairs = [replace(pair, a=replace(pair.a, row=name)) for pair in comparisons.pairs]
    first, *others = table.rows
    table = replace(
        table,
        title=name,
        rows=[replace(first, row=name), *others],
        comparisons=replace(comparisons, pairs=pairs),
    )
    text = write_table(table, "markdown")
    scores, compared = tables_of_markdown(text)
    assert scores[1][0] == f"{name}, dev"
    assert compared[1][0] == f"two − {name}, dev"
    for found in (scores, compared):
        assert len({len(row) for row in found}) == 1
    assert "<" not in text
    assert text.startswith(f"### {escape(name)}\n")
    assert f"`{cell(table, 'two', 'dev').signature}`" in text
    assert name in write_table(table)


def test_a_quick_look_is_marked_and_is_another_table(experiment: Experiment) -> None:
    quick = with_epochs(experiment, 1)
    assert quick.quick
    assert quick.name == "two-epochs=1"
    assert {run.name for c in quick.cells for run in c.runs([7])} == {
        "nob-none-full-iob-epochs=1-seed7",
        "nob-none-full-iobes-epochs=1-seed7",
    }
    longer = with_epochs(experiment, 51)
    assert (longer.quick, longer.title) == (False, "Two rows (epochs: 51)")
    assert with_epochs(experiment, 50) == experiment


def test_other_seeds_are_another_table(experiment: Experiment) -> None:
    one = with_seeds(experiment, [42])
    assert (one.name, one.title, one.seeds) == ("two-seeds=42", "Two rows (seeds: 42)", [42])
    assert one.cells == experiment.cells, "the runs are the same"
    assert with_epochs(with_seeds(experiment, [7, 5]), 1).name == "two-seeds=5,7-epochs=1"
    assert with_seeds(experiment, [43, 42]) == experiment
    many, more = (with_seeds(experiment, range(10**9, 10**9 + n)) for n in (40, 41))
    assert many.name != more.name
    assert len(many.name) < 40
    counted = read_experiment(ROOT / "experiments" / "table3.toml")
    assert with_seeds(counted, [7]) == counted


# ---------------------------------------------------------------- statistics


def norne_in(folder: Path, experiments: list[Experiment]) -> Any:
    corpora = [NORNE_CORPORA[name] for each in experiments for name in each.used_corpora]
    return find_norne(str(folder), corpora, fetch=False)


def test_counted_tables_stand_beside_the_papers(shared: Path) -> None:
    experiments = [read_experiment(ROOT / "experiments" / f"table{number}.toml") for number in (2, 3, 4)]
    norne = norne_in(shared / "norne", experiments)
    norne = {language: {**splits, "train": splits["dev"]} for language, splits in norne.items()}
    totals, _, nynorsk = (build_counts(each, norne) for each in experiments)
    dev = {row.row: row.cells[1] for row in nynorsk.rows}
    assert {type_: found.paper for type_, found in dev.items()} == {
        type_: values[1] for type_, values in paper()["table4_nn"]["rows"].items()
    }
    assert all(found.difference == 0 for found in dev.values()), "Nynorsk agrees exactly"
    assert totals.rows[0].cells[0].paper == 16309
    assert "PER" in write_table(nynorsk, "markdown")


@pytest.mark.parametrize("name", ["table2", "table3"])
def test_a_file_of_statistics_stands_alone(name: str, tmp_path: Path, cli: Callable[..., Done]) -> None:
    path = ROOT / "experiments" / f"{name}.toml"
    done = cli("experiment", path, "--data", SAMPLE, "--output", tmp_path / "out", "--json")
    assert done.status == 0, done.err
    (table,) = json.loads(done.out)
    assert table["rows"][0]["cells"][0]["ours"] > 0
    assert read_results(tmp_path / "out" / f"{name}.json").counts is not None


def test_a_missing_test_file_is_said_and_its_totals_are_not_compared(tmp_path: Path) -> None:
    experiment = read_experiment(ROOT / "experiments" / "table3.toml")
    whole = norne_in(SAMPLE, [experiment])
    table = build_counts(experiment, {"nob": {**whole["nob"], "test": []}})
    assert table.missing == ["test"]
    per = {found.column: found for found in table.rows[0].cells}
    assert per["test"].ours is None
    assert per["total"].ours == (per["train"].ours or 0) + (per["dev"].ours or 0)
    assert per["total"].difference is None
    assert "There is no test file" in write_table(table)
    assert build_counts(experiment, whole).missing == []
