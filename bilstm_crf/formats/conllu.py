"""CoNLL-U: ten columns, the label after a key in MISC (`name=B-PER`). Writing changes only labels.

https://universaldependencies.org/format.html. Comments, multi-word tokens (`3-4`) and empty nodes
(`5.1`) are kept and never tagged. The line of a token is `raw[number - sentence.line]`.

Read with a warning: a label without a key in MISC (`B-PER`, as in older NorNE), blanks instead of
`|` in MISC, blanks in a blank line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import BinaryIO, NamedTuple, cast

from bilstm_crf.errors import InputError, warn
from bilstm_crf.formats.base import DEFAULTS, FormatOptions, rounded
from bilstm_crf.formats.blocks import BOM, NEWDOC, blocks, check_word, rows
from bilstm_crf.labels import ENCODINGS, parse
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.offsets import align

MAX_MISC = 4_096  # different values of MISC that are remembered

name = "conllu"
suffixes: tuple[str, ...] = (".conllu",)

SCORE = "_score="  # what follows the key of labels in the key of their scores
SPACE_AFTER = b"SpaceAfter=No"


def read(stream: BinaryIO, path: str, options: FormatOptions = DEFAULTS) -> Iterator[Sentence]:
    """See `Format.read`. A `# newdoc` without a name is named by its number."""
    document: str | None = None
    documents = 0
    warned: set[str] = set()  # kinds of oddities that were warned of, and labels that were checked
    for first, lines in blocks(stream, options.first_line, path):
        block = _Block(first, lines, path, options.misc_key + "=")
        for comment in block.comments:
            if (new := NEWDOC.match(comment)) is not None:
                documents += 1
                document = (new[1] or "").strip(" ") or str(documents)
        if options.keep_raw or block.tokens:
            sentence = block.sentence(document, options)
            if options.first_line == 1:  # the reader of a file's first chunk warns
                block.warn(warned)
                if options.known_types is not None and sentence.labels:
                    _warn_of_types(sentence, options.known_types, warned)
            yield sentence


def _warn_of_types(sentence: Sentence, known_types: frozenset[str], checked: set[str]) -> None:
    """Warn once of a label that will be replaced although the model lacks its entity type."""
    for label, line in zip(sentence.labels or (), sentence.lines, strict=True):
        if label in checked or "types" in checked:
            continue
        checked.add(label)
        type_ = parse(label).type
        if type_ and type_ not in known_types:
            checked.add("types")
            message = f"{label} is replaced, but the model lacks its type; --misc-key KEY keeps old labels"
            warn(message, path=sentence.path, line=line)


class _Block:
    """The lines of one sentence, parsed."""

    def __init__(self, first: int, lines: list[bytes], path: str, key: str) -> None:
        self.first, self.lines, self.path, self.key = first, lines, path, key
        self.rows = rows(lines, first, path)
        self.comments: list[str] = []
        self.tokens: list[str] = []
        self.numbers: list[int] = []  # the line of each token
        self.labels: list[str | None] = []  # as `label_in` has them
        self.ranges: dict[int, tuple[int, str]] = {}  # multi-word tokens: first id to last id and form
        self.inside = self.range_line = 0  # last id and line of the last of them
        self.empty = 0  # empty nodes since the last token
        self.odd: list[tuple[str, str, int]] = []  # what was assumed: its kind, a message, the line
        self._parse()

    def _parse(self) -> None:
        tokens, numbers, labels, label_in = self.tokens, self.numbers, self.labels, _label_in(self.key)
        next_id = "1"
        for number, line in enumerate(self.rows, self.first):
            columns = line.split("\t")
            # The hot path, a token; `_other` tells all other lines apart
            if columns[0] == next_id and len(columns) == 10 and columns[1].strip(" "):
                tokens.append(columns[1])
                numbers.append(number)
                labels.append(label_in[columns[9]])
                next_id = str(len(tokens) + 1)
                self.empty = 0
            elif line.startswith("#"):
                self.comments.append(line)
            elif line:
                self._other(number, line, columns)
        if self.inside > len(tokens):
            message = f"the multi-word token reaches past the last word, {len(tokens)}"
            raise self._error(message, self.range_line)

    def _other(self, number: int, line: str, columns: list[str]) -> None:
        """Parse a multi-word token or an empty node. Raises InputError for anything else."""
        if self.lines[number - self.first].isspace():  # it ended the block
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
            if self.inside > words:
                raise self._error(f"the multi-word token {id_} overlaps the one before", number)
            self.ranges[words + 1] = (int(end), form)
            self.inside, self.range_line = int(end), number
        elif id_ == f"{words}.{self.empty + 1}":
            self.empty += 1
        elif id_ == str(words + 1):
            raise self._error("an empty FORM, expected a word in the second column", number)
        elif _is_number(id_):
            raise self._error(f"the id {id_} is out of order, expected {words + 1}", number)
        else:
            raise self._error(f"the id {id_!r} is not that of the next word, expected {words + 1}", number)

    def _wrong_columns(self, line: str, count: int, number: int) -> InputError:
        if count == 1 and len(line.split()) == 10:
            hint = "replace the blanks by tabs: tr -s ' ' '\\t' < FILE > NEW (if no word holds a blank)"
            return self._error("10 columns separated by blanks, expected tabs", number, hint)
        hint = "--format conll2003 reads words and labels in other columns"
        many = f"{count} column{'s' * (count != 1)}"
        return self._error(f"{many}, expected 10 separated by tabs", number, hint)

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
            sentence.text = self._comment("text") or self._spaced()
            if self.ranges and sentence.text is not None:
                sentence.offsets = self._surface_offsets(sentence.text)
        return sentence

    def warn(self, warned: set[str]) -> None:
        """Warn of what was assumed, once a file for each kind."""
        for kind, message, number in self.odd:
            if kind not in warned:
                warned.add(kind)
                warn(message, path=self.path, line=number)

    def _labels(self) -> list[str] | None:
        distinct = set(self.labels)
        if not distinct - {""}:
            return None
        if None not in distinct and "" not in distinct:
            return cast(list[str], self.labels)
        found = [labels_in(self._misc(number), self.key) for number in self.numbers]
        odd = [position for position, entries in enumerate(found) if entries and entries[0].kind]
        if 0 < len(odd) < len(found) and all(not each or each[0].kind == "alone" for each in found):
            return None  # without a key, and not on every word: something that looks like a label
        for position in odd:
            (label, kind, *_), number = found[position][0], self.numbers[position]
            if kind == "no label":
                other = labelled_key(self._misc(number), self.key[:-1]) or ("", "")
                hint = f"{other[0]}= in MISC holds labels: --misc-key {other[0]}"
                raise self._error(f"{self.key}{label} is no label", number, hint)
            message = f"{label} without a key in MISC is read as {self.key}{label}"
            if kind == "blank":
                message = f"blanks in MISC are read as |: {self._misc(number)!r}"
            self.odd.append((kind, message, number))
        labels = [entries[0].label for entries in found if len(entries) == 1]
        if len(labels) == len(found):
            return labels
        position = next(position for position, entries in enumerate(found) if len(entries) != 1)
        if found[position]:
            raise self._error(f"{self.key} more than once in MISC", self.numbers[position])
        message = f"no {self.key} in MISC, which other words of the sentence have"
        raise self._error(message, self.numbers[position])

    def _misc(self, number: int) -> str:
        return self.rows[number - self.first].rpartition("\t")[2]

    def _comment(self, key: str) -> str | None:
        for comment in self.comments:
            name_, equals, value = comment[1:].partition("=")
            if equals and name_.strip(" ") == key:
                return value.strip(" ")
        return None

    def _spaced(self) -> str | None:
        """Return the words with spaces between them but where MISC has `SpaceAfter=No`; None without that."""
        if self.ranges or not any(SPACE_AFTER in line for line in self.lines):
            return None
        touching = [SPACE_AFTER in self.lines[number - self.first] for number in self.numbers]
        return "".join(
            token + " " * (not touches) for token, touches in zip(self.tokens, touching, strict=True)
        ).rstrip(" ")

    def _surface_offsets(self, text: str) -> list[tuple[int, int]] | None:
        """Return the offsets of the words in `text`; words of a multi-word token share its offsets."""
        surface: list[str] = []
        word_of: list[int] = []
        inside = 0
        for id_, token in enumerate(self.tokens, 1):
            if id_ > inside:
                inside, form = self.ranges.get(id_, (id_, token))
                surface.append(form)
            word_of.append(len(surface) - 1)
        offsets = align(surface, text)
        return None if offsets is None else [offsets[position] for position in word_of]

    def _error(self, message: str, number: int, hint: str | None = None) -> InputError:
        found = self.rows[number - self.first]
        return InputError(message, path=self.path, line=number, found=found, hint=hint)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


# ---------------------------------------------------------------- labels in MISC


class Entry(NamedTuple):
    """A label in MISC and its place there."""

    label: str
    kind: str  # "": `key=label` between `|`; blank, alone: read by assumption; no label: another key has one
    start: int
    end: int


@lru_cache(maxsize=4096)  # a few strings make up most of a file
def labels_in(misc: str, key: str) -> tuple[Entry, ...]:
    """Return the labels in MISC: after the key (which ends in `=`), else those without a key."""
    parts = [(match.start(), match.group()) for match in re.finditer(r"[^|]+", misc)]
    exact = [Entry(part[len(key) :], "", at, at + len(part)) for at, part in parts if part.startswith(key)]
    if " " in misc and (not exact or any(" " in entry.label for entry in exact)):
        words = [(match.start(), match.group()) for match in re.finditer(r"[^| ]+", misc)]
        if all("=" in word or parse(word).kind == "standard" for _, word in words):
            by_word = [Entry(w[len(key) :], "blank", at, at + len(w)) for at, w in words if w.startswith(key)]
            if by_word:
                return tuple(by_word)
            parts = words
    if not exact:
        alone = [each for each in parts if "=" not in each[1] and parse(each[1]).kind == "standard"]
        return tuple(Entry(part, "alone", at, at + len(part)) for at, part in alone)
    if parse(exact[0].label).kind in ("", "bare") and labelled_key(misc, key[:-1]) is not None:
        exact[0] = exact[0]._replace(kind="no label")
    return tuple(exact)


class _LabelIn(dict[str, str | None]):
    """The label in MISC, "" if there is none, None if it has to be looked at more closely."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key

    def __missing__(self, misc: str) -> str | None:
        if len(self) >= MAX_MISC:
            self.clear()
        found = labels_in(misc, self._key)
        label: str | None = ""
        if found:
            label = found[0].label or None if len(found) == 1 and not found[0].kind else None
        self[misc] = label
        return label


