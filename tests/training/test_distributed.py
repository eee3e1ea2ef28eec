"""Several processes that train together end where one process ends, or all of them end at once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bilstm_crf.errors import InterruptedRunError, UsageError
from bilstm_crf.features.batches import make_batch, part_of
from bilstm_crf.features.vocabulary import Vocabulary
from bilstm_crf.training import run
from bilstm_crf.training.processes import Processes, as_started
from bilstm_crf.training.records import read_description
from done import Done
from runs import (
    ROOT,
    SAMPLE,
    hear_ctrl_c,
    history,
    interrupt,
    monitor,
    resume,
    small_config,
    start,
    weights_hash,
)
from together import Together, assert_close, options

RECIPE = {  # all that draws random numbers or keeps something between batches
    "embeddings": str(SAMPLE / "vectors.bin"),
    "words.dim": 100,  # the default, which those have no use for
    "dropout": 0.5,
    "document_memory": 5,
    "memory_free_loss_weight": 0.5,
    "word_dropout": 1,
    "subwords": 50,
    "subword_dropout": 0.2,
    "recurrent_dropout": 0.3,
    "ensemble_size": 2,
    "averaging": 0.9,
    "gradient_clip": 1,
    "momentum": 0.5,
    "learning_rate": 0.05,
    "epochs": 2,
}


@pytest.mark.parametrize(
    ("size", "batch_size"),
    [(2, 3), pytest.param(3, 2, marks=pytest.mark.slow)],
    ids=["uneven", "too few for all"],
)
def test_several_processes_end_where_one_ends(size: int, batch_size: int, tmp_path: Path) -> None:
    """20 sentences in batches of 3: the last has 2. In batches of 2, three processes have no part each."""
    config = small_config(tmp_path).replace({**RECIPE, "batch_size": batch_size})
    start(config, tmp_path / "one")
    together = Together(tmp_path / "said", size, [*options(config), "--output", tmp_path / "several"])
    statuses, said = together.end()
    assert statuses == [0] * size, said
    assert said[1:] == [""] * (size - 1)
    assert_close(tmp_path / "several", tmp_path / "one")
    description = read_description(tmp_path / "several" / "config.json")
    assert description.environment.processes == size
    assert description.command.startswith(f"torchrun --nproc-per-node {size} ")


@pytest.mark.slow
def test_a_killed_process_ends_the_others_and_the_run_goes_on_where_it_was(tmp_path: Path) -> None:
    config = small_config(tmp_path, batch_size=4, epochs=20)
    arguments = [*options(config), "--output", tmp_path / "run"]
    together = Together(tmp_path / "said", 2, arguments)
    together.wait_for("Epoch  2")
    together.processes[1].kill()
    statuses, said = together.end()
    assert statuses == [1, -signal.SIGKILL]
    assert re.search(r"error: .*process.* in epoch \d+; epochs 1-\d+ are safe", said[0])
    assert "--resume" in said[0]
    with pytest.raises(UsageError, match="2 processes"):
        resume(tmp_path / "run")
    statuses, said = Together(tmp_path / "said", 2, ["--resume", tmp_path / "run"]).end()
    assert statuses == [0, 0], said
    Together(tmp_path / "said", 2, [*arguments[:-1], tmp_path / "whole"]).end()
    assert weights_hash(tmp_path / "run") == weights_hash(tmp_path / "whole")
    assert history(tmp_path / "run") == history(tmp_path / "whole")


@pytest.mark.parametrize(
    ("arguments", "status", "what"),
    [
        (["--bogus"], 2, "--bogus"),
        pytest.param(
            ["--train", "absent.conll", "--dev", "absent.conll"], 2, "absent", marks=pytest.mark.slow
        ),
        pytest.param(["--help"], 0, "--patience", marks=pytest.mark.slow),
    ],
)
def test_what_is_no_training_is_said_once(
    arguments: list[str], status: int, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    statuses, said = Together(tmp_path / "said", 2, arguments).end()
    assert statuses == [status, 0]
    assert what in said[0]
    assert said[1] == ""
    assert os.listdir(tmp_path) == ["said"]


def test_the_parts_of_a_batch_are_the_batch_in_packed_order() -> None:
    """And sentences of the same length are in different parts."""
    vocabulary = Vocabulary((), "Kari", ["O"])
    lengths = [9, 1, 7, 4, 4, 8, 3]
    words = [[f"Kari{number}"] * length for number, length in enumerate(lengths)]
    encoded = vocabulary.encode(words, [["O"] * length for length in lengths])
    batch = make_batch(encoded, np.arange(7))
    parts = [part_of(batch, number, 3, encoded) for number in range(3)]
    places = [each.part for each in parts if each.part is not None]
    assert sorted(np.concatenate([each.tokens for each in places])) == [*range(36)]
    for part, place in zip(parts, places, strict=True):
        assert (part.layout.tokens == batch.layout.tokens[place.tokens]).all()
        assert (part.words.characters == batch.words.characters[place.characters]).all()
        assert (
            batch.layout.sentences[place.sentence_of] == part.layout.sentences[part.layout.sentence_of]
        ).all()
    assert [len(each.labels) for each in parts] == [13, 12, 11]  # 9+3+1, 8+4, 7+4


def test_another_number_of_processes_does_not_resume(tmp_path: Path) -> None:
    small = small_config(tmp_path, epochs=2)
    with pytest.raises(InterruptedRunError):
        start(small, tmp_path / "run", interrupt(1))
    with pytest.raises(UsageError, match="now there are 2") as caught:
        run.resume(tmp_path / "run", monitor(), processes=Processes(0, 2, 2, 0))
    assert "without torchrun" in str(caught.value.hint)


def test_half_of_what_torchrun_sets_is_refused(
    cli: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    done = cli("train")
    assert (done.status, done.out) == (2, b"")
    assert "torchrun" in done.err
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert as_started() == Processes()


@pytest.mark.slow
def test_divergence_is_said_once(tmp_path: Path) -> None:
    config = small_config(tmp_path, learning_rate=1e6, batch_size=4)
    statuses, said = Together(tmp_path / "said", 2, [*options(config), "--output", tmp_path / "run"]).end()
    assert statuses == [1, 1]
    assert said[0].count("diverges") == 1
    assert said[1] == ""


@pytest.fixture
def torchrun() -> Callable[..., subprocess.Popen[bytes]]:
    """Starts two processes as a user does."""

    def begin(*arguments: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        return subprocess.Popen(
            [*command, *map(str, arguments)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=hear_ctrl_c,
        )

    return begin


@pytest.mark.slow
@pytest.mark.parametrize("form", [["train.py"], ["-m", "bilstm_crf", "train"]], ids=["script", "module"])
def test_torchrun_starts_a_training(
    form: list[str], torchrun: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    config = small_config(tmp_path, batch_size=3)
    start(config, tmp_path / "one")
    process = torchrun(*form, *options(config), "--output", tmp_path / "two")
    out, said = process.communicate()
    assert process.returncode == 0, said
    assert out.count(b"strict F1") == said.count(b"Model in") == said.count(b"Epoch  5") == 1
    assert_close(tmp_path / "two", tmp_path / "one")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_all_and_says_once_how_to_go_on(
    number: int, torchrun: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    config = small_config(tmp_path, batch_size=3, epochs=1000)
    process = torchrun("train.py", *options(config), "--output", tmp_path / "run")
    assert process.stderr is not None
    before = []
    for line in process.stderr:
        before.append(line)
        if line.startswith(b"Epoch  2"):
            break
    process.send_signal(number)
    _, said = process.communicate()
    done = len(history(tmp_path / "run"))
    expected = f"Interrupted in epoch {done + 1}; epochs 1-{done} are safe in {tmp_path / 'run'}"
    assert said.decode().count(expected) == 1
    assert b"torchrun --nproc-per-node 2 train.py --resume" in said
    assert not (tmp_path / "run" / ".lock").exists()
