"""CoNLL-U: ten columns, the label behind a key in MISC. Reads a stream, writes bytes, touches nothing else.

https://universaldependencies.org/format.html. Comments, multi-word tokens (`3-4`) and empty nodes (`5.1`)
are kept and never tagged. The line of a token is `raw[number - sentence.line]`.

Read with a warning, since such files exist: a label without a key in MISC (`B-PER`, as in older NorNE),
blanks for `|` between the entries of MISC, a line of blanks for an empty one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import BinaryIO, NamedTuple

from bilstm_crf.errors import InputError, warn
from bilstm_crf.formats.base import DEFAULTS, FormatOptions
from bilstm_crf.formats.blocks import blocks, check_word, rows
from bilstm_crf.formats.offsets import align
from bilstm_crf.labels import ENCODINGS, parse
from bilstm_crf.sentence import Sentence

name = "conllu"
suffixes: tuple[str, ...] = (".conllu",)


def read(stream: BinaryIO, path: str, options: FormatOptions = DEFAULTS) -> Iterator[Sentence]:
    """See `Format.read`. `# newdoc` without an id counts: the third is the document `3`."""
    document: str | None = None
    documents = 0
    # A piece of a file leaves it to the first one to say what is odd.
    said: set[str] | None = set() if options.first_line == 1 else None
    for first, lines in blocks(stream, options.first_line):
        block = _Block(first, lines, path, options.misc_key + "=")
        for comment in block.comments:
            key, _, value = comment[1:].partition("=")
            if key.split() in (["newdoc"], ["newdoc", "id"]):
                documents += 1
                document = value.strip(" ") or str(documents)
        if options.keep_raw or block.tokens:
            sentence = block.sentence(document, options)
            if block.odd and said is not None:
                block.say_assumed(said)
            yield sentence


class _Block:
    """The lines of one sentence, taken apart."""

    def __init__(self, first: int, lines: list[bytes], path: str, key: str) -> None:
        self.first, self.lines, self.path, self.key = first, lines, path, key
        self.rows = rows(lines, first, path)
        self.comments: list[str] = []
        self.tokens: list[str] = []
        self.numbers: list[int] = []  # the line of each token
        self.values: list[tuple[str, ...]] = []  # what each token's MISC has for the key
        self.ranges: list[tuple[int, int, str]] = []  # multi-word tokens: first and last id, surface form
        self.range_line = 0  # of the last of them
        self.empty = 0  # empty nodes since the last token
        self.odd: list[tuple[str, str, int]] = []  # what was assumed: its kind, words for it, the line
        self._take_apart()

    def _take_apart(self) -> None:
        tokens, numbers, values, key = self.tokens, self.numbers, self.values, self.key
        for number, line in enumerate(self.rows, self.first):
            columns = line.split("\t")
            # The hot path, a word's line; whatever else a line may be, `_other` finds out.
            if len(columns) == 10 and columns[0] == str(len(tokens) + 1) and columns[1].strip(" "):
                tokens.append(columns[1])
                numbers.append(number)
                values.append(_labels_in(columns[9], key))
                self.empty = 0
            elif line.startswith("#"):
                self.comments.append(line)
            elif line:
                self._other(number, line, columns)
        if self._inside_range():
            message = f"the multi-word token reaches past the last word, {len(tokens)}"
            raise self._error(message, self.range_line)

    def _inside_range(self) -> bool:
        return bool(self.ranges) and self.ranges[-1][1] > len(self.tokens)

    def _other(self, number: int, line: str, columns: list[str]) -> None:
        """A multi-word token, an empty node, or an error."""
        if self.lines[number - self.first].isspace():  # which ended the block
            self.odd.append(("line", "a line of blanks is read as an empty line", number))
            return
        if line.isspace():
            raise self._error("a line of white space, expected an empty line", number)
        if len(columns) != 10:
            raise self._wrong_columns(line, len(columns), number)
        id_, form = columns[:2]
        words = len(self.tokens)
        start, hyphen, end = id_.partition("-")
        if hyphen and start == str(words + 1) and _is_number(end) and int(end) > words:
            if self._inside_range():
                raise self._error(f"the multi-word token {id_} overlaps the one before", number)
            self.ranges.append((words + 1, int(end), form))
            self.range_line = number
        elif id_ == f"{words}.{self.empty + 1}":
            self.empty += 1
        elif id_ == str(words + 1):
            raise self._error("an empty FORM, expected a word in the second column", number)
        elif _is_number(id_):
            raise self._error(f"the id {id_} is out of order, expected {words + 1}", number)
        else:
            raise self._error(f"the id {id_!r} is not that of the next word, expected {words + 1}", number)

    def sentence(self, document: str | None, options: FormatOptions) -> Sentence:
        sentence = Sentence(
            self.tokens,
            labels=self._labels(),
            document=document,
            id=self._comment("sent_id"),
            path=self.path,
            line=self.first,
            lines=self.numbers,
        )
        if options.keep_raw:
            sentence.raw = self.lines
            sentence.text = self._comment("text")
            if self.ranges and sentence.text is not None:
                sentence.offsets = self._surface_offsets(sentence.text)
        return sentence

    def _wrong_columns(self, line: str, count: int, number: int) -> InputError:
        if count == 1 and len(line.split()) == 10:
            hint = "replace the blanks by tabs: tr -s ' ' '\\t' < FILE > NEW (where no word holds a blank)"
            return self._error("10 columns separated by blanks, expected tabs", number, hint)
        hint = "is it CoNLL-U? Words and labels in other columns: --format conll2003"
        many = f"{count} column{'s' * (count != 1)}"
        return self._error(f"{many}, expected 10 separated by tabs", number, hint)

    def say_assumed(self, said: set[str]) -> None:
        """Warn of what was read by assumption, unless it was `said` of the file before."""
        for kind, what, number in self.odd:
            if kind not in said:
                said.add(kind)
                warn(what, path=self.path, line=number)

    def _labels(self) -> list[str] | None:
        if _Odd in set(map(type, self.values)):
            self._read_odd()
        labels = [value[0] for value in self.values if len(value) == 1]
        if len(labels) == len(self.tokens):
            return labels if labels else None
        if not any(self.values):
            return None
        position = next(i for i, value in enumerate(self.values) if len(value) != 1)
        if self.values[position]:
            raise self._error(f"{self.key} more than once in MISC", self.numbers[position])
        raise self._error(
            f"no {self.key} in MISC, which other words of the sentence have", self.numbers[position]
        )

    def _read_odd(self) -> None:
        """Sort out what was not simply the key and a label between `|`."""
        odd = [(i, found) for i, found in enumerate(self.values) if isinstance(found, _Odd)]
        for position, found in odd:
            if found.other_key:
                message = f"{self.key}{found[0]} is no label"
                hint = f"{found.other_key}= in MISC holds labels: --misc-key {found.other_key}"
                raise self._error(message, self.numbers[position], hint)
        labels = [each for each in self.values if each]
        if len(labels) < len(self.values) and all(getattr(each, "kind", "") == "alone" for each in labels):
            # Without a key, and not for every word: something else that looks like a label.
            self.values = [()] * len(self.tokens)
            return
        self.odd += [(found.kind, found.assumed, self.numbers[position]) for position, found in odd]

    def _comment(self, key: str) -> str | None:
        for comment in self.comments:
            name_, equals, value = comment[1:].partition("=")
            if equals and name_.strip(" ") == key:
                return value.strip(" ")
        return None

    def _surface_offsets(self, text: str) -> list[tuple[int, int]] | None:
        """Where the words stand in `text`; those of a multi-word token all stand where it stands."""
        surface: list[str] = []
        word_of: list[int] = []
        ranges = {start: (end, form) for start, end, form in self.ranges}
        inside = 0
        for id_, token in enumerate(self.tokens, 1):
            if id_ > inside:
                inside, form = ranges.get(id_, (id_, token))
                surface.append(form)
            word_of.append(len(surface) - 1)
        offsets = align(surface, text)
        return None if offsets is None else [offsets[position] for position in word_of]

    def _error(self, message: str, number: int, hint: str | None = None) -> InputError:
        found = self.rows[number - self.first]
        return InputError(message, path=self.path, line=number, found=found, hint=hint)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


class _Odd(tuple[str, ...]):
    """The labels of one MISC that were found by assumption, or seem to be none."""

    kind: str  # of the first, see _Entry
    assumed: str  # what to tell the user
    other_key: str | None  # under which MISC has a label, where the key's own value is none


class _Entry(NamedTuple):
    """Where a label stands in MISC."""

    start: int
    end: int
    label: str
    kind: str  # "": the key and its value between `|`; blank, alone: see the top of this file


# MISC repeats itself: the same few strings make up most of a file.
@lru_cache(maxsize=4096)
def _labels_in(misc: str, key: str) -> tuple[str, ...]:
    """The values of `key` (which ends in `=`) in MISC; `_Odd` where they are not simply these."""
    parts = misc.split("|")
    labels = tuple([part[len(key) :] for part in parts if part.startswith(key)])
    if labels:
        if parse(labels[0]).kind == "standard":
            return labels
    elif " " not in misc and not [part for part in parts if "=" not in part]:  # as nearly always
        return ()
    entries = _entries(misc, key)
    labels = tuple(entry.label for entry in entries)
    if not entries:
        return ()
    _, _, label, kind = entries[0]
    other = None
    if not kind and parse(label).kind in ("", "bare"):
        other = labelled_key(misc, key[:-1])
    if not kind and other is None:
        return labels
    found = _Odd(labels)
    found.kind = kind
    found.other_key = other[0] if other else None
    found.assumed = f"blanks between the entries of MISC are read as |: {misc!r}"
    if kind == "alone":
        found.assumed = f"{label} without a key in MISC is read as {key}{label}"
    return found


def _entries(misc: str, key: str) -> list[_Entry]:
    """The labels in MISC: behind the key, else behind it after a blank, else without a key."""
    parts = [(match.start(), match.group()) for match in re.finditer(r"[^|]+", misc)]
    exact = [_Entry(at, at + len(part), part[len(key) :], "") for at, part in parts if part.startswith(key)]
    if exact and not any(" " in entry.label for entry in exact):
        return exact
    words = [(match.start(), match.group()) for match in re.finditer(r"[^| ]+", misc)]
    if " " in misc and all("=" in word or parse(word).kind == "standard" for _, word in words):
        by_word = [_Entry(at, at + len(w), w[len(key) :], "blank") for at, w in words if w.startswith(key)]
        if by_word:
            return by_word
        parts = words
    if exact:
        return exact
    return [_Entry(at, at + len(part), part, "alone") for at, part in parts if parse(part).kind == "standard"]


def labelled_key(misc: str, key: str) -> tuple[str, str] | None:
    """The first key but `key` whose value in MISC looks like a label, and that label; None: there is none."""
    for part in re.split(r"[| ]", misc):
        other, equals, value = part.partition("=")
        if equals and other != key and parse(value).kind == "standard":
            return other, value
    return None


@lru_cache(maxsize=4096)
def _relabelled(misc: bytes, key: str, label: str, labelled: bool) -> bytes:
    """MISC, with its line end, with `label` as the value of `key`.

    `labelled`: the sentence was read as labelled, so that what looks like a label is one, and is replaced.
    Raises ValueError where the value would be lost and is no label.
    """
    body = misc.rstrip(b"\r\n")
    end = misc[len(body) :]
    prefix = key.encode() + b"="
    entry = prefix + label.encode()
    if body in (b"_", b""):
        return entry + end
    if b" " not in body:
        parts = body.split(b"|")
        where = [i for i, part in enumerate(parts) if part.startswith(prefix)]
        if where:
            _require_label(parts[where[0]][len(prefix) :].decode())
            parts[where[0]] = entry
            return b"|".join(parts) + end
    if labelled or b" " in body:
        text = body.decode()
        for at in _entries(text, key + "="):
            if labelled or at.kind != "alone":
                return (text[: at.start] + entry.decode() + text[at.end :]).encode() + end
    return body + b"|" + entry + end


def render(sentence: Sentence, options: FormatOptions = DEFAULTS) -> bytes:
    """See `Format.render`. The key's label is replaced where it stands in MISC, else appended.

    Raises InputError where the key holds something else than a label.
    """
    lines: list[bytes] = list(sentence.raw)
    if sentence.spans is not None:
        labels = ENCODINGS["iob"].encode(sentence.spans, len(sentence))
        labelled = sentence.labels is not None
        for number, label in zip(sentence.lines, labels, strict=True):
            position = number - sentence.line
            head, tab, misc = lines[position].rpartition(b"\t")
            try:
                lines[position] = head + tab + _relabelled(misc, options.misc_key, label, labelled)
            except ValueError as error:
                raise InputError(
                    f"{options.misc_key}={error} in MISC is no label, and would be lost",
                    path=sentence.path,
                    line=number,
                    found=lines[position].decode().rstrip("\r\n"),
                    hint="--misc-key KEY writes labels under another key",
                ) from None
    return b"".join(lines)


def _require_label(value: str) -> None:
    """Raises ValueError for something that is not a label in any dialect, such as `name=Kari`."""
    kind, _, type_ = parse(value)
    if value and (not kind or (kind == "bare" and not type_.isupper())):
        raise ValueError(value)


def compose(sentence: Sentence, options: FormatOptions = DEFAULTS, *, new_document: bool = False) -> bytes:
    """See `Format.compose`. Words that touch in the text get `SpaceAfter=No`."""
    if not sentence.tokens:
        return b""
    labels = None if sentence.spans is None else ENCODINGS["iob"].encode(sentence.spans, len(sentence))
    lines = []
    if new_document:
        name_ = _one_line(sentence.document or "")
        lines.append(f"# newdoc id = {name_}" if name_ else "# newdoc")
    if sentence.id is not None:
        lines.append("# sent_id = " + _one_line(sentence.id))
    touching = [False] * len(sentence)
    if sentence.text is not None:
        lines.append("# text = " + _one_line(sentence.text))
        offsets = sentence.offsets or align(sentence.tokens, sentence.text)
        if offsets is not None:
            touching = [
                here[1] <= after[0] and not any(map(str.isspace, sentence.text[here[1] : after[0]]))
                for here, after in pairwise(offsets)
            ] + [False]
    for position, word in enumerate(sentence.tokens):
        check_word(word, sentence, "CoNLL-U")
        misc = ["SpaceAfter=No"] if touching[position] else []
        if labels is not None:
            misc.append(f"{options.misc_key}={labels[position]}")
        lines.append(f"{position + 1}\t{word}" + "\t_" * 7 + "\t" + ("|".join(misc) or "_"))
    return ("\n".join(lines) + "\n\n").encode()


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())
