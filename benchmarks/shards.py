"""Measure a corpus in shards: the three programs of examples/ and `bilstm-crf tag`, with one and two workers.

    python benchmarks/shards.py --text raw.txt -o docs/results/shards.json

The text is cut into JSONL shards, whose rows have some 2,000 characters, and into the same text as plain
files for `bilstm-crf tag`. Systems run in turn. The start is what shards of one row take. CPU seconds are of
the tagging (of `tag`, of the whole command); on a busy machine they say more than the clock.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bilstm_crf.util.files import sha256_of
from measure import FailedError, machine, run, versions, write_report

ROOT = Path(__file__).resolve().parent.parent
ROW_BYTES = 2_000
SYSTEMS = ("tag", "datasets", "ray", "spark")
REPORT = re.compile(r"([\d,]+) tokens, ([\d,.]+) s of CPU time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", required=True, type=Path, help="raw text, a paragraph a line")
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--megabytes", type=float, default=4, help="of each shard")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--systems", nargs="+", default=SYSTEMS, choices=SYSTEMS)
    parser.add_argument("--spark-python", type=Path, default=sys.executable, help="a Python that has Spark")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cut(given.text, given.shards, given.megabytes, folder / "large")
        cut(given.text, max(given.workers), 0, folder / "small")
        for number, system, workers in itertools.product(range(given.runs + 1), given.systems, given.workers):
            python = given.spark_python if system == "spark" else Path(sys.executable)
            start, _ = timed(system, workers, python, folder / "small")
            if number:  # the first time fills the caches
                seconds, said = timed(system, workers, python, folder / "large")
                row = {"system": system, "workers": workers, "start": start, "seconds": seconds, **said}
                rows.append(row)
                print(row, flush=True)
    spark = run([given.spark_python, "-c", "import pyspark; print(pyspark.__version__)"], threads=1)
    packages = ("bilstm_crf", "numpy", "numba", "pyarrow", "datasets", "ray")
    report = {
        "command": ["python", *sys.argv],
        "machine": machine() | {"versions": versions(packages) | {"pyspark": spark.out.strip()}},
        "load at the end": [round(load, 2) for load in os.getloadavg()],
        "text": {"sha256": sha256_of(given.text), "shards": given.shards, "megabytes": given.megabytes},
        "systems": [summary(system, rows) for system in given.systems],
        "runs": rows,
    }
    write_report(given.output, report)


def cut(text: Path, shards: int, megabytes: float, folder: Path) -> None:
    """Write shards of so many megabytes, but of a row at least, as JSONL and as text."""
    paragraphs = rows_of(text)
    for number in range(shards):
        size, rows = 0, []
        while not rows or size < megabytes * 1e6:
            rows.append(next(paragraphs))
            size += len(rows[-1].encode())
        content = "".join(json.dumps({"text": row}, ensure_ascii=False) + "\n" for row in rows)
        for kind, data in (("jsonl", content), ("txt", "\n\n".join(rows) + "\n")):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            (folder / kind / f"{number:03}.{kind}").write_text(data, "utf-8")


def rows_of(text: Path) -> Iterator[str]:
    """Yield paragraphs of at least ROW_BYTES, over and over."""
    while True:
        row: list[str] = []
        for line in text.open(encoding="utf-8"):
            row.append(line.strip())
            if sum(map(len, row)) >= ROW_BYTES:
                yield "\n".join(row)
                row.clear()


def timed(system: str, workers: int, python: Path, folder: Path) -> tuple[float, dict[str, float]]:
    """Tag a folder; return the seconds, and the tokens and CPU seconds of the tagging."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    if system == "tag":
        command = [python, "-m", "bilstm_crf", "tag", "--scores", "--threads", str(workers)]
        command += [folder / "txt", "--to", "jsonl", "--output-dir", out]
    else:
        command = [python, ROOT / "examples" / f"{system}_tag.py", folder / "jsonl", out]
        command += ["--workers", str(workers)]
    try:
        done = run(command, threads=1)
    except FailedError as error:
        sys.exit(str(error))
    if system == "tag":
        tokens = sum(len(json.loads(line)["tokens"]) for path in out.iterdir() for line in path.open())
        return round(done.seconds, 2), {"tokens": tokens, "cpu": round(done.cpu_seconds, 2)}
    (found,) = REPORT.findall(done.err)
    return round(done.seconds, 2), {
        "tokens": int(found[0].replace(",", "")),
        "cpu": float(found[1].replace(",", "")),
    }


def summary(system: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians of a system, and the efficiency of two workers: 1 is twice the speed of one."""
    found: dict[str, Any] = {"system": system}
    times = {}
    for workers in sorted({row["workers"] for row in rows}):
        own = [row for row in rows if row["system"] == system and row["workers"] == workers]
        tokens = own[0]["tokens"]
        net = times[workers] = statistics.median(row["seconds"] - row["start"] for row in own)
        found[f"{workers} workers"] = {
            "tokens": tokens,
            "start": statistics.median(row["start"] for row in own),
            "tokens/s": round(tokens / statistics.median(row["seconds"] for row in own)),
            "tokens/s without start": round(tokens / net),
            "tokens per CPU second": round(tokens / statistics.median(row["cpu"] for row in own)),
        }
    if {1, 2} <= times.keys():
        found["efficiency without start"] = round(times[1] / (2 * times[2]), 3)
    return found


if __name__ == "__main__":
    main()