_label_in = lru_cache(maxsize=16)(_LabelIn)


def labelled_key(misc: str, key: str) -> tuple[str, str] | None:
    """Return the first key except `key` whose value in MISC looks like a label, and that label."""
    for part in re.split(r"[| ]", misc):
        other, equals, value = part.partition("=")
        if equals and other != key and parse(value).kind == "standard":
            return other, value
    return None


class _Relabelled(dict[bytes, bytes]):
    """MISC, with its line end, with a label as the value of a key: a few strings make up most of a file."""

    def __init__(self, key: str, label: str, labelled: bool) -> None:
        """`labelled`: labels without a key were read as labels, so one is replaced."""
        super().__init__()
        self._key, self._label, self._labelled = key, label, labelled

    def __missing__(self, misc: bytes) -> bytes:
        """Raises ValueError for a value that is not a label and would be lost."""
        if len(self) >= MAX_MISC:
            self.clear()
        old_score = f"{self._key}{SCORE}"
        without = _without(misc, old_score) if old_score.encode() in misc else misc
        made = self[misc] = self._make(without)
        return made

    def _make(self, misc: bytes) -> bytes:
        body = misc.rstrip(b"\r\n").decode()
        end = misc[len(body.encode()) :]
        entry = f"{self._key}={self._label}"
        if body in ("_", ""):
            return entry.encode() + end
        for found in labels_in(body, self._key + "="):
            if found.kind != "alone":
                kind, _, type_ = parse(found.label)  # `name=Kari` is no label in any dialect
                if found.label and (not kind or (kind == "bare" and not type_.isupper())):
                    raise ValueError(found.label)
            elif not self._labelled:
                continue
            return (body[: found.start] + entry + body[found.end :]).encode() + end
        return f"{body}|{entry}".encode() + end


