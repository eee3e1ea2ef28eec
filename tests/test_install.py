"""What `pip install bilstm_crf` brings is enough to tag, evaluate and analyse errors; extras are named."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from bilstm_crf.util.extras import EXTRAS

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "tests" / "models" / "version-0.1.0"
OPTIONAL = [*EXTRAS, "sklearn", "matplotlib"]
COMMAND = "import sys; from bilstm_crf.commands.main import run; sys.exit(run(sys.argv[1:]))"


def run(*arguments: object, blocked: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in a process where the packages cannot be imported."""
    block = f"import sys\nfor name in {OPTIONAL if blocked is None else blocked}: sys.modules[name] = None\n"
    return subprocess.run(
        [sys.executable, "-c", block + COMMAND, *map(str, arguments)], capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gold") / "gold.conllu"
    rows = [("Kari", "B-PER"), ("bur", "O"), ("i", "O"), ("Oslo", "B-GPE_LOC")]
    lines = [
        "\t".join([str(i), form, *"_______", f"name={label}"]) for i, (form, label) in enumerate(rows, 1)
    ]
    path.write_text("\n".join([*lines, "\n"]), "utf-8")
    return path


def test_tagging_needs_no_optional_package(gold: Path, tmp_path: Path) -> None:
    done = run("tag", "--model", MODEL, "--text", "Kari Nordmann bur i Oslo.", "--to", "jsonl")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["tokens"] == ["Kari", "Nordmann", "bur", "i", "Oslo", "."]
    done = run("tag", "--model", MODEL, gold, "-o", tmp_path / "out.conllu")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.conllu").read_text("utf-8").count("name=") == 4


@pytest.mark.parametrize("command", ["evaluate", "errors"])
def test_evaluating_needs_no_optional_package(command: str, gold: Path) -> None:
    done = run(command, "--gold", gold, "--predicted", gold)
    assert done.returncode == 0, done.stderr
    assert "100" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["train"], "train"),
        (["tag", "--model", MODEL, "--text", "Hei.", "--device", "cuda"], "train"),
        (["tag", "--model", MODEL, "--text", "Hei.", "--tokenise", "spacy"], "spacy"),
        (["data", "norne"], "train"),
        (["model", "fetch", "kari/navn"], "hub"),
        (["data", "check", "--suspicious", *sorted((ROOT / "data" / "sample" / "nob").glob("*"))], "train"),
    ],
)
def test_an_error_names_the_extra(arguments: list[object], extra: str, tmp_path: Path) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert f"bilstm_crf[{extra}]" in done.stderr
    assert "Traceback" not in done.stderr


def requirements(distribution: metadata.Distribution) -> list[str]:
    """Return the names of what a distribution needs without extras."""
    needed = [each for each in distribution.requires or () if ";" not in each]
    return [re.match(r"[\w.-]+", each)[0] for each in needed]  # type: ignore[index]


def link_packages(names: list[str], site: Path) -> None:
    """Put installed packages, and what they need, into another environment."""
    waiting, done = list(names), set()
    while waiting:
        distribution = metadata.distribution(waiting.pop())
        for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution.locate_file(top))))
        done.add(distribution.name)
        waiting += set(requirements(distribution)) - done


def test_the_wheel_tags_in_an_environment_without_torch(tmp_path: Path) -> None:
    """Build it from a copy, since a `build` folder that lies here may hold modules of old."""
    source = tmp_path / "source"
    source.mkdir()
    copytree(ROOT / "bilstm_crf", source / "bilstm_crf", ignore=ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", tmp_path, source], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (information,) = site.glob("bilstm_crf-*.dist-info")
    link_packages(requirements(metadata.Distribution.at(information)), site)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment["BILSTM_CRF_CACHE"] = str(tmp_path / "cache")  # nothing is compiled yet, as for a new user
    python = tmp_path / "venv" / "bin" / "python"

    def in_venv(*arguments: object) -> str:
        command = [python, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert in_venv("-c", "import importlib.util; print(importlib.util.find_spec('torch'))") == "None\n"
    out = in_venv("-m", "bilstm_crf", "tag", "--model", MODEL, "--text", "Kari bur i Oslo.", "--to", "jsonl")
    assert json.loads(out)["tokens"] == ["Kari", "bur", "i", "Oslo", "."]
