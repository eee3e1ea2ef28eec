"""`bilstm-crf report`: what stands on the page and in the Markdown file, and that they say the same."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bilstm_crf.experiments.records import CountCell, CountRow, CountTable, Results, ScoreCell, ScoreTable
from bilstm_crf.experiments.results import read_results, read_run, write_results
from bilstm_crf.render.markdown import to_markdown
from bilstm_crf.render.page import to_html
from bilstm_crf.reports.document import build_report
from bilstm_crf.reports.read import ReportData, read_report_data
from bilstm_crf.training.records import ModelSource, RunDescription
from done import Done
from pages import Reader
from read_tables import column, tables_of_markdown, tables_of_page
from reports.folders import DEV, EPOCHS, FILE, make_experiment, make_run, write_record
from runs import ROOT

Cli = Callable[..., Done]
RESULTS = ROOT / "docs" / "results"


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_experiment(tmp_path_factory.mktemp("experiment"))


def both(path: Path) -> tuple[str, str]:
    document = build_report(read_report_data(path))
    return to_html(document), to_markdown(document)


def table_of(folder: Path) -> ScoreTable:
    table = read_results(folder / "two.json").scores
    assert table is not None
    return table


def only_cell(folder: Path, row: int, cell: int) -> ScoreCell:
    return table_of(folder).rows[row].cells[cell]


def with_table(experiment: Path, folder: Path, table: ScoreTable) -> Path:
    """Another folder with the same runs and this table."""
    folder.mkdir()
    results = read_results(experiment / "two.json")
    write_results(folder / "two.json", replace(results, scores=table))
    return folder


def change_description(folder: Path, **changes: object) -> RunDescription:
    """Write a run's config.json with other fields."""
    description = replace(read_run(folder).description, **changes)  # type: ignore[arg-type]
    write_record(folder / "config.json", description)
    return description


@pytest.mark.parametrize("name", ["experiment", "experiments", "single_runs.json", "encoder_speed.json"])
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
    f1 = {seed: 100 * score.f1 for seed, score in cell.seeds.items()}
    assert scores[0] == ["", "F1", "seed 42", "95 % interval", "paper", "difference", "seeds"]
    assert cell.sd is not None
    assert cell.difference is not None
    assert column(scores, "F1")["one, dev"] == f"{sum(f1.values()) / 2:.2f} ± {100 * cell.sd:.2f}"
    assert column(scores, "seed 42")["one, dev"] == f"{f1['42']:.2f}"
    assert column(scores, "paper")["one, dev"] == "60.00"
    assert column(scores, "difference")["one, dev"] == f"{100 * cell.difference:+.2f}".replace("-", "−")
    assert column(scores, "seeds") == {
        "one, dev": "2", "one, heldout": "0 of 2", "two, dev": "1 of 2", "two, heldout": "0 of 2",
    }  # fmt: skip


def test_comparisons_come_with_both_p_values(experiment: Path) -> None:
    (pair,) = table_of(experiment).comparisons.pairs
    shown, written = both(experiment)
    found = next(t for t in tables_of_page(shown) if "p (Holm)" in t[0])
    assert found[0] == ["", "difference", "p", "p (Holm)", "seeds"]
    assert found[1][0] == "two − one, dev"
    assert column(found, "p")["two − one, dev"] == f"{pair.p_value:.4f}"
    assert column(found, "p (Holm)")["two − one, dev"] == f"{pair.p_holm:.4f}"
    assert column(found, "seeds")["two − one, dev"] == "42"
    for text in (shown, written):
        assert "compared on the seeds that both have" in text
        assert "With one seed, p" in text


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
    assert reader.attributes.count(("role", "img")) == 4
    numbers = [table for table in tables_of_page(shown) if table[0][0] == "epoch"]
    assert [len(table) for table in numbers] == [5, 5]
    assert numbers[0][0] == ["epoch", "dev F1, seed 42", "loss, seed 42", "dev F1, seed 43", "loss, seed 43"]
    assert numbers[0][2] == ["2", "70.00 (kept)", "4,542.0", "70.00 (kept)", "4,543.0"]
    assert numbers[1][4][3:] == ["–", "–"]  # where the unfinished run has not come to


def test_matrices_are_summed_over_the_seeds(experiment: Path) -> None:
    text = both(experiment)[1]
    assert "one, dev\n" in text
    assert "Spans, sum of seeds 42, 43" in text
    assert "Spans, seed 42\n" in text


