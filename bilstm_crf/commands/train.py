"""`bilstm-crf train`: what it takes, and what it says at the end; the work is `training`'s."""

from __future__ import annotations

import shlex
from dataclasses import MISSING
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_origin

import click

from bilstm_crf.commands.options import Command, given_of
from bilstm_crf.commands.output import write_text
from bilstm_crf.commands.train_options import (
    SETTINGS,
    configure,
    given_by,
    names_no_corpus,
    sample_folder,
)
from bilstm_crf.errors import UsageError
from bilstm_crf.util.fields import choices
from bilstm_crf.util.progress import say

if TYPE_CHECKING:
    from bilstm_crf.evaluation.report import Report
    from bilstm_crf.training.records import RunMetrics


def setting_options(function: Any) -> Any:
    """Add the options that settings of a configuration have."""
    for each in reversed(SETTINGS.values()):
        if option := each.told["option"]:
            default = "" if each.default in (None, (), False, MISSING) else f"  [{each.default}]"
            text = f"{each.told['help']}.{default}"
            name = each.path.replace(".", "__")
            if each.kind is bool:
                add = click.option(option, name, is_flag=True, default=None, help=text)
            else:
                metavar = each.told["metavar"] or "|".join(map(str, choices(each.kind))) or "N"
                several = get_origin(each.kind) is tuple
                add = click.option(option, name, metavar=metavar, multiple=several, help=text)
            function = add(function)
    return function


@click.command("train", cls=Command)
@setting_options
@click.option(
    "--set", "assignments", metavar="NAME=VALUE", multiple=True, help="Change one setting: repeatable."
)
@click.option("--overwrite", is_flag=True, help="Replace the run that lies there.")
@click.option(
    "--resume",
    metavar="DIR",
    help="Continue an interrupted run with its own settings; 1 or 2 --threads give the same result.",
)
@click.option("--config", metavar="FILE", help="TOML with settings, or a run's config.json to repeat it.")
@click.option("--quiet", is_flag=True, help="Only errors and the result.")
@click.pass_context
def command(context: click.Context, **options: Any) -> int:
    """Train a tagger; keep the epoch with the best strict F1 on dev.

    \b
    Examples
      bilstm-crf train                                       the sample: shows that everything works
      bilstm-crf train --embeddings sg600                    the paper's baseline, Bokmål
      bilstm-crf train --embeddings sg600 --preset best      the same network, trained better
      bilstm-crf train --language both --embeddings joint-sg600 --seed 43
      bilstm-crf train --train a.conll --dev b.conll --embeddings my.bin --output runs/mine
      bilstm-crf train --embeddings sg600 --encoder NbAiLab/nb-bert-base
      bilstm-crf train --init-from runs/noisy --train gold.conllu --dev dev.conllu
      bilstm-crf train --resume runs/nob-sg600               after Ctrl-C, a crash, a power cut
    """  # noqa: D301
    from bilstm_crf.training import run
    from bilstm_crf.util.progress import TrainingProgress

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
        metrics = run.resume(folder, monitor, threads=threads)
        conclude(metrics, folder, sample=False)
        return 0
    sample = sample_folder() if not options["config"] and names_no_corpus(given) else None
    if sample is not None:
        tell(f"No corpus named: training on the sample in {sample}, which only shows that everything works.")
    config, folder = configure(given, sample=sample)
    overwrite = options["overwrite"] or (sample is not None and "run.output" not in given.values)
    metrics = run.start(config, folder, monitor, overwrite=overwrite)
    conclude(metrics, folder, sample=sample is not None)
    return 0


def typed_settings(context: click.Context) -> dict[str, Any]:
    """Return the settings that were typed with options of their own."""
    given = given_of(context)
    return {name: context.params[name] for name in given if name.replace("__", ".") in SETTINGS}


def conclude(metrics: RunMetrics, folder: Path, *, sample: bool) -> None:
    """Print the results to standard output, and what to do next to standard error."""
    from bilstm_crf.training.records import read_description

    scores = f"dev strict F1 {_f1(metrics.dev)}"
    if metrics.test is not None:
        scores += f"   test strict F1 {_f1(metrics.test)}"
    kept = "Best" if metrics.epoch_chosen_on_dev else "Last"
    write_text(f"{kept} epoch {metrics.best_epoch}: {scores}\n")
    config = read_description(folder / "config.json").config
    trusts = config.encoder is not None and config.encoder.trust_remote_code
    trust = " --trust-remote-code" if trusts else ""
    final = metrics.final
    if final is not None:
        scores = "" if final.test is None else f": test strict F1 {_f1(final.test)}"
        write_text(f"Trained again, on train and dev, for {final.batches:,} batches{scores}\n")
        folder = folder / final.folder
    size = (
        sum(path.stat().st_size for each in ("weights-*", "encoder-*/*") for path in folder.glob(each)) / 1e6
    )
    text = "Kari Nordmann bor i Oslo."
    try_it = f'bilstm-crf tag --model {shlex.quote(str(folder))}{trust} --text "{text}"'
    say(f"Model in {folder} ({size:.1f} MB).  Try it:   {try_it}")
    if sample:
        command_line = "bilstm-crf data norne && python train.py --embeddings sg600"
        say(f"The paper's baseline:                     {command_line}")


def _f1(report: Report) -> str:
    return f"{100 * report.strict.f1:.2f}"
