"""Tables: means, spreads, comparisons and what was not run, from scores whose numbers are known."""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bilstm_crf.corpus.statistics import paper
from bilstm_crf.evaluation.counts import sentence_counts
from bilstm_crf.evaluation.report import evaluate
from bilstm_crf.evaluation.significance import compare, holm
from bilstm_crf.experiments import corpus_tables, tables
from bilstm_crf.experiments.corpora import Corpus
from bilstm_crf.experiments.definition import Experiment, read_experiment
from bilstm_crf.experiments.inputs import find_files
from bilstm_crf.experiments.markdown import escape
from bilstm_crf.experiments.overrides import with_epochs, with_seeds
from bilstm_crf.experiments.render import render
from bilstm_crf.experiments.settings import Evaluation
from bilstm_crf.labels import LabelSet
from bilstm_crf.sentence import Sentence, Span
from bilstm_crf.util.files import sha256_of_all, write_json
from reports.folders import tables_of_markdown
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
GOLD = [[Span(0, 1, "PER")], [Span(0, 1, "LOC"), Span(1, 2, "PER")], [], [Span(1, 2, "ORG")]] * 3
DEV = Evaluation("nob", "dev", "full")


@pytest.fixture
def corpus(tmp_path: Path) -> dict[str, dict[str, list[str]]]:
    file = tmp_path / "dev.conllu"
    file.write_text("the hash alone matters", "utf-8")
    return {"nob": {"train": [str(file)], "dev": [str(file)], "test": []}}


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    (tmp_path / "two.toml").write_text(FILE, "utf-8")
    return read_experiment(tmp_path / "two.toml")


def predictions(seed: int) -> list[list[Span]]:
    """Some right, some with another type, some missed; differently for each seed."""
    random = np.random.default_rng(seed)
    return [
        [span._replace(type="ORG" if random.random() < 0.3 else span.type) for span in spans]
        if random.random() < 0.8
        else []
        for spans in GOLD
    ]


def finished_run(folder: Path, seed: int, predicted: list[list[Span]], corpus: Corpus) -> None:
    """A run's folder as training and scoring leave it, as far as tables look at it."""
    gold = [Sentence(["a", "b"], spans=spans) for spans in GOLD]
    digest = sha256_of_all(corpus["nob"]["dev"])
    report = evaluate(gold, predicted, label_set=LabelSet.named("full"), data_sha256=digest)
    counts = sentence_counts(GOLD, predicted)
    (folder / "scores").mkdir(parents=True)
    write_json(folder / "model.json", {"sha256": "abc"})
    metrics = {"seed": seed, "best_epoch": 3, "epochs": 50, "seconds": {}, "dev": report.as_dict()}
    write_json(folder / "metrics.json", metrics)
    parts = {name: [count[i] for count in counts] for i, name in enumerate(("correct", "gold", "predicted"))}
    score = {"model_sha256": "abc", "data_sha256": digest, "counts": parts, **report.as_dict()}
    write_json(folder / "scores" / f"{DEV.name}.json", score)


@pytest.fixture
def table(tmp_path: Path, experiment: Experiment, corpus: Corpus) -> dict[str, Any]:
    """Both seeds of row one, the first of row two."""
    for encoding, seed in (("iob", 42), ("iob", 43), ("iobes", 42)):
        folder = tmp_path / "runs" / f"nob-none-full-{encoding}-seed{seed}"
        finished_run(folder, seed, predictions(seed + len(encoding)), corpus)
    why = {"nob-none-full-iobes-seed43": "the disk is full"}
    return json.loads(json.dumps(tables.build(experiment, tmp_path, corpus, why)))


def cell(table: dict[str, Any], row: str, column: str) -> dict[str, Any]:
    cells = next(each["cells"] for each in table["rows"] if each["row"] == row)
    return next(each for each in cells if each["column"] == column)


def f1(seed: int) -> float:
    counts = np.array(sentence_counts(GOLD, predictions(seed))).sum(axis=0)
    return 2 * counts[0] / (counts[1] + counts[2])


def test_a_cell_has_the_mean_and_spread_of_its_seeds_beside_the_paper(table: dict[str, Any]) -> None:
    found = cell(table, "one", "dev")
    both = [f1(42 + 3), f1(43 + 3)]
    assert {seed: score["f1"] for seed, score in found["seeds"].items()} == {
        "42": pytest.approx(both[0]),
        "43": pytest.approx(both[1]),
    }
    assert found["mean"] == pytest.approx(sum(both) / 2)
    assert found["sd"] == pytest.approx(statistics.stdev(both))
    assert found["interval"]["low"] < found["mean"] < found["interval"]["high"]
    assert found["paper"] == 0.6
    assert found["difference"] == pytest.approx(found["mean"] - 0.6)
    assert found["missing"] == {}


