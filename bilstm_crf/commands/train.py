"""`bilstm-crf train`: what it takes, and what it says at the end; the work is `training`'s."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from bilstm_crf.commands.options import (
    CORES,
    FILE_SETTINGS,
    Command,
    config_file,
    documents_option,
    given_of,
    reading_options,
    repair_option,
)
from bilstm_crf.commands.output import write_text
from bilstm_crf.commands.train_options import configure, names, use_sample
from bilstm_crf.config import MAX_SEED, Head, Pooling
from bilstm_crf.errors import UsageError
from bilstm_crf.util.progress import say

if TYPE_CHECKING:
    from bilstm_crf.evaluation.report import Report
    from bilstm_crf.training.records import RunMetrics


@click.command("train", cls=Command)
@click.option("--data", metavar="DIR", help="Folder with NorNE (or any files with UD's names).  [data/norne]")
@click.option(
    "--language",
    type=click.Choice(["nob", "nno", "both"]),
    default="nob",
    show_default=True,
    help="Bokmål, Nynorsk, or both together.",
)
@click.option(
    "--train", "train_files", metavar="FILE", multiple=True, help="Your own files instead: repeatable."
)
@click.option(
    "--dev", "dev_files", metavar="FILE", multiple=True, help="With --train: chooses the best epoch."
)
@click.option(
    "--test", "test_files", metavar="FILE", multiple=True, help="With --train: scored once, at the end."
)
@click.option(
    "--weight",
    "weights",
    metavar="W",
    type=float,
    multiple=True,
    help="Sampling weight of each training file, in order (0.5: half per epoch; 2: every sentence twice).",
)
@click.option(
    "--train-labels",
    metavar="SET",
    multiple=True,
    help="Label set of each training file, in order, where their types are not those of --labels.",
)
@click.option(
    "--drop",
    metavar="FILTER",
    multiple=True,
    help="Leave sentences out of train: ill-formed, empty, leaked (in dev or test), repeated; repeatable.",
)
@reading_options
@repair_option
@click.option("--embeddings", metavar="NAME|PATH", help="Word vectors: sg600, … or a file.  [none]")
@click.option(
    "--embeddings-dir", metavar="DIR", help="Where vectors lie.  [$BILSTM_CRF_EMBEDDINGS, embeddings/]"
)
@click.option(
    "--init-from",
    metavar="MODEL",
    help="Go on with a trained model, perhaps with other labels; its sizes hold, and its words.",
)
@click.option("--bert", metavar="NAME|PATH", help="Add the vectors of a Hugging Face encoder.")
@click.option("--bert-finetune", is_flag=True, help="Train the encoder too; else it stays as it is.")
@click.option(
    "--bert-layers", metavar="NAME|N", help="last, last4, mix (all, weighted), or one of them: 6.  [last4]"
)
@click.option("--bert-pooling", type=click.Choice(get_args(Pooling)), help="Of a word's pieces.  [first]")
@click.option(
    "--context",
    "bert_context",
    metavar="N",
    help="Neighbouring sentences the encoder sees too, or N words as 64w.  [0]",
)
@click.option(
    "--curriculum",
    metavar="STAGES",
    help="Context that grows: context:batches by commas, as 0:2000,2:1000 or 0w:2000,64w:1000.",
)
@documents_option
@click.option("--trust-remote-code", is_flag=True, help="Run the Python code that an encoder brings.")
@click.option("--embed-encoder", is_flag=True, help="Copy the encoder into the model's folder.")
@click.option(
    "--features",
    metavar="LIST",
    help="Of static, char and bert, by commas.  [static,char, and bert with --bert]",
)
@click.option("--head", type=click.Choice(get_args(Head)), help="What reads the features.  [bilstm-crf]")
@click.option(
    "--labels",
    metavar="SET",
    help="Label set: full, 7, 6, 4, file (as they stand), or a TOML file.  [NorNE: full, --train: file]",
)
@click.option("--keep-misc", is_flag=True, help="Keep NorNE's rare MISC, which else becomes O.")
@click.option(
    "--encoding",
    type=click.Choice(["iob", "iobe", "iobs", "iobes"]),
    default="iob",
    show_default=True,
    help="How spans are written as labels.",
)
@click.option(
    "--preset",
    metavar="NAME",
    default="paper",
    show_default=True,
    help="The recipe to start from: paper, or best (docs/recipe.md).",
)
@click.option(
    "--set", "settings", metavar="KEY=VALUE", multiple=True, help="Change one value of it: repeatable."
)
@click.option("--epochs", type=click.IntRange(1), help="Short for --set epochs=N.  [50]")
@click.option(
    "--patience", type=click.IntRange(0), help="Stop after N epochs without a better dev F1.  [never]"
)
@click.option(
    "--seed",
    type=click.IntRange(0, MAX_SEED),
    default=42,
    show_default=True,
    help="Of all random numbers.",
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    default=min(2, CORES),
    show_default="2 where there are two cores",
    help="Processor cores to use; the weights are the same with 1 and with 2, bit for bit, unless an encoder "
    "learns.",
)
@click.option("--device", metavar="NAME", default="cpu", show_default=True, help="cpu or cuda.")
@click.option(
    "--final",
    is_flag=True,
    help="Then retrain on train + dev for the number of batches that was best on dev; saved in DIR/final.",
)
@click.option("--output", metavar="DIR", help="Where the run and its model go.  [runs/LANGUAGE-VECTORS]")
@click.option("--overwrite", is_flag=True, help="Replace the run that lies there.")
@click.option(
    "--resume",
    metavar="DIR",
    help="Continue an interrupted run with its own settings; 1 or 2 --threads give the same result.",
)
@click.option(
    "--config",
    metavar="FILE",
    is_eager=True,
    callback=config_file,
    help="TOML that holds what these options do; or a run's config.json, to repeat it.",
)
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
      bilstm-crf train --embeddings sg600 --bert NbAiLab/nb-bert-base
      bilstm-crf train --init-from runs/noisy --train gold.conllu --dev dev.conllu
      bilstm-crf train --resume runs/nob-sg600               after Ctrl-C, a crash, a power cut

    \b
    Settings for --set (preset paper)
      epochs=50 epoch_batches=0 batch_size=10 patience=0 hidden=200 layers=1 members=1 dropout=0.5
      input_dropout=token|sentence|batch recurrent_dropout=0 character_dim=30 character_filters=50
      character_width=3 word_dim=100 digits=zero|own_first untuned=0 subwords=0 composed=0
      document_memory=0 memory_alone=0
      optimiser=sgd|adam momentum=0 learning_rate=0.015 schedule=inverse|linear|cosine restarts=1
      learning_rate_decay=0.05 warm_up=0 accumulate=1 gradient_clip=0 l2=1e-8 word_rate=1
      bert_learning_rate=2e-5 bert_weight_decay=0.01 bert_precision=float32|bfloat16
      bert_checkpointing=off|on bert_context_unit=sentences|words, and what options below are short for
    """  # noqa: D301
    from bilstm_crf.training import run
    from bilstm_crf.util.progress import TrainingProgress

    given, typed = given_of(context), given_of(context, in_file=False)
    options["file_settings"] = context.meta.get(FILE_SETTINGS, {})
    quiet = options.pop("quiet")

    def progress(epochs: int, sentences: int, done: int) -> TrainingProgress:
        return TrainingProgress(epochs, sentences, quiet=quiet, done=done)

    tell = (lambda line: None) if quiet else say
    monitor = run.Monitor(tell, progress)
    if options["resume"]:
        if others := given - {"resume", "quiet", "threads"}:
            raise UsageError(
                f"--resume goes on with the run's own settings, but {names(others)} was given as well"
            )
        folder = Path(options["resume"])
        threads = options["threads"] if "threads" in given else None
        metrics = run.resume(folder, monitor, threads=threads)
        sample = False
    else:
        sample = not given & {
            "data",
            "language",
            "train_files",
            "dev_files",
            "test_files",
            "embeddings",
            "config",
        }
        if sample:
            use_sample(options)
            where = options["data"]
            tell(
                f"No corpus named: training on the sample in {where}, which only shows that everything works."
            )
        if options["config"] and (others := given - {"config", "output", "overwrite", "quiet"}):
            raise UsageError(
                f"--config {options['config']} repeats that run, but {names(others)} was given as well"
            )
        config, folder = configure(options, given, typed)
        overwrite = options["overwrite"] or (sample and "output" not in given)
        metrics = run.start(config, folder, monitor, overwrite=overwrite)
    conclude(metrics, folder, sample=sample)
    return 0


def conclude(metrics: RunMetrics, folder: Path, *, sample: bool) -> None:
    """Print the results to standard output, and what to do next to standard error."""
    from bilstm_crf.training.records import read_description

    scores = f"dev strict F1 {_f1(metrics.dev)}"
    if metrics.test is not None:
        scores += f"   test strict F1 {_f1(metrics.test)}"
    kept = "Best" if metrics.epoch_chosen_on_dev else "Last"
    write_text(f"{kept} epoch {metrics.best_epoch}: {scores}\n")
    config = read_description(folder / "config.json").config
    trust = " --trust-remote-code" if config.trust_remote_code else ""
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