def test_commands_hashes_versions_and_signatures_are_there(experiment: Path) -> None:
    description = next(iter(read_results(experiment / "two.json").runs.values())).description
    signature = only_cell(experiment, 0, 0).signature
    for text in both(experiment):
        plain = text.replace("\\", "")
        assert description.command in plain
        assert description.data["train"][0].sha256 in plain
        assert description.vectors is not None
        assert description.vectors.sha256 in plain
        assert description.environment.packages["torch"] in plain
        assert description.environment.processor in plain
        assert signature in plain


def settings_of(folder: Path) -> list[list[str]]:
    """Those that differ from the preset: setting, value, the preset's value, runs."""
    (found,) = [table for table in tables_of_page(both(folder)[0]) if "preset's value" in table[0]]
    return found[1:]


def test_settings_are_shown_only_where_they_differ_from_the_preset(experiment: Path) -> None:
    iobes = [f"nob-sg50-full-iobes-epochs=4-seed{n}" for n in (42, 43)]
    assert settings_of(experiment) == [
        ["preset", "paper", "", "all"],
        ["data.encoding", "iobes", "iob", ", ".join(iobes)],
        ["words.embeddings", "sg50", "none", "all"],
        ["schedule.epochs", "4", "50", "all"],
    ]


def test_runs_are_counted_where_they_are_many(tmp_path: Path) -> None:
    for seed in (42, 43, 44, 45):
        make_run(tmp_path / f"run-{seed}", seed)
    make_run(tmp_path / "other", 46, encoding="iobes")
    config = read_run(tmp_path / "other").description.config
    change_description(tmp_path / "other", config=config.replace({"schedule.epochs": 5}))
    found = {(row[0], row[1]): row[3] for row in settings_of(tmp_path)}
    assert found["data.encoding", "iobes"] == "other"
    assert found["schedule.epochs", "4"] == "4 of 5"