def test_what_was_not_run_is_said_with_its_reason(table: dict[str, Any]) -> None:
    assert cell(table, "two", "dev")["missing"] == {"43": "the disk is full"}
    heldout = cell(table, "one", "heldout")
    assert heldout["mean"] is None
    assert set(heldout["missing"].values()) == {"not run: there is no test file"}
    assert table["runs"]["nob-none-full-iobes-seed43"]["why"] == "the disk is full"
    assert table["runs"]["nob-none-full-iob-seed42"]["done"]
    text = render(table)
    assert "not run: there is no test file" in text
    assert "1 of 2" in text


def test_rows_are_compared_on_the_seeds_that_both_have(table: dict[str, Any]) -> None:
    (pair,) = table["comparisons"]["pairs"]
    assert (pair["a"], pair["b"]) == ({"row": "one", "column": "dev"}, {"row": "two", "column": "dev"})
    assert pair["seeds"] == [42]
    counts = [np.array([sentence_counts(GOLD, predictions(42 + extra))]) for extra in (3, 5)]
    expected = compare(*counts)
    assert pair["p_value"] == expected.p_value
    assert pair["difference"] == pytest.approx(f1(42 + 5) - f1(42 + 3))
    assert [pair["p_holm"]] == holm([expected.p_value])


def test_comparisons_say_which_seeds_they_rest_on(
    table: dict[str, Any], tmp_path: Path, experiment: Experiment, corpus: Corpus
) -> None:
    for text in (render(table), render(table, markdown=True)):
        line = next(line for line in text.splitlines() if "two − one, dev" in line)
        assert line.strip(" |").endswith(" 42"), "where row one has two seeds"
        assert "the seeds that both have" in text
        assert "With one seed, p speaks of these two models" in text
    finished_run(tmp_path / "runs" / "nob-none-full-iobes-seed43", 43, predictions(1), corpus)
    whole = tables.build(experiment, tmp_path, corpus, {})
    for text in (render(whole), render(whole, markdown=True)):
        line = next(line for line in text.splitlines() if "two − one, dev" in line)
        assert line.strip(" |").endswith(" 42, 43")
        assert "the seeds that both have" not in text
        assert "With one seed" not in text
    means = [cell(whole, row, "dev")["mean"] for row in ("one", "two")]
    assert whole["comparisons"]["pairs"][0]["difference"] == pytest.approx(means[1] - means[0])


def test_confusion_matrices_are_summed_over_the_seeds(table: dict[str, Any]) -> None:
    confusion = cell(table, "one", "dev")["confusion"]
    assert confusion["types"] == ["PER", "ORG", "LOC", "O"]
    assert sum(confusion["spans"][0]) == 2 * sum(span.type == "PER" for spans in GOLD for span in spans)
    assert sum(map(sum, confusion["words"])) == 2 * 2 * len(GOLD)
    shown = render({**table, "kind": "confusion"})
    assert "Spans, sum of seeds 42, 43" in shown
    assert "Spans, seed 42" in shown


def test_scores_of_another_model_or_other_data_do_not_count(
    table: dict[str, Any], tmp_path: Path, experiment: Experiment, corpus: Corpus
) -> None:
    write_json(tmp_path / "runs" / "nob-none-full-iob-seed42" / "model.json", {"sha256": "trained anew"})
    other = tmp_path / "other.conllu"
    other.write_text("corrected", "utf-8")
    again = tables.build(experiment, tmp_path, corpus, {})
    assert cell(again, "one", "dev")["missing"] == {"42": "not run"}
    corrected = {"nob": {**corpus["nob"], "dev": [str(other)]}}
    assert cell(tables.build(experiment, tmp_path, corrected, {}), "one", "dev")["mean"] is None


