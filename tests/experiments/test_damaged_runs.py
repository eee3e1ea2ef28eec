"""Runs whose files were damaged: they fail one by one, and stop no other run and no table."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from done import Done
from runs import SAMPLE, SMALL_TRAIN, first_sentences

Cli = Callable[..., Done]
FILE = """title = "Two rows"
[base]
words.dim = 20
hidden = 20
batch_size = 1
optimizer.learning_rate = 0.2
epochs = 2
[[row]]
name = "one"
[[row]]
name = "two"
encoding = "iobes"
"""
NAME = "nob-none-full-{}-hidden=20-learning_rate=0.2-batch_size=1-epochs=2-words.dim=20-seed42"
ONE, TWO = (Path("out/runs", NAME.format(encoding)) for encoding in ("iob", "iobes"))
ARGUMENTS = ("experiment", "two.toml", "--data", "data", "--output", "out", "--threads", "1")
Damage = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus and an experiment whose rows are both done."""
    from bilstm_crf.commands.main import run

    folder = tmp_path_factory.mktemp("whole")
    (folder / "data" / "nob").mkdir(parents=True)
    train = "nob/no_bokmaal-ud-train.conllu"
    for split in ("train", "dev"):
        first_sentences(str(SAMPLE / train), SMALL_TRAIN, folder / "data" / train.replace("train", split))
    (folder / "two.toml").write_text(FILE, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run([*ARGUMENTS, "--jobs", "2"]) == 0
    return folder


@pytest.fixture
def place(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy to damage, which is the present folder."""
    shutil.copytree(whole, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    return tmp_path / "place"


def table() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path("out/two.json").read_text("utf-8"))["scores"]
    return content


def cells() -> list[dict[str, Any]]:
    return [row["cells"][0] for row in table()["rows"]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"best_epoch": 1, "ep', "cannot be read as JSON"),
        pytest.param("{}", "format", marks=pytest.mark.slow),
        pytest.param("[]", "it is []", marks=pytest.mark.slow),
    ],
)
def test_damaged_metrics_fail_one_run_and_the_others_go_on(
    content: str, said: str, place: Path, cli: Cli
) -> None:
    (ONE / "metrics.json").write_text(content, "utf-8")
    shutil.rmtree(TWO)
    done = cli(*ARGUMENTS, "--jobs", "2")
    assert done.status == 1
    line = next(line for line in done.err.splitlines() if line.startswith(f"{ONE.name}: failed: "))
    assert f"{ONE}/metrics.json" in line
    assert said in line
    assert f"move {ONE} away" in line
    assert done.err.splitlines()[-2] == f"error: 1 of 2 runs failed: {ONE.name}"
    assert said in cells()[0]["missing"]["42"]
    assert table()["runs"][ONE.name]["done"] is False
    assert cells()[1]["mean"] is not None, "it was trained and scored"


def test_tables_of_what_is_there_are_made_beside_damaged_metrics(place: Path, cli: Cli) -> None:
    (ONE / "metrics.json").write_text('{"format": 1}', "utf-8")
    for only in ([], ["--only", "two"]):
        done = cli(*ARGUMENTS, "--no-run", *only)
        assert done.status == (0 if only else 1)
        assert "lacks the field best_epoch" in cells()[0]["missing"]["42"]
        assert cells()[1]["mean"] is not None
    assert f"{ONE.name}  failed: {ONE}/metrics.json" in cli(*ARGUMENTS, "--dry-run").err


def without_strict(score: dict[str, Any]) -> None:
    del score["report"]["strict"]


def one_count_less(score: dict[str, Any]) -> None:
    score["counts"]["correct"] = score["counts"]["correct"][1:]


def other_counts(score: dict[str, Any]) -> None:
    score["counts"]["gold"] = chr(ord(score["counts"]["gold"][0]) + 1) + score["counts"]["gold"][1:]


@pytest.mark.parametrize("damage", [without_strict, one_count_less, other_counts])
def test_damaged_scores_are_made_anew_where_the_model_is_there(damage: Damage, place: Path, cli: Cli) -> None:
    before = table()
    path = damaged(damage)
    done = cli(*ARGUMENTS)
    assert (done.status, table()) == (0, before)
    assert f"{ONE.name}: done" in done.err
    assert "strict" in json.loads(path.read_text("utf-8"))["report"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (without_strict, "report lacks the field strict"),
        (one_count_less, f"counts.correct has {SMALL_TRAIN - 1} numbers, expected one for each"),
        (other_counts, "counts.gold"),
    ],
)
def test_damaged_scores_without_a_model_are_told_and_stop_no_other(
    damage: Damage, said: str, place: Path, cli: Cli
) -> None:
    path = damaged(damage)
    (ONE / "model.json").unlink()
    for more in ([], ["--no-run"]):
        done = cli(*ARGUMENTS, *more)
        assert done.status == 1
        assert f"{ONE.name}: failed: {path}: {said}" in done.err
        assert "the model to score again is missing" in done.err
        assert said in cells()[0]["missing"]["42"]
        assert cells()[1]["mean"] is not None


def test_a_finished_run_without_scores_and_model_is_told_and_stops_no_other(place: Path, cli: Cli) -> None:
    (ONE / "scores" / "nob-dev-full.json").unlink()
    (ONE / "model.json").unlink()
    for more in ([], ["--no-run"]):
        done = cli(*ARGUMENTS, *more)
        assert done.status == 1
        assert f"{ONE.name}: failed: {ONE}/scores/nob-dev-full.json: has no scores" in done.err
        assert cells()[1]["mean"] is not None


def test_tables_of_what_is_there_fetch_nothing(place: Path, cli: Cli) -> None:
    done = cli("experiment", "two.toml", "--no-run", "--output", "out")
    assert done.status == 2
    assert "no corpus: looked in data/norne" in done.err
    assert not Path("data/norne").exists()


@pytest.mark.parametrize("other", ["--no-run", "--json", "--markdown"])
def test_a_dry_run_makes_no_tables(other: str, place: Path, cli: Cli) -> None:
    done = cli(*ARGUMENTS, "--dry-run", other)
    assert done.status == 2
    assert "--dry-run" in done.err


def damaged(damage: Damage) -> Path:
    path = ONE / "scores" / "nob-dev-full.json"
    score = json.loads(path.read_text("utf-8"))
    damage(score)
    path.write_text(json.dumps(score), "utf-8")
    return path


def test_kept_results_stand_without_the_folders_of_runs(place: Path, cli: Cli) -> None:
    before = Path("out/two.json").read_bytes()
    shutil.rmtree("out/runs")
    Path("out/notes.json").write_text("[]", "utf-8")
    for more in ([], ["--no-run"]):
        done = cli(*ARGUMENTS, *more)
        assert (done.status, done.err) == (0, ""), "nothing is trained again"
        assert Path("out/two.json").read_bytes() == before
    assert not any(Path("out/runs").glob("*")), "no folder is made"


def test_a_damaged_results_file_is_not_replaced(place: Path, cli: Cli) -> None:
    shutil.rmtree("out/runs")
    Path("out/two.json").write_text('{"format": 2, "runs": {', "utf-8")
    done = cli(*ARGUMENTS, "--no-run")
    assert done.status == 2
    assert "out/two.json" in done.err
    assert Path("out/two.json").read_text("utf-8") == '{"format": 2, "runs": {'


def test_a_damaged_history_tells_nothing_and_stops_nothing(place: Path, cli: Cli) -> None:
    before = table()
    (ONE / "history.jsonl").write_text('{"epoch": 1}\n[', "utf-8")
    shutil.rmtree(TWO)
    done = cli(*ARGUMENTS)
    assert done.status == 0, done.err
    assert cells()[0] == before["rows"][0]["cells"][0]
