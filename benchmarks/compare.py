#!/usr/bin/env python3
"""bilstm_crf beside its peers on one machine: training, tagging, latency, memory. See README.md here.

python benchmarks/compare.py --ncrfpp DIR --peers-python PATH --norne DIR --embeddings FILE
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import convert
import measure
from systems import DEV, TRAIN, Material, Ncrfpp, Ours, Peer, attempt

SECTIONS = ("training", "tagging", "latency", "memory")
PEERS = ("flair", "spacy", "stanza")
REPEAT = 8  # train so many times: some two million tokens; no piece of it holds a word of a repetition
PER_SECOND = "tokens/s"


@dataclass
class Row:
    """One measure of one system: its values, one a run, in the order of the runs."""

    section: str
    measure: str
    system: str
    unit: str
    values: list[float] = field(default_factory=list)
    peak_mib: float = 0.0

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def as_dict(self, ours: Row | None) -> dict[str, Any]:
        """For JSON; `ours_is_better` says how many times."""
        ratio = None
        if ours is not None and ours is not self:
            ratio = ours.median / self.median if self.unit == PER_SECOND else self.median / ours.median
        return {**vars(self), "median": self.median, "ours_is_better": ratio}


class Results:
    """All rows, with the reason for each system that did not run."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str], Row] = {}
        self.notes: dict[str, str] = {}

    def add(self, section: str, what: str, system: str, unit: str, value: float, run: measure.Run) -> None:
        """One value more."""
        row = self.rows.setdefault((section, what, system), Row(section, what, system, unit))
        row.values.append(round(value, 4))
        row.peak_mib = max(row.peak_mib, round(run.peak_mib))
        print(f"  {what:<34} {system:<12} {value:>12,.2f} {unit}", file=sys.stderr)

    def as_list(self) -> list[dict[str, Any]]:
        """Every row with its ratio to ours of the same measure."""
        return [
            row.as_dict(self.rows.get((row.section, row.measure, "bilstm_crf"))) for row in self.rows.values()
        ]


def training(ours: Ours, peers: list[Ncrfpp | Peer], sentences: int, results: Results) -> None:
    """One epoch, or a part of one; loading and dev are not counted."""
    for system in (ours, *peers):
        done = attempt(lambda system=system: system.train(sentences), system.name, results.notes)
        if done:
            results.add("training", "epoch, loading left out", system.name, PER_SECOND, *done)


def tagging(ours: Ours, peers: list[Ncrfpp | Peer], sentences: int, results: Results) -> None:
    """Train from file to file by ours alone; dev in memory by all, without reading and writing."""
    m = ours.material
    one = m.blocks(DEV, 1, "one.conllu")
    part = m.dev[: sentences or None]
    source = m.train[: sentences or None]
    many = convert.repeat(m.blocks(TRAIN, len(source), "all.conllu"), REPEAT, m.work / "many.conllu")
    tokens = REPEAT * sum(map(len, source))
    run = ours.tag(many)
    results.add("tagging", "file to file, start included", ours.name, PER_SECOND, tokens / run.seconds, run)
    seconds, run = ours.tag_warm(one, many)
    results.add("tagging", "file to file, start left out", ours.name, PER_SECOND, tokens / seconds, run)
    in_memory = "words to entities, in memory"
    done, run = ours.driver(part)
    results.add("tagging", in_memory, ours.name, PER_SECOND, done["tokens_per_second"], run)
    for peer in peers:
        if isinstance(peer, Ncrfpp):
            if done := attempt(peer.decode, peer.name, results.notes):
                results.add("tagging", in_memory, peer.name, PER_SECOND, *done)
        elif done := attempt(lambda peer=peer: peer.driver(part), peer.name, results.notes):
            figures, run = done
            results.add("tagging", in_memory, peer.name, PER_SECOND, figures["tokens_per_second"], run)


def latency(ours: Ours, peers: list[Ncrfpp | Peer], results: Results) -> None:
    """One short sentence; how soon a new process has its first result; our command's start."""
    m = ours.material
    run = ours.command("--help")
    results.add("latency", "bilstm-crf --help", ours.name, "s", run.seconds, run)
    run = ours.tag(m.blocks(DEV, 1, "one.conllu"))
    results.add("latency", "command, a file of one sentence", ours.name, "s", run.seconds, run)
    run = ours.command("tag", "--model", ours.model, "--text", "Kari Nordmann flytta til Bergen.")
    results.add("latency", "command, --text", ours.name, "s", run.seconds, run)
    for system in (ours, *peers):
        if isinstance(system, Ncrfpp):  # has no way to tag one sentence that runs on Python 3
            continue
        done = attempt(lambda system=system: system.driver(m.dev[:1]), system.name, results.notes)
        if done:
            figures, run = done
            results.add("latency", "one short sentence, warm", system.name, "ms", figures["latency_ms"], run)
            results.add("latency", "new process, first result", system.name, "s", figures["first_s"], run)
            results.add("latency", "model load", system.name, "s", figures["load_s"], run)


