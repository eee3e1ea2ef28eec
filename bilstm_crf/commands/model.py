"""`bilstm-crf model`: list, fetch, describe, pack and calibrate models."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from bilstm_crf.commands.options import (
    FILE,
    Group,
    documents_for,
    find_model,
    load_tagger,
    model_options,
    reading_options,
    repair_option,
)
from bilstm_crf.commands.output import write_json, write_text
from bilstm_crf.commands.systems import read_gold_files
from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.hub.names import parse_name
from bilstm_crf.render.text import join_tables, to_text
from bilstm_crf.util.files import require_files
from bilstm_crf.util.progress import human, say


@click.group(cls=Group)
def command() -> None:
    """List, fetch and describe models; pack one into a few megabytes; calibrate its scores.

    \b
    Examples
      bilstm-crf model info                          the model in the box
      bilstm-crf model fetch kari/navn               from the Hugging Face hub
      bilstm-crf model card --model runs/joint
      bilstm-crf model pack --model runs/joint -o runs/joint-packed --size 12
      bilstm-crf model calibrate --model runs/joint-packed --dev dev.conllu
    """  # noqa: D301


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@command.command("list", short_help="List the models that are here.")
@click.argument("folders", metavar="[DIR]...", nargs=-1)
@json_option
def list_(folders: tuple[str, ...], as_json: bool) -> int:
    """List the model in the box, the models fetched from the hub, and those in the folders DIR.

    \b
    Examples
      bilstm-crf model list
      bilstm-crf model list runs/*
    """  # noqa: D301
    from bilstm_crf.commands.model_table import Row, known_models, model_table

    rows, status = known_models(), 0
    for folder in folders:
        try:
            rows.append(Row.of(folder, find_model(folder)))
        except InputError as error:
            say(f"error: {error}")
            status = 1
    if as_json:
        write_json([{"name": row.name, **row.info.as_dict()} for row in rows])
    else:
        write_text(to_text(model_table(rows), decimals=1) + "\n")
    return status


@command.command(short_help="Show sizes, types, scores and data of a model.")
@click.argument("name", metavar="[DIR|NAME]", required=False)
@json_option
@click.option(
    "--config-for",
    type=click.Choice(["label-studio", "brat"]),
    help="Print the configuration of an annotation project with the model's types.",
)
def info(name: str | None, as_json: bool, config_for: str | None) -> None:
    """Show the sizes, entity types, scores and training data of a model, and what it needs.

    The model is a folder, OWNER/NAME fetched from the hub, or by default the one in the box. Its
    weights are not loaded.

    \b
    Examples
      bilstm-crf model info
      bilstm-crf model info runs/joint --json
      bilstm-crf model info --config-for label-studio > labels.xml
      bilstm-crf model info --config-for brat > annotation.conf
    """  # noqa: D301
    from bilstm_crf.commands.model_table import info_tables
    from bilstm_crf.hub.info import read_info
    from bilstm_crf.inference.box import box_folder
    from bilstm_crf.output import annotation_tools, brat

    if as_json and config_for is not None:
        raise UsageError("--json and --config-for exclude one another")
    folder = box_folder() if name is None else find_model(name)
    found = read_info(folder)
    if config_for == "label-studio":
        write_text(annotation_tools.label_studio_config(found.entity_types))
    elif config_for == "brat":
        write_text(brat.config(found.entity_types))
    elif as_json:
        write_json({"name": name or "box", **found.as_dict()})
    else:
        write_text(join_tables(info_tables(found), decimals=1))


@command.command(short_help="Download a model from the Hugging Face hub.")
@click.argument("repository", metavar="OWNER/NAME[@REVISION]")
def fetch(repository: str) -> None:
    """Download a model from the Hugging Face hub, verify it, and print its folder.

    The model is kept in the hub's cache ($HF_HOME); --model OWNER/NAME uses it without a network. Fetch it
    again to get a newer version. A REVISION is a branch, tag or commit. Needs the extra `hub`.

    \b
    Examples
      bilstm-crf model fetch kari/navn
      bilstm-crf tag --model kari/navn article.txt
    """  # noqa: D301
    from bilstm_crf.hub import fetch as hub
    from bilstm_crf.hub.info import read_info
    from bilstm_crf.hub.names import parse_repository

    wanted = parse_repository(repository)
    folder = hub.fetch(wanted)
    found = read_info(folder)
    say(f"{wanted}: {human(found.bytes)}, verified" + "".join(f"; needs {each}" for each in found.needs))
    write_text(f"{folder}\n")


@command.command(short_help="Write a small copy of a trained model.")
@click.option(
    "--model",
    metavar="DIR|NAME",
    required=True,
    help="Model without an encoder.",
)
@click.option("-o", "--output", metavar="DIR", required=True, help="New folder of the small model.")
@click.option(
    "--size",
    metavar="MB",
    type=click.FloatRange(0, min_open=True),
    default=12.0,
    show_default=True,
    help="Largest size in megabytes (1,000,000 bytes).",
)
@click.option(
    "--embeddings", metavar="NAME|PATH", help="Vectors of the training, for words that DIR had no room for."
)
def pack(model: str, output: str, size: float, embeddings: str | None) -> None:
    """Write a small copy of a trained model: vectors as codes (product quantisation), the rest in float16.

    The small model is used like any other. It costs some accuracy: score it on dev.

    \b
    Examples
      bilstm-crf model pack --model runs/joint -o runs/joint-packed --size 12
      bilstm-crf model pack --model runs/joint -o small --embeddings joint-sg600
    """  # noqa: D301
    from bilstm_crf.embeddings.read import load
    from bilstm_crf.model.description import read_description
    from bilstm_crf.model.model_folder import load_model, save_packed, with_words_of
    from bilstm_crf.model.pack import pack as packed
    from bilstm_crf.model.pack import sizes_within

    folder = Path(output)
    if os.path.lexists(folder) and not (folder.is_dir() and not any(folder.iterdir())):
        raise UsageError(f"-o {output} already exists, expected a new or empty folder")
    source = find_model(model)
    if read_description(source).packed:
        raise UsageError(f"--model {model} is already packed, expected the model that it was made from")
    given = load_model(source)
    if embeddings is not None and (vectors := load(embeddings)) is not None:
        vectors.require_same_space(given.vocabulary.words, given.word_table)
        given = with_words_of(given, vectors)
    sizes = sizes_within(given, int(size * 1e6))
    small = packed(given, sizes)
    save_packed(small.model, folder, small.tables)
    written = sum(path.stat().st_size for path in folder.iterdir())
    words = f"{len(small.model.vocabulary.words):,} words of {sizes.dim} dimensions"
    say(
        f"{output}: {written / 1e6:.1f} MB, {words} in {sizes.word_bytes} bytes"
        + (f", n-grams in {sizes.ngram_bytes}" if small.model.subwords is not None else "")
    )


@command.command(short_help="Print what a model was trained on, how, and how good it is.")
@click.option("--model", metavar="DIR|NAME", help="Folder, or fetched OWNER/NAME.  [the one in the box]")
def card(model: str | None) -> None:
    """Print a model's card in Markdown: data, recipe, dev scores, limits.

    \b
    Examples
      bilstm-crf model card
      bilstm-crf model card --model runs/joint
    """  # noqa: D301
    from bilstm_crf.hub.card import card_of
    from bilstm_crf.hub.files import CARD
    from bilstm_crf.hub.info import read_info
    from bilstm_crf.inference.box import box_folder
    from bilstm_crf.render.markdown import to_markdown

    folder = box_folder() if model is None else find_model(model)
    if (folder / CARD).is_file():
        write_text((folder / CARD).read_text("utf-8"))
        return
    write_text(to_markdown(card_of(read_info(folder), model_title(model, folder))))


def model_title(name: str | None, folder: Path) -> str:
    """Return the name of a model in its card: that on the hub, else that of its folder."""
    place = Path("") if name is None else parse_name(name)
    return folder.resolve().name if isinstance(place, Path) else str(place)


@command.command(short_help="Fit the scores of a model to a dev set.")
@click.option("--model", metavar="DIR", required=True, help="Folder of a trained model; model.json changes.")
@click.option("--dev", metavar="FILE", multiple=True, required=True, type=FILE, help="Labelled file; repeat.")
@click.option("--dry-run", is_flag=True, help="Print the temperature without storing it.")
@reading_options
@repair_option
@model_options
def calibrate(model: str, dev: tuple[str, ...], dry_run: bool, **options: Any) -> None:
    """Fit the temperature of a model, so that 8 of 10 names with a score of 0.8 are right.

    Training does this at its end. Do it for a model of an older version, after `model pack`, and for text of
    another kind than the model's dev set. Labels do not change, only scores.

    \b
    Example
      bilstm-crf model calibrate --model DIR --dev nob.conllu --dev nno.conllu
    """  # noqa: D301
    from bilstm_crf.evaluation.report import map_types
    from bilstm_crf.inference import calibration
    from bilstm_crf.model.model_folder import set_temperature

    require_files(dev)
    if not isinstance(parse_name(model), Path):
        raise UsageError(
            f"--model {model} is a model of the hub, and model.json would change; expected a folder",
            hint="copy the folder that `bilstm-crf model fetch` prints",
        )
    gold = read_gold_files(dev, {**options, "predicted_format": None})
    tagger = load_tagger(model, options, threads=options["threads"])
    documents = documents_for(tagger, options["documents"])
    if documents is not None:
        documents.name(gold)
    evidence = calibration.Evidence(tagger, gold, map_types(gold, tagger.label_set))
    if len(evidence.right) < calibration.MIN_SPANS:
        raise UsageError(
            f"the model finds {len(evidence.right)} names in --dev, expected {calibration.MIN_SPANS} or more",
            hint="fewer are too few to fit a temperature",
        )
    found = calibration.calibrate(evidence, calibration.fit_temperature(evidence))
    if not dry_run:
        set_temperature(model, found.temperature)
    before, after = found.before, found.after
    say(
        f"{model}: temperature {found.temperature:.2f}; expected calibration error {after.error:.1%} "
        f"on {after.spans:,} names (without it {before.error:.1%}, by chance {after.chance:.1%})"
        + ("; not stored" if dry_run else "")
    )