_relabelled = lru_cache(maxsize=256)(_Relabelled)


# ---------------------------------------------------------------- writing


def render(sentence: Sentence, options: FormatOptions = DEFAULTS) -> bytes:
    """See `Format.render`. The key's label is replaced where it stands in MISC, else appended.

    With scores, the first token of each span gets another key beside it (`name_score=0.987`). Old scores are
    removed: they belong to old labels. Raises InputError if the key holds something other than a label.
    """
    return b"".join(_relabelled_lines(sentence, options))


def excerpt(sentence: Sentence, options: FormatOptions = DEFAULTS, *, new_document: bool = False) -> bytes:
    r"""Return a sentence as `render` does, but to stand among others than in its file.

    A `# newdoc` and the notes come before its own lines, which end in \n. Raises as `render`.
    """
    lines = (_newdoc(sentence) if new_document else []) + _notes(sentence)
    for line in _relabelled_lines(sentence, options):
        text = line.decode().removeprefix(BOM).rstrip("\r\n")
        key = text[1:].partition("=")[0].strip()
        is_replaced = text.startswith("#") and (NEWDOC.match(text) or key in (sentence.notes or {}))
        if text.strip() and not is_replaced:
            lines.append(text)
    return "\n".join([*lines, "\n"]).encode()


def _relabelled_lines(sentence: Sentence, options: FormatOptions) -> list[bytes]:
    """Return the lines of a sentence that this format read, with its spans as labels."""
    lines: list[bytes] = list(sentence.raw)
    if sentence.token_spans is not None:
        labels = ENCODINGS["iob"].encode(sentence.token_spans, len(sentence))
        labelled = sentence.labels is not None
        scores, score_key, first = _scores(sentence), f"{options.misc_key}{SCORE}", sentence.line
        relabelled = {label: _relabelled(options.misc_key, label, labelled) for label in set(labels)}
        for place, (number, label) in enumerate(zip(sentence.lines, labels, strict=True)):
            line = lines[number - first]
            at = line.rfind(b"\t") + 1
            try:
                misc = relabelled[label][line[at:]]
                if place in scores:
                    misc = _with_score(misc, f"{options.misc_key}={label}", score_key + scores[place])
                lines[number - first] = line[:at] + misc
            except ValueError as error:
                raise InputError(
                    f"{options.misc_key}={error} in MISC is no label, and would be lost",
                    path=sentence.path,
                    line=number,
                    found=line.decode().rstrip("\r\n"),
                    hint="--misc-key KEY writes labels under another key",
                ) from None
    return lines


