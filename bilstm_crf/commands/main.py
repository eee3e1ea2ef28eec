"""`bilstm-crf`: import the command's module, and turn errors into messages and exit statuses."""

from __future__ import annotations

import _thread
import contextlib
import importlib
import io
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from bilstm_crf.errors import BilstmCrfError, InputWarning, did_you_mean
from bilstm_crf.util.extras import optional_import
from bilstm_crf.util.progress import listening, say, visible
from bilstm_crf.util.streams import finish_output, open_closed_streams
from bilstm_crf.util.system import ENDING_SIGNALS
from bilstm_crf.version import __version__

INTERRUPTED, READER_GONE = 130, 141  # as shells report SIGINT and SIGPIPE
AGAIN = 0.05  # seconds until a lost signal is repeated
# Raised by a group without a command; older versions of click print its help themselves.
NO_ARGUMENTS: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())

# Each command is the attribute `command` of a module of this package, imported when it is used, so that
# `bilstm-crf --help` imports no heavy package.
COMMANDS = {
    "train": "Train a tagger; without options, on the embedded sample.",
    "tag": "Tag files and folders: find the names in them.",
    "select": "Select the sentences to annotate next, with the model's names in them.",
    "serve": "Serve the tagger over HTTP, with a page in the browser.",
    "pseudonymise": "Replace names and identifiers of people; restore them with the mapping.",
    "evaluate": "Score a model or any system's output against gold.",
    "errors": "Show what a model or any system's output gets wrong.",
    "model": "List, fetch, describe, pack and calibrate models.",
    "export": "Write a model as one HTML file that tags offline, or as ONNX.",
    "data": "Fetch NorNE; check and count labelled files.",
    "experiment": "Run tables of trainings with several seeds.",
    "report": "Write the results of experiments as one page.",
    "embeddings": "Fetch, inspect and train word vectors.",
}
OUT_OF_MEMORY = (  # words of PyTorch's, the loader's and the system's own errors
    "can't allocate memory",
    "not enough memory",
    "Cannot allocate memory",
    "failed to map segment",
    "can't start new thread",
)


class _ReaderGoneError(Exception):
    """The reader of our output has closed it."""


@contextlib.contextmanager
def _broken_pipe_kept() -> Iterator[None]:
    """Hide a broken pipe from click, which would turn it into exit status 1."""
    try:
        yield
    except BrokenPipeError as error:
        raise _ReaderGoneError from error


