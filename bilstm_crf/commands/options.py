"""What several commands' options share."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bilstm_crf.errors import InputError, UsageError, near_miss

if TYPE_CHECKING:
    from bilstm_crf.tagger import Tagger

CORES = min(4, len(os.sched_getaffinity(0)))  # beyond those, memory grows faster than speed
Command = TypeVar("Command", bound=Callable[..., Any])


def config_file(context: click.Context, parameter: click.Parameter, path: str | None) -> str | None:
    """Callback of `--config`: the values of a TOML file become the defaults of this command's options.

    Its keys are the options' names without the hyphens in front; a table [set] holds what `--set` does.
    The path of a JSON file (a run's config.json) is handed on as the option's value.
    """
    if path is None or path.endswith(".json"):
        return path
    try:
        content = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error
    except ValueError as error:
        raise InputError(f"is not TOML: {error}", path=path) from error
    names = {
        option.removeprefix("--"): each.name
        for each in context.command.params
        for option in each.opts
        if each.name is not None and option.startswith("--") and each is not parameter
    }
    defaults = {}
    for key, value in content.items():
        key = key.replace("_", "-")
        if key not in names:
            raise UsageError(f"{path}: {key} is not an option of this command.{near_miss(key, names)}")
        if key == "set":
            if not isinstance(value, dict):
                raise UsageError(f"{path}: set is {value!r}, expected a table [set]")
            value = [f"{name}={each}" for name, each in value.items()]
        elif isinstance(value, str) and key in ("train", "dev", "test"):
            value = [value]
        defaults[names[key]] = value
    context.default_map = {**(context.default_map or {}), **defaults}
    return None


def model_options(command: Command) -> Command:
    """What every command that uses a trained model takes: how to load it, and `--config`."""
    for option in (
        click.option(
            "--config",
            metavar="TOML",
            is_eager=True,
            expose_value=False,
            callback=config_file,
            help="A file that holds what these options do.",
        ),
        click.option("--device", metavar="NAME", default="cpu", show_default=True, help="cpu or cuda."),
        click.option(
            "--threads",
            type=click.IntRange(1),
            default=CORES,
            show_default="the processor's cores, up to 4",
            help="Processor cores to use.",
        ),
        click.option(
            "--trust-remote-code", is_flag=True, help="Run the Python code that the model's encoder brings."
        ),
        click.option("--bert", metavar="PATH", help="Where the model's encoder lies now, if it was moved."),
        click.option(
            "--embeddings", metavar="NAME|PATH", help="Attach a full table of vectors to the model."
        ),
    ):
        command = option(command)
    return command


def load_tagger(model: str, options: dict[str, Any], *, threads: int) -> Tagger:
    """The model of a folder, with what `model_options` say, to tag in so many threads."""
    import torch

    from bilstm_crf.tagger import Tagger

    torch.set_num_threads(1)  # each thread of the tagger computes alone
    taken = ("embeddings", "bert", "trust_remote_code", "device")
    return Tagger.load(model, threads=threads, **{name: options[name] for name in taken})
