"""Read labelled files past their faults: after each one, reading goes on with the next sentence."""

from __future__ import annotations

import io
import re
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from bilstm_crf.corpus.checks.findings import Findings, Place, Severity, place_of
from bilstm_crf.corpus.filters import is_visible
from bilstm_crf.corpus.labelled import where_labels_are
from bilstm_crf.errors import InputError, InputWarning
from bilstm_crf.formats import Format, FormatOptions, brat, format_of, jsonl
from bilstm_crf.labels import NAMES, READABLE, FileLabels, Repair, describe_label, faults, read_labels
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.charset import encoding_hint
from bilstm_crf.util.files import open_input, shown

MAX_FAULTS = 100  # ill-formed sentences of one file, after which it is read no further
MAX_SECONDS = 10.0  # for reading one file again after each of them


@dataclass
class CheckedFile:
    """A file of one split, as far as it can be read. Sentences whose labels are unknown have no spans."""

    path: str
    split: str
    sentences: list[Sentence] = field(default_factory=list)  # with tokens
    documents: int = 0
    encoding: str = ""  # of its labels: IOB2 …; empty: it has none


class Reading(NamedTuple):
    """The options for reading files."""

    format: str | None = None
    options: FormatOptions = FormatOptions()
    repair: Repair | None = None


def read_file(path: str, split: str, reading: Reading, findings: Findings) -> CheckedFile:
    """Read a file and its labels, and add what training would refuse to the findings.

    Raises UsageError if the format cannot be told.
    """
    file = CheckedFile(path, split)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InputWarning)
        format_ = format_of(path, reading.format, reading.options.input_encoding)
        content = _content(path, reading, findings)
        if content is not None:
            _read_sentences(file, content, format_, reading, findings)
            _read_labels(file, reading, findings)
    ours = [str(each.message) for each in caught if issubclass(each.category, InputWarning)]
    findings.add("assumption", [_place_of_warning(each, path) for each in dict.fromkeys(ours)])
    return file


def _place_of_warning(message: str, path: str) -> Place:
    """Return a warning's place: its text begins with the file and, perhaps, the line."""
    rest = message.removeprefix(shown(path))
    located = re.match(r"(?:, line (\d+))?: ", rest)
    if located is None:
        return Place(shown(path), None, message)
    return Place(shown(path), int(located[1]) if located[1] else None, rest[located.end() :])


# ---------------------------------------------------------------- bytes


def _content(path: str, reading: Reading, findings: Findings) -> bytes | None:
    """Return the content in UTF-8; None if the file cannot be read at all."""
    try:
        with open_input(path, reading.options.input_encoding) as stream:
            content = stream.read()
    except (InputError, OSError) as error:
        text = error.strerror if isinstance(error, OSError) else _message(error, path)
        hint = getattr(error, "hint", None) or ""
        findings.add("unreadable", [Place(shown(path), getattr(error, "line", None), str(text))], advice=hint)
        return None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return _as_utf8(path, content, findings)
    if "\0" in text[:4096] and (wide := _named_in(hint := encoding_hint(content, at_start=True))):
        return _from_wide(path, content, wide, hint, findings)
    return content


def _from_wide(path: str, content: bytes, encoding: str, hint: str, findings: Findings) -> bytes:
    """Report content that is UTF-16 or UTF-32, and return it in UTF-8."""
    findings.add("character-encoding", [Place(shown(path), 1, hint)], count=content.count(b"\n") + 1)
    return content.decode(encoding, "replace").encode("utf-8", "replace")


