"""`bilstm-crf tag` inside a process that is warm already: MODEL ONE MANY OUTPUT THREADS, to one line of JSON.

The command on the file MANY less the command on one sentence: reading, tagging and writing alone, without the
start of a process and the loading of the model.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

from bilstm_crf.commands.main import run

model, one, many, output, threads = sys.argv[1:]


def seconds(source: str) -> float:
    """Return the seconds of one command."""
    started = time.perf_counter()
    status = run(["tag", "--model", model, source, "-o", output, "--threads", threads, "--quiet"])
    if status:
        sys.exit(status)
    return time.perf_counter() - started


seconds(one)
loading = statistics.median(seconds(one) for _ in range(3))
print(json.dumps({"seconds": seconds(many) - loading}))
