"""The shape of a columns file: what its lines look like, recognised from a sample of them.

In: the lines of a file that can be looked at without waiting for more. Out: a `Shape`, which says how a line
is split into cells, and which cell holds the token and which the label. `conll2003` reads and writes by it.

What others write, and how it is told apart:

    CoNLL-2003, WNUT        token first, label last
    UNER, GermEval          a column that counts 1 2 3 …, then the token, then the label
    tables of sentences     a column with the number of the sentence, then the token
    NeuroNLP2               a column that counts, then the token; the label last
    CoNLL-U Plus            names in `# global.columns = …`
    OntoNotes, CoNLL-2012   token in column 4, entities as `(PERSON*`, `*)` in column 11
    conlleval's output      gold and predicted labels in the last two columns
    WikiANN                 `no:Kari`: each token with the same language code before it
    spaCy, Stanford         `Kari|B-PER Moe|I-PER`, a sentence a line, or a token a line
    tables                  a first row of names, as `word<TAB>label`; a last column of numbers
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Any, BinaryIO, Literal

from bilstm_crf.errors import InputError, did_you_mean
from bilstm_crf.formats.base import FormatOptions
from bilstm_crf.formats.blocks import BOM
from bilstm_crf.labels import LABEL, LOOSE_LABEL

SAMPLE_BYTES = 1 << 16
SAMPLE_LINES = 1000  # enough to know a column by; more would cost as much as reading them

BLANKS = re.compile("[ \t]+")  # not str.split(), which splits words at no-break spaces
NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?")
# `-DOCSTART-` in any column, with a number, in lower case
DOCUMENT_START = re.compile(r"(?:^|[ \t])-DOCSTART(?![A-Za-z])", re.IGNORECASE)
NEW_DOCUMENT = re.compile(r"#[ \t]*newdoc(?:[ \t]+id)?[ \t]*(?:=[ \t]*(.*)|$)|#begin document\b[ \t]*(.*)")
COMMENT = re.compile(r"#(?:[ \t]|$|[A-Za-z][\w.:-]*[ \t]*=)")
# Comments whatever the columns; and `# key = value`, but for blanks inside the cells of tabs
ALWAYS_COMMENT = re.compile(r"#(?:begin document|end document|[ \t]*newdoc|[ \t]*global\.columns)\b")
KEY_VALUE = re.compile(r"#[ \t]*[A-Za-z][\w.:-]*[ \t]+=[ \t]")
GLOBAL_COLUMNS = re.compile(r"#[ \t]*global\.columns[ \t]*=[ \t]*(\S.*)")
PREFIXED = re.compile(r"((?:[a-z]{2,3}(?:-[a-z]+)*|simple):).+")  # WikiANN
SPANS = re.compile(r"-|(?:\([^()*\s]+)*\*?\)*")  # OntoNotes
NO_WORD = re.compile(r"\d+[-.]\d+")  # CoNLL-U: the id of a multi-word token or of an empty node
# A line of a CSV file, or of word/label pieces, that ends in a label
COMMAS = re.compile(r'.*([,;/])"?(?:O|[BIESLUM]-[A-Za-z][\w/&-]*)"?[ \t]*')
TYPE_LIKE = re.compile(r"[^\W\d_][\w./&-]*")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What columns are called in a row of names
TOKEN_NAMES = _words("word words token tokens form text ord")
LABEL_NAMES = _words(
    "label labels tag tags ner ner_tag ner_tags nertag ne entity entities named_entity iob iob2 bio bio_tag "
    "gold"
)
PREDICTED_NAMES = _words("predicted prediction pred guess system")
OTHER_NAMES = _words(
    "id idx index # nr lemma pos pos_tag upos xpos feats head deprel deps misc chunk chunk_tag sentence "
    "sentence_id sentence# sent_id doc document doc_id confidence score prob start end"
)
NAMES = TOKEN_NAMES | LABEL_NAMES | PREDICTED_NAMES | OTHER_NAMES
# Types of chunks (English and German CoNLL): labels by their form, but no entities
CHUNKS = _words("NP VP PP ADVP ADJP SBAR PRT CONJP INTJ LST UCP NC VC PC AC")
PARTS_OF_SPEECH = _words(
    "CC CD DT EX FW IN JJ JJR JJS LS MD NN NNS NNP NNPS PDT POS PRP PRP$ RB RBR RBS RP SYM TO UH VB VBD VBG "
    "VBN VBP VBZ WDT WP WP$ WRB ADJ ADP ADV AUX CCONJ CONJ DET NOUN NUM PART PRON PROPN PUNCT SCONJ VERB X "
    "ADJA ADJD ART KON NE VVFIN"
)


@dataclass(frozen=True)
class Shape:
    """The shape of a columns file. Columns are numbered from 0."""

    form: Literal["tabs", "blanks", "bars"]  # what separates cells
    width: int  # cells of a line
    token: int
    label: int | None  # the column that is read as labels; -1: the last of a line
    own_label: int | None  # the column that holds labels by its looks, whatever the options say
    strict: bool = False  # whether each of its labels in the sample is O or B-PER and the like
    types: frozenset[str] = frozenset()  # of the labels in the sample
    told: bool = False  # whether --label-column names the column that is written
    writable: bool = False  # whether `tag` may replace the label: it stands where the form has it
    prefix: str = ""  # before each token, and not part of it
    header: str | None = None  # the row of names, which is no token
    plus: bool = False  # CoNLL-U Plus
    ids: int | None = None  # the column that counts: a line with `3-4` or `5.1` there is no token
    counts: bool = False  # whether the tokens of the sample only count
    line_is_sentence: bool = False
    open_ended: bool = False  # whether a line may have more cells than `width` (OntoNotes)
    brackets: bool = False  # whether labels are written `(PERSON*`, `*`, `*)`
    notes: tuple[str, ...] = ()  # what was assumed, for a warning
    label_note: str = ""  # the same of the column that labels are read from
    said_on_writing: list[bool] = field(default_factory=list, compare=False)  # not empty: `render` has warned

    @property
    def expected(self) -> str:
        separators = {"tabs": "tabs", "bars": "|"}.get(self.form, "blanks")
        return f"{self.width} separated by {separators}"

    def cells(self, row: str) -> list[str]:
        """The cells of a line, without blanks around them; empty ones at the end are there up to `width`."""
        if self.form == "bars":
            return row.strip(" \t").rsplit("|", self.width - 1)
        if self.form != "tabs":
            return BLANKS.split(row.strip(" \t"))
        cells = [cell.strip(" ") for cell in row.split("\t")]
        while len(cells) > self.width and not cells[-1]:
            cells.pop()
        return cells

    def fits(self, cells: Sequence[str]) -> bool:
        return len(cells) == self.width or (self.open_ended and len(cells) > self.width)

    def is_comment(self, row: str, cells: Sequence[str], *, opens: bool) -> bool:
        """Whether the row is no token, by its `#`. `opens`: it stands before all tokens of its sentence.

        A row with the file's columns and a label among them is a token (but not `# key = value`). Otherwise
        `# …` is a comment; only in a file without labels a `#` inside a sentence may be a token.
        """
        if not row.startswith("#"):
            return False
        if ALWAYS_COMMENT.match(row) or (self.form != "tabs" and KEY_VALUE.match(row)):
            return True
        if self.fits(cells):
            if self.own_label is not None and self._is_label(cells[self.own_label]):
                return False
            if self.own_label is None and cells[self.token] == "#":
                return opens and self.width > 1
            if not COMMENT.match(cells[self.token]):  # `#bergen`
                return False
        return COMMENT.match(row) is not None

    def _is_label(self, cell: str) -> bool:
        return (LABEL if self.strict else LOOSE_LABEL).fullmatch(cell) is not None


# ---------------------------------------------------------------- the sample


def lines_ahead(stream: BinaryIO) -> list[bytes]:
    """Return the complete lines that can be read ahead without consuming them or waiting for more."""
    if isinstance(stream, io.BytesIO):
        place = stream.tell()
        ahead = stream.getvalue()[place : place + SAMPLE_BYTES]
    elif callable(peek := getattr(stream, "peek", None)):
        ahead = peek(SAMPLE_BYTES)
    else:
        return []
    return [line + b"\n" for line in ahead.split(b"\n", SAMPLE_LINES)[:-1]]


def text_of(lines: Iterable[bytes], encoding: str = "utf-8") -> list[str]:
    """Return the first lines as text without line ends; invalid bytes are replaced."""
    text = b"".join(islice(lines, SAMPLE_LINES)).decode(encoding, "replace").removeprefix(BOM)
    return [row.rstrip("\r") for row in text.split("\n")]


def is_blank(row: str) -> bool:
    """Return whether the row is blank, so that it ends a sentence."""
    return not row.strip(" \t\v\f")


class Sample:
    """The rows of a sample that may be tokens, by sentence, and what its other lines declare."""

    def __init__(self, rows: Sequence[str], first: int = 1) -> None:
        self.names: tuple[str, ...] | None = None  # of CoNLL-U Plus
        self.sentences: list[list[str]] = []
        self.first: int | None = None  # the number of the first row that may be a token
        hashes: list[str] = []  # rows that begin with `# `: tokens only if there are no others
        fresh = True
        self.is_webanno = first == 1 and bool(rows) and rows[0].startswith("#FORMAT=WebAnno TSV")
        for number, row in enumerate(rows, first):
            if is_blank(row) or DOCUMENT_START.search(row):
                fresh = True
                continue
            if named := GLOBAL_COLUMNS.match(row):
                self.names = tuple(named[1].split())
            if ALWAYS_COMMENT.match(row):
                continue
            if COMMENT.match(row):
                hashes.append(row)
                continue
            self.first = self.first or number
            if fresh:
                self.sentences.append([])
                fresh = False
            self.sentences[-1].append(row)
        if not self.sentences:
            self.sentences = [
                [row]
                for row in hashes
                if not KEY_VALUE.match(row) and LABEL.fullmatch(BLANKS.split(row.strip(" \t"))[-1])
            ]

    @property
    def rows(self) -> Iterator[str]:
        return (row for sentence in self.sentences for row in sentence)


# ---------------------------------------------------------------- recognition


def recognise(rows: Sequence[str], path: str, options: FormatOptions, first: int = 1) -> Shape | None:
    """Return the shape of a file by some of its rows, from row `first`; None if no row is a token.

    Raises InputError for a column that was asked for and is not there, and for a column of 1 2 3 … that
    would be read as tokens.
    """
    sample = Sample(rows, first)
    if not sample.sentences and sample.names is None:
        return None
    return _Recognition(sample, path, options).shape()


class _Recognition:
    """One look at a sample."""

    def __init__(self, sample: Sample, path: str, options: FormatOptions) -> None:
        self.sample, self.path, self.options = sample, path, options
        self.notes: list[str] = []
        self.label_note = ""
        self.header: str | None = None
        self.names: tuple[str, ...] | None = sample.names  # of the columns, if they have any

    def shape(self) -> Shape:
        rows = list(self.sample.rows)
        if self.sample.is_webanno:
            raise InputError(
                "WebAnno TSV, expected columns",
                path=self.path,
                line=1,
                hint="export it as CoNLL 2002 or CoNLL-U",
            )
        if comma := comma_of(rows):
            raise InputError(
                f"cells with {comma} between them, expected tabs or blanks",
                path=self.path,
                line=self.sample.first,
                found=rows[0],
                hint="save it with tabs between the cells (.tsv)",
            )
        bars = self._bars(rows)
        if bars is not None:
            return bars
        if rows and all(_is_ontonotes(BLANKS.split(row.strip(" \t"))) for row in rows):
            return self._ontonotes(rows)
        form, self.width = ("tabs", len(self.names)) if self.names else separator_of(rows)
        self.form: Literal["tabs", "blanks"] = "tabs" if form == "tabs" else "blanks"
        self.cells = Shape(self.form, self.width, 0, None, None).cells
        self._take_header(rows)
        self.table = [
            [
                cells
                for row in sentence
                if row is not self.header and len(cells := self.cells(row)) == self.width
            ]
            for sentence in self.sample.sentences
        ]
        first = self._by_sentence(0)
        counting = (
            self.width > 1 and not self.names and any(cells[1:] for cells in first) and is_counting(first)
        )
        ids = self._ids(counting=counting)
        if ids is not None:
            self.table = [
                [cells for cells in sentence if not NO_WORD.fullmatch(cells[ids])] for sentence in self.table
            ]
        self.kinds = [kind_of(self._by_sentence(column)) for column in range(self.width)]
        if self.width == 1:
            self.kinds = [None]
        token = self._token(counting=counting)
        own, writable = self._own_label(token, counting=counting)
        label, told = self._label(own, token)
        return Shape(
            self.form,
            self.width,
            token,
            label,
            own,
            strict=own is not None and self.kinds[own] == "strict",
            types=frozenset() if own is None else self._types(own),
            told=told,
            writable=writable,
            prefix=self._prefix(token, own),
            header=self.header,
            plus=self.sample.names is not None,
            ids=ids if self.sample.names is not None or token else None,
            counts=is_counting(self._by_sentence(token)),
            notes=tuple(self.notes),
            label_note="" if told else self.label_note,
        )

    # ------------------------------------------------------------ forms of their own

    def _bars(self, rows: Sequence[str]) -> Shape | None:
        """Lines of `word|label`, as spaCy has them: a sentence a line, or a token where all have one."""
        if sum("|" in row for row in rows) * 2 <= len(rows):  # nearly all files
            return None
        pieces = [BLANKS.split(row.strip(" \t")) for row in rows]
        cells = [piece.rpartition("|") for line in pieces for piece in line]
        barred = [cell for word, _, cell in cells if word and cell]
        if len(barred) * 2 <= len(cells):
            return None
        of_sentence = any(len(line) > 1 for line in pieces)
        kind = kind_of([barred])
        if kind != "strict" and (len(barred) * 10 < len(cells) * 9 or (kind is None and not of_sentence)):
            return None
        width = min(piece.count("|") for line in pieces for piece in line if "|" in piece[1:]) + 1
        choice = self.options.label_column
        fault = None
        if kind is None:
            fault = "lines of word|tag, where no tag is a label such as B-PER"
        elif self.options.token_column not in (None, "1") or choice not in ("auto", "last", str(width)):
            fault = "lines of word|label, of which no other column can be chosen"
        if fault is not None:
            raise InputError(
                fault,
                path=self.path,
                line=self.sample.first,
                found=rows[0],
                hint="--format text --tokenise spaces reads its pieces as words"
                if kind is None
                else "leave --token-column and --label-column out",
            )
        return Shape(
            "bars",
            width,
            0,
            width - 1,
            width - 1,
            strict=kind == "strict",
            types=types_of(barred),
            told=choice != "auto",
            writable=True,
            line_is_sentence=of_sentence,
        )

    def _ontonotes(self, rows: Sequence[str]) -> Shape:
        self.cells = Shape("blanks", 1, 0, None, None).cells
        self.width = max(len(self.cells(row)) for row in rows)
        asked = self.options.token_column
        token = 3 if asked is None else self._chosen("--token-column", asked)
        label, told = self._label(10, token)
        appended = (
            self.options.side == "predicted" and not told and kind_of([self._last_cells(rows)]) == "strict"
        )
        if appended or (told and self.options.label_column == "last"):
            label = -1
        entities = "labels are the last column" if appended else "entities are column 11"
        return Shape(
            "blanks",
            11,
            token,
            label,
            10,
            told=told,
            notes=(f"columns as in OntoNotes: the token is column 4, {entities}",) * (asked is None),
            open_ended=True,
            brackets=label == 10,
        )

    def _last_cells(self, rows: Sequence[str]) -> list[str]:
        return [self.cells(row)[-1] for row in rows]

    # ------------------------------------------------------------ names

    def _take_header(self, rows: Sequence[str]) -> None:
        """A first row of names is no token: known names, or names that the options ask for."""
        if self.sample.names is not None or not rows or len(first := self.cells(rows[0])) != self.width:
            return
        asked = [self.options.token_column, self.options.label_column]
        wanted = [
            name for name in asked if name not in (None, "auto", "last", "append") and not name.isdigit()
        ]
        lower = [cell.lower() for cell in first]
        is_header = (
            self.width > 1
            and all(cell in NAMES or not cell for cell in lower)
            and any(cell in TOKEN_NAMES for cell in lower)
        )
        if not is_header and self.width > 1 and any(cell in TOKEN_NAMES for cell in lower):
            is_header = any(cell in LABEL_NAMES | PREDICTED_NAMES for cell in lower)
        if is_header or any(name.lower() in lower for name in wanted):
            self.header, self.names = rows[0], tuple(first)

    def _named(self, wanted: Iterable[str]) -> int | None:
        """The column with one of these names, of several the first that holds labels as we write them.

        The part of a name before a `:` does not count.
        """
        names = [name.lower().rpartition(":")[2] for name in self.names or ()]
        found = [column for column, name in enumerate(names) if name in wanted]
        return next((column for column in found if self.kinds[column] == "strict"), next(iter(found), None))

    def _chosen(self, option: str, given: str) -> int:
        """The column that was asked for, by number or name. Raises InputError where there is none."""
        if given.isdigit():
            if 1 <= int(given) <= self.width:
                return int(given) - 1
            there, near = f"expected a number from 1 to {self.width}", ""
        else:
            names = list(self.names or ())
            for same in (lambda a: a == given, lambda a: a.lower() == given.lower()):
                if found := [column for column, name in enumerate(names) if same(name)]:
                    return found[0]
            names = names or self.cells(next(self.sample.rows, ""))
            there, near = "no name in the first line", did_you_mean(given, names)
        row = next(self.sample.rows, "")
        if self.names:
            there = "expected one of " + " ".join(name or "''" for name in self.names)
        raise InputError(
            f"no column {given} ({option}); {there}.{near}",
            path=self.path,
            line=self.sample.first,
            found=row,
            hint=f"the columns of the first line: {_numbered(self.cells(row))}" if row else None,
        )

    # ------------------------------------------------------------ which column is what

    def _token(self, *, counting: bool) -> int:
        asked = self.options.token_column
        if asked is not None:
            return self._chosen("--token-column", asked)
        if self.names and (found := self._named(TOKEN_NAMES)) is not None:
            if found:
                self.notes.append(f"the token is column {found + 1}, {self.names[found]}")
            return found
        if counting and (self.width > 2 or self.kinds[1] is None):
            if self.form == "tabs" and self.width == 10:
                raise InputError(
                    "CoNLL-U (ten columns, the first of which counts tokens), expected columns",
                    path=self.path,
                    line=self.sample.first,
                    found=next(self.sample.rows),
                    hint="--format conllu reads it; --token-column 2 reads it as columns",
                )
            self.notes.append("column 1 counts the tokens: the token is column 2")
            return 1
        if (self.width > 2 or self.kinds[1:] == [None]) and self._repeats():
            self.notes.append("column 1 numbers the sentences: the token is column 2")
            return 1
        labels = self.width > 1 and self.kinds[:2] == ["strict", None] and self._types(0) - CHUNKS
        # `E-post NOUN` may be all of a sample
        if labels and ("O" in self._column(0) or all(map(str.isupper, labels))):
            self.notes.append("column 1 holds labels: the token is column 2")
            return 1
        return 0

    def _own_label(self, token: int, *, counting: bool) -> tuple[int | None, bool]:
        """The column that holds labels by names and looks, and whether it is where such a file has them."""
        kinds: list[str | None] = [
            None if column == token or (column == 0 and counting) else kind
            for column, kind in enumerate(self.kinds)
        ]
        if self.names and (named := self._label_named(token)) is not None:
            return named
        beside, last = token + 1, self.width - 1
        behind = self.options.side == "predicted" and last > beside + 1 and kinds[last] == "strict"
        if behind and counting:  # a column that `tag` appended
            self.label_note = f"labels are read from column {last + 1}, not column {beside + 1}"
            return last, False
        if (
            counting
            and beside < self.width
            and kinds[beside] in ("strict", "loose")
            and not self._chunks(beside)
        ):
            if beside != last:
                self.label_note = f"labels are read from column {beside + 1}"
            return beside, True
        confidence = last > token + 1 and kinds[last - 1] == "strict" and self._all(last, NUMBER.fullmatch)
        if confidence:
            last -= 1
        if kinds[last] is not None:
            before = last - 1
            types = self._types(before) if before > token and kinds[before] == "strict" else frozenset()
            if types - CHUNKS and (types & self._types(last) or self._all(last, "O".__eq__)):
                return self._of_two(before, last)
            if confidence:
                self.label_note = f"labels are read from column {last + 1}; the last column holds numbers"
            return last, not confidence
        typed = [
            column for column, kind in enumerate(kinds) if kind == "strict" and self._types(column) - CHUNKS
        ]
        if len(typed) == 1:
            self.label_note = f"labels are read from column {typed[0] + 1} of {self.width}"
            return typed[0], typed[0] == 0  # a label first is where such a file has it
        return None, False

    def _label_named(self, token: int) -> tuple[int, bool] | None:
        """The column whose name says that it holds labels."""
        gold, predicted = self._named(LABEL_NAMES), self._named(PREDICTED_NAMES)
        if gold is not None and predicted is not None:
            return self._of_two(gold, predicted)
        named = gold if gold is not None else predicted
        if named is None or named == token:
            return None
        if named != self.width - 1:
            self.label_note = f"labels are read from column {named + 1}, {(self.names or ())[named]}"
        return named, True

    def _of_two(self, gold: int, predicted: int) -> tuple[int, bool]:
        side = self.options.side
        label = predicted if side == "predicted" else gold
        other = gold if side == "predicted" else predicted
        self.label_note = (
            f"two columns of labels: column {label + 1} is read as {side}, not column {other + 1}"
        )
        return label, False

    def _label(self, own: int | None, token: int) -> tuple[int | None, bool]:
        """The column to read labels from, None without labels; and whether it was asked for."""
        choice = self.options.label_column
        if choice == "append":
            return None, False
        if choice == "auto":
            return own, False
        label = self.width - 1 if choice == "last" else self._chosen("--label-column", choice)
        if label == token:
            raise InputError(
                "1 column, expected a word and a label"
                if self.width == 1
                else f"column {token + 1} was asked for as the token and the label",
                path=self.path,
                line=self.sample.first,
                found=next(self.sample.rows, None),
            )
        return label, True

    def _repeats(self) -> bool:
        """Whether column 1 holds one number, or a name with digits, in all lines of a sentence."""
        cells = self._by_sentence(0)
        longer = [sentence for sentence in cells if len(sentence) > 1]
        return (
            (len(longer) > 1 or any(len(sentence) > 4 for sentence in longer))
            and all(len(set(sentence)) == 1 for sentence in longer)
            and all(re.search(r"\d", sentence[0]) for sentence in cells)
        )

    def _prefix(self, token: int, own: int | None) -> str:
        """WikiANN's language code, which stands before every token."""
        if self.header is not None or self.options.token_column is not None:
            return ""
        words = list(self._column(token))
        found = PREFIXED.fullmatch(words[0]) if len(words) > 1 + (own is None) else None
        if found is None or not all(
            word.startswith(found[1]) and len(word) > len(found[1]) for word in words
        ):
            return ""
        self.notes.append(f"each token begins with {found[1]}, which is taken as the language, not the word")
        return found[1]

    def _ids(self, *, counting: bool) -> int | None:
        if self.sample.names is not None:
            return self.sample.names.index("ID") if "ID" in self.sample.names else None
        return 0 if counting else None

    # ------------------------------------------------------------ what a column holds

    def _by_sentence(self, column: int) -> list[list[str]]:
        return [[cells[column] for cells in sentence] for sentence in self.table if sentence]

    def _column(self, column: int) -> Iterator[str]:
        return (cells[column] for sentence in self.table for cells in sentence)

    def _all(self, column: int, is_it: Callable[[str], Any]) -> bool:
        return all(is_it(cell) for cell in self._column(column))

    def _types(self, column: int) -> frozenset[str]:
        return types_of(self._column(column))

    def _chunks(self, column: int) -> bool:
        types = self._types(column)
        return bool(types) and types <= CHUNKS


