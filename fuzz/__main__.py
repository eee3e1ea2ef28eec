"""Run the fuzz targets with atheris: `make fuzz`, or `python -m fuzz conllu jsonl --seconds 60`.

Each target runs for --seconds, --jobs targets at once, and prints the number of inputs. The exit
status is 1 if one failed. Failing inputs are kept in fuzz/crashes/; `python -m fuzz atheris TARGET FILE`
runs one again.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fuzz.seeds import SEEDS, gensim_seeds  # not the targets: atheris must see them imported

HERE = Path(__file__).resolve().parent
CORPUS, CRASHES = HERE / "corpus", HERE / "crashes"


def fuzz(name: str, arguments: list[str]) -> None:
    """Fuzz one target in this process, which atheris ends."""
    import atheris

    with atheris.instrument_imports(include=["bilstm_crf"]):
        from fuzz.targets import MAX_BYTES, TARGETS

    atheris.Setup([f"fuzz-{name}", *arguments, f"-max_len={MAX_BYTES}"], TARGETS[name])
    atheris.Fuzz()


def run_target(name: str, seconds: int) -> bool:
    """Fuzz a target in its own process, print the number of inputs, and return whether all passed."""
    from fuzz.targets import model_folder

    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    CRASHES.mkdir(exist_ok=True)
    seeds = [*SEEDS[name], *(gensim_seeds() if name == "vectors" else [])]
    if name == "model_json":
        seeds.append((model_folder() / "model.json").read_bytes())
    for number, content in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(content)
    limits = [f"-max_total_time={seconds}", "-rss_limit_mb=4096", "-timeout=30"]
    command = [sys.executable, "-m", "fuzz", "atheris", name, *limits]
    log = CRASHES / f"{name}.log"
    with open(log, "wb") as stream:
        done = subprocess.run(
            [*command, f"-artifact_prefix={CRASHES}/{name}-", str(corpus)],
            cwd=HERE.parent,
            stdout=stream,
            stderr=subprocess.STDOUT,
            check=False,
        )
    printed = log.read_text("utf-8", "replace")
    tried = re.findall(r"^Done (\d+) runs|^#(\d+)\t", printed, flags=re.MULTILINE)
    count = max((int(a or b) for a, b in tried), default=0)
    outcome = "ok" if done.returncode == 0 else f"FAILED, see {log}"
    print(f"{name:<16} {count:>12,} inputs  {outcome}", flush=True)
    return done.returncode == 0


def main() -> int:
    if sys.argv[1:2] == ["atheris"]:
        fuzz(sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", choices=[*SEEDS, []], help="targets to fuzz (default: all)")
    parser.add_argument("--seconds", type=int, default=600, help="seconds for each target (default: 600)")
    parser.add_argument("--jobs", type=int, default=2, help="number of targets at once (default: 2)")
    options = parser.parse_args()
    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda name: run_target(name, options.seconds), options.targets or SEEDS))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
