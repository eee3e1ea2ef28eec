"""`bilstm-crf report`: what stands on the page and in the Markdown file, and that they say the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.pages import Reader
from bilstm_crf.corpus.norne import SPLITS
from bilstm_crf.experiments import corpus_tables
from bilstm_crf.experiments.definition import read_experiment
from bilstm_crf.experiments.render import render
from bilstm_crf.reports.markdown import markdown
from bilstm_crf.reports.page import page
from bilstm_crf.reports.read import read_material
from bilstm_crf.util.files import write_json
from done import Done
from reports.folders import (
    EPOCHS,
    FILE,
    column,
    make_experiment,
    make_run,
    tables_of_markdown,
    tables_of_page,
)
from runs import ROOT

Cli = Callable[..., Done]
RESULTS = ROOT / "docs" / "results"


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_experiment(tmp_path_factory.mktemp("experiment"))


def both(folder: Path) -> tuple[str, str]:
    material = read_material(folder)
    return page(material), markdown(material)


def only_cell(folder: Path, row: int, cell: int) -> Any:
    return json.loads((folder / "tables" / "two.json").read_text("utf-8"))["rows"][row]["cells"][cell]


@pytest.mark.parametrize("name", ["experiment", *sorted(p.name for p in RESULTS.glob("*/")), "."])
def test_every_table_of_the_markdown_stands_on_the_page(name: str, experiment: Path) -> None:
    shown, written = both(experiment if name == "experiment" else RESULTS / name)
    on_page = tables_of_page(shown)
    found = tables_of_markdown(written)
    assert len(found) >= 5
    for table in found:
        as_heat_map = [[cell if cell != "0" else "" for cell in row] for row in table]
        assert table in on_page or as_heat_map in on_page, table


def test_the_papers_number_stands_beside_ours_with_the_difference(experiment: Path) -> None:
    scores = tables_of_page(both(experiment)[0])[0]
    cell = only_cell(experiment, 0, 0)
    f1 = {seed: 100 * score["f1"] for seed, score in cell["seeds"].items()}
    assert scores[0] == ["", "F1", "paper", "difference", "seed 42", "95 % interval", "seeds"]
    assert column(scores, "F1")["one, dev"] == f"{sum(f1.values()) / 2:.2f} ± {100 * cell['sd']:.2f}"
    assert column(scores, "seed 42")["one, dev"] == f"{f1['42']:.2f}"
    assert column(scores, "paper")["one, dev"] == "60.00"
    assert column(scores, "difference")["one, dev"] == f"{100 * cell['difference']:+.2f}".replace("-", "−")
    assert column(scores, "seeds") == {
        "one, dev": "2", "one, heldout": "0 of 2", "two, dev": "1 of 2", "two, heldout": "0 of 2",
    }  # fmt: skip


def test_comparisons_come_with_both_p_values(experiment: Path) -> None:
    table = json.loads((experiment / "tables" / "two.json").read_text("utf-8"))
    (pair,) = table["comparisons"]["pairs"]
    shown, written = both(experiment)
    found = next(t for t in tables_of_page(shown) if "p (Holm)" in t[0])
    assert found[0] == ["", "difference", "p", "p (Holm)", "seeds"]
    assert found[1][0] == "two − one, dev"
    assert found[1][2:] == [f"{pair['p_value']:.4f}", f"{pair['p_holm']:.4f}", "42"]
    for text in (shown, written):
        assert "compared on the seeds that both have" in text
        assert "With one seed, p speaks of these two models" in text


def test_what_was_not_run_is_said_with_its_reason(experiment: Path) -> None:
    for text in both(experiment):
        assert "one, heldout; two, heldout (seeds 42, 43): there is no test file" in text
        assert "two, dev (seed 43): the disk is full" in text
        assert f"unfinished: 3 of {EPOCHS} epochs" in text
        assert "4 runs: 3 done, 1 unfinished." in text


def test_curves_have_a_line_for_each_seed_and_their_numbers_in_a_table(experiment: Path) -> None:
    shown = both(experiment)[0]
    reader = Reader(shown)
    lengths = [len(value.split()) for name, value in reader.attributes if name == "points"]
    assert lengths == [4, 4, 4, 4, 4, 3, 4, 3]  # of two trainings: F1 and loss, each of two seeds
    assert reader.attributes.count(("role", "img")) == reader.names.count("svg") == 4
    numbers = [table for table in tables_of_page(shown) if table[0][0] == "epoch"]
    assert [len(table) for table in numbers] == [5, 5]
    assert numbers[0][0] == ["epoch", "dev F1, seed 42", "loss, seed 42", "dev F1, seed 43", "loss, seed 43"]
    assert numbers[0][2] == ["2", "70.00 (kept)", "4,542.0", "70.00 (kept)", "4,543.0"]
    assert numbers[1][4][3:] == ["–", "–"]  # where the unfinished run has not come to


def test_matrices_are_summed_over_the_seeds(experiment: Path) -> None:
    text = both(experiment)[1]
    assert "### Confusion, one, dev: spans, sum of seeds 42, 43" in text
    assert "### Confusion, two, dev: spans, seed 42" in text


def test_commands_hashes_versions_and_signatures_are_there(experiment: Path) -> None:
    described = json.loads(next(experiment.glob("runs/*/config.json")).read_text("utf-8"))
    signature = only_cell(experiment, 0, 0)["signature"]
    for text in both(experiment):
        plain = text.replace("\\", "")
        assert described["command"] in plain.replace("&#x27;", "'")
        assert described["data"]["train"][0]["sha256"] in plain
        assert described["vectors"]["sha256"] in plain
        assert described["environment"]["packages"]["torch"] in plain
        assert described["environment"]["processor"] in plain
        assert signature in plain


def settings_of(folder: Path) -> tuple[dict[str, str], list[list[str]]]:
    """Those that all runs share, and those that differ: setting, value, runs."""
    found = [table for table in tables_of_page(both(folder)[0]) if "value" in table[0]]
    (shared,) = [table for table in found if "runs" not in table[0]]
    differ = [row for table in found if "runs" in table[0] for row in table[1:]]
    return column(shared, "value"), differ


def test_only_what_tells_runs_apart_is_told_of_each_run(experiment: Path) -> None:
    shared, differ = settings_of(experiment)
    iob, iobes = ([f"nob-sg50-full-{each}-epochs=4-seed{n}" for n in (42, 43)] for each in ("iob", "iobes"))
    assert differ == [
        ["data.encoding", "iob", ", ".join(iob)],
        ["data.encoding", "iobes", ", ".join(iobes)],
        ["run.seed", "42", f"{iob[0]}, {iobes[0]}"],
        ["run.seed", "43", f"{iob[1]}, {iobes[1]}"],
    ]
    assert shared["optimizer.learning_rate"] == "0.015"


def test_settings_that_many_runs_have_name_the_others_alone(tmp_path: Path) -> None:
    for seed in (42, 43, 44, 45):
        make_run(tmp_path / f"run-{seed}", seed)
    make_run(tmp_path / "other", 46, encoding="iobes")
    differ = settings_of(tmp_path)[1]
    assert differ[:2] == [["data.encoding", "iobes", "other"], ["data.encoding", "iob", "the other 4"]]


def test_a_setting_that_an_older_version_did_not_know_is_its_default(tmp_path: Path) -> None:
    """A preset may have got another value for it since, which the older run did not have."""
    for name, seed in (("old", 42), ("new", 43)):
        make_run(tmp_path / name, seed)
    path = tmp_path / "old" / "config.json"
    described = json.loads(path.read_text("utf-8"))
    del described["config"]["run"]["retrain_on_dev"], described["config"]["document_memory"]["size"]
    write_json(path, described)
    shared, differ = settings_of(tmp_path)
    assert [row[:2] for row in differ] == [
        ["run.seed", "43"], ["run.seed", "42"],
    ]  # fmt: skip
    assert (shared["run.retrain_on_dev"], shared["document_memory.size"]) == ("no", "0")


def test_encoders_are_told_with_their_hashes(tmp_path: Path) -> None:
    for seed in (42, 43):
        make_run(tmp_path / f"run-{seed}", seed)
    path = tmp_path / "run-42" / "config.json"
    described = json.loads(path.read_text("utf-8"))
    write_json(path, {**described, "encoder": {"name": "owner/big", "sha256": "5e" * 32}})
    for tables in (tables_of_page(both(tmp_path)[0]), tables_of_markdown(both(tmp_path)[1])):
        assert [["", "runs", "SHA-256"], ["owner/big", "1", "5e" * 32]] in tables


def test_the_commit_of_a_run_stands_beside_its_version(tmp_path: Path) -> None:
    for seed, commit in ((42, "0123456789ab-dirty"), (43, None)):
        path = make_run(tmp_path / f"run-{seed}", seed) / "config.json"
        described = json.loads(path.read_text("utf-8"))
        write_json(path, {**described, "commit": commit})
    version = described["bilstm_crf"]
    for tables in (tables_of_page(both(tmp_path)[0]), tables_of_markdown(both(tmp_path)[1])):
        runs = next(table for table in tables if "best epoch" in table[0])
        assert column(runs, "bilstm_crf") == {
            "run-42": f"{version} (0123456789ab-dirty)",
            "run-43": version,
        }


def test_contents_link_to_every_section(experiment: Path, tmp_path: Path) -> None:
    assert "<nav" not in both(experiment)[0], "one table needs none"
    shutil.copytree(experiment, tmp_path / "out")
    table = json.loads((experiment / "tables" / "two.json").read_text("utf-8"))
    write_json(tmp_path / "out" / "tables" / "three.json", {**table, "title": "The third"})
    attributes = Reader(both(tmp_path / "out")[0]).attributes
    links = [value for name, value in attributes if name == "href"]
    assert len(links) == 4  # both tables, the runs, where they come from
    assert links == [f"#{value}" for name, value in attributes if name == "id"]


def test_a_quick_look_is_marked_as_one(experiment: Path, tmp_path: Path) -> None:
    shutil.copytree(experiment, tmp_path / "out")
    path = tmp_path / "out" / "tables" / "two.json"
    write_json(path, json.loads(path.read_text("utf-8")) | {"quick": True})
    for text in both(tmp_path / "out"):
        assert "A quick look" in text
    for text in both(experiment):
        assert "A quick look" not in text


def test_tables_without_their_runs_say_that_these_are_not_here(experiment: Path, tmp_path: Path) -> None:
    shutil.copytree(experiment / "tables", tmp_path / "tables")
    shown, written = both(tmp_path)
    assert tables_of_page(shown)[0] == tables_of_page(both(experiment)[0])[0]
    assert "<svg" not in shown
    assert "done, its folder is not here" in written
    assert "4 runs: 3 done, 1 not run." in written


def test_counted_tables_stand_beside_the_papers(tmp_path: Path) -> None:
    sample = ROOT / "data" / "sample" / "nob"
    files = {split: [str(path) for path in sample.glob(f"*-{split}.conllu")] for split in SPLITS}
    toml = read_experiment(ROOT / "experiments" / "table3.toml")
    (tmp_path / "tables").mkdir()
    table = corpus_tables.build(toml, {"nob": {**files, "test": []}})
    write_json(tmp_path / "tables" / "table3.json", table)
    shown, written = both(tmp_path)
    (found,) = tables_of_page(shown)
    assert found[0][:7] == ["", "train", "paper", "±", "dev", "paper", "±"]
    per = {cell["column"]: cell for cell in table["rows"][0]["cells"]}
    assert found[1][:3] == ["PER", f"{per['train']['ours']:,}", f"{per['train']['paper']:,}"]
    assert found[1][7] == "no file"
    assert "There is no test file" in written


# ---------------------------------------------------------------- one run


def test_a_finished_run_shows_its_scores_and_says_that_there_was_no_test_file() -> None:
    metrics = json.loads((RESULTS / "nob-sg600" / "metrics.json").read_text("utf-8"))
    shown, written = both(RESULTS / "nob-sg600")
    scores = tables_of_page(shown)[0]
    micro = metrics["dev"]["strict"]["micro"]
    assert column(scores, "F1")["micro"] == f"{100 * micro['f1']:.2f}"
    assert column(scores, "gold")["PER"] == str(metrics["dev"]["strict"]["types"]["PER"]["gold"])
    for text in (shown, written):
        assert "Test: not run, there were no test files." in text
        assert f"50 epochs in 19.3 minutes; the model is that of epoch {metrics['best_epoch']}." in text
        assert "optimistic" in text


@pytest.mark.parametrize(
    ("done", "said"),
    [(0, "no epoch finished"), (3, f"unfinished: 3 of {EPOCHS} epochs; the best is epoch 2")],
)
def test_an_unfinished_run_is_shown_as_one(done: int, said: str, tmp_path: Path) -> None:
    for text in both(make_run(tmp_path / "run", 42, done=done)):
        assert f"Not finished: {said}" in text
        assert "--resume" in text


def test_other_evaluations_of_a_run_are_told(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", 42)
    score = json.loads((folder / "scores" / "nob-dev-full.json").read_text("utf-8"))
    found = next(table for table in tables_of_page(both(folder)[0]) if table[0][-1] == "signature")
    assert found[1][0] == "nob-dev-full"
    assert found[1][3] == f"{100 * score['strict']['micro']['f1']:.2f}"


def test_a_second_phase_is_told_and_each_test_score_says_of_which_model_it_is(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "out" / "run", 42, final=True)
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    reports = metrics["test"], metrics["final"]["test"]
    first, second = (f"{100 * report['strict']['micro']['f1']:.2f}" for report in reports)
    assert first != second
    for text in both(folder):
        assert f"Test (first phase) strict micro F1 {first}, " in text
        assert f"Test (second phase) strict micro F1 {second}, " in text
        assert "Second phase: the one in final/" in text
        assert "Test: not run" not in text
    shown = both(folder)[0]
    for title in ("dev (first phase)", "test (first phase)", "test (second phase)"):
        assert f"<h2>Scores on {title}</h2>" in shown
    make_run(tmp_path / "out" / "without", 43)
    shown, written = both(tmp_path / "out")
    for found in (tables_of_page(shown), tables_of_markdown(written)):
        (phases,) = [table for table in found if "batches" in table[0]]
        assert phases[0] == ["", "sentences", "batches", "epochs", "seconds", "test F1"]
        assert phases[1:] == [["run", "24", "1,208", "3", "71.5", second]]
        runs = next(table for table in found if "best epoch" in table[0])
        assert column(runs, "test F1") == {"run": first, "without": "–"}
    assert "Test F1 is that of the model that dev chose, of the first phase" in written


def test_scores_of_the_second_phases_model_are_marked(experiment: Path, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", 42, final=True)
    path = folder / "scores" / "nob-dev-full.json"
    score = json.loads(path.read_text("utf-8"))
    write_json(path, {**score, "model": "final"})
    found = next(table for table in tables_of_page(both(folder)[0]) if table[0][-1] == "signature")
    assert found[1][0] == "nob-dev-full (second phase)"
    shutil.copytree(experiment, tmp_path / "out")
    table = json.loads((experiment / "tables" / "two.json").read_text("utf-8"))
    cell = table["rows"][0]["cells"][0]
    cell["evaluation"]["split"], cell["settings"]["final"] = "test", True
    write_json(tmp_path / "out" / "tables" / "two.json", table)
    said = "Scored with the model of the second phase, of train and dev: one, dev."
    for text in (*both(tmp_path / "out"), render(table), render(table, markdown=True)):
        assert said in text
    assert "second phase" not in both(experiment)[1]


# ---------------------------------------------------------------- the command


def test_the_command_writes_both_files_and_says_where(cli: Cli, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", 42)
    done = cli("report", folder)
    assert (done.status, done.out) == (0, b"")
    assert done.err.splitlines()[0].startswith(str(folder / "report.html"))
    first = [(folder / name).read_bytes() for name in ("report.html", "report.md")]
    assert cli("report", folder).status == 0
    assert [(folder / name).read_bytes() for name in ("report.html", "report.md")] == first
    other = tmp_path / "other"
    other.mkdir()
    assert cli("report", folder, "-o", other / "a.html", "--markdown", other / "b.md").status == 0
    assert [(other / name).read_bytes() for name in ("a.html", "b.md")] == first
    assert cli("report", folder, "-o", other / "c", "--markdown", other / "c").status == 2
    assert not (other / "c").exists()


def test_the_markdown_file_lies_beside_a_page_that_is_written_elsewhere(cli: Cli, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", 42)
    assert cli("report", folder, "-o", tmp_path / "mine.html").status == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.html", "mine.md", "run"]
    assert not list(folder.glob("report.*"))
    done = cli("report", folder, "-o", tmp_path / "mine.md")
    assert done.status == 2
    assert f"the page and the Markdown file are both {tmp_path / 'mine.md'}, expected two" in done.err
    assert cli("report", folder, "-o", "/dev/null").status == 0
    assert (folder / "report.md").exists()


def test_a_folder_with_nothing_to_report_is_told_what_was_expected(cli: Cli, tmp_path: Path) -> None:
    for folder, said in (
        (tmp_path, "no tables/*.json, no runs"),
        (tmp_path / "no", "there is no such folder"),
    ):
        done = cli("report", folder)
        assert done.status == 2
        assert said in done.err
        assert "bilstm-crf experiment --output DIR" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_page_needs_no_network_and_runs_no_script(experiment: Path) -> None:
    shown = both(experiment)[0]
    assert "://" not in shown
    assert "url(" not in shown
    assert not {"script", "link", "img", "iframe"} & set(Reader(shown).names)


def test_a_table_of_ones_own_needs_no_paper(tmp_path: Path) -> None:
    file = FILE.replace('beside = "NorNE, Table 99"\n', "").replace("paper = { dev = 60.0 }\n", "")
    scores = tables_of_page(both(make_experiment(tmp_path, file))[0])[0]
    assert scores[0] == ["", "F1", "seed 42", "95 % interval", "seeds"]