def types_of(cells: Iterable[str]) -> frozenset[str]:
    """The entity types of the cells that are labels as we write them."""
    return frozenset(cell[2:] for cell in set(cells) if cell != "O" and LABEL.fullmatch(cell))


def kind_of(sentences: Sequence[Sequence[str]]) -> Literal["strict", "loose", "bare"] | None:
    """Whether these cells are labels: ours alone, other ways of writing them, or bare entity types."""
    found = Counter(cell for cells in sentences for cell in cells)
    if not found:
        return None
    total = found.total()
    ours = {cell for cell in found if LABEL.fullmatch(cell)}
    if len(ours) == len(found):
        return "strict"
    prefixed = any(cell in ("O", "o") or re.search("[-_:]", cell[1:]) for cell in found)
    if prefixed and all(map(LOOSE_LABEL.fullmatch, found)):
        return "loose"
    if any(cell != "O" for cell in ours) and sum(found[cell] for cell in ours) * 2 >= total:
        return "loose"  # labels, some of them odd: whoever reads them says which
    others = [cell for cell in found if cell != "O"]
    few = found["O"] * 4 >= total and len(others) <= 30
    if few and not PARTS_OF_SPEECH.intersection(others) and all(map(TYPE_LIKE.fullmatch, others)):
        return "bare"
    first = next((cells for cells in sentences if cells), [])
    return "loose" if all(map(LABEL.fullmatch, first)) else None