def _scores(sentence: Sentence) -> dict[int, str]:
    """Return the score of each span, by its first token."""
    if sentence.scores is None:
        return {}
    pairs = zip(sentence.token_spans or (), sentence.scores, strict=True)
    return {span.start: str(rounded(score)) for span, score in pairs}


def _without(misc: bytes, key: str) -> bytes:
    """Return MISC, with its line end, without the entries of a key, which ends in `=`."""
    body = misc.rstrip(b"\r\n").decode()
    kept = [part for part in body.split("|") if not part.startswith(key)]
    return ("|".join(kept) or "_").encode() + misc[len(body.encode()) :]


def _with_score(misc: bytes, label: str, score: str) -> bytes:
    """Return MISC with the entry of a score behind that of its label."""
    before, entry, after = misc.decode().rpartition(label)
    return f"{before}{entry}|{score}{after}".encode()


def compose(sentence: Sentence, options: FormatOptions = DEFAULTS, *, new_document: bool = False) -> bytes:
    """See `Format.compose`. Words that touch in the text get `SpaceAfter=No`; notes are comments."""
    if not sentence.tokens:
        return b""
    spans = sentence.token_spans
    labels = None if spans is None else ENCODINGS["iob"].encode(spans, len(sentence))
    scores = _scores(sentence)
    lines = _newdoc(sentence) if new_document else []
    if sentence.id is not None:
        lines.append("# sent_id = " + _one_line(sentence.id))
    touching = [False] * len(sentence)
    if sentence.text is not None:
        lines.append("# text = " + _one_line(sentence.text))
        offsets = sentence.offsets or align(sentence.tokens, sentence.text)
        for position, (here, after) in enumerate(pairwise(offsets or ())):
            between = sentence.text[here[1] : after[0]]
            touching[position] = here[1] <= after[0] and not any(map(str.isspace, between))
    lines += _notes(sentence)
    for position, word in enumerate(sentence.tokens):
        check_word(word, sentence, "CoNLL-U")
        misc = ["SpaceAfter=No"] if touching[position] else []
        if labels is not None:
            misc.append(f"{options.misc_key}={labels[position]}")
            if position in scores:
                misc.append(f"{options.misc_key}{SCORE}{scores[position]}")
        lines.append(f"{position + 1}\t{word}" + "\t_" * 7 + "\t" + ("|".join(misc) or "_"))
    return ("\n".join(lines) + "\n\n").encode()


def _newdoc(sentence: Sentence) -> list[str]:
    """Return the line that begins the sentence's document."""
    name_ = _one_line(sentence.document or "")
    return [f"# newdoc id = {name_}" if name_ else "# newdoc"]


def _notes(sentence: Sentence) -> list[str]:
    """Return the notes of a sentence as comments."""
    return [f"# {key} = {_one_line(str(value))}" for key, value in (sentence.notes or {}).items()]


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())
