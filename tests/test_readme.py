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
TYPED = [line[2:].split("  #")[0].strip() for block in CONSOLE for line in block.splitlines() if line[:2] == "$ "]
TABLE = re.findall(r"`((?:bilstm-crf|python train\.py)[^`]*)`", README)
SAMPLE = [line for line in TYPED if "sample" in line or line == "python train.py"]
OTHERS = [line for line in [*TYPED, *TABLE] if line not in SAMPLE and not line.startswith(("make", "cat", "head"))]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a new user has: the program and the sample, and nothing that was trained or fetched."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "train.py", folder)
    shutil.copytree(ROOT / "data" / "sample", folder / "data" / "sample")
    return folder


def environment() -> dict[str, str]:
    """`python` and `bilstm-crf` are those that run this test."""
    folder = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": folder + os.pathsep + os.environ["PATH"], "OMP_NUM_THREADS": "1"}


def test_every_command_on_the_sample_runs_in_the_readmes_order(checkout: Path) -> None:
    assert SAMPLE[0] == "python train.py"
    for line in SAMPLE:
        line = line.replace("python train.py", "python train.py --epochs 2")  # as long as it takes to see it run
        done = subprocess.run(
            line, shell=True, cwd=checkout, env=environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert done.stdout or "-o " in line, f"{line} printed nothing"


@pytest.mark.parametrize("line", OTHERS)
def test_every_other_command_is_one_that_the_program_knows(line: str) -> None:
    for part in re.split(r"\\?\||&&", line.replace("\\|", "|")):
        words = shlex.split(re.sub(r" > \S+", "", part.replace("full|7|6|4", "full")))
        if words[:2] == ["python", "train.py"]:
            words[:2] = ["bilstm-crf", "train"]
        if words[:1] == ["bilstm-crf"] and len(words) > 1:
            parse(words[1:])


def parse(words: list[str]) -> None:
    """Parses as click would before it runs the command; raises click.UsageError for what cannot be parsed."""
    command: click.Command = main
    while isinstance(command, click.Group):
        context = click.Context(command)
        found = command.get_command(context, words[0])
        assert found is not None, words
        command, words = found, words[1:]
    try:
        command.make_context(command.name or "", list(words))
    except click.exceptions.BadParameter as error:
        assert "does not exist" in error.format_message(), words  # only the user's own files may be missing


@pytest.mark.parametrize("target", sorted({line.split()[1] for line in TYPED if line.startswith("make ")}))
def test_every_make_target_is_there(target: str) -> None:
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


def test_the_python_example_runs_on_a_trained_sample(checkout: Path) -> None:
    example = re.search(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert example is not None
    if not (checkout / "runs" / "sample").exists():
        subprocess.run(
            ["bilstm-crf", "train", "--epochs", "2"], cwd=checkout, env=environment(), check=True, capture_output=True
        )
    done = subprocess.run(
        [sys.executable, "-c", example[1]], cwd=checkout, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_link_leads_to_a_file() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