def comma_of(rows: Sequence[str]) -> str | None:
    """The comma, semicolon or slash before the label in all these lines but a row of names; else None."""
    if len(rows) < 3 or not all(map(COMMAS.fullmatch, rows[1:])):
        return None
    found = COMMAS.fullmatch(rows[1])
    return found and found[1]


def separator_of(rows: Sequence[str]) -> tuple[Literal["tabs", "blanks"], int]:
    """Return the separator and the number of cells of most rows; in a tie, those of the first row.

    Empty cells at the end of all rows do not count. Tabs in some rows only are blanks like others.
    """
    pieces = Counter(row.count("\t") for row in rows)
    by_tabs = Counter(len(row.rstrip(" \t").split("\t")) for row in rows)
    by_blanks = Counter(len(BLANKS.split(row.strip(" \t"))) for row in rows)
    wide = Counter({width: number for width, number in by_tabs.items() if width > 1})
    blank_width, blanked = by_blanks.most_common(1)[0]
    if not wide:
        return "blanks", blank_width
    tab_width, tabbed = wide.most_common(1)[0]
    if len(pieces) == 1:  # as many tabs in all rows: these, unless all have as many blanks beside them
        tab_width = max(wide)
        mixed = len(rows) > 2 and blanked == len(rows) and blank_width > tab_width
        return ("blanks", blank_width) if mixed else ("tabs", tab_width)
    return ("tabs", tab_width) if tabbed >= blanked or blank_width == 1 else ("blanks", blank_width)


