"""The systems that are compared, each able to train on a part of Bokmål train and to tag dev."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import convert
import measure
import ncrfpp

PEERS = Path(__file__).resolve().parent / "peers"
TRAIN, DEV = "nob/no_bokmaal-ud-train.conllu", "nob/no_bokmaal-ud-dev.conllu"
SMALL = 300  # training sentences of a model whose speed in tagging is all that matters


@dataclass
class Material:
    """The input files of all systems, written once to the folder `work`."""

    norne: Path
    embeddings: str
    work: Path
    threads: int
    train: list[convert.Columns] = field(init=False)
    dev: list[convert.Columns] = field(init=False)
    vectors: Path = field(init=False)  # as text

    def __post_init__(self) -> None:
        self.train = [convert.to_columns(block) for block in convert.blocks(self.norne / TRAIN)]
        self.dev = [convert.to_columns(block) for block in convert.blocks(self.norne / DEV)]
        self.vectors = self.work / "vectors.txt"

    def write_vectors(self) -> None:
        """The vectors as text, for the peers, once."""
        if not self.vectors.exists():
            script = Path(convert.__file__)
            measure.run([sys.executable, script, self.embeddings, self.vectors], threads=1)

    def blocks(self, split: str, sentences: int, name: str) -> Path:
        """The first sentences of a split as they stand in NorNE."""
        source = self.norne / split
        chosen = [block for _, block in zip(range(sentences), convert.blocks(source), strict=False)]
        return convert.write_blocks(chosen, self.work / name)

    def columns(self, sentences: list[convert.Columns], name: str) -> Path:
        """Sentences in two columns."""
        return convert.write_columns(sentences, self.work / name)


@dataclass
class Ours:
    """bilstm_crf by its own command line."""

    material: Material
    model: str  # a trained model's folder, for tagging
    name: str = "bilstm_crf"

    def command(self, *arguments: object) -> measure.Run:
        """One run of `bilstm-crf`."""
        command = [sys.executable, "-m", "bilstm_crf", *map(str, arguments)]
        return measure.run(command, threads=self.material.threads)

    def train(self, sentences: int) -> tuple[float, measure.Run]:
        """Preset `paper`: tokens a second of the second epoch by its own history.jsonl, and the process."""
        folder = self.material.work / "ours"
        run = self.command(
            *("train", "--train", self.material.blocks(TRAIN, sentences, "train.conllu")),
            *("--dev", self.material.blocks(DEV, 10, "dev10.conllu"), "--labels", "full"),
            *("--embeddings", self.material.embeddings, "--preset", "paper", "--epochs", 2),
            *("--threads", self.material.threads, "--output", folder, "--overwrite", "--quiet"),
        )
        row = json.loads((folder / "history.jsonl").read_text("utf-8").splitlines()[-1])
        return row["tokens_per_second"], run

    def tag(self, source: Path) -> measure.Run:
        """`bilstm-crf tag` from file to file."""
        return self.command(
            *("tag", "--model", self.model, source, "-o", self.material.work / "tagged.conllu"),
            *("--threads", self.material.threads, "--quiet"),
        )

    def tag_warm(self, one: Path, many: Path) -> tuple[float, measure.Run]:
        """Seconds of reading, tagging and writing `many`, by the command in a warm process."""
        m = self.material
        script = PEERS / "ours_command.py"
        arguments = (self.model, one, many, m.work / "tagged.conllu", str(m.threads))
        run = measure.run([sys.executable, script, *arguments], threads=m.threads)
        return json.loads(run.out)["seconds"], run

    def driver(self, sentences: list[convert.Columns]) -> tuple[dict[str, Any], measure.Run]:
        """Measure the Tagger inside a process, as the peers' drivers do."""
        return drive(sys.executable, "ours_ner.py", self.material, self.model, sentences)


@dataclass
class Ncrfpp:
    """NCRF++ from a checkout."""

    material: Material
    checkout: Path
    python: str
    name: str = "NCRF++"

    def train(self, sentences: int) -> tuple[float, measure.Run]:
        """Tokens a second of one epoch by its own log, and the process."""
        speeds, run = self._epoch(sentences)
        return speeds[0], run

    def decode(self) -> tuple[float, measure.Run]:
        """Tokens a second on dev, by its own log: without reading and writing."""
        speeds, run = self._epoch(SMALL)
        return speeds[1], run

    def _epoch(self, part: int) -> tuple[tuple[float, float], measure.Run]:
        m = self.material
        m.write_vectors()
        config = ncrfpp.prepare(m.work / "ncrfpp", m.train, part, m.dev, m.vectors)
        run = ncrfpp.run(self.checkout, self.python, config, threads=m.threads)
        trained, decoded = ncrfpp.read_log(run.out)
        per_sentence = ncrfpp.tokens_per_sentence
        return (trained * per_sentence(m.train[:part]), decoded * per_sentence(m.dev)), run


@dataclass
class Peer:
    """A package in an environment of its own, by its driver in peers/."""

    material: Material
    python: str
    name: str  # the package's
    version: str = ""

    @property
    def model(self) -> Path:
        """Return the folder of its model."""
        return self.material.work / self.name

    def train(self, sentences: int) -> tuple[float, measure.Run]:
        """Tokens a second of one epoch, and the process."""
        m = self.material
        m.write_vectors()
        run = measure.run(
            [
                *(self.python, PEERS / f"{self.name}_ner.py", "train", "--model", self.model),
                *("--train", m.columns(m.train[:sentences], "train.columns")),
                *("--dev", m.columns(m.dev[:100], "dev100.columns")),
                *("--vectors", m.vectors, "--threads", str(m.threads)),
            ],
            threads=m.threads,
        )
        result = json.loads(run.out.splitlines()[-1])
        self.version = result["version"]
        return result["tokens_per_second"], run

    def driver(self, sentences: list[convert.Columns]) -> tuple[dict[str, Any], measure.Run]:
        """Loading, first result, latency, tagging; with a small model where none was trained yet."""
        if not self.model.exists():
            self.train(SMALL)
        return drive(self.python, f"{self.name}_ner.py", self.material, str(self.model), sentences)


def drive(
    python: str, script: str, material: Material, model: str, sentences: list[convert.Columns]
) -> tuple[dict[str, Any], measure.Run]:
    """`tag` of a driver: its line of JSON and the process."""
    source = material.columns(sentences, "tag.columns")
    options = ["--model", model, "--vectors", material.vectors, "--threads", str(material.threads)]
    run = measure.run([python, PEERS / script, "tag", *options, source], threads=material.threads)
    return json.loads(run.out.splitlines()[-1]), run


def attempt(what: Callable[[], Any], name: str, notes: dict[str, str]) -> Any:
    """The result, or None with the reason noted: one peer that fails does not end the comparison."""
    try:
        return what()
    except (measure.FailedError, OSError, ValueError, IndexError) as error:
        notes[name] = re.sub(r"\s+", " ", str(error))[-500:]
        print(f"{name}: not run: {error}", file=sys.stderr)
        return None
