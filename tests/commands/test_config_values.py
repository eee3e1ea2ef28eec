"""Values in the TOML file of `--config` have the type of their option; nothing is cut to fit."""

from collections.abc import Callable
from pathlib import Path

import pytest

from done import Done

Cli = Callable[..., Done]


@pytest.mark.parametrize(
    "line",
    [
        "epochs = 1.5",
        "epochs = true",
        'epochs = "2"',
        "epochs = [1, 2]",
        "epochs = { a = 1 }",
        "keep-misc = 3",
        "weights = [0.5, true]",
        'weights = "1"',
        "language = 1",
        "output = []",
        "train = [[]]",
    ],
)
def test_a_value_of_another_type_is_refused(cli: Cli, tmp_path: Path, line: str) -> None:
    file = tmp_path / "train.toml"
    file.write_text(line + "\n", "utf-8")
    done = cli("train", "--config", file, "--data", tmp_path / "absent")
    assert (done.status, done.out) == (2, b"")
    assert done.err.startswith(f"error: {file}: ")
    assert f"{line.split()[0].replace('-', '_')} is " in done.err
    assert ", expected " in done.err


def test_numbers_may_name_columns_and_label_sets(cli: Cli, tmp_path: Path) -> None:
    corpus, file, folder = tmp_path / "a.conll", tmp_path / "train.toml", tmp_path / "run"
    corpus.write_text("Kari B-PER x\nsov O x\n\n", "utf-8")
    names = {"train": corpus, "dev": corpus, "output": folder}
    lines = [f"{name} = '{path}'\n" for name, path in names.items()]
    lines += ["label-column = 2\nlabels = 4\nweights = 1\nepochs = 1\n[lstm]\nhidden = 4\n"]
    file.write_text("".join(lines), "utf-8")
    assert cli("train", "--config", file, "--quiet").status == 0
    assert (folder / "model.json").is_file()


@pytest.mark.parametrize("command", ["tag", "evaluate", "errors"])
def test_the_configuration_of_a_run_is_for_train(cli: Cli, tiny_model: Path, command: str) -> None:
    file = tiny_model / "config.json"
    done = cli(command, "--model", tiny_model, "absent.conll", "--config", file)
    assert (done.status, done.out) == (2, b"")
    assert done.err.startswith(f"error: --config {file}: expected a TOML file")
