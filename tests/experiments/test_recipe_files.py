"""Every file in experiments/ parses, and the commands that it documents and starts can be run."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf.commands.train_options import configure, given_by
from bilstm_crf.experiments.definition import read_experiment
from bilstm_crf.experiments.runs import difference
from bilstm_crf.training.records import RunDescription
from bilstm_crf.training.unused import without_unused
from done import Done
from experiments.finished_runs import options_for
from runs import ROOT

FILES = sorted((ROOT / "experiments").glob("*.toml"))
Cli = Callable[..., Done]

# Of NorNE's train, by language
SENTENCES = {"nob": 15_696, "nno": 14_174, "both": 29_870}


def documented_commands(path: Path) -> list[list[str]]:
    """The command lines in the comments of a file."""
    lines = [
        line.removeprefix("#").strip() for line in path.read_text("utf-8").splitlines() if line[:1] == "#"
    ]
    return [shlex.split(line)[1:] for line in lines if line.startswith("bilstm-crf ")]


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with NorNE's sample and empty files for the corpora that the files name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").symlink_to(ROOT / "experiments")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "norne").symlink_to(ROOT / "data" / "sample")
    for path in FILES:
        for corpus in read_experiment(path).corpora.values():
            for file in (*corpus.data.train, *corpus.data.dev, *corpus.data.test):
                if not file.startswith("norne:"):
                    Path(file).parent.mkdir(parents=True, exist_ok=True)
                    Path(file).touch()
    return tmp_path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_parses_and_its_own_commands_start(path: Path, stand_ins: Path, cli: Cli) -> None:
    experiment = read_experiment(path)
    assert experiment.cells or experiment.statistics
    commands = documented_commands(path)
    assert commands
    for command in commands:
        assert command[:2] == ["experiment", f"experiments/{path.name}"]
        done = cli(*command, "--dry-run")
        assert done.status == 0, done.err
        started = [shlex.split(line) for line in done.out.decode().splitlines()]
        runs = {run for cell in experiment.cells for run in cell.runs(experiment.seeds)}
        assert len(started) == len(runs)
        for program, train, option, file, *output in started:
            assert (program, train, option, output[0]) == ("bilstm-crf", "train", "--config", "--output")
            config, folder = configure(given_by(file, [], {"run.output": output[1]}))
            assert (str(folder), config.run.output) == (output[1], None)
            assert config.data.train
            assert config.data.dev


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_run_is_configured_as_the_file_says(path: Path, stand_ins: Path) -> None:
    experiment = read_experiment(path)
    options = options_for(Path("out"), experiment, {}, embeddings_dir="vectors", trust_remote_code=True)
    for cell in experiment.cells:
        (run,) = cell.runs([7])
        if options.corpora[cell.corpus].norne_languages and cell.corpus not in ("nob", "nno", "both"):
            continue  # its files are named once NorNE is there
        config, _ = configure(given_by(str(options.write_config(run)), [], {}))
        wanted = options.configure(run)
        assert difference(wanted, RunDescription("", "", config, {})) == ""
        assert config.words == wanted.words
        assert config.encoder == wanted.encoder


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_epoch_has_more_batches_than_the_corpus(path: Path) -> None:
    """Only training itself would notice, since a dry run reads no corpus."""
    for cell in read_experiment(path).cells:
        schedule, sentences = cell.config.schedule, SENTENCES.get(cell.corpus)
        if schedule.batches_per_epoch and sentences is not None:
            assert schedule.batches_per_epoch <= sentences // schedule.batch_size, cell.row


def test_a_base_may_set_what_has_no_effect_in_one_of_the_rows(tmp_path: Path) -> None:
    """It is left out of that row's run and of its name."""
    (tmp_path / "mine.toml").write_text(
        """title = "Mine"
[base]
encoder.name = "owner/big"
encoder.finetune = true
encoder.learning_rate = 1e-4
schedule.epochs = 10
[[row]]
name = "epochs"
[[row]]
name = "stages"
encoder.curriculum = "0:2,2:2"
[[row]]
name = "none"
encoder = "none"
""",
        "utf-8",
    )
    epochs, stages, none = (cell.settings for cell in read_experiment(tmp_path / "mine.toml").cells)
    head = {"language": "nob", "preset": "paper"}
    encoder = {"encoder.name": "owner/big", "encoder.finetune": True, "encoder.learning_rate": 1e-4}
    assert epochs == {**head, **encoder, "schedule.epochs": 10}
    assert stages == {**head, **encoder, "encoder.curriculum": "0:2,2:2"}
    assert none == {**head, "schedule.epochs": 10}


def test_settings_without_effect_make_no_other_run(tmp_path: Path) -> None:
    rows = ["", "words.dim = 7\nschedule.restarts = 3\n"]
    text = "".join(f'[[row]]\nname = "{n}"\nembeddings = "sg600"\n{row}' for n, row in enumerate(rows))
    (tmp_path / "mine.toml").write_text(f'title = "Mine"\n{text}', "utf-8")
    one, other = read_experiment(tmp_path / "mine.toml").cells
    assert one.runs([1]) == other.runs([1])
    assert without_unused(one.config) == one.config