def test_a_setting_of_another_preset_is_compared_with_that_preset(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", 42)
    config = read_run(folder).description.config
    change_description(folder, config=replace(config, preset="best"))
    found = {row[0]: row[1:3] for row in settings_of(folder)}
    assert found["preset"] == ["best", ""]
    assert found["lstm.hidden"] == ["200", "600"]
    assert found["schedule.epochs"] == ["4", "20"]


def test_encoders_are_told_with_their_hashes(tmp_path: Path) -> None:
    for seed in (42, 43):
        make_run(tmp_path / f"run-{seed}", seed)
    change_description(tmp_path / "run-42", encoder=ModelSource("owner/big", "5e" * 32))
    for tables in (tables_of_page(both(tmp_path)[0]), tables_of_markdown(both(tmp_path)[1])):
        assert [["", "runs", "SHA-256"], ["owner/big", "1", "5e" * 32]] in tables


def test_the_commit_of_a_run_stands_beside_its_version(tmp_path: Path) -> None:
    for seed, commit in ((42, "0123456789ab-dirty"), (43, None)):
        version = change_description(make_run(tmp_path / f"run-{seed}", seed), commit=commit).bilstm_crf
    for tables in (tables_of_page(both(tmp_path)[0]), tables_of_markdown(both(tmp_path)[1])):
        runs = next(table for table in tables if "best epoch" in table[0])
        assert column(runs, "bilstm_crf") == {
            "run-42": f"{version} (0123456789ab-dirty)",
            "run-43": version,
        }


def test_contents_link_to_every_section(experiment: Path, tmp_path: Path) -> None:
    assert "<nav" not in both(experiment)[0], "one table needs none"
    shutil.copytree(experiment, tmp_path / "out")
    third = replace(table_of(experiment), title="The third")
    write_results(tmp_path / "out" / "three.json", Results(scores=third))
    attributes = Reader(both(tmp_path / "out")[0]).attributes
    links = [value for name, value in attributes if name == "href"]
    assert len(links) == 4  # both tables, the runs, where they come from
    assert links == [f"#{value}" for name, value in attributes if name == "id"]


def test_a_quick_look_is_marked_as_one(experiment: Path, tmp_path: Path) -> None:
    quick = with_table(experiment, tmp_path / "out", replace(table_of(experiment), quick=True))
    for text in both(quick):
        assert "A quick look" in text
    for text in both(experiment):
        assert "A quick look" not in text


def test_tables_without_their_runs_say_that_these_are_not_here(experiment: Path, tmp_path: Path) -> None:
    write_results(tmp_path / "two.json", Results(scores=table_of(experiment)))
    shown, written = both(tmp_path)
    assert tables_of_page(shown)[0] == tables_of_page(both(experiment)[0])[0]
    assert 'role="img"' not in shown
    assert "done, its results are not here" in written
    assert "4 runs: 3 done, 1 not run." in written


def test_counted_tables_stand_beside_the_papers(tmp_path: Path) -> None:
    cells = [CountCell("train", 1204, 1200, 4), CountCell("test", None, 80, None)]
    head = ("1", "table3", "experiments/table3.toml", "Entities", "NorNE, Table 3", ["train", "test"])
    table = CountTable(*head, ["test"], [CountRow("PER", cells)])
    write_results(tmp_path / "table3.json", Results(counts=table))
    shown, written = both(tmp_path)
    (found,) = tables_of_page(shown)
    assert found == [
        ["", "train", "paper", "difference", "test", "paper", "difference"],
        ["PER", "1,204", "1,200", "+4", "no file", "80", "–"],
    ]
    assert "There is no test file" in written


def test_each_table_has_a_chart_of_its_scores_with_their_intervals(experiment: Path) -> None:
    shown = both(experiment)[0]
    charts = re.findall(r'<div class="points">.*?<div class="track"><svg', shown, re.DOTALL)
    assert len(charts) == 1, "of the column dev; heldout has no scores"
    cell = only_cell(experiment, 0, 0)
    assert cell.mean is not None
    assert re.search(rf"<div>one</div>.*?<div>{100 * cell.mean:.2f}</div>", shown, re.DOTALL)
    assert shown.count('class="reference"') == 1
    assert "upright stroke: the paper" in shown


# ---------------------------------------------------------------- one run


def test_a_finished_run_shows_its_scores_and_says_that_there_was_no_test_file() -> None:
    run = read_results(RESULTS / "single_runs.json").runs["nob-sg600"]
    assert run.metrics is not None
    metrics = run.metrics
    document = build_report(ReportData("nob-sg600", [], {"nob-sg600": run}, is_single=True))
    shown, written = to_html(document), to_markdown(document)
    scores = tables_of_page(shown)[0]
    assert column(scores, "F1")["micro"] == f"{100 * metrics.dev.strict.f1:.2f}"
    assert column(scores, "gold")["PER"] == str(metrics.dev.strict.types["PER"].gold)
    for text in (shown, written):
        assert "Test: not run, there were no test files." in text
        assert f"50 epochs in 19.3 minutes; the model is that of epoch {metrics.best_epoch}." in text
        assert "optimistic" in text


@pytest.mark.parametrize(
    ("done", "said"),
    [(0, "no epoch finished"), (3, f"unfinished: 3 of {EPOCHS} epochs; the best is epoch 2")],
)
def test_an_unfinished_run_is_shown_as_one(done: int, said: str, tmp_path: Path) -> None:
    shown, written = both(make_run(tmp_path / "run", 42, done=done))
    assert ("Learning curves" in shown, "Learning curves" in written) == (done > 0, False)
    for text in (shown, written):
        assert f"Not finished: {said}" in text
        assert "--resume" in text


def test_other_evaluations_of_a_run_are_told(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", 42)
    score = read_run(folder).scores[DEV.name]
    found = next(table for table in tables_of_page(both(folder)[0]) if table[0][-1] == "signature")
    assert found[1][0] == "nob-dev-full"
    assert found[1][3] == f"{100 * score.report.strict.f1:.2f}"


def test_a_second_phase_is_told_and_each_test_score_says_of_which_model_it_is(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "out" / "run", 42, final=True)
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    reports = metrics["test"], metrics["final"]["test"]
    first, second = (f"{100 * report['strict']['micro']['f1']:.2f}" for report in reports)
    assert first != second
    for text in both(folder):
        assert f"Test (first phase) strict micro F1 {first}, " in text
        assert f"Test (second phase) strict micro F1 {second}, " in text
        assert "Second phase: the model in final/" in text
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


def test_scores_of_the_second_phases_model_are_marked(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", 42, final=True)
    write_record(
        folder / "scores" / f"{DEV.name}.json", replace(read_run(folder).scores[DEV.name], model="final")
    )
    found = next(table for table in tables_of_page(both(folder)[0]) if table[0][-1] == "signature")
    assert found[1][0] == "nob-dev-full (second phase)"


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
        (tmp_path, "no *.json, no runs"),
        (tmp_path / "no", "there is no such file or folder"),
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
