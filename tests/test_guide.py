"""Every command of docs/guide.md, in its order, on a little invented Danish."""

from __future__ import annotations

import contextlib
import io
import random
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from done import Done

GUIDE = (Path(__file__).resolve().parent.parent / "docs" / "guide.md").read_text("utf-8")
CONSOLE = re.findall(r"```console\n(.*?)```", GUIDE, flags=re.DOTALL)
TYPED = [line[2:] for block in CONSOLE for line in block.splitlines() if line.startswith("$ ")]
PYTHON = re.findall(r"```python\n(.*?)```", GUIDE, flags=re.DOTALL)
MAX_WORDS = 1_100

GIVEN = ["Mette", "Søren", "Anders", "Ida", "Freja", "Lars", "Kirsten", "Rasmus"]
FAMILY = ["Holm", "Lund", "Krogh", "Bech", "Friis", "Dam"]
TOWNS = ["Aarhus", "Odense", "Vejle", "Esbjerg", "Kolding", "Ribe", "Horsens"]
SENTENCES = [
    "{g}/B-PER {f}/I-PER bor/O i/O {t}/B-LOC ./O",
    "I/O går/O rejste/O {g}/B-PER til/O {t}/B-LOC ./O",
    "{t}/B-LOC Kommune/I-LOC køber/O nye/O cykler/O ./O",
    "Det/O regner/O hele/O dagen/O ./O",
    "{g}/B-PER og/O {f}/B-PER mødtes/O på/O havnen/O ./O",
]
# What makes a run short: the settings of the guide are for real data
SHORT = {
    "bilstm-crf train --train": "bilstm-crf train --epochs 8 --set hidden=20 --train",
    "bilstm-crf train --init-from": "bilstm-crf train --epochs 2 --init-from",
    "--preset best": "--preset best --set subwords=200 --set batch_size=2",
    "--dim 100": "--dim 8 --min-count 1 --buckets 200 --epochs 1",
    "--suspicious": "--suspicious --folds 2",
}


def write_corpus(folder: Path) -> None:
    """Write the files that the guide names, with invented sentences; the splits differ in theirs."""
    draw = random.Random(1)
    folder.mkdir()

    def sentences(count: int) -> list[list[str]]:
        return [
            draw.choice(SENTENCES)
            .format(g=draw.choice(GIVEN), f=draw.choice(FAMILY), t=draw.choice(TOWNS))
            .split()
            for _ in range(count)
        ]

    for name, count in (("train", 60), ("more", 30), ("dev", 110), ("test", 15)):
        blocks = ["\n".join(each.replace("/", "\t") for each in tokens) for tokens in sentences(count)]
        (folder / f"{name}.conll").write_text("\n\n".join(blocks) + "\n", "utf-8")
    lines = [" ".join(token.partition("/")[0] for token in tokens) for tokens in sentences(60)]
    (folder / "raw.txt").write_text("\n".join(lines) + "\n", "utf-8")
    (folder / "article.txt").write_text("Mette Holm bor i Aarhus. Hun er fra Odense.\n", "utf-8")
    (folder.parent / "theirs.conll").write_bytes((folder / "dev.conll").read_bytes())


def shortened(line: str) -> list[str]:
    for long, short in SHORT.items():
        line = line.replace(long, short)
    return shlex.split(line)


def test_every_command_runs_in_the_guides_order(
    cli: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_corpus(tmp_path / "da")
    assert len(TYPED) > 15
    for line in TYPED:
        program, *arguments = shortened(line)
        assert program == "bilstm-crf"
        if arguments[:2] == ["model", "pack"]:  # its Python example loads the model before
            run_python()
        done = cli(*arguments)
        assert done.status == 0, f"{line}\n{done.err}"
        assert done.out or done.err or "-o " in line, f"{line} said nothing"
    names = (tmp_path / "names.csv").read_text("utf-8-sig")
    assert "type" in names.splitlines()[0]


def run_python() -> None:
    (example,) = PYTHON
    with contextlib.redirect_stdout(io.StringIO()):
        exec(example, {})


def test_the_guide_is_short() -> None:
    assert len(GUIDE.split()) <= MAX_WORDS


def test_every_link_leads_to_a_file() -> None:
    docs = Path(__file__).resolve().parent.parent / "docs"
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", GUIDE):
        assert (docs / target).exists(), target
