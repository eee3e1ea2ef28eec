"""`bilstm-crf export`: write a model for a browser or for another program."""

from __future__ import annotations

import json
from pathlib import Path

import click

from bilstm_crf.commands.options import Command, find_model
from bilstm_crf.commands.output import open_output, require_suffix
from bilstm_crf.inference.box import box_folder
from bilstm_crf.util.files import require_apart
from bilstm_crf.util.progress import Waiting, say


@click.command("export", cls=Command)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["html", "onnx"]),
    required=True,
    help="html: one page that tags offline. onnx: a graph, and a JSON file with its vocabulary.",
)
@click.option("--model", metavar="DIR|NAME", help="Folder, or fetched OWNER/NAME.  [the one in the box]")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    required=True,
    help="Output file, written atomically.",
)
def command(format_name: str, model: str | None, output: str) -> None:
    """Write a model for a browser or for another program.

    html: one file with the model and a small engine. It opens in any browser, and no text leaves the machine.

    onnx: the network from word ids to a score for each label, and beside it (FILE with the suffix .json) the
    words, characters and transitions that a program in another language needs. Needs the extra onnx.

    Models with a pretrained encoder and ensembles (TOML files) cannot be exported.

    \b
    Examples
      bilstm-crf export --format html -o tagger.html
      bilstm-crf export --format html --model runs/joint-packed -o tagger.html
      bilstm-crf export --format onnx -o tagger.onnx       also tagger.json
    """  # noqa: D301
    others = {suffix: f"--format {suffix[1:]}" for suffix in (".html", ".onnx") if suffix[1:] != format_name}
    require_suffix(output, f"--format {format_name}", (f".{format_name}",), others)
    folder = box_folder() if model is None else find_model(model)
    outputs = [output] if format_name == "html" else [output, str(Path(output).with_suffix(".json"))]
    require_apart(outputs, folder.iterdir() if folder.is_dir() else [])
    with Waiting("Exporting"):
        contents = _page(folder) if format_name == "html" else _graph(folder)
    for path, content in zip(outputs, contents, strict=True):
        with open_output(path) as stream:
            stream.write(content)
        say(f"{path}: {len(content) / 1e6:.1f} MB")


def _page(folder: Path) -> list[bytes]:
    from bilstm_crf.export.page import write_page

    return [write_page(folder)]


def _graph(folder: Path) -> list[bytes]:
    """Return the graph and the vocabulary."""
    from bilstm_crf.export.graph import write_graph
    from bilstm_crf.export.page import load_exportable
    from bilstm_crf.export.vocabulary import vocabulary_of

    model = load_exportable(folder)
    graph = write_graph(model, folder)
    vocabulary = json.dumps(vocabulary_of(model), ensure_ascii=False, separators=(",", ":")) + "\n"
    return [graph, vocabulary.encode()]