def _as_utf8(path: str, content: bytes, findings: Findings) -> bytes:
    """Report bytes that are not UTF-8, and return the content in the likely encoding."""
    hint = encoding_hint(content, at_start=True)
    likely = _named_in(hint)
    if likely is not None and likely.startswith("utf"):
        return _from_wide(path, content, likely, hint, findings)
    lines = content.split(b"\n")
    places, kept = [], []
    for number, line in enumerate(lines, 1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            byte = f"byte 0x{line[error.start]:02X}"
            best = likely or _named_in(encoding_hint(line, at_start=False)) or "cp1252"
            text = line.decode(best, "replace")
            word = next((each for each in re.split(r"[\t ]", text) if not each.isascii()), "")
            places.append(Place(shown(path), number, f"{byte}; {word!r} in {best}"))
            line = text.encode()
        kept.append(line)
    name = f"--input-encoding {likely} reads the file" if likely else hint
    findings.add("character-encoding", places, advice=name)
    return b"\n".join(kept)


def _named_in(hint: str) -> str | None:
    found = re.search(r"--input-encoding ([\w-]*\d[\w-]*|mac-roman)", hint)
    return found[1] if found else None


def _message(error: BaseException, path: str) -> str:
    """Return an error's message without the place that begins it."""
    return re.sub(r"^(?:, line \d+)?: ", "", str(error).removeprefix(shown(path)))


# ---------------------------------------------------------------- sentences


def _read_sentences(
    file: CheckedFile, content: bytes, format_: Format, reading: Reading, findings: Findings
) -> None:
    """Fill in the sentences; report ill-formed ones, and sentences and documents that are empty."""
    everything, broken = _read_past_faults(file.path, content, format_, reading.options)
    hints = dict.fromkeys(each.hint for each in broken if each.hint)
    places = [Place(shown(file.path), each.line, _message(each, file.path)) for each in broken]
    findings.add("ill-formed", places, advice="; ".join(list(hints)[:2]))
    documents: dict[str, list[Sentence]] = {}
    for sentence in everything:
        if sentence.document is not None:
            documents.setdefault(sentence.document, []).append(sentence)
        if sentence.tokens:
            file.sentences.append(sentence)
    file.documents = len(documents)
    if not file.sentences and not broken:
        findings.add("no-sentences", [Place(shown(file.path), None, "no line holds a token")])
    invisible = [each for each in file.sentences if not is_visible("".join(each.tokens))]
    findings.add("empty-sentence", [place_of(each, repr(" ".join(each.tokens[:5]))) for each in invisible])
    comments = [each for each in everything if each.raw == "comments" and not each.tokens]
    findings.add("empty-sentence", [place_of(each, "comments without tokens") for each in comments])
    findings.add(
        "empty-document",
        [
            place_of(sentences[0], f"document {name!r}")
            for name, sentences in documents.items()
            if not any(each.tokens for each in sentences)
        ],
    )


def _read_past_faults(
    path: str, content: bytes, format_: Format, options: FormatOptions
) -> tuple[list[Sentence], list[InputError]]:
    """Return the sentences that can be read, and the error of each one that cannot.

    A sentence without tokens has `raw` "comments" if it holds something else than blanks.
    """
    options = replace(options, keep_raw=True)
    broken: list[InputError] = []
    if format_.name == jsonl.name:
        return _read_past_records(path, content, options, broken), broken
    started = time.monotonic()
    kept: list[Sentence] = []  # CoNLL-U: before the last fault
    while True:
        sentences: list[Sentence] = []
        try:
            for sentence in format_.read(io.BytesIO(content), shown(path), options):
                sentences.append(_without_source(sentence))
            return kept + sentences, broken
        except InputError as error:
            broken.append(error)
            late = time.monotonic() - started > MAX_SECONDS
            line = error.line if error.path == shown(path) else None  # brat's text is another file
            is_record = format_.name == brat.name
            again = (
                None
                if line is None
                else _without_block(content, line - options.first_line + 1, is_record=is_record)
            )
            if again is None or len(broken) >= MAX_FAULTS or late:
                return kept + sentences, broken
            if format_.name == "conllu":  # no line before the fault matters to those after it
                kept += sentences
                content, first = again.rest, options.first_line + again.line - 1
                options = replace(options, first_line=first)
            else:
                content = again.blanked


def _read_past_records(
    path: str, content: bytes, options: FormatOptions, broken: list[InputError]
) -> list[Sentence]:
    """Return the sentences of JSON; note the errors, the last of which may be of the file as a whole."""
    sentences = []
    try:
        for sentence in jsonl.read(io.BytesIO(content), shown(path), options, faults=broken):
            sentences.append(_without_source(sentence))
            if len(broken) >= MAX_FAULTS:
                break
    except InputError as error:
        broken.append(error)
    return sentences


def _without_source(sentence: Sentence) -> Sentence:
    """Drop what only a writer needs; `raw` says whether a sentence without tokens holds something."""
    sentence.raw = "comments" if not sentence.tokens and _holds_text(sentence.raw) else None
    sentence.text = sentence.offsets = sentence.origin = None
    return sentence


class _Cut(NamedTuple):
    """A content without one block."""

    blanked: bytes  # the block's lines are empty
    rest: bytes  # only what follows the block
    line: int  # the number of the first line of that


def _without_block(content: bytes, line: int, *, is_record: bool) -> _Cut | None:
    """Take out the block of lines around a line (from 1), or the line alone if it is a record.

    None if nothing is there or it is empty.
    """
    lines = content.split(b"\n")
    if not 1 <= line <= len(lines) or not lines[line - 1].strip():
        return None
    start = end = line - 1
    while start and lines[start - 1].strip():
        start -= 1
    while end < len(lines) and lines[end].strip():
        end += 1
    if is_record:
        start, end = line - 1, line
    blanked = b"\n".join([*lines[:start], *[b""] * (end - start), *lines[end:]])
    return _Cut(blanked, b"\n".join(lines[end:]), end + 1)


def _holds_text(raw: object) -> bool:
    """Return whether what a reader kept of a sentence without tokens is a comment of its own.

    Lines that begin a document are no sentence.
    """
    lines = getattr(raw, "lines", raw)
    if not isinstance(lines, list):
        return False
    told = [line for line in lines if line.strip()]
    return bool(told) and all(line.startswith((b"# sent_id", b"# text")) for line in told)


# ---------------------------------------------------------------- labels


def _read_labels(file: CheckedFile, reading: Reading, findings: Findings) -> None:
    """Set the spans of all sentences whose labels are known; report the others."""
    without = [each for each in file.sentences if each.labels is None]
    if without:
        try:
            hint = where_labels_are(without[0], file.path, reading.format, reading.options)
        except InputError:
            hint = ""
        places = [place_of(each, repr(" ".join(each.tokens[:5]))) for each in without]
        findings.add("unlabelled", places, advice=hint)
    labelled = [each for each in file.sentences if each.labels is not None]
    distinct = set().union(*(each.labels or () for each in labelled))
    if distinct and distinct <= {"_", "-"}:
        text = f"every label is {' or '.join(sorted(map(repr, distinct)))}, which marks an empty column"
        hint = "words outside entities have the label O; check --label-column or --misc-key"
        findings.add("unlabelled", [place_of(labelled[0], text)], count=len(labelled), advice=hint)
        for each in labelled:
            each.labels = None
        return
    dialect = FileLabels.of(labelled)
    known = [each for each in labelled if not _unknown_labels(each, dialect, findings)]
    if not known:
        return
    result = read_labels(known, lenient=True, repair=reading.repair, dialect=dialect)
    file.encoding = result.encoding
    places = []
    for sentence, position in result.illegal:
        text = f"{describe_label(sentence, position)}{_legal_elsewhere(sentence, dialect)}"
        places.append(place_of(sentence, text, position))
        if reading.repair is None:  # what it names is not known
            sentence.token_spans = None
    severity: Severity | None = None if reading.repair is None else "warning"
    advice = "" if reading.repair is None else f"with --repair {reading.repair} such labels {result.outcome}"
    findings.add("illegal-label", places, severity=severity, advice=advice)


def _unknown_labels(sentence: Sentence, dialect: FileLabels, findings: Findings) -> bool:
    """Report labels that are none in the dialect of their file; return whether there are any."""
    labels: Sequence[str] = sentence.labels or ()
    if dialect.table is None:
        return False
    table = dialect.table
    places = [
        place_of(sentence, f"label {label!r} of the word {sentence.tokens[position]!r}", position)
        for position, label in enumerate(labels)
        if label not in table
    ]
    findings.add("unknown-label", places)
    return bool(places)


def _legal_elsewhere(sentence: Sentence, dialect: FileLabels) -> str:
    """Say in which other encoding the sentence's labels are legal; IOB1 takes nearly any."""
    standard = dialect.standard(sentence)
    name = next((name for name in READABLE if name != "iob1" and not faults(name, standard)), None)
    return "" if name is None else f" (the sentence is legal {NAMES[name]}: are encodings mixed?)"
