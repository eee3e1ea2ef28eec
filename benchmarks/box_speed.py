"""Measure the speed of the model in the box, from file to file, with and without start-up.

    python benchmarks/box_speed.py --norne ../shared/norne -o docs/results/box_speed.json

The file is both training files of NorNE, without their labels, over and over: several million tokens of
CoNLL-U. The start is what a file of 300 words takes. CPU seconds are of all processes: on a machine that
does other work as well, they say more than the clock.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import tempfile
from pathlib import Path

from measure import FailedError, machine, run, write_report

FILES = ("nob/no_bokmaal-ud-train.conllu", "nno/no_nynorsk-ud-train.conllu")
SENTENCE = "1\tKari" + "\t_" * 8 + "\n\n"
SENTENCES = 300  # so many that the compiled loops are loaded, as for the large file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--norne", required=True, type=Path)
    parser.add_argument("--model", type=Path, help="another model than the one in the box")
    parser.add_argument("--times", type=int, default=8, help="how often the file holds both corpora")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        large, small, out = (Path(folder) / name for name in ("large.conllu", "small.conllu", "out.conllu"))
        tokens = write_corpus(given.norne, given.times, large)
        small.write_text(SENTENCES * SENTENCE, "utf-8")
        command = [sys.executable, "-m", "bilstm_crf", "tag", "--threads", str(given.threads), "-o", str(out)]
        command += ["--model", str(given.model)] if given.model else []
        timed([*command, str(small)])  # compiles, and fills the disk's cache
        rows = []
        for _ in range(given.runs):
            start, start_cpu, _ = timed([*command, str(small)])
            seconds, cpu, peak = timed([*command, str(large)])
            rows.append(
                {"start": start, "seconds": seconds, "cpu": cpu, "start_cpu": start_cpu, "peak": peak}
            )
            print(rows[-1], flush=True)
    figures = {
        "tokens": tokens,
        "tokens/s": round(tokens / statistics.median(row["seconds"] for row in rows)),
        "tokens/s without start": round(
            tokens / statistics.median(row["seconds"] - row["start"] for row in rows)
        ),
        "tokens per CPU second without start": round(
            tokens / statistics.median(row["cpu"] - row["start_cpu"] for row in rows)
        ),
    }
    print(figures)
    command = ["python", *sys.argv]
    write_report(given.output, {"command": command, "machine": machine(), **figures, "runs": rows})


def write_corpus(norne: Path, times: int, path: Path) -> int:
    """Write the corpus so many times; return the number of its tokens."""
    content = b"".join((norne / name).read_bytes() for name in FILES)
    content = re.sub(rb"name=[^|\n]*", b"_", content)
    with path.open("wb") as stream:
        for _ in range(times):
            stream.write(content)
    return times * len(re.findall(rb"^[0-9]+\t", content, re.MULTILINE))


def timed(command: list[str]) -> tuple[float, float, float]:
    """Run a command; return its wall-clock seconds, CPU seconds and peak memory in MiB."""
    try:
        done = run(command, threads=1)
    except FailedError as error:
        sys.exit(str(error))
    return round(done.seconds, 2), round(done.cpu_seconds, 2), round(done.peak_mib)


if __name__ == "__main__":
    main()