class Commands(click.Group):
    """A group whose commands are imported one at a time."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with _broken_pipe_kept():
            return super().make_context(*arguments, **options)

    def invoke(self, context: click.Context) -> Any:
        with _broken_pipe_kept():
            return super().invoke(context)

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"bilstm_crf.commands.{name}").command
        return command

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            near, known = did_you_mean(args[0], COMMANDS), ", ".join(COMMANDS)
            raise click.UsageError(f"no command named {args[0]}.{near} There are: {known}")
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the table of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bilstm_crf")
def main() -> None:
    """Tag named entities in Norwegian: character CNN, BiLSTM and CRF, after the NorNE paper.

    \b
    First steps
      bilstm-crf tag --text "Kari Nordmann flytta til Bergen."
      bilstm-crf tag articles/ -o names.xlsx         a table of the names in files
      bilstm-crf data norne                          fetch the paper's corpus
      bilstm-crf train --embeddings sg600            train its Bokmål baseline
      bilstm-crf data check train.conll dev.conll    check your own training data

    Results go to standard output, messages to standard error. Exit status: 0 done, 1 the work failed,
    2 wrong usage or bad input, 130 interrupted (143 by SIGTERM, 129 by SIGHUP), 141 reader gone.
    """  # noqa: D301


def run(
    arguments: Sequence[str] | None = None, command: click.Command = main, name: str = "bilstm-crf"
) -> int:
    """Run one command and return its exit status (with which a console script exits).

    `command` may be another program's, which then has the same messages and exit statuses.
    """
    open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # escape what the terminal's encoding lacks
            stream.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings(), listening(), _signals_as_ctrl_c() as received, _no_lost_ctrl_c(received):
        warnings.simplefilter("always", InputWarning)
        warnings.showwarning = _warning_printer()
        status = _run(arguments, command, name)
        return 128 + received[0] if status == INTERRUPTED and received else status


def _run(arguments: Sequence[str] | None, command: click.Command, name: str) -> int:
    """Run the command, flush its output, and return the exit status."""
    status = _status_of(arguments, command, name)
    error = finish_output()
    if error is None or status:
        return status
    if isinstance(error, BrokenPipeError):
        return READER_GONE
    say(f"error: {error.filename}: {error.strerror}")
    return 1


def _status_of(arguments: Sequence[str] | None, command: click.Command, name: str) -> int:
    try:
        with optional_import():
            return int(command.main(args=arguments, prog_name=name, standalone_mode=False) or 0)
    except click.UsageError as error:
        if error.ctx is not None and isinstance(error, NO_ARGUMENTS):
            click.echo(error.ctx.get_help())
            return 0
        say(f"error: {error.format_message()}")
        say(f"  Try: {error.ctx.command_path if error.ctx else name} --help")
        return 2
    except click.exceptions.Abort:
        say("interrupted")
        return INTERRUPTED
    except _ReaderGoneError:  # for example `| head`
        return READER_GONE
    except BilstmCrfError as error:
        report(error)
        return error.exit_status
    except (MemoryError, OSError, RuntimeError, ImportError) as error:
        if _is_out_of_memory(error):
            say("error: out of memory")
            say("  use fewer --threads or smaller word vectors, or tag files one by one")
        elif isinstance(error, OSError):
            say(f"error: {error.filename or 'input/output'}: {error.strerror or error}")
        else:
            raise
        return 1


@contextlib.contextmanager
def _signals_as_ctrl_c() -> Iterator[list[int]]:
    """Let SIGTERM and SIGHUP end the command as Ctrl-C does; yield the list of received signals.

    The first one raises KeyboardInterrupt; later ones are ignored while temporary files are removed. A signal
    that was ignored from the start (nohup) stays ignored.
    """
    received: list[int] = []

    def interrupt(number: int, _: object) -> None:
        if not received:
            received.append(number)
            raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():  # no other thread can set handlers
        for number in ENDING_SIGNALS:  # Ctrl-C itself has Python's handler
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, interrupt)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _no_lost_ctrl_c(received: list[int]) -> Iterator[None]:
    """Raise KeyboardInterrupt again if it was raised where Python ignores exceptions.

    While LLVM compiles the loops, a signal waits for the next Python code, which is a callback from C: the
    exception is dropped there, and the command would go on and ignore the signals after it.
    """
    before = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if not isinstance(unraisable.exc_value, KeyboardInterrupt):
            before(unraisable)
            return
        number = received[0] if received else signal.SIGINT
        received.clear()
        later = threading.Timer(AGAIN, _thread.interrupt_main, [number])
        later.daemon = True
        later.start()

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def _is_out_of_memory(error: BaseException | None) -> bool:
    """Return whether memory was exhausted, by the error or the one that it was raised from."""
    if error is None:
        return False
    known = isinstance(error, MemoryError) or any(words in str(error) for words in OUT_OF_MEMORY)
    return known or _is_out_of_memory(error.__context__)


def _warning_printer() -> Callable[..., None]:
    """Return a function that prints each of our warnings once, and other warnings as Python does."""
    printed: set[str] = set()  # a file that is read twice is warned about twice

    def show(message: Warning | str, category: type[Warning], *where: Any, **rest: Any) -> None:
        if not issubclass(category, InputWarning):
            for line in warnings.formatwarning(message, category, *where[:2]).splitlines():
                say(line)
        elif str(message) not in printed:
            printed.add(str(message))
            say(f"warning: {message}")

    return show


def report(error: BilstmCrfError) -> None:
    """Print an error: the message, the offending line, the hint."""
    prefix = "" if error.exit_status == INTERRUPTED else "error: "
    say(prefix + str(error))
    if error.found is not None:
        found = visible(error.found.replace("\t", "␉"))
        found = found if len(found) <= 160 else found[:157] + "…"
        say(f"  {error.line} │ {found}")
    for line in (error.hint or "").splitlines():
        say(f"  {line.strip()}")