def memory(ours: Ours, megabytes: int, results: Results) -> None:
    """Peak while tagging a small file, and one sixteen times as large: it should not grow."""
    m = ours.material
    source = m.norne / TRAIN
    for size in (max(1, megabytes // 16), megabytes):
        times = max(1, round(size * 1e6 / source.stat().st_size))
        large = convert.repeat(source, times, m.work / "large.conllu")
        run = ours.tag(large)
        what = f"peak, tagging {large.stat().st_size / 1e6:,.0f} MB"
        results.add("memory", what, ours.name, "MiB", run.peak_mib, run)
        large.unlink()


def table(rows: Iterable[dict[str, Any]]) -> str:
    """Markdown: both sides, their ratio, lowest and highest run, peak memory."""
    lines = [
        "| section | measure | system | median | unit | lowest to highest | runs | ours better | peak MiB |",
        "| --- | --- | --- | ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        values = row["values"]
        spread = f"{number(min(values))} to {number(max(values))}"
        ratio = "" if row["ours_is_better"] is None else f"{row['ours_is_better']:.1f}x"
        cells = [row["section"], row["measure"], row["system"], number(row["median"]), row["unit"], spread]
        cells += [str(len(values)), ratio, f"{row['peak_mib']:,.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def number(value: float) -> str:
    """Three digits and more: 18,123 or 2.35."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--norne", type=Path, required=True, help="folder that holds nob/")
    parser.add_argument("--embeddings", required=True, help="word vectors, for both sides")
    parser.add_argument("--model", default="runs/nob-sg600", help="our trained model, for tagging")
    parser.add_argument("--ncrfpp", type=Path, help="a checkout of NCRF++; without it, it is left out")
    parser.add_argument("--ncrfpp-python", default=sys.executable, help="its Python, with torch")
    parser.add_argument("--peers-python", help="Python with flair, spacy, stanza; without it, left out")
    parser.add_argument("--peers", default=",".join(PEERS), help="which of them [%(default)s]")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections [%(default)s]")
    parser.add_argument("--runs", type=int, default=3, help="of each measure, in turn [%(default)s]")
    parser.add_argument("--sentences", type=int, default=3000, help="of an epoch; 0: all [%(default)s]")
    parser.add_argument("--tag-sentences", type=int, default=0, help="to tag; 0: all [%(default)s]")
    parser.add_argument("--large-mb", type=int, default=200, help="the large file [%(default)s]")
    parser.add_argument("--threads", type=int, default=2, help="of every side [%(default)s]")
    parser.add_argument("-o", "--output", type=Path, help="JSON")
    arguments = parser.parse_args()
    if unknown := set(arguments.only.split(",")) - set(SECTIONS):
        parser.error(f"--only {','.join(sorted(unknown))}: there is {', '.join(SECTIONS)}")
    return arguments


def main() -> None:
    """Measures, prints the table, writes the JSON."""
    arguments = parse()
    described = measure.machine()
    results = Results()
    began = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        material = Material(arguments.norne, arguments.embeddings, Path(folder), arguments.threads)
        ours = Ours(material, arguments.model)
        peers: list[Ncrfpp | Peer] = []
        if arguments.ncrfpp:
            peers.append(Ncrfpp(material, arguments.ncrfpp.resolve(), arguments.ncrfpp_python))
        if arguments.peers_python:
            names = [name for name in arguments.peers.split(",") if name]
            peers += [Peer(material, arguments.peers_python, name) for name in names]
        sections: dict[str, Callable[[], None]] = {
            "training": lambda: training(ours, peers, arguments.sentences or len(material.train), results),
            "tagging": lambda: tagging(ours, peers, arguments.tag_sentences, results),
            "latency": lambda: latency(ours, peers, results),
            "memory": lambda: memory(ours, arguments.large_mb, results),
        }
        for section in arguments.only.split(","):
            for turn in range(arguments.runs):
                print(f"{section}, run {turn + 1} of {arguments.runs}", file=sys.stderr)
                sections[section]()
        peers_versions = {peer.name: peer.version for peer in peers if isinstance(peer, Peer)}
    if arguments.ncrfpp:
        peers_versions["NCRF++"] = measure.commit(arguments.ncrfpp) or "a folder without git"
    rows = results.as_list()
    report = {
        "began": began,
        "command": ["python", *sys.argv],
        "machine": described,
        "threads": arguments.threads,
        "peers": peers_versions,
        "not_run": results.notes,
        "rows": rows,
    }
    print(table(rows))
    print(
        f"\n{described['processor']}, {described['cores']} cores, {arguments.threads} threads a side, ",
        end="",
    )
    print(f"load before {described['load'][0]}; {described['versions']}, peers {peers_versions}")
    for name, reason in results.notes.items():
        print(f"{name} did not run: {reason}")
    measure.write_report(arguments.output, report)


if __name__ == "__main__":
    main()
