"""`bilstm-crf train`: its options and help, generated from the settings, and what it prints at the end."""

from __future__ import annotations

import shlex
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bilstm_crf.commands.example import example_arguments
from bilstm_crf.commands.options import Command, given_of
from bilstm_crf.commands.output import write_text
from bilstm_crf.commands.train_options import SETTINGS, configure, given_by, sample_folder
from bilstm_crf.config import RunConfig
from bilstm_crf.errors import InputWarning, LostProcessError, UsageError
from bilstm_crf.training.processes import Processes, join
from bilstm_crf.util import fields
from bilstm_crf.util.fields import Setting
from bilstm_crf.util.progress import TrainingProgress, Waiting, be_quiet, say

if TYPE_CHECKING:
    from bilstm_crf.evaluation.report import Report
    from bilstm_crf.training.records import RunMetrics


HELP_WIDTH, LEFT_COLUMN = 100, 30
GROUPS = {  # the parts of the configuration, as --help shows them
    "Data": ("data",),
    "Vectors": ("words",),
    "Network": ("characters", "lstm", "network", "document_memory"),
    "Optimisation": ("optimizer", "schedule"),
    "Encoder": ("encoder",),
    "Run": ("run", "preset"),
}


class TrainCommand(Command):
    """A command with an option for each setting that has one; --help lists all settings, by group."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        own = [_option(each) for each in SETTINGS.values() if each.option]
        self.params = [*own, *self.params]

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Join the processes that torchrun has started; those behind the first take its settings."""
        context.obj = join()
        return super().parse_args(context, args if context.obj.leads else [])

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line for each setting, and for the options that are none."""
        for title, parts in GROUPS.items():
            rows = [_row(each) for each in SETTINGS.values() if each.path.partition(".")[0] in parts]
            if title == "Run":
                others = self.params[sum(bool(each.option) for each in SETTINGS.values()) :]
                rows += [row for each in others if (row := each.get_help_record(context))]
            formatter.write(f"{title}\n")
            formatter.indent()
            formatter.write_dl(rows, col_max=LEFT_COLUMN)
            formatter.dedent()


def _option(setting: Setting) -> click.Option:
    """Return the option of a setting. It takes any text: the configuration checks it."""
    name = setting.path.replace(".", "__")
    if setting.kind is bool:
        return click.Option([setting.option, name], is_flag=True, default=None)
    return click.Option([setting.option, name], multiple=setting.several)


def _row(setting: Setting) -> tuple[str, str]:
    """Return what --help says of a setting: what is typed, and what it is."""
    default = setting.info.otherwise
    if setting.option and not default and setting.default not in (None, False, ()):
        default = str(setting.default)
    typed = setting.info.option or f"{fields.short_name(RunConfig, setting.path)}={setting.default}"
    return typed, setting.info.help + (f"  [{default}]" if default else "")


@click.command("train", cls=TrainCommand, context_settings={"max_content_width": HELP_WIDTH})
@click.option("--config", metavar="FILE", help="TOML file of settings, or a run's config.json")
@click.option(
    "--set", "assignments", metavar="NAME=VALUE", multiple=True, help="Change one setting; repeatable"
)
@click.option("--overwrite", is_flag=True, help="Replace the run in the output folder")
@click.option("--resume", metavar="DIR", help="Continue an interrupted run with its own settings")
@click.option("--quiet", is_flag=True, help="Print only errors and the result")
@click.pass_context
def command(context: click.Context, **options: Any) -> int:
    """\b
    Train a tagger; keep its best epoch on dev. Settings with = are for --set.
      bilstm-crf train --embeddings sg600 --preset best    NorNE (default: sample)
      bilstm-crf train --train a.conll --dev b.conll --output runs/mine
    """  # noqa: D301
    processes: Processes = context.obj
    if not processes.leads:
        return follow(processes)
    with Waiting("Loading PyTorch"):
        from bilstm_crf.training import run

    quiet = options["quiet"]

    def progress(epochs: int, sentences: int, done: int) -> TrainingProgress:
        return TrainingProgress(epochs, sentences, quiet=quiet, done=done)

    tell = (lambda line: None) if quiet else say
    monitor = run.Monitor(tell, progress)
    given = given_by(options["config"], options["assignments"], typed_settings(context))
    if options["resume"]:
        folder, threads = Path(options["resume"]), given.values.get("run.threads")
        others = [given.shown(path) for path in given.values if path != "run.threads"]
        others += [f"--{name}" for name in ("config", "overwrite") if options[name]]
        if others:
            raise UsageError(f"--resume continues a run with its own settings, found {', '.join(others)}")
        metrics = run.resume(folder, monitor, threads=threads, processes=processes)
        conclude(metrics, folder, sample=False)
        return 0
    sample = sample_folder() if not options["config"] and given.names_no_corpus else None
    if sample is not None:
        tell(f"No corpus named: training on the sample in {sample}, which only shows that everything works.")
    config, folder = configure(given, sample=sample)
    overwrite = options["overwrite"] or (sample is not None and "run.output" not in given.values)
    metrics = run.start(config, folder, monitor, overwrite=overwrite, processes=processes)
    conclude(metrics, folder, sample=sample is not None)
    return 0


def follow(processes: Processes) -> int:
    """Train along with the first process, without a word; return the exit status."""
    from bilstm_crf.training import run

    be_quiet()
    warnings.simplefilter("ignore", InputWarning)
    monitor = run.Monitor(lambda line: None, lambda *sizes: TrainingProgress(*sizes[:2], quiet=True))
    try:
        description, folder = processes.receive()
    except LostProcessError:  # it has said why, or its help; its exit status is what counts
        return 0
    try:
        run.follow(description, folder, monitor, processes)
    except LostProcessError:
        return 1
    return 0


def typed_settings(context: click.Context) -> dict[str, Any]:
    """Return the settings that were typed with options of their own."""
    given = given_of(context)
    typed = {path: path.replace(".", "__") for path in SETTINGS}
    return {path: context.params[name] for path, name in typed.items() if name in given}


def conclude(metrics: RunMetrics, folder: Path, *, sample: bool) -> None:
    """Print the results to standard output, and what to do next to standard error."""
    from bilstm_crf.training.records import read_description

    scores = f"dev strict F1 {_f1(metrics.dev)}"
    if metrics.test is not None:
        scores += f"   test strict F1 {_f1(metrics.test)}"
    kept = "Best" if metrics.epoch_chosen_on_dev else "Last"
    write_text(f"{kept} epoch {metrics.best_epoch}: {scores}\n")
    config = read_description(folder / "config.json").config
    trust = " --trust-remote-code" if fields.get(config, "encoder.trust_remote_code") else ""
    if (final := metrics.final) is not None:
        scores = "" if final.test is None else f": test strict F1 {_f1(final.test)}"
        write_text(f"Trained again, on train and dev, for {final.batches:,} batches{scores}\n")
        folder = folder / final.folder
    files = [*folder.glob("weights-*"), *folder.glob("encoder-*/*")]
    size = sum(path.stat().st_size for path in files) / 1e6
    try_it = f"bilstm-crf tag --model {shlex.quote(str(folder))}{trust} {example_arguments(config.data)}"
    say(f"Model in {folder} ({size:.1f} MB).  Try it:   {try_it}")
    if sample:
        command_line = "bilstm-crf data norne && python train.py --embeddings sg600"
        say(f"The paper's baseline:                     {command_line}")


def _f1(report: Report) -> str:
    return f"{100 * report.strict.f1:.2f}"
