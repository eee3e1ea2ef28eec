"""`bilstm-crf experiment`: train and score what tables ask for, and print them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bilstm_crf.commands.options import Command
from bilstm_crf.commands.output import write_json, write_text
from bilstm_crf.errors import BilstmCrfError, UsageError
from bilstm_crf.util.progress import say
from bilstm_crf.util.system import cores

if TYPE_CHECKING:
    from bilstm_crf.experiments.definition import Experiment
    from bilstm_crf.experiments.plan import RunnerOptions, Task
    from bilstm_crf.experiments.records import Table

MAX_JOBS = 8  # by default: each run takes a gigabyte of memory or more
FORMS = ("json", "markdown", "latex")


@click.command("experiment", cls=Command)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--data", metavar="DIR", help="NorNE's folder, or any with files named as UD's.  [data/norne]")
@click.option(
    "--embeddings-dir", metavar="DIR", help="Folder of word vectors.  [$BILSTM_CRF_EMBEDDINGS, embeddings/]"
)
@click.option("--seeds", metavar="N,N,…", help="Other seeds of every run.  [those of the file; 42]")
@click.option("--epochs", type=click.IntRange(1), help="Other number of epochs, for a quick look.")
@click.option("--encoder", metavar="NAME|PATH", help="Other encoder in every row that has one.")
@click.option("--trust-remote-code", is_flag=True, help="Run Python code that an encoder brings.")
@click.option("--jobs", type=click.IntRange(1), help="Runs at once.  [cores / threads, at most 8]")
@click.option(
    "--threads", type=click.IntRange(1), help="Processor cores of each run.  [cores / jobs; 1 without --jobs]"
)
@click.option(
    "--only", metavar="PATTERN", multiple=True, help="Run only rows or runs of such a name: 'SG*', '*seed42'."
)
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default="runs/experiments",
    show_default=True,
    help="Folder of runs and results.",
)
@click.option("--dry-run", is_flag=True, help="Print the command of each run that is left, and run nothing.")
@click.option("--no-run", is_flag=True, help="Build the tables from existing results, and run nothing.")
@click.option("--json", is_flag=True, help="Print the tables as JSON.")
@click.option("--markdown", is_flag=True, help="Print the tables as Markdown.")
@click.option("--latex", is_flag=True, help="Print the tables as LaTeX.")
def command(files: tuple[Path, ...], **options: Any) -> None:
    """Train and score what tables ask for; print them beside the paper's numbers.

    A table is a TOML file: rows say what to train, columns what to score (docs/experiments.md). Finished runs
    are not repeated and interrupted ones continue: stop it at any moment, and give the same command again.

    \b
    Examples
      bilstm-crf experiment experiments/table5.toml --dry-run
      bilstm-crf experiment experiments/table?.toml --jobs 2
      bilstm-crf experiment experiments/table7.toml --only 'BM*' --epochs 1
      bilstm-crf experiment experiments/table6.toml --seeds 42,43,44 --markdown
      bilstm-crf experiment experiments/table5.toml --no-run --output tables
      bilstm-crf experiment experiments/bert.toml --encoder encoders/mine
    """  # noqa: D301
    from bilstm_crf.experiments.plan import find_tasks, look_for_encoders

    forms = [form for form in FORMS if options[form]]
    if len(forms) > 1:
        raise UsageError(f"--{forms[0]} and --{forms[1]} exclude one another")
    if options["dry_run"] and (options["no_run"] or forms):
        raise UsageError(f"--dry-run makes no tables: it does not go with --{[*forms, 'no-run'][0]}")
    experiments = _read(files, options)
    how = _options(experiments, options)
    tasks = find_tasks(experiments, how, options["only"])
    asked = [task for task in tasks if task.asked]
    if options["dry_run"]:
        _print_commands(asked, how)
        return
    if not options["no_run"]:
        look_for_encoders(asked, how)
    _say_what_is_not_run(asked)
    tables = _run(experiments, tasks, how, no_run=options["no_run"])
    _print(tables, *forms)
    failed = [task for task in asked if task.state == "failed"]
    if failed:
        raise BilstmCrfError(
            f"{len(failed)} of {len(asked)} runs failed: {', '.join(task.run.name for task in failed)}",
            hint="the lines above and train.log in their folders say why; the same command tries them again",
        )


def _read(files: Sequence[Path], options: dict[str, Any]) -> list[Experiment]:
    """Return the experiments of the files, with the changes that options ask for."""
    from bilstm_crf.experiments import overrides
    from bilstm_crf.experiments.definition import check_seeds, read_experiment

    experiments = [read_experiment(path) for path in files]
    if len({experiment.name for experiment in experiments}) < len(experiments):
        raise UsageError("two of the files have the same name: their tables would replace one another")
    if options["seeds"]:
        parts = [part.strip() for part in options["seeds"].split(",")]
        seeds = check_seeds([int(each) if each.isdecimal() and len(each) < 20 else each for each in parts])
        experiments = [overrides.with_seeds(each, seeds) for each in experiments]
    if options["epochs"]:
        epochs, only = options["epochs"], options["only"]
        experiments = [overrides.with_epochs(each, epochs, only) for each in experiments]
    if options["encoder"]:
        experiments = overrides.with_encoder(experiments, options["encoder"])
    return experiments


def _options(experiments: Sequence[Experiment], options: dict[str, Any]) -> RunnerOptions:
    """Return how runs are run. A dry run fetches nothing, and NorNE may be missing."""
    from bilstm_crf.experiments.corpora import LANGUAGES, find_norne
    from bilstm_crf.experiments.plan import RunnerOptions, corpora_of
    from bilstm_crf.experiments.results import ResultsFolder

    corpora = corpora_of(experiments)
    names = set().union(*(each.used_corpora for each in experiments))
    if options["dry_run"]:
        names -= set(LANGUAGES)  # `train` finds these
    used = [corpora[name] for name in sorted(names)]
    try:
        norne = find_norne(options["data"], used, fetch=not (options["no_run"] or options["dry_run"]))
    except BilstmCrfError:
        if not options["dry_run"]:
            raise
        norne = {}
    jobs, threads = shares(options["jobs"], options["threads"])
    return RunnerOptions(
        ResultsFolder(options["output"]),
        corpora,
        norne,
        options["data"],
        options["embeddings_dir"],
        jobs,
        threads,
        options["trust_remote_code"],
    )


def _print_commands(tasks: Sequence[Task], how: RunnerOptions) -> None:
    """Print a command per run that is left on standard output; how runs stand on standard error."""
    from bilstm_crf.experiments.display import describe
    from bilstm_crf.experiments.runner import train_arguments

    for line in describe(tasks, how.jobs):
        say(line)
    left = [task for task in tasks if task.state == "waiting"]
    write_text("".join(f"{shlex.join(['bilstm-crf', *train_arguments(task, how)])}\n" for task in left))


def _say_what_is_not_run(tasks: Sequence[Task]) -> None:
    """Say what has failed already; and each reason for which runs are not run once, in full."""
    for task in tasks:
        if task.state == "failed":
            say(f"{task.run.name}: failed: {task.reason}")
    reasons = [task.reason for task in tasks if task.state == "not run"]
    for reason in dict.fromkeys(reasons):
        runs = reasons.count(reason)
        say(f"{reason} ({runs} {'run' if runs == 1 else 'runs'})")


def _run(
    experiments: Sequence[Experiment], tasks: Sequence[Task], how: RunnerOptions, *, no_run: bool
) -> list[Table]:
    """Run what is asked for; return the tables, which are also in the results files."""
    from bilstm_crf.experiments.display import Display
    from bilstm_crf.experiments.plan import build_results
    from bilstm_crf.experiments.results import write_results
    from bilstm_crf.experiments.runner import Runner

    def write() -> list[Table]:
        built = [build_results(experiment, tasks, how) for experiment in experiments]
        for experiment, results in zip(experiments, built, strict=True):
            write_results(how.results.output / f"{experiment.name}.json", results)
        return [results.table for results in built if results.table]

    how.results.output.mkdir(parents=True, exist_ok=True)
    if not no_run:
        Runner([task for task in tasks if task.asked], how, Display(how.jobs), write).run()
    return write()


def shares(jobs: int | None, threads: int | None) -> tuple[int, int]:
    """Return runs at once and threads of each: what is given, and the cores left for the other."""
    available = cores()
    if threads is None:
        threads = 1 if jobs is None else max(1, available // jobs)
    if jobs is None:
        jobs = min(MAX_JOBS, max(1, available // threads))
    return jobs, threads


def _print(tables: Sequence[Table], form: str = "text") -> None:
    from bilstm_crf.experiments.render import write_table

    if form == "json":
        write_json([asdict(table) for table in tables])
    else:
        write_text("\n".join(write_table(table, form) for table in tables))
