"""Options and command classes that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from bilstm_crf.corpus.documents import Documents
from bilstm_crf.errors import UsageError, did_you_mean
from bilstm_crf.formats import FormatOptions
from bilstm_crf.inference.box import box_folder
from bilstm_crf.labels import Repair
from bilstm_crf.util.files import read_toml
from bilstm_crf.util.progress import Waiting, be_quiet
from bilstm_crf.util.system import cores

if TYPE_CHECKING:
    from bilstm_crf.inference.ensemble import Ensemble
    from bilstm_crf.inference.tagger import Tagger

CORES = min(4, cores())  # beyond those, memory grows faster than speed
FILE = click.Path(exists=True)  # or a folder of brat's, which `format_of` tells from others
Function = TypeVar("Function", bound=Callable[..., Any])


class Command(click.Command):
    """A command that refuses a repeated option; click silently takes the last one."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """See `click.Command.parse_args`. Raises click.UsageError."""
        _, _, given = self.make_parser(context).parse_args(list(args))
        for option in given:
            repeatable = any(getattr(option, name, True) for name in ("multiple", "is_flag", "count"))
            if given.count(option) > 1 and not repeatable:
                message = f"{option.opts[0]} is given {given.count(option)} times, it takes one value"
                raise click.UsageError(message, context)
        return super().parse_args(context, args)

    def invoke(self, context: click.Context) -> Any:
        """Run the command; with `--quiet` no progress is shown, whatever the work."""
        if context.params.get("quiet"):
            be_quiet()
        return super().invoke(context)


class Group(click.Group):
    """A group of `Command`s."""

    command_class = Command


class NumberRange(click.FloatRange):
    """A range of numbers. `click.FloatRange` lets NaN through, since no comparison with it is true."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See `click.FloatRange.convert`. Raises click.BadParameter."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not in the range {self._describe_range()}.", param, ctx)
        return number


# Type of an option, types of its value in a TOML file, and their name
TOML_TYPES: tuple[tuple[type, tuple[type, ...], str], ...] = (
    (click.types.BoolParamType, (bool,), "true or false"),
    (click.types.IntParamType, (int,), "a whole number"),
    (click.types.FloatParamType, (int, float), "a number"),
    (click.types.StringParamType, (str, int), "a text in quotes"),  # `labels = 7`, `label-column = 2`
    (click.ParamType, (str,), "a text in quotes"),
)


def config_file(context: click.Context, parameter: click.Parameter, path: str | None) -> None:
    """Make the values of a TOML file the defaults of this command's options (callback of `--config`).

    Its keys are option names without the leading hyphens. Raises UsageError for an unknown key and for a
    value of the wrong type.
    """
    if path is None:
        return
    if path.endswith(".json"):
        raise UsageError(
            f"--config {path}: expected a TOML file", hint="only `train` takes a run's config.json"
        )
    content = read_toml(path)
    options = {
        option.removeprefix("--"): each
        for each in context.command.params
        for option in each.opts
        if each.name is not None and option.startswith("--") and each is not parameter
    }
    defaults = {}
    for key, value in content.items():
        key = key.replace("_", "-")
        if key not in options:
            raise UsageError(f"{path}: {key} is not an option of this command.{did_you_mean(key, options)}")
        option = options[key]
        repeatable = getattr(option, "multiple", False)
        if repeatable and not isinstance(value, list):
            value = [value]
        for each in value if repeatable else [value]:
            _require_type(option, each, f"{path}: {key}")
        defaults[option.name or key] = value
    context.default_map = {**(context.default_map or {}), **defaults}


def _require_type(option: click.Parameter, value: Any, where: str) -> None:
    """Raise UsageError for a value in a file with the wrong type; click would truncate 1.5 to 1."""
    _, types, expected = next(each for each in TOML_TYPES if isinstance(option.type, each[0]))
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise UsageError(f"{where} is {value!r}, expected {expected}")


def given_of(context: click.Context, *, in_file: bool = True) -> set[str]:
    """Return the names of the options that were typed or, with `in_file`, set by `--config`."""
    source = click.core.ParameterSource
    without = {source.DEFAULT} if in_file else {source.DEFAULT, source.DEFAULT_MAP}
    return {name for name in context.params if context.get_parameter_source(name) not in without}


