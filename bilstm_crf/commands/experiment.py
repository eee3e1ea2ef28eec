"""`bilstm-crf experiment`: tables as data in; runs, tables and what was not run out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bilstm_crf.commands.options import Command
from bilstm_crf.commands.output import write_json, write_text
from bilstm_crf.errors import BilstmCrfError, UsageError
from bilstm_crf.util.system import cores

if TYPE_CHECKING:
    from bilstm_crf.experiments.corpora import Corpus
    from bilstm_crf.experiments.definition import Experiment
    from bilstm_crf.experiments.plan import Task
    from bilstm_crf.experiments.runner import How

MAX_JOBS = 8  # by default: each run takes a gigabyte of memory or more


class Seeds(click.ParamType):
    """Whole numbers separated by commas."""

    name = "seeds"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> list[int]:
        from bilstm_crf.experiments.settings import is_seed

        parts = [part.strip() for part in value.split(",")]
        seeds = [int(part) for part in parts if part.isdecimal() and len(part) < 20]
        if len(seeds) < len(parts) or not all(map(is_seed, seeds)):
            expected = "whole numbers with commas between, as in 42,43,44, none of them above 2**63 - 1"
            self.fail(f"{value}: expected {expected}")
        if len(set(seeds)) < len(seeds):
            self.fail(f"{value}: a seed stands there twice")
        return seeds


@click.command("experiment", cls=Command)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--data", metavar="DIR", help="Folder with NorNE (or any files with UD's names).  [data/norne]")
@click.option(
    "--embeddings-dir", metavar="DIR", help="Where vectors lie.  [$BILSTM_CRF_EMBEDDINGS, embeddings/]"
)
@click.option(
    "--seeds",
    metavar="N,N,…",
    type=Seeds(),
    help="Other seeds of every run, in a table of their own.  [as the file says; 42]",
)
@click.option("--epochs", type=click.IntRange(1), help="Another number of epochs, for a quick look.")
@click.option("--encoder", metavar="NAME|PATH", help="Another encoder in every row that has one.")
@click.option("--trust-remote-code", is_flag=True, help="Run the Python code that an encoder brings.")
@click.option("--jobs", type=click.IntRange(1), help="Runs at once.  [cores / threads, 8 at most]")
@click.option(
    "--threads",
    type=click.IntRange(1),
    help="Processor threads of each run.  [cores / jobs; without --jobs 1]",
)
@click.option(
    "--only",
    metavar="PATTERN",
    multiple=True,
    help="Run only rows or runs with such a name: 'SG*', '*seed42'.",
)
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default="runs/experiments",
    show_default=True,
    help="Where runs and tables go, and are found again.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be run, and run nothing.")
@click.option("--no-run", is_flag=True, help="Make the tables of what is there, and run nothing.")
@click.option("--json", "as_json", is_flag=True, help="The tables as JSON.")
@click.option("--markdown", "as_markdown", is_flag=True, help="The tables in Markdown.")
def command(files: tuple[Path, ...], **options: Any) -> None:
    """Train and score what tables ask for, and print them with the paper's numbers beside ours.

    A table is a TOML file: rows say what to train, columns what to score (docs/experiments.md). Runs that are
    done are not run again, interrupted ones go on: kill it when you like, and give the same command again.

    \b
    Examples
      bilstm-crf experiment experiments/table5.toml --dry-run
      bilstm-crf experiment experiments/table?.toml --jobs 2
      bilstm-crf experiment experiments/table7.toml --only 'BM*' --epochs 1     a quick look
      bilstm-crf experiment experiments/table6.toml --seeds 42,43,44 --markdown > table6.md
      bilstm-crf experiment experiments/table5.toml --no-run --output docs/results/experiments --data DIR
      bilstm-crf experiment experiments/bert.toml --encoder encoders/mine          with the encoder at hand
    """  # noqa: D301
    from bilstm_crf.experiments import overrides, plan
    from bilstm_crf.experiments.definition import read_experiment
    from bilstm_crf.experiments.inputs import find_files
    from bilstm_crf.experiments.watch import would_run

    if options["as_json"] and options["as_markdown"]:
        raise UsageError("--json and --markdown exclude one another")
    if options["dry_run"] and (options["no_run"] or options["as_json"] or options["as_markdown"]):
        raise UsageError("--dry-run makes no tables: it takes neither --no-run nor --json nor --markdown")
    experiments = [read_experiment(path) for path in files]
    if len({experiment.name for experiment in experiments}) < len(experiments):
        raise UsageError("two of the files have the same name: their tables would replace one another")
    if options["seeds"]:
        experiments = [overrides.with_seeds(each, options["seeds"]) for each in experiments]
    if options["epochs"]:
        epochs, only = options["epochs"], options["only"]
        experiments = [overrides.with_epochs(each, epochs, only) for each in experiments]
    if options["encoder"]:
        experiments = overrides.with_encoder(experiments, options["encoder"])
    if options["dry_run"]:
        tasks = plan.tasks(experiments, options["output"], None, options["only"])
        write_text(would_run(tasks, _how(experiments, {}, options)))
        return
    corpus = find_files(options["data"], experiments, fetch=not options["no_run"])
    tasks = plan.tasks(experiments, options["output"], corpus, options["only"])
    if not options["no_run"]:
        plan.look_for_encoders(tasks, corpus)
    _say_what_is_not_run(tasks)
    tables = _run(experiments, tasks, _how(experiments, corpus, options), options)
    _print(tables, options)
    failed = [task for task in tasks if task.state == "failed"]
    if failed:
        raise BilstmCrfError(
            f"{len(failed)} of {len(tasks)} runs failed: {', '.join(task.run.name for task in failed)}",
            hint="the lines above and train.log in their folders say why; the same command tries them again",
        )


def _how(experiments: Sequence[Experiment], corpus: Corpus, options: dict[str, Any]) -> How:
    """How runs are run. Where NorNE was not looked for, its parts keep their names (norne:nob)."""
    from bilstm_crf.experiments.inputs import own_corpora
    from bilstm_crf.experiments.runner import How

    jobs, threads = shares(options["jobs"], options["threads"])
    return How(
        corpus,
        options["data"],
        options["embeddings_dir"],
        jobs,
        threads,
        own={name: each.resolved(corpus) for name, each in own_corpora(experiments).items()},
        trust_remote_code=options["trust_remote_code"],
    )


def _say_what_is_not_run(tasks: Sequence[Task]) -> None:
    """Each reason once, and whole, for which a table has not the room; and what has failed already."""
    from bilstm_crf.util.progress import say

    for task in tasks:
        if task.state == "failed":
            say(f"{task.run.name}: failed: {task.reason}")
    reasons = [task.reason for task in tasks if task.state == "not run"]
    for reason in dict.fromkeys(reasons):
        runs = reasons.count(reason)
        say(f"{reason} ({runs} {'run' if runs == 1 else 'runs'})")


def _run(
    experiments: Sequence[Experiment], tasks: Sequence[Task], how: How, options: dict[str, Any]
) -> list[dict[str, Any]]:
    """Runs what is to be run; returns the tables, which lie in the output folder as well."""
    from bilstm_crf.experiments import corpus_tables, tables
    from bilstm_crf.experiments.runner import Runner
    from bilstm_crf.experiments.watch import make_watch
    from bilstm_crf.util import files

    folder: Path = options["output"] / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    counted = {each.name: corpus_tables.build(each, how.corpus) for each in experiments if each.statistics}

    def written() -> list[dict[str, Any]]:
        why = {task.run.name: task.reason or "not run" for task in tasks}
        if options["only"]:
            names = [run.name for each in experiments for cell in each.cells for run in cell.runs(each.seeds)]
            why = dict.fromkeys(names, "not run: --only") | why
        foreign = {task.run.name for task in tasks if task.foreign}
        built = []
        for each in experiments:
            table = counted.get(each.name) or tables.build(each, options["output"], how.corpus, why, foreign)
            files.write_json(folder / f"{each.name}.json", table)
            built.append(table)
        return built

    if not options["no_run"]:
        Runner(tasks, how, make_watch(how.jobs), written).run()
    return written()


def shares(jobs: int | None, threads: int | None) -> tuple[int, int]:
    """Runs at once and threads of each: what was given, and of the cores what is left for the other."""
    available = cores()
    if threads is None:
        threads = 1 if jobs is None else max(1, available // jobs)
    if jobs is None:
        jobs = min(MAX_JOBS, max(1, available // threads))
    return jobs, threads


def _print(tables: Sequence[dict[str, Any]], options: dict[str, Any]) -> None:
    from bilstm_crf.experiments.render import render

    if options["as_json"]:
        write_json(tables)
    else:
        write_text("\n".join(render(table, markdown=options["as_markdown"]) for table in tables))
