"""Tag a folder of Parquet or JSONL shards with `datasets.map`, in the processes of one machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from bilstm_crf.commands.shard_program import leave_signals_to_parent, run_program
from bilstm_crf.inference.shard_tagger import shard_tagger
from bilstm_crf.inference.shards import Job, Outcome


def tag_all(job: Job, workers: int) -> Iterator[Outcome]:
    """Map the numbers of the shards to their outcomes."""
    from datasets import Dataset

    os.register_at_fork(after_in_child=leave_signals_to_parent)  # its workers are forks

    def tag(row: dict[str, Any]) -> dict[str, Any]:
        shard = job.shards[row["number"]]
        return asdict(shard_tagger(job.settings).tag(job, shard))  # loaded once in each process

    numbers = Dataset.from_dict({"number": range(len(job.shards))})
    outcomes = numbers.map(
        tag,
        num_proc=min(workers, len(numbers)),
        remove_columns="number",
        load_from_cache_file=False,  # whether a shard is done is known by its output
    )
    for row in outcomes:
        yield Outcome(**row)


if __name__ == "__main__":
    run_program(tag_all, __doc__)
