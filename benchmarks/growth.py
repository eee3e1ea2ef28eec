"""Inputs that once took time, memory or output out of proportion: twice the input, twice the cost?

    python benchmarks/growth.py --model runs/sample

Each input is made at three sizes, each twice the one before. The last column is the growth of the seconds
(CPU, or of the bytes written) from the smallest to the largest, divided by that of the input: 1 is linear, 4
would be quadratic.
"""

from __future__ import annotations

import argparse
import bz2
import io
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path

from bilstm_crf.commands.main import run

SIZES = (1, 2, 4)


def rows(tokens: int, misc: str = "_") -> str:
    return "".join(f"{i}\tord{i % 97}" + "\t_" * 7 + f"\t{misc}\n" for i in range(1, tokens + 1))


def typed(types: int) -> str:
    return "".join(f"ord\tB-T{i}\nord\tO\n\n" for i in range(types))


def shifted(types: int) -> str:
    return "".join(f"ord\tB-T{(i * 7 + 1) % types}\nord\tO\n\n" for i in range(types))


INPUTS: dict[str, tuple[str, Callable[[int], str]]] = {
    "CoNLL-U without an empty line, tokens": (".conllu", lambda n: rows(50_000 * n)),
    "CoNLL-U, empty lines": (".conllu", lambda n: "\n" * 500_000 * n),
    "columns, empty lines": (".conll", lambda n: "Kari O\n" + "\n" * 500_000 * n),
    "text, empty lines": (".txt", lambda n: "\n" * 500_000 * n),
    "JSONL, empty lines": (".jsonl", lambda n: "\n" * 500_000 * n),
    "text of opening brackets": (".txt", lambda n: "(" * 8_000 * n + "\n"),
    "text of quotation marks": (".txt", lambda n: '"' * 50_000 * n + "\n"),
    "text of URLs": (".txt", lambda n: " ".join(["http://" + "a:" * 1_000] * 10 * n) + "\n"),
    "text without a blank": (".txt", lambda n: "a«b»(c)" * 10_000 * n + "\n"),
    "text of one line, tokens": (".txt", lambda n: "Kari bur i Bergen . " * 12_000 * n + "\n"),
}


def seconds(arguments: list[str]) -> tuple[float, int]:
    """The CPU seconds that a command takes, and its exit status."""
    said = io.StringIO()
    started = time.process_time()
    with redirect_stderr(said):
        status = run(arguments)
    return time.process_time() - started, status


def line(name: str, costs: list[float], unit: str) -> None:
    growth = costs[-1] / max(costs[0], 1e-9) / SIZES[-1]
    shown = "".join(f"{cost:>12,.2f}" if unit == "s" else f"{cost:>12,.0f}" for cost in costs)
    print(f"{name:<40}{shown} {unit:<6}{growth:>6.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", required=True, help="folder of a trained model")
    model = parser.parse_args().model
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        warm = folder / "warm.txt"
        warm.write_text("Kari bur i Bergen.\n", "utf-8")
        seconds(["tag", "--model", model, str(warm), "-o", str(folder / "warm.jsonl")])
        for title, (suffix, make) in INPUTS.items():
            costs = []
            for size in SIZES:
                source, target = folder / f"in{suffix}", folder / "tagged"
                source.write_text(make(size), "utf-8")
                took, status = seconds(
                    ["tag", "--model", model, "--threads", "1", str(source), "-o", str(target)]
                )
                costs.append(took if status == 0 else float("nan"))
            line(title, costs, "s")
        costs = []
        for size in SIZES:
            source = folder / "endless.txt.bz2"
            source.write_bytes(bz2.compress(b"1 3\n" + b"0.1 " * 25_000_000 * size))
            took, _ = seconds(["embeddings", "info", str(source)])
            costs.append(took)
        line("packed vectors, an endless line", costs, "s")
        for form, option in (("JSON", ["evaluate", "--json"]), ("HTML", ["errors", "--html"])):
            costs = []
            for size in SIZES:
                gold, predicted, out = folder / "gold.conll", folder / "predicted.conll", folder / "out"
                gold.write_text(typed(200 * size), "utf-8")
                predicted.write_text(shifted(200 * size), "utf-8")
                files = ["--gold", str(gold), "--predicted", str(predicted)]
                seconds([option[0], *files, option[1], "-o", str(out)])
                costs.append(out.stat().st_size)
            line(f"{form} of many entity types", costs, "bytes")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"peak memory of all, MB": round(peak)}))


if __name__ == "__main__":
    sys.exit(main())
