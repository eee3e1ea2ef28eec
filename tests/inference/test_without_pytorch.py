"""Tagging needs no PyTorch, nor any other package that only training needs; a model says what is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bilstm_crf import Tagger
from bilstm_crf.formats import read
from runs import DEV

HEAVY = ["torch", "torchcrf", "gensim", "scipy", "seqeval", "sklearn", "spacy", "transformers", "requests"]
BLOCK = """
import importlib.util
import sys

find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in {blocked!r} else find(name, package)

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
"""


def run(script: str, *arguments: object, blocked: list[str] = HEAVY) -> subprocess.CompletedProcess[str]:
    program = BLOCK.format(blocked=blocked) + script
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


PREDICT = """
import json
from bilstm_crf import Tagger
from bilstm_crf.formats import read
print(json.dumps(Tagger.load(sys.argv[1]).predict(list(read(sys.argv[2])))))
"""


@pytest.mark.parametrize("blocked", [HEAVY, [*HEAVY, "numba", "llvmlite"]], ids=["numba", "no numba"])
def test_tagging_needs_none_of_them(blocked: list[str], tiny_model: Path) -> None:
    done = run(PREDICT, tiny_model, DEV, blocked=blocked)
    assert done.returncode == 0, done.stderr
    expected = Tagger.load(tiny_model).predict(list(read(DEV)))
    assert json.loads(done.stdout) == [[list(span) for span in spans] for spans in expected]


def test_the_command_tags_files_and_text(tiny_model: Path, tmp_path: Path) -> None:
    script = "from bilstm_crf.commands.main import run\nsys.exit(run(sys.argv[1:]))"
    expected = tmp_path / "expected.conllu"
    for blocked, output in ([], expected), (HEAVY, tmp_path / "out.conllu"):
        done = run(script, "tag", "--model", tiny_model, DEV, "-o", output, blocked=blocked)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.conllu").read_bytes() == expected.read_bytes()
    done = run(script, "tag", "--model", tiny_model, "--text", "Kari Nordmann bur i Oslo.")
    assert done.returncode == 0, done.stderr
    assert "Kari Nordmann" in done.stdout


def test_a_gpu_without_pytorch_names_the_extra(tiny_model: Path) -> None:
    script = "from bilstm_crf.commands.main import run\nsys.exit(run(sys.argv[1:]))"
    done = run(script, "tag", "--model", tiny_model, DEV, "--device", "cuda")
    assert done.returncode == 2
    assert "bilstm_crf[train]" in done.stderr
