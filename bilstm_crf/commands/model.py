"""`bilstm-crf model`: make a trained model small."""

from __future__ import annotations

from pathlib import Path

import click

from bilstm_crf.commands.options import Group
from bilstm_crf.errors import UsageError
from bilstm_crf.util.progress import say


@click.group(cls=Group)
def command() -> None:
    """Pack a trained model into a few megabytes.

    \b
    Examples
      bilstm-crf model pack --model runs/joint -o runs/joint-packed --size 12
    """  # noqa: D301


@command.command(short_help="Write a small copy of a trained model.")
@click.option("--model", metavar="DIR", required=True, help="Folder of a trained model, without an encoder.")
@click.option("-o", "--output", metavar="DIR", required=True, help="New folder of the small model.")
@click.option(
    "--size",
    metavar="MB",
    type=click.FloatRange(0, min_open=True),
    default=12.0,
    show_default=True,
    help="Largest size in megabytes (1,000,000 bytes).",
)
def pack(model: str, output: str, size: float) -> None:
    """Write a small copy of a trained model: vectors as codes (product quantisation), the rest in float16.

    The small model is used like any other. It costs some accuracy: score it on dev.

    \b
    Example
      bilstm-crf model pack --model runs/joint -o runs/joint-packed --size 12
    """  # noqa: D301
    from bilstm_crf.model.model_folder import load_model, save_packed
    from bilstm_crf.model.pack import pack as packed
    from bilstm_crf.model.pack import sizes_within

    folder = Path(output)
    if folder.exists() and folder.resolve() == Path(model).resolve():
        raise UsageError(f"-o {output} is the folder of the model itself, expected another one")
    given = load_model(model)
    sizes = sizes_within(given, int(size * 1e6))
    small = packed(given, sizes)
    save_packed(small.model, folder, small.tables)
    written = sum(path.stat().st_size for path in folder.iterdir())
    say(
        f"{output}: {written / 1e6:.1f} MB, {sizes.dim} dimensions of a word in {sizes.word_bytes} bytes"
        + (f", of an n-gram in {sizes.ngram_bytes}" if small.model.subwords is not None else "")
    )
