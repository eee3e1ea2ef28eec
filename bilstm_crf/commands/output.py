"""Write a command's result: atomically to a file, or to standard output."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, cast

from bilstm_crf.errors import InputError, InterruptedRunError, UsageError
from bilstm_crf.formats import SUFFIXES
from bilstm_crf.util.files import remove_unfinished, suffix_of, write_whole
from bilstm_crf.util.progress import visible
from bilstm_crf.util.streams import standard_output

# Suffixes that no command writes
PACKED = {".bz2", ".xz", ".zst", ".zip", ".7z"}
FOREIGN = {".csv", ".tex", ".htm", ".html", ".json", ".md", ".xml", ".pdf", ".docx", ".xlsx", *PACKED}


def require_suffix(output: str, kind: str, own: tuple[str, ...], others: Mapping[str, str]) -> None:
    """Raise UsageError for an output name whose suffix belongs to another format.

    `kind` is what is written, `own` its suffixes; `others` maps suffixes of other formats to the option that
    writes them, or "". Other suffixes (`.out`, `.tagged`, none) are allowed, as is a final `.gz`.
    """
    suffix = suffix_of(output)
    if suffix in own or (suffix not in others and suffix not in FOREIGN):
        return
    if suffix in PACKED:
        raise UsageError(f"-o {output}: {suffix} is not a supported compression", hint="use .gz")
    ways = [f"{others[suffix]} writes {suffix}"] if others.get(suffix) else []
    ways += [f"name it *{own[0]}"] if own else []
    raise UsageError(f"-o {output} would hold {kind}, but its suffix is {suffix}", hint="; or ".join(ways))


# Reports by their option: description and suffixes
REPORTS = {
    "text": ("a table for reading", (".txt",)),
    "json": ("JSON", (".json",)),
    "csv": ("CSV", (".csv",)),
    "markdown": ("Markdown", (".md",)),
    "latex": ("LaTeX", (".tex",)),
    "html": ("an HTML page", (".html", ".htm")),
}


def chosen_report(options: Mapping[str, Any], formats: Sequence[str]) -> str:
    """Return the one of `formats` whose flag `as_…` was given; `text` if none.

    Raises UsageError for two of them, and for an output with the suffix of another one.
    """
    chosen = [name for name in formats if options[f"as_{name}"]]
    if len(chosen) > 1:
        raise UsageError(f"--{chosen[0]} and --{chosen[1]} exclude one another")
    report = chosen[0] if chosen else "text"
    if options["output"] is not None:
        kind, own = REPORTS[report]
        others = {suffix: "" for suffix in SUFFIXES if suffix != ".txt"}  # of tagged files
        others |= {suffix: f"--{name}" for name in formats for suffix in REPORTS[name][1]}
        require_suffix(options["output"], kind, own, others)
    return report


@contextlib.contextmanager
def open_output(output: str | None, *, named: bool = True) -> Iterator[BinaryIO]:
    """Open the stream to write to; None or `-` is standard output.

    Errors in the block say that the file was not written; with `named=False` only those of the output do.
    """
    if output is None or output == "-":
        out = standard_output()
        yield cast(BinaryIO, out)
        out.flush()
        return
    try:
        with write_whole(output) as stream:
            yield stream
    except KeyboardInterrupt:
        if not named:
            raise
        raise InterruptedRunError(f"Interrupted; {output} was not written") from None
    except InputError as error:
        if named:
            said = f"{output} was not written"
            error.hint = f"{error.hint}; {said}" if error.hint else said
        raise
    except OSError as error:  # its own name, if it has one, is that of the temporary file
        if error.errno is None:  # not from the operating system: a library that cannot be loaded
            raise
        raise OSError(error.errno, f"{error.strerror}; it was not written", output) from error


def write_result(result: bytes, output: str | None) -> None:
    """Write a whole result, text in UTF-8; None or `-` is standard output. Raises as `open_output`.

    On a terminal, control characters and characters that its encoding lacks are escaped.
    """
    if output is not None and output != "-":
        remove_unfinished(os.path.dirname(os.path.realpath(output)))
    elif sys.stdout is not None and sys.stdout.isatty():
        lines = result.decode("utf-8", "surrogateescape").split("\n")
        text = "\n".join(map(visible, lines))
        result = text.encode(sys.stdout.encoding or "utf-8", "backslashreplace")
    with open_output(output) as stream:
        stream.write(result)


def write_json(content: Any) -> None:
    """Write JSON to standard output; bytes of file names that are not UTF-8 are escaped."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_result(text.encode("utf-8", "backslashreplace"), None)


def write_text(text: str) -> None:
    """Write lines to standard output; file names keep their bytes."""
    write_result(text.encode("utf-8", "surrogateescape"), None)
