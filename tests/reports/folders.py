"""Folders as `experiment` and `train` leave them, small and quickly made; and reading reports back."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from bilstm_crf.config import RunConfig
from bilstm_crf.evaluation.counts import sentence_counts
from bilstm_crf.evaluation.report import evaluate
from bilstm_crf.experiments import tables
from bilstm_crf.experiments.definition import read_experiment
from bilstm_crf.labels import LabelSet
from bilstm_crf.sentence import Sentence, Span
from bilstm_crf.training.provenance import environment
from bilstm_crf.training.records import RunDescription
from bilstm_crf.util.files import sha256_of_all, write_json

EPOCHS = 4
FILE = f"""title = "Two rows"
beside = "NorNE, Table 99"
seeds = [42, 43]
[base]
embeddings = "sg50"
set = {{ epochs = {EPOCHS} }}
[[column]]
name = "dev"
[[column]]
name = "heldout"
evaluate = {{ split = "test" }}
[[row]]
name = "one"
paper = {{ dev = 60.0 }}
[[row]]
name = "two"
encoding = "iobes"
"""
GOLD = [[Span(0, 1, "PER")], [Span(0, 1, "LOC"), Span(1, 2, "PER")], [], [Span(1, 2, "ORG")]] * 3
DIGEST = "9f2c61ab" * 8


def report_of(seed: int, data: str = DIGEST) -> tuple[Any, list[list[Span]]]:
    """Scores of predictions: some right, some with another type, some missed; differently for each seed."""
    random = np.random.default_rng(seed)
    predicted = [
        [span._replace(type="ORG" if random.random() < 0.3 else span.type) for span in spans]
        if random.random() < 0.8
        else []
        for spans in GOLD
    ]
    gold = [Sentence(["a", "b"], spans=spans) for spans in GOLD]
    return evaluate(gold, predicted, label_set=LabelSet.named("full"), data_sha256=data), predicted


def make_run(
    folder: Path,
    seed: int,
    *,
    encoding: str = "iob",
    done: int = EPOCHS,
    data: str = DIGEST,
    final: bool = False,
) -> Path:
    """The folder of a run after `done` epochs; finished where these are all.

    `final`: with a second phase, and scores of both models on test.
    """
    (folder / "scores").mkdir(parents=True)
    files = {"train": "t.conllu", "dev": "d.conllu", "embeddings": "sg50"}
    config = RunConfig().replace(files, encoding=encoding, seed=seed, epochs=EPOCHS)
    files = {
        split: [{"path": f"{split}.conllu", "sha256": DIGEST, "sentences": 12}] for split in ("train", "dev")
    }
    vectors = {"file": "v.bin", "format": "word2vec binary", "sha256": DIGEST[::-1], "words": 1204, "dim": 4}
    described = dataclasses.asdict(
        RunDescription("0.1.0", "bilstm-crf train", config, {}, environment=environment())
    )
    write_json(folder / "config.json", {**described, "data": files, "vectors": vectors})
    f1 = [0.5, 0.7, 0.65, 0.68]
    rows = [
        {"epoch": n, "loss": 9000 / n + seed, "dev": {"precision": 0.5, "recall": 0.5, "f1": f1[n - 1]}}
        for n in range(1, done + 1)
    ]
    (folder / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    if done == EPOCHS:
        report, predicted = report_of(seed + len(encoding), data)
        seconds = {"training": 90.0, "scoring dev": 30.0}
        own: dict[str, Any] = {"dev": report.as_dict(), "test": None}
        if final:
            own["test"], second = (report_of(seed + more)[0].as_dict() for more in (10, 20))
            own["final"] = {"folder": "final", "batches": 1208, "sentences": 24, "epochs": 3, "seconds": 71.5}
            own["final"]["test"] = second
        write_json(
            folder / "metrics.json",
            {"best_epoch": 2, "epochs": done, "seed": seed, "seconds": seconds, **own},
        )
        counted = zip(*sentence_counts(GOLD, predicted), strict=True)
        counts = dict(zip(("correct", "gold", "predicted"), map(list, counted), strict=True))
        score = {"model_sha256": "abc", "data_sha256": data, "counts": counts, **report.as_dict()}
        write_json(folder / "model.json", {"sha256": "abc"})
        write_json(folder / "scores" / "nob-dev-full.json", score)
    return folder


def make_experiment(folder: Path, file: str = FILE, name: str = "two") -> Path:
    """Row one with both seeds, row two with one and a half, no test file; the table in tables/."""
    (folder / "in").mkdir(parents=True, exist_ok=True)
    dev, toml = folder / "in" / "dev.conllu", folder / "in" / f"{name}.toml"
    dev.write_text("the hash alone matters", "utf-8")
    toml.write_text(file, "utf-8")
    data = sha256_of_all([dev])
    for encoding, seed, done in (("iob", 42, 4), ("iob", 43, 4), ("iobes", 42, 4), ("iobes", 43, 3)):
        run = folder / "out" / "runs" / f"nob-sg50-full-{encoding}-epochs={EPOCHS}-seed{seed}"
        if not run.exists():
            make_run(run, seed, encoding=encoding, done=done, data=data)
    corpus = {"nob": {"train": [str(dev)], "dev": [str(dev)], "test": []}}
    why = {f"nob-sg50-full-iobes-epochs={EPOCHS}-seed43": "the disk is full"}
    (folder / "out" / "tables").mkdir(exist_ok=True)
    table = tables.build(read_experiment(toml), folder / "out", corpus, why)
    write_json(folder / "out" / "tables" / f"{name}.json", table)
    return folder / "out"


# ---------------------------------------------------------------- reading back


class _Tables(HTMLParser):
    """Every table of a page: rows of the cells' text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[list[list[str]]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.found.append([])
        elif tag == "tr":
            self.found[-1].append([])
        elif tag in ("th", "td"):
            self.found[-1][-1].append("")
            self._inside = True
        elif tag == "br" and self._inside:
            self.found[-1][-1][-1] += " "

    def handle_endtag(self, tag: str) -> None:
        self._inside &= tag not in ("th", "td")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[-1][-1][-1] += data


def tables_of_page(page: str) -> list[list[list[str]]]:
    """The tables of a page, cell by cell."""
    reader = _Tables()
    reader.feed(page)
    return reader.found


def tables_of_markdown(text: str) -> list[list[list[str]]]:
    """The tables of a Markdown file, cell by cell, as a reader sees them."""
    found: list[list[list[str]]] = []
    before = ""
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("| ---"):
            found += [] if before.startswith("|") else [[]]
            found[-1].append([_plain(cell) for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        before = line
    return found


def _plain(cell: str) -> str:
    text = cell.strip().removeprefix("`").removesuffix("`")
    return re.sub(r"\\(.)", r"\1", text).replace("&lt;", "<").replace("&amp;", "&")


def column(table: Sequence[Sequence[str]], name: str) -> dict[str, str]:
    """A column of a table by the rows' names."""
    place = list(table[0]).index(name)
    return {row[0]: row[place] for row in table[1:]}
