"""Run the programs of `examples/`: their options, progress, report and exit status."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import click

from bilstm_crf.commands.main import run
from bilstm_crf.commands.options import Command
from bilstm_crf.errors import InterruptedRunError
from bilstm_crf.inference.shards import Job, Outcome, Settings, plan_job
from bilstm_crf.util.progress import BatchProgress, say
from bilstm_crf.util.system import cores

ABOUT = """
INPUT is a folder of shards (.parquet, .jsonl, .jsonl.gz). OUTPUT gets a file of the same name for each,
with all its columns and one more for the names in each row's text: a list of text, label, score, start and
end (code points), or null where the text is.

A file appears when it is whole. To continue after a crash or Ctrl-C, run the same command again.

Exit status: 0 done, 1 some shards have no output, 2 wrong usage or bad input, 130 interrupted.
"""
TagAll = Callable[[Job, int], Iterator[Outcome]]


def run_program(tag_all: TagAll, description: str) -> NoReturn:
    """Run a program that tags a folder of shards, and exit.

    `tag_all` gets the job and the number of workers. It yields an outcome for each of the job's shards, in
    any order. The `description` begins the help text.
    """

    @click.command(
        cls=Command, help=f"{description}\n{ABOUT}", context_settings={"help_option_names": ["-h", "--help"]}
    )
    @click.argument("source", metavar="INPUT")
    @click.argument("target", metavar="OUTPUT")
    @click.option("--model", metavar="DIR", help="Folder of a model, on every machine.  [the one in the box]")
    @click.option("--text-column", default="text", show_default=True, help="Column with the texts.")
    @click.option("--column", default="entities", show_default=True, help="New column for the names.")
    @click.option(
        "--workers",
        type=click.IntRange(1),
        default=cores(),
        help="Processes that tag, each with one thread.  [this machine's cores]",
    )
    @click.option(
        "--batch-size",
        type=click.IntRange(1),
        default=1_000,
        show_default=True,
        help="Rows that are tagged together; fewer need less memory.",
    )
    @click.option("--quiet", is_flag=True, help="No progress, only errors.")
    def command(
        source: str,
        target: str,
        model: str | None,
        text_column: str,
        column: str,
        workers: int,
        batch_size: int,
        quiet: bool,
    ) -> int:
        folder = None if model is None else str(Path(model).absolute())
        job = plan_job(source, target, Settings(folder, text_column, column, batch_size))
        return tag_shards(tag_all, job, workers, quiet=quiet)

    sys.exit(run(command=command, name=Path(sys.argv[0]).name))


def leave_signals_to_parent() -> None:
    """Let a forked worker outlive Ctrl-C, and die of SIGTERM, with which the parent ends it.

    With the parent's handlers it would stop at any point, perhaps with a lock for which the others wait.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def tag_shards(tag_all: TagAll, job: Job, workers: int, *, quiet: bool = False) -> int:
    """Tag the shards of a job, show progress and report faults; return 1 if there were any, else 0."""
    total, failed, written = len(job.shards), list(job.failed), list[Outcome]()
    if not quiet:
        ignored = f"; {job.ignored:,} other files are ignored" if job.ignored else ""
        say(f"{job.source}: {total:,} shards to tag, {job.finished:,} finished before{ignored}")
    try:
        with BatchProgress("Tagging", total, shown=not quiet) as progress:
            for outcome in tag_all(job, workers) if total else ():
                progress.count(outcome.tokens, 0, files=1)
                if outcome.error:
                    failed.append(outcome)
                    continue
                written.append(outcome)
                if not quiet and not progress.live:
                    say(f"{progress.files:,} of {total:,}  {outcome.name}  {outcome.rows:,} rows")
    except BaseException as error:
        if not _is_interrupt(error):
            raise
        raise InterruptedRunError(
            "Interrupted; finished shards are whole", hint="the same command does the others"
        ) from None
    finally:
        job.remove_leftovers()
    if failed:
        say(f"warning: {len(failed):,} of {total + job.finished + len(job.failed):,} shards were not tagged:")
        for each in sorted(failed, key=lambda outcome: outcome.name):
            say(f"  {each.name}  {each.error}")
    if not quiet:
        rows, tokens = sum(each.rows for each in written), sum(each.tokens for each in written)
        work = f"{rows:,} rows, {tokens:,} tokens, {sum(each.cpu for each in written):,.1f} s of CPU time"
        say(f"{job.target}: {len(written):,} shards written; {work}")
    return 1 if failed else 0


def _is_interrupt(error: BaseException | None) -> bool:
    """Return whether Ctrl-C is behind an error: libraries raise others while they clean up after it."""
    return error is not None and (isinstance(error, KeyboardInterrupt) or _is_interrupt(error.__context__))
