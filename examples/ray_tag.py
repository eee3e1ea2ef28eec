"""Tag a folder of Parquet or JSONL shards with Ray Data, on one machine or a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from bilstm_crf.commands.shard_program import run_program
from bilstm_crf.inference.shard_tagger import ShardTagger
from bilstm_crf.inference.shards import Job, Outcome

if TYPE_CHECKING:
    import pandas


class TagShards:
    """Tags shards in an actor, with a model that is loaded once."""

    def __init__(self, job: Job) -> None:
        self.job, self.tagger = job, ShardTagger(job.settings)

    def __call__(self, batch: pandas.DataFrame) -> pandas.DataFrame:
        """Tag the shards with the given numbers; return their outcomes."""
        import pandas

        shards = [self.job.shards[number] for number in batch["number"]]
        return pandas.DataFrame(asdict(self.tagger.tag(self.job, shard)) for shard in shards)


def tag_all(job: Job, workers: int) -> Iterator[Outcome]:
    """Map the numbers of the shards to their outcomes, in one actor per worker."""
    import ray.data

    ray.init()  # this machine, or the cluster that RAY_ADDRESS names
    ray.data.DataContext.get_current().enable_progress_bars = False  # the program has its own
    numbers = ray.data.from_items(
        [{"number": number} for number in range(len(job.shards))], override_num_blocks=len(job.shards)
    )
    outcomes = numbers.map_batches(
        TagShards,
        fn_constructor_args=[job],
        batch_size=1,
        batch_format="pandas",
        compute=ray.data.ActorPoolStrategy(size=workers),
    )
    for row in outcomes.iter_rows():
        yield Outcome(**row)


if __name__ == "__main__":
    run_program(tag_all, __doc__)