def is_counting(sentences: Sequence[Sequence[str]]) -> bool:
    """Whether these are numbers that count the tokens of each sentence, or of the file."""
    return all(map(is_count, sentences)) or is_count([cell for cells in sentences for cell in cells])


def is_count(cells: Sequence[str]) -> bool:
    """Whether the cells are 1 2 3 … or 0 1 2 …, but for multi-word tokens (`3-4`) and empty nodes (`5.1`)."""
    words = [cell for cell in cells if not NO_WORD.fullmatch(cell)]
    start = words[0] if words else ""
    return start in ("0", "1") and all(cell == str(number) for number, cell in enumerate(words, int(start)))


def _is_ontonotes(cells: Sequence[str]) -> bool:
    return (
        len(cells) > 10
        and cells[1].isdigit()
        and cells[2].isdigit()
        and "*" in cells[5]
        and SPANS.fullmatch(cells[10]) is not None
    )


def _numbered(cells: Sequence[str]) -> str:
    return ", ".join(f"{number} {cell!r}" for number, cell in enumerate(cells[:12], 1))


# ---------------------------------------------------------------- is it columns at all


def looks_like_columns(lines: Sequence[bytes]) -> Literal["surely", "perhaps"] | None:
    """Whether these first lines of a file are columns with labels.

    Surely: all lines have as many columns, a label among them, and some label has an entity type. Perhaps:
    nearly all, or all labels are O. Running text is neither.
    """
    rows = text_of(lines)
    if comma_of(list(Sample(rows).rows)):
        return "perhaps"
    try:
        shape = recognise(rows, "", FormatOptions())
    except InputError:
        return None
    found = [] if shape is None else [row for row in Sample(rows).rows if row != shape.header]
    if shape is None or shape.label is None:
        return None
    if shape.line_is_sentence:
        return "surely" if shape.types else "perhaps"
    if len(found) < 2:
        return None
    if shape.brackets:
        return "surely"
    table = [shape.cells(row) for row in found]
    labels = [cells[shape.label] for cells in table if len(cells) == shape.width]
    good = [label for label in labels if LABEL.fullmatch(label)]
    if len(good) * 10 < len(table) * 9:
        return None
    # `Vitamin B-12`, `på B-laget`: text can end so
    upper = all(re.fullmatch(r"[A-Z][A-Z0-9_&/-]*", type_) for type_ in shape.types)
    lower = all(re.fullmatch(r"[A-Za-z][\w&/-]*", type_) for type_ in shape.types)
    outside = "O" in good or any(
        (one[:2], other[:2]) == ("B-", "I-") and one[2:] == other[2:] for one, other in pairwise(good)
    )  # `Bukse L-XL`, `Hall B-A`: lists can end in such codes
    typed = upper or (lower and "O" in good and shape.width < 4)
    if len(good) == len(table) and outside and shape.types and typed:
        return "surely"
    return "perhaps" if len(table) > 2 and lower else None