def options_group(*options: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Combine option decorators into one; the help shows them in this order."""

    def add(command: Function) -> Function:
        for option in reversed(options):
            command = option(command)
        return command

    return add


documents_option = click.option(
    "--documents",
    metavar="TABLE",
    type=FILE,
    help="TSV that maps sentences to documents (columns: sent_id, document, optional genre).  "
    "[the file's own; documents.tsv beside it]",
)

# How files are read: options of every command that reads sentences
reading_options = options_group(
    click.option(
        "--format",
        "format_name",
        metavar="NAME",
        help="Input format: conllu, conll2003, text, jsonl, brat; in tag and select docx, odt, html, mail, "
        "pdf too, but not brat.  [by suffix]",
    ),
    click.option(
        "--misc-key",
        metavar="NAME",
        default="name",
        show_default=True,
        help="CoNLL-U: key of the label in MISC.",
    ),
    click.option(
        "--token-column",
        metavar="N|NAME",
        help="Columns: number (from 1) or header name of the token column.  [recognised, else 1]",
    ),
    click.option(
        "--label-column",
        metavar="N|NAME",
        default="auto",
        help="Columns: the same for the label column; or last, append (tag).  [recognised, else last]",
    ),
    click.option(
        "--input-encoding",
        metavar="NAME",
        help="Character encoding of the input, such as cp1252; output is UTF-8.  [UTF-8]",
    ),
)


def text_options(by_line: str) -> Callable[[Function], Function]:
    """Return the options of commands that tag text; with the options `by_line`, a sentence is a line."""
    return options_group(
        click.option(
            "--sentences",
            type=click.Choice(["line", "detect"]),
            help=f"Text: one sentence a line, or running text to split.  [detect; line with {by_line}]",
        ),
        click.option(
            "--tokenise",
            type=click.Choice(["norwegian", "spacy", "spaces"]),
            default="norwegian",
            show_default=True,
            help="Tokeniser for text; spacy needs the extra `spacy`.",
        ),
    )


repair_option = click.option(
    "--repair",
    type=click.Choice(get_args(Repair)),
    help="Read illegal labels: conlleval (a stray I- begins a span) or discard (as O).  [refuse the file]",
)


def format_options(options: dict[str, Any], *, tagging: bool = False, **others: Any) -> FormatOptions:
    """Return the FormatOptions of a command with `reading_options`; `others` are further fields."""
    if not tagging:
        refuse_append(options)
    names = ("misc_key", "token_column", "label_column", "input_encoding")
    return FormatOptions(**{name: options[name] for name in names}, **others)


def refuse_append(options: Mapping[str, Any]) -> None:
    """Raise UsageError for `--label-column append` in a command that writes no labels."""
    if options["label_column"] == "append":
        raise UsageError("--label-column append is for tag: this command writes no labels")


# Gold and a model or another system to compare with it
pair_options = options_group(
    click.argument("files", metavar="[FILE]...", nargs=-1, type=FILE),
    click.option(
        "--model",
        metavar="DIR|NAME",
        type=click.Path(),
        help="Folder, fetched OWNER/NAME, or TOML file of an ensemble.  [the one in the box]",
    ),
    click.option("--gold", metavar="GOLD", type=FILE, help="Gold file, for --predicted."),
    click.option(
        "--predicted",
        metavar="A",
        type=FILE,
        multiple=True,
        help="A system's output for the words of gold; repeat to compare systems.",
    ),
    click.option(
        "--labels",
        metavar="SET",
        help="Label set: full, 7, 6, 4, file (all types) or a TOML file.  [the model's; else file]",
    ),
    click.option("--predicted-format", metavar="NAME", help="Format of A, if it is not that of GOLD."),
    reading_options,
    repair_option,
)

encoder_option = options_group(
    click.option("--encoder", metavar="PATH", help="Folder of the model's encoder, if it was moved."),
    click.option("--trust-remote-code", is_flag=True, help="Run Python code from the encoder's folder."),
)
device_option = options_group(
    click.option("--device", metavar="NAME", default="cpu", show_default=True, help="Device: cpu or cuda."),
    click.option(
        "--config",
        metavar="TOML",
        is_eager=True,
        expose_value=False,
        callback=config_file,
        help="TOML file with values for these options.",
    ),
)


# How to load and run a model
model_options = options_group(
    documents_option,
    click.option("--embeddings", metavar="NAME|PATH", help="Attach a full table of word vectors."),
    encoder_option,
    click.option(
        "--threads",
        type=click.IntRange(1),
        default=CORES,
        show_default="number of cores, up to 4",
        help="Number of processor cores to use.",
    ),
    device_option,
)


tagger_option = click.option(
    "--model",
    metavar="DIR|NAME",
    help="Folder of a model, fetched OWNER/NAME, or TOML file of an ensemble.  [the one in the box]",
)
output_file_option = click.option(
    "-o", "--output", metavar="FILE", help="Output file, written atomically.  [standard output]"
)

# Options of a model that do nothing with the output of another system
MODEL_ALONE = ("encoder", "trust_remote_code", "threads", "device")


def chosen_model(options: Mapping[str, Any]) -> str | None:
    """Return the folder of the model for `pair_options`; by default, without another system, the box.

    Raises ModelFolderError if there is none in the box.
    """
    if options["model"] is None and options["files"] and not (options["gold"] or options["predicted"]):
        return str(box_folder())
    return options["model"]


def require_pair_use(context: click.Context, *of_model: str) -> None:
    """Raise UsageError for options `of_model` without `--model`, and for options of --predicted with it."""
    given = context.params
    if chosen_model(given) is None:
        idle, reason = of_model, "is for --model, and does nothing for --gold and --predicted"
    elif not given["predicted"]:
        idle, reason = ("predicted_format",), "is for --predicted, and does nothing for --model"
    else:
        return
    for name in [each for each in idle if each in given_of(context, in_file=False)]:
        raise UsageError(f"--{name.replace('_', '-')} {reason}", hint="leave it out")


output_option = click.option(
    "-o",
    "--output",
    metavar="PATH",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Output file, written atomically.  [standard output]",
)


def inputs_of(options: dict[str, Any], *files: str | None) -> list[str | Path | None]:
    """Return every file that a command reads: `files`, files named by options, files of the model."""
    named = [options.get(name) for name in ("documents", "embeddings", "labels", "gold", "predicted")]
    several = [each for name in ("files", "train") for each in options.get(name) or ()]
    found: list[str | Path | None] = [*files, *several]
    for each in named:
        found += each if isinstance(each, tuple) else [each]
    model = options.get("model")
    if model is not None and Path(model).is_dir():
        found += Path(model).iterdir()
    elif model is not None and model.endswith(".toml"):
        found.append(model)
    return found


def find_model(name: str) -> Path:
    """Return the folder of `--model`: a folder, or where a model of the hub was fetched to.

    Raises as `bilstm_crf.hub.fetch.find`; never uses the network.
    """
    from bilstm_crf.hub.fetch import find

    return find(name)


def load_tagger(model: str | None, options: dict[str, Any], *, threads: int) -> Tagger:
    """Load a model by its folder or its name on the hub, or the one in the box, as `model_options` say."""
    taken = ("embeddings", "encoder", "trust_remote_code", "device")
    with Waiting("Loading the model"):
        from bilstm_crf.inference.tagger import Tagger

        folder = None if model is None else find_model(model)
        return Tagger.load(folder, threads=threads, **{name: options[name] for name in taken})


def load_tagger_or_ensemble(model: str | None, options: dict[str, Any], *, threads: int) -> Tagger | Ensemble:
    """Load the model of a folder, the one in the box, or the ensemble of a TOML file.

    Raises UsageError for options that an ensemble does not have.
    """
    if model is None or not model.endswith(".toml"):
        return load_tagger(model, options, threads=threads)
    alone = [name for name in ("embeddings", "encoder", "flush") if options.get(name)]
    alone += ["nbest"] * (options.get("nbest", 1) > 1)
    if alone:
        raise UsageError(f"--{alone[0]} is for one model, not for the ensemble {model}", hint="leave it out")
    with Waiting("Loading the models"):
        from bilstm_crf.inference.ensemble import Ensemble

        taken = ("trust_remote_code", "device")
        return Ensemble.load(model, threads=threads, **{name: options[name] for name in taken})


def documents_for(tagger: Tagger | Ensemble, table: str | None, *, always: bool = False) -> Documents | None:
    """Return the documents of sentences (`--documents`); None if the model does not use them.

    `always`: whatever the model does. Raises UsageError for a table that is not used, InputError for an
    ill-formed one.
    """
    if always or tagger.reads_neighbours:
        return Documents(table)
    if table is not None:
        raise UsageError(f"--documents {table}: this model reads each sentence without its neighbours")
    return None
