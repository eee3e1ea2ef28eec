"""`bilstm-crf`: finds the command's module, and turns what goes wrong into a message and an exit status."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import click

from bilstm_crf.errors import BilstmCrfError, InputError, InputWarning, near_miss
from bilstm_crf.version import __version__

# Each command is the attribute `command` of a module of this package, imported when it is used,
# so that `bilstm-crf --help` waits for no heavy package.
COMMANDS = {
    "train": "train a tagger; without anything else, on the embedded sample",
    "tag": "tag files: every byte comes back, with the names in it",
    "evaluate": "score a model, or any system's output, against gold",
    "errors": "what a model, or any system's output, gets wrong, with examples",
    "data": "fetch NorNE; count what a corpus holds",
    "experiment": "run tables of trainings, seeds and all, beside the paper's numbers",
    "report": "what was run, as one page and as Markdown",
    "embeddings": "fetch, look at and train word vectors",
}


class Commands(click.Group):
    """A group whose commands are imported one at a time."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"bilstm_crf.commands.{name}")
        command: click.Command = module.command
        return command

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            raise click.UsageError(
                f"no command named {args[0]}.{near_miss(args[0], COMMANDS)} There are: {', '.join(COMMANDS)}"
            )
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bilstm_crf")
def main() -> None:
    """Named entities for Norwegian: character CNN + word BiLSTM + CRF, after the NorNE paper.

    \b
    First steps
      bilstm-crf train                                  the sample, under a minute
      bilstm-crf data norne                             the real corpus
      bilstm-crf train --embeddings sg600               the paper's Bokmål baseline
      bilstm-crf tag --model runs/nob-sg600 in.conllu -o out.conllu
      bilstm-crf evaluate --model runs/nob-sg600 dev.conllu

    Results go to standard output, all else to standard error. Exit status: 0 done, 1 the work failed,
    2 wrong usage or bad input, 130 interrupted.
    """  # noqa: D301


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit status (and exits with it, as a console script)."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", InputWarning)
        warnings.showwarning = _show_warning
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        status = main.main(args=arguments, prog_name="bilstm-crf", standalone_mode=False)
        sys.stdout.flush()
        return int(status or 0)
    except click.UsageError as error:
        _say(f"error: {error.format_message()}")
        context = error.ctx
        _say(f"  Try: {context.command_path if context else 'bilstm-crf'} --help")
        return 2
    except click.exceptions.Abort:
        _say("interrupted")
        return 130
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    except BrokenPipeError:
        # Who read our output has gone (`| head`): nothing to say, and nothing more to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except BilstmCrfError as error:
        report(error)
        return error.exit_status
    except OSError as error:
        _say(f"error: {error.filename or 'input/output'}: {error.strerror or error}")
        return 1


def _show_warning(message: Warning | str, category: type[Warning], *where: Any, **rest: Any) -> None:
    """Print our own warnings as `error:` lines are printed; leave other packages' warnings to Python."""
    if issubclass(category, InputWarning):
        _say(f"warning: {message}")
    else:
        _say(warnings.formatwarning(message, category, *where[:2]).rstrip())


def report(error: BilstmCrfError) -> None:
    """The error as a person reads it: the message, the offending line, what to do."""
    prefix = "" if error.exit_status == 130 else "error: "
    _say(prefix + str(error))
    if isinstance(error, InputError) and error.found is not None:
        shown = error.found.replace("\t", "␉")
        shown = shown if len(shown) <= 160 else shown[:157] + "…"
        _say(f"  {error.line} │ {shown}")
    if error.hint:
        _say(f"  {error.hint}")


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
