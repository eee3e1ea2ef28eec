"""What the README tells people to type, typed."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from bilstm_crf.commands.main import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
CONSOLE = re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)
LINES = [line for block in CONSOLE for line in block.splitlines()]
TYPED = [line[2:].split("  #")[0].strip() for line in LINES if line.startswith("$ ")]
TABLE = re.findall(r"`((?:bilstm-crf|python train\.py)[^`]*)`", README)
START = CONSOLE[0]  # typed in this order by a new user
OTHERS = [line for line in [*TYPED, *TABLE] if not line.startswith(("make", "pip"))]
SAMPLE = [
    "python train.py --epochs 2",
    "bilstm-crf tag --model runs/sample data/sample/nno/no_nynorsk-ud-test.conllu -o sample.ner.conllu",
    "bilstm-crf evaluate --gold data/sample/nno/no_nynorsk-ud-test.conllu --predicted sample.ner.conllu",
]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a new user has: the program and the sample, and nothing that was trained or fetched."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "train.py", folder)
    shutil.copytree(ROOT / "data", folder / "data")
    return folder


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Types a line in a folder; `python` and `bilstm-crf` are those that run this test."""
    path = str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]
    environment = {**os.environ, "PATH": path}
    return subprocess.run(
        line, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_first_commands_print_what_the_readme_shows(checkout: Path) -> None:
    for part in START.split("$ ")[1:]:
        line, *shown = part.splitlines()
        if line.startswith("pip "):
            continue
        done = run(line, checkout)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        printed = (done.stdout + done.stderr).splitlines()
        assert shown, line
        assert {*shown} - {*printed} <= {"…"}, printed


def test_the_sample_trains_tags_and_evaluates(checkout: Path) -> None:
    for line in SAMPLE:
        done = run(line, checkout)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert done.stdout or "-o " in line, f"{line} printed nothing"


@pytest.mark.parametrize("line", OTHERS)
def test_every_other_command_is_one_that_the_program_knows(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in re.split(r"\\?\||&&", line.replace("\\|", "|")):
        words = shlex.split(re.sub(r" > \S+", "", part.replace("full|7|6|4", "full")))
        if words[:2] == ["python", "train.py"]:
            words[:2] = ["bilstm-crf", "train"]
        if words[:1] == ["bilstm-crf"] and len(words) > 1:
            parse(words[1:], monkeypatch)


def parse(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Parses as click would before it runs the command; raises click.UsageError for what cannot be parsed."""
    command: click.Command = main
    monkeypatch.setattr(click.Path, "convert", lambda self, value, *_: value)  # the user's files are not here
    while isinstance(command, click.Group):
        context = click.Context(command)
        found = command.get_command(context, words[0])
        assert found is not None, words
        command, words = found, words[1:]
    command.make_context(command.name or "", list(words))


@pytest.mark.parametrize("target", sorted({line.split()[1] for line in TYPED if line.startswith("make ")}))
def test_every_make_target_is_there(target: str) -> None:
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


def test_the_python_example_runs(checkout: Path) -> None:
    example = re.search(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert example is not None
    done = run(shlex.join([sys.executable, "-c", example[1]]), checkout)
    assert done.returncode == 0, done.stderr
    assert "Kari Nordmann PER 0 13 " in done.stdout


def test_every_link_leads_to_a_file() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
