"""Run the fuzz targets with atheris: `make fuzz`, or `python -m fuzz conllu jsonl --seconds 60`.

Targets run for --seconds each, as many at once as --jobs. Each prints how many inputs it was
tried with; the exit status is 1 if one failed. An input that failed is kept in fuzz/crashes/, and
`python -m fuzz atheris TARGET FILE` runs it again.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fuzz.seeds import SEEDS  # not the targets: atheris must see them imported

HERE = Path(__file__).resolve().parent
CORPUS, CRASHES = HERE / "corpus", HERE / "crashes"


def fuzz(name: str, arguments: list[str]) -> None:
    """Fuzz one target in this process, which atheris ends."""
    import atheris

    with atheris.instrument_imports(include=["bilstm_crf"]):
        from fuzz.targets import MAX_BYTES, TARGETS

    atheris.Setup([f"fuzz-{name}", *arguments, f"-max_len={MAX_BYTES}"], TARGETS[name])
    atheris.Fuzz()


def run_target(name: str, seconds: int) -> tuple[str, int, bool]:
    """The number of inputs that a target was tried with in a process of its own, and whether all passed."""
    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    CRASHES.mkdir(exist_ok=True)
    seeds = SEEDS[name]
    if name == "model_json":
        from fuzz.targets import model_folder

        seeds = [*seeds, (model_folder() / "model.json").read_bytes()]
    for number, content in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(content)
    limits = [f"-max_total_time={seconds}", "-rss_limit_mb=4096", "-timeout=30"]
    command = [
        sys.executable,
        "-m",
        "fuzz",
        "atheris",
        name,
        *limits,
        f"-artifact_prefix={CRASHES}/{name}-",
        str(corpus),
    ]
    log = CRASHES / f"{name}.log"
    with open(log, "wb") as stream:
        done = subprocess.run(command, cwd=HERE.parent, stdout=stream, stderr=subprocess.STDOUT, check=False)
    printed = log.read_text("utf-8", "replace")
    tried = re.findall(r"^Done (\d+) runs|^#(\d+)\t", printed, flags=re.MULTILINE)
    count = max((int(a or b) for a, b in tried), default=0)
    print(
        f"{name:<16} {count:>12,} inputs  {'ok' if done.returncode == 0 else f'FAILED, see {log}'}",
        flush=True,
    )
    return name, count, done.returncode == 0


def main() -> int:
    if sys.argv[1:2] == ["atheris"]:
        fuzz(sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", choices=[*SEEDS, []], metavar="TARGET", help="all by default")
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    parser.add_argument("--jobs", type=int, default=2, help="targets at once")
    options = parser.parse_args()
    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda name: run_target(name, options.seconds), options.targets or SEEDS))
    return 0 if all(passed for _, _, passed in results) else 1


if __name__ == "__main__":
    sys.exit(main())