def test_different_label_sets_are_not_compared(tmp_path: Path, corpus: Corpus) -> None:
    (tmp_path / "two.toml").write_text(FILE.replace('encoding = "iobes"', 'labels = "4"'), "utf-8")
    experiment = read_experiment(tmp_path / "two.toml")
    for labels in ("full", "4"):
        folder = tmp_path / "runs" / f"nob-none-{labels}-iob-seed42"
        finished_run(folder, 42, predictions(1), corpus)
        (folder / "scores" / "nob-dev-full.json").rename(folder / "scores" / f"nob-dev-{labels}.json")
    table = tables.build(experiment, tmp_path, corpus, {})
    assert cell(table, "two", "dev")["mean"] is not None
    assert table["comparisons"]["pairs"] == []


def test_text_and_markdown_show_the_same_numbers(table: dict[str, Any]) -> None:
    text, markdown = render(table), render(table, markdown=True)
    for expected in (f"{100 * cell(table, 'one', 'dev')['mean']:.2f} ± ", "60.00", "NorNE, Table 99"):
        assert expected in text
        assert expected in markdown
    assert markdown.startswith("### Two rows\n")
    assert "two − one, dev" in text
    for line in markdown.splitlines():
        if line.startswith("|"):
            assert line.count("|") in (8, 6), "as many cells in every line"


def test_columns_in_which_nothing_stands_are_left_out(table: dict[str, Any]) -> None:
    def headings() -> list[str]:
        (line,) = (line for line in render(table).splitlines() if "95 % interval" in line)
        return re.split(" {2,}", line.strip())

    assert headings() == ["F1", "seed 42", "95 % interval", "paper", "difference", "seeds"]
    for row in table["rows"]:
        for each in row["cells"]:
            each |= {"paper": None, "difference": None}
            each["seeds"].pop("42", None)
    assert headings() == ["F1", "95 % interval", "seeds"]


@pytest.mark.parametrize("name", ["a|b", "*x* <b>_y_</b>", "`c`|\\\\|"])
def test_any_name_keeps_the_cells_of_markdown(name: str, table: dict[str, Any]) -> None:
    for place in (table, table["rows"][0], *(pair["a"] for pair in table["comparisons"]["pairs"])):
        place["title" if place is table else "row"] = name
    text = render(table, markdown=True)
    scores, compared = tables_of_markdown(text)
    assert scores[1][0] == f"{name}, dev"
    assert compared[1][0] == f"two − {name}, dev"
    for found in (scores, compared):
        assert len({len(row) for row in found}) == 1
    assert "<" not in text
    assert text.startswith(f"### {escape(name)}\n")
    assert f"`{cell(table, 'two', 'dev')['signature']}`" in text
    assert name in render(table)


def test_a_quick_look_is_marked_and_is_another_table(experiment: Experiment) -> None:
    quick = with_epochs(experiment, 1)
    assert quick.quick
    assert quick.name == "two-epochs=1"
    assert {c.settings.name for c in quick.cells} == {
        "nob-none-full-iob-epochs=1",
        "nob-none-full-iobes-epochs=1",
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


def test_counted_tables_stand_beside_the_papers(shared: Path) -> None:
    experiments = [read_experiment(ROOT / "experiments" / f"table{number}.toml") for number in (2, 3, 4)]
    corpus = find_files(str(shared / "norne"), experiments)
    corpus = {language: {**splits, "train": splits["dev"]} for language, splits in corpus.items()}
    totals, _, nynorsk = (corpus_tables.build(each, corpus) for each in experiments)
    dev = {row["row"]: row["cells"][1] for row in nynorsk["rows"]}
    assert {type_: found["paper"] for type_, found in dev.items()} == {
        type_: values[1] for type_, values in paper()["table4_nn"]["rows"].items()
    }
    assert all(found["difference"] == 0 for found in dev.values()), "Nynorsk agrees exactly"
    assert totals["rows"][0]["cells"][0]["paper"] == 16309
    assert "PER" in render(nynorsk, markdown=True)


def test_a_missing_test_file_is_said_and_its_totals_are_not_compared(tmp_path: Path) -> None:
    experiment = read_experiment(ROOT / "experiments" / "table3.toml")
    whole = find_files(str(SAMPLE), [experiment])
    without = {"nob": {**whole["nob"], "test": []}}
    table = corpus_tables.build(experiment, without)
    assert table["missing"] == ["test"]
    per = {found["column"]: found for found in table["rows"][0]["cells"]}
    assert per["test"]["ours"] is None
    assert per["total"]["ours"] == per["train"]["ours"] + per["dev"]["ours"]
    assert per["total"]["difference"] is None
    assert "There is no test file" in render(table)
    assert corpus_tables.build(experiment, whole)["missing"] == []
