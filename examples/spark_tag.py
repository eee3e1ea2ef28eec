"""Tag a folder of Parquet or JSONL shards with Spark, on one machine or a cluster."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from bilstm_crf.commands.shard_program import run_program
from bilstm_crf.inference.shard_tagger import shard_tagger
from bilstm_crf.inference.shards import Job, Outcome

if TYPE_CHECKING:
    import pandas

SCHEMA = "name string, rows long, tokens long, cpu double, error string"


def tag_all(job: Job, workers: int) -> Iterator[Outcome]:
    """Map the numbers of the shards to their outcomes, one shard a task."""
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

    def tag(batches: Iterable[pandas.DataFrame]) -> Iterator[pandas.DataFrame]:
        import pandas

        tagger = shard_tagger(job.settings)  # loaded once in each Python worker
        for batch in batches:
            shards = [job.shards[number] for number in batch["id"]]
            yield pandas.DataFrame(asdict(tagger.tag(job, shard)) for shard in shards)

    conf = SparkConf().set("spark.ui.showConsoleProgress", "true")
    if not conf.contains("spark.master"):  # which spark-submit names
        conf.setMaster(f"local[{workers},4]")  # with four attempts for a task
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # it would take any python3
    spark = SparkSession.builder.config(conf=conf).getOrCreate()
    numbers = spark.range(0, len(job.shards), numPartitions=len(job.shards))
    for row in numbers.mapInPandas(tag, SCHEMA).collect():
        yield Outcome(**row.asDict())


if __name__ == "__main__":
    run_program(tag_all, __doc__)
