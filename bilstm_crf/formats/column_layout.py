"""Recognise the layout of a columns file from a sample of its lines.

A `Layout` says how a line is split into cells and which cells hold the token and the label;
`columns` reads and writes by it. What other programs write, and how it is recognised:

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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice, pairwise
from typing import BinaryIO, Literal

from bilstm_crf.errors import InputError, did_you_mean
from bilstm_crf.formats.base import FormatOptions
from bilstm_crf.formats.blocks import BOM, NEWDOC
from bilstm_crf.labels import LABEL, LOOSE_LABEL

SAMPLE_BYTES = 1 << 16
SAMPLE_LINES = 1000  # enough to recognise a column; more would cost as much as reading them

BLANKS = re.compile("[ \t]+")  # not str.split(), which splits words at no-break spaces
NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?")
# `-DOCSTART-` in any column, with a number, in lower case
DOCUMENT_START = re.compile(r"(?:^|[ \t])-DOCSTART(?![A-Za-z])", re.IGNORECASE)
NEW_DOCUMENT = re.compile(NEWDOC.pattern + r"|#begin document\b[ \t]*(.*)")
COMMENT = re.compile(r"#(?:[ \t]|$|[A-Za-z][\w.:-]*[ \t]*=)")
# Comments whatever the columns; and `# key = value`, unless tabs separate cells that may hold blanks
ALWAYS_COMMENT = re.compile(r"#(?:begin document|end document|[ \t]*newdoc|[ \t]*global\.columns)\b")
KEY_VALUE = re.compile(r"#[ \t]*[A-Za-z][\w.:-]*[ \t]+=[ \t]")
GLOBAL_COLUMNS = re.compile(r"#[ \t]*global\.columns[ \t]*=[ \t]*(\S.*)")
WIKIANN = re.compile(r"((?:[a-z]{2,3}(?:-[a-z]+)*|simple):).+")
ONTONOTES = re.compile(r"-|(?:\([^()*\s]+)*\*?\)*")
NO_WORD = re.compile(r"\d+[-.]\d+")  # CoNLL-U: the id of a multi-word token or of an empty node
# A line of a CSV file, or of word/label pieces, that ends in a label
COMMAS = re.compile(r'.*([,;/])"?(?:O|[BIESLUM]-[A-Za-z][\w/&-]*)"?[ \t]*')
TYPE_LIKE = re.compile(r"[^\W\d_][\w./&-]*")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Names of columns in a header row
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
# Types of chunks (English and German CoNLL): they look like labels, but are no entities
CHUNKS = _words("NP VP PP ADVP ADJP SBAR PRT CONJP INTJ LST UCP NC VC PC AC")
PARTS_OF_SPEECH = _words(
    "CC CD DT EX FW IN JJ JJR JJS LS MD NN NNS NNP NNPS PDT POS PRP PRP$ RB RBR RBS RP SYM TO UH VB VBD VBG "
    "VBN VBP VBZ WDT WP WP$ WRB ADJ ADP ADV AUX CCONJ CONJ DET NOUN NUM PART PRON PROPN PUNCT SCONJ VERB X "
    "ADJA ADJD ART KON NE VVFIN"
)
Form = Literal["tabs", "blanks", "bars"]
Kind = Literal["strict", "loose", "bare"]  # of labels: as we write them, in other dialects, bare types


@dataclass(frozen=True)
class Layout:
    """The layout of a columns file. Columns are numbered from 0."""

    form: Form  # what separates cells
    width: int  # cells of a line
    token: int = 0
    label: int | None = None  # the column that labels are read from; -1: the last of a line
    own_label: int | None = None  # the column that was recognised as labels, whatever the options say
    strict: bool = False  # whether each of its labels in the sample is O or B-PER and the like
    types: frozenset[str] = frozenset()  # of the labels in the sample
    is_named: bool = False  # whether --label-column names the column that is written
    writable: bool = False  # whether `tag` may replace the label
    prefix: str = ""  # before each token, and not part of it
    header: str | None = None  # the row of names
    plus: bool = False  # CoNLL-U Plus
    ids: int | None = None  # the column that counts: a line with `3-4` or `5.1` there is no token
    counts: bool = False  # whether the tokens of the sample only count
    line_is_sentence: bool = False
    open_ended: bool = False  # whether a line may have more cells than `width` (OntoNotes)
    brackets: bool = False  # whether labels are written `(PERSON*`, `*`, `*)`
    notes: tuple[str, ...] = ()  # what was assumed, for a warning
    label_note: str = ""  # the same for the column of labels
    warned: list[bool] = field(default_factory=list, compare=False)  # not empty: `render` has warned

    @property
    def expected(self) -> str:
        return f"{self.width} separated by {'|' if self.form == 'bars' else self.form}"

    def cells(self, row: str) -> list[str]:
        """Return the cells of a line, without blanks around them and empty ones beyond `width`."""
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
        """Return whether a row with `#` is a comment. `opens`: it stands before all tokens of its sentence.

        A row with the file's columns and a label among them is a token (except `# key = value`).
        Otherwise `# …` is a comment; only in a file without labels, `#` inside a sentence may be a token.
        """
        if not row.startswith("#"):
            return False
        if ALWAYS_COMMENT.match(row) or (self.form != "tabs" and KEY_VALUE.match(row)):
            return True
        if self.fits(cells):
            label = LABEL if self.strict else LOOSE_LABEL
            if self.own_label is not None and label.fullmatch(cells[self.own_label]):
                return False
            if self.own_label is None and cells[self.token] == "#":
                return opens and self.width > 1
            if not COMMENT.match(cells[self.token]):  # `#bergen`
                return False
        return COMMENT.match(row) is not None


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


def text_of(lines: Iterable[bytes]) -> list[str]:
    """Return the first lines as text without line ends; invalid bytes are replaced."""
    text = b"".join(islice(lines, SAMPLE_LINES)).decode("utf-8", "replace").removeprefix(BOM)
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
        self.rows = list(chain.from_iterable(self.sentences))


class Column:
    """The cells of one column of a sample, and what kind of labels they are."""

    def __init__(self, sentences: list[list[str]]) -> None:
        self.sentences = sentences
        self.cells = list(chain.from_iterable(sentences))

    @cached_property
    def kind(self) -> Kind | None:
        return kind_of(self.sentences)

    @cached_property
    def types(self) -> frozenset[str]:
        return types_of(self.cells)

    @property
    def is_chunks(self) -> bool:
        return bool(self.types) and self.types <= CHUNKS

    @property
    def has_entities(self) -> bool:
        return self.kind == "strict" and bool(self.types - CHUNKS)


# ---------------------------------------------------------------- recognition


def recognise(rows: Sequence[str], path: str, options: FormatOptions, first: int = 1) -> Layout | None:
    """Return the layout of a file by some of its rows, from row `first`; None if no row is a token.

    Raises InputError for a column that was asked for and is missing, and for files in other formats.
    """
    sample = Sample(rows, first)
    if not sample.sentences and sample.names is None:
        return None
    recogniser = _Recogniser(sample, path, options)
    recogniser.refuse_other_formats()
    return recogniser.bars() or recogniser.ontonotes() or recogniser.table()


class _Recogniser:
    """One look at a sample."""

    def __init__(self, sample: Sample, path: str, options: FormatOptions) -> None:
        self.sample, self.path, self.options = sample, path, options
        self.rows = sample.rows
        self.names = sample.names  # of the columns, if they have any
        self.notes: list[str] = []
        self.label_note = ""
        self.layout = Layout("blanks", 1)  # what is known so far

    def error(self, message: str, hint: str | None = None, line: int | None = None) -> InputError:
        found = self.rows[0] if self.rows and line is None else None
        return InputError(message, path=self.path, line=line or self.sample.first, found=found, hint=hint)

    def refuse_other_formats(self) -> None:
        if self.sample.is_webanno:
            raise self.error("WebAnno TSV, expected columns", "export it as CoNLL 2002 or CoNLL-U", line=1)
        if comma := comma_of(self.rows):
            message = f"cells with {comma} between them, expected tabs or blanks"
            raise self.error(message, "save it with tabs between the cells (.tsv)")

    # ------------------------------------------------------------ word|label, OntoNotes

    def bars(self) -> Layout | None:
        """Recognise lines of `word|label`: a sentence a line, or a token if all lines have one."""
        if sum("|" in row for row in self.rows) * 2 <= len(self.rows):  # nearly all files
            return None
        lines = [BLANKS.split(row.strip(" \t")) for row in self.rows]
        cells = [piece.rpartition("|") for line in lines for piece in line]
        labels = [cell for word, _, cell in cells if word and cell]
        if len(labels) * 2 <= len(cells):
            return None
        of_sentence = any(len(line) > 1 for line in lines)
        kind = kind_of([labels])
        if kind != "strict" and (len(labels) * 10 < len(cells) * 9 or (kind is None and not of_sentence)):
            return None
        last = min(piece.count("|") for line in lines for piece in line if "|" in piece[1:])
        token, label = self.options.token_column, self.options.label_column
        if kind is None:
            message = "lines of word|tag, where no tag is a label such as B-PER"
            raise self.error(message, "--format text --tokenise spaces reads its pieces as words")
        if token not in (None, "1") or label not in ("auto", "last", str(last + 1)):
            message = "lines of word|label, where no other column can be chosen"
            raise self.error(message, "leave --token-column and --label-column out")
        return Layout(
            "bars",
            last + 1,
            label=last,
            own_label=last,
            strict=kind == "strict",
            types=types_of(labels),
            is_named=label != "auto",
            writable=True,
            line_is_sentence=of_sentence,
        )

    def ontonotes(self) -> Layout | None:
        table = [BLANKS.split(row.strip(" \t")) for row in self.rows]
        if not table or not all(map(_is_ontonotes, table)):
            return None
        self.layout = Layout("blanks", max(map(len, table)))
        asked = self.options.token_column
        token = 3 if asked is None else self._chosen("--token-column", asked)
        label, is_named = self._label(10, token)
        lasts = [[cells[-1] for cells in table]]
        appended = self.options.side == "predicted" and not is_named and kind_of(lasts) == "strict"
        if appended or (is_named and self.options.label_column == "last"):
            label = -1
        entities = "labels are the last column" if appended else "entities are column 11"
        return Layout(
            "blanks",
            11,
            token,
            label,
            own_label=10,
            is_named=is_named,
            notes=(f"columns as in OntoNotes: the token is column 4, {entities}",) * (asked is None),
            open_ended=True,
            brackets=label == 10,
        )

    # ------------------------------------------------------------ tables

    def table(self) -> Layout:
        form, width = ("tabs", len(self.names)) if self.names else separator_of(self.rows)
        self.layout = Layout("tabs" if form == "tabs" else "blanks", width)
        header = self._header()
        table = [
            [cells for row in sentence if row is not header and len(cells := self.layout.cells(row)) == width]
            for sentence in self.sample.sentences
        ]
        table = [sentence for sentence in table if sentence]
        numbers = [[cells[0] for cells in sentence] for sentence in table]
        self.counted = (
            width > 1 and not self.names and any(each[1:] for each in numbers) and is_counting(numbers)
        )
        ids = 0 if self.counted else None
        if self.sample.names is not None:
            ids = self.sample.names.index("ID") if "ID" in self.sample.names else None
        if ids is not None:
            table = [[cells for cells in each if not NO_WORD.fullmatch(cells[ids])] for each in table]
            table = [sentence for sentence in table if sentence]
        self.columns = [Column([[row[c] for row in sentence] for sentence in table]) for c in range(width)]
        token = self._token()
        own, writable = self._own_label(token)
        label, is_named = self._label(own, token)
        return Layout(
            self.layout.form,
            width,
            token,
            label,
            own,
            strict=own is not None and self.columns[own].kind == "strict",
            types=frozenset() if own is None else self.columns[own].types,
            is_named=is_named,
            writable=writable,
            prefix="" if header is not None else self._prefix(token, own),
            header=header,
            plus=self.sample.names is not None,
            ids=ids if self.sample.names is not None or token else None,
            counts=is_counting(self.columns[token].sentences),
            notes=tuple(self.notes),
            label_note="" if is_named else self.label_note,
        )

    def _header(self) -> str | None:
        """Return the first row if it holds names: known ones, or those that the options ask for."""
        if self.sample.names is not None or not self.rows:
            return None
        first, width = self.layout.cells(self.rows[0]), self.layout.width
        if len(first) != width:
            return None
        asked = [self.options.token_column or "auto", self.options.label_column]
        wanted = [name for name in asked if name not in ("auto", "last", "append") and not name.isdigit()]
        lower = {cell.lower() for cell in first}
        known = width > 1 and bool(lower & TOKEN_NAMES)
        if (
            (known and (lower <= NAMES | {""} or lower & (LABEL_NAMES | PREDICTED_NAMES)))
            or any(name.lower() in lower for name in wanted)
        ):  # fmt: skip
            self.names = tuple(first)
            return self.rows[0]
        return None

    def _named(self, wanted: Iterable[str]) -> int | None:
        """Return the column with one of these names; of several, the first with standard labels.

        The part of a name before a `:` does not count.
        """
        names = [name.lower().rpartition(":")[2] for name in self.names or ()]
        found = [column for column, name in enumerate(names) if name in wanted]
        strict = (column for column in found if self._kind(column) == "strict")
        return next(strict, next(iter(found), None))

    def _kind(self, column: int) -> Kind | None:
        return self.columns[column].kind if len(self.columns) > 1 else None

    def _chosen(self, option: str, given: str) -> int:
        """Return the column that was asked for by number or name. Raises InputError if there is none."""
        cells = self.layout.cells(self.rows[0] if self.rows else "")
        width, names = self.layout.width, list(self.names or ())
        if given.isdigit() and 1 <= int(given) <= width:
            return int(given) - 1
        if not given.isdigit():
            for name in (given, *(name for name in names if name.lower() == given.lower())):
                if name in names:
                    return names.index(name)
        if self.names:
            expected = "expected one of " + " ".join(name or "''" for name in names)
        else:
            expected = (
                f"expected a number from 1 to {width}" if given.isdigit() else "no name in the first line"
            )
        meant = "" if given.isdigit() else did_you_mean(given, names or cells)
        numbered = ", ".join(f"{number} {cell!r}" for number, cell in enumerate(cells[:12], 1))
        hint = f"the columns of the first line: {numbered}" if self.rows else None
        raise self.error(f"no column {given} ({option}); {expected}.{meant}", hint)

    def _token(self) -> int:
        asked = self.options.token_column
        if asked is not None:
            return self._chosen("--token-column", asked)
        if self.names and (found := self._named(TOKEN_NAMES)) is not None:
            if found:
                self.notes.append(f"the token is column {found + 1}, {self.names[found]}")
            return found
        width = self.layout.width
        labels_next = width == 2 and self._kind(1) is not None
        if self.counted and not labels_next:
            if self.layout.form == "tabs" and width == 10:
                message = "CoNLL-U (ten columns, the first of which counts tokens), expected columns"
                hint = "--format conllu reads it; --token-column 2 reads it as columns"
                raise self.error(message, hint)
            holds = "counts the tokens"
        elif width > 1 and not labels_next and self._numbers_sentences():
            holds = "numbers the sentences"
        elif width > 1 and self._kind(1) is None and self._labels_first():
            holds = "holds labels"
        else:
            return 0
        self.notes.append(f"column 1 {holds}: the token is column 2")
        return 1

    def _numbers_sentences(self) -> bool:
        """Return whether column 1 holds one number, or name with digits, for all lines of a sentence.

        Column 2 must hold different cells, at least as many as column 1: tokens do. If it does not, the
        numbers of column 1 are the tokens. The rest is ambiguous (numbers as tokens beside a varied
        column), so the warning names the option that decides.
        """
        first = self.columns[0]
        longer = [sentence for sentence in first.sentences if len(sentence) > 1]
        return (
            (len(longer) > 1 or any(len(sentence) > 4 for sentence in longer))
            and all(len(set(sentence)) == 1 for sentence in longer)
            and all(re.search(r"\d", sentence[0]) for sentence in first.sentences)
            and len(set(self.columns[1].cells)) >= max(2, len(set(first.cells)))
        )

    def _labels_first(self) -> bool:
        first = self.columns[0]
        types = first.types - CHUNKS
        # `E-post NOUN` may be all of a sample
        return bool(first.has_entities and ("O" in first.cells or all(map(str.isupper, types))))

    def _own_label(self, token: int) -> tuple[int | None, bool]:
        """Return the column that holds labels by names and looks, and whether `tag` may replace them."""
        if self.names and (named := self._label_named(token)) is not None:
            return named

        def kind(column: int) -> Kind | None:
            return None if column == token or (column == 0 and self.counted) else self._kind(column)

        beside, last = token + 1, self.layout.width - 1
        if self.counted:
            if self.options.side == "predicted" and last > beside + 1 and kind(last) == "strict":
                self.label_note = f"labels are read from column {last + 1}, not column {beside + 1}"
                return last, False  # a column that `tag` appended
            if beside <= last and kind(beside) in ("strict", "loose") and not self.columns[beside].is_chunks:
                if beside != last:
                    self.label_note = f"labels are read from column {beside + 1}"
                return beside, True
        confidence = last > token + 1 and kind(last - 1) == "strict"
        confidence = confidence and all(map(NUMBER.fullmatch, self.columns[last].cells))
        if confidence:
            last -= 1
        if kind(last) is not None:
            gold, found = self.columns[last - 1], self.columns[last]
            if (
                last - 1 > token
                and gold.has_entities
                and (gold.types & found.types or {*found.cells} == {"O"})
            ):
                return self._of_two(last - 1, last)
            if confidence:
                self.label_note = f"labels are read from column {last + 1}; the last column holds numbers"
            return last, not confidence
        typed = [c for c, each in enumerate(self.columns) if kind(c) == "strict" and each.has_entities]
        if len(typed) == 1:
            self.label_note = f"labels are read from column {typed[0] + 1} of {self.layout.width}"
            return typed[0], typed[0] == 0  # files with the label first have it there
        return None, False

    def _label_named(self, token: int) -> tuple[int, bool] | None:
        """Return the column whose name says that it holds labels."""
        gold, predicted = self._named(LABEL_NAMES), self._named(PREDICTED_NAMES)
        if gold is not None and predicted is not None:
            return self._of_two(gold, predicted)
        named = gold if gold is not None else predicted
        if named is None or named == token:
            return None
        if named != self.layout.width - 1:
            self.label_note = f"labels are read from column {named + 1}, {(self.names or ())[named]}"
        return named, True

    def _of_two(self, gold: int, predicted: int) -> tuple[int, bool]:
        side = self.options.side
        label, other = (predicted, gold) if side == "predicted" else (gold, predicted)
        self.label_note = (
            f"two columns of labels: column {label + 1} is read as {side}, not column {other + 1}"
        )
        return label, False

    def _label(self, own: int | None, token: int) -> tuple[int | None, bool]:
        """Return the column to read labels from, None without labels; and whether it was asked for."""
        choice = self.options.label_column
        if choice in ("append", "auto"):
            return own if choice == "auto" else None, False
        label = self.layout.width - 1 if choice == "last" else self._chosen("--label-column", choice)
        if label == token:
            one = "1 column, expected a word and a label"
            both = f"column {token + 1} was chosen as the token and the label"
            raise self.error(one if self.layout.width == 1 else both)
        return label, True

    def _prefix(self, token: int, own: int | None) -> str:
        """Return WikiANN's language code, if it stands before every token."""
        words = self.columns[token].cells
        if self.options.token_column is not None or len(words) < 2 + (own is None):
            return ""
        found = WIKIANN.fullmatch(words[0])
        if found is None or not all(w.startswith(found[1]) and len(w) > len(found[1]) for w in words):
            return ""
        self.notes.append(f"each token begins with {found[1]}, which is read as the language, not the word")
        return found[1]


# ---------------------------------------------------------------- what cells hold


def types_of(cells: Iterable[str]) -> frozenset[str]:
    """Return the entity types of the cells that are standard labels."""
    return frozenset(cell[2:] for cell in set(cells) if cell != "O" and LABEL.fullmatch(cell))


def kind_of(sentences: Sequence[Sequence[str]]) -> Kind | None:
    """Return which kind of labels these cells are; None if they are not labels."""
    found = Counter(chain.from_iterable(sentences))
    if not found:
        return None
    ours = {cell for cell in found if LABEL.fullmatch(cell)}
    if len(ours) == len(found):
        return "strict"
    prefixed = any(cell in ("O", "o") or re.search("[-_:]", cell[1:]) for cell in found)
    if prefixed and all(map(LOOSE_LABEL.fullmatch, found)):
        return "loose"
    if ours - {"O"} and sum(found[cell] for cell in ours) * 2 >= found.total():
        return "loose"  # labels, some of them odd: `read_labels` says which
    others = [cell for cell in found if cell != "O"]
    few = found["O"] * 4 >= found.total() and len(others) <= 30
    if few and not PARTS_OF_SPEECH.intersection(others) and all(map(TYPE_LIKE.fullmatch, others)):
        return "bare"
    first = next((cells for cells in sentences if cells), [])
    return "loose" if all(map(LABEL.fullmatch, first)) else None


def comma_of(rows: Sequence[str]) -> str | None:
    """Return the comma, semicolon or slash before the label in all lines except a header; else None."""
    if len(rows) < 3 or not all(map(COMMAS.fullmatch, rows[1:])):
        return None
    found = COMMAS.fullmatch(rows[1])
    return found and found[1]


def separator_of(rows: Sequence[str]) -> tuple[Form, int]:
    """Return the separator and the number of cells of most rows; in a tie, those of the first row.

    Empty cells at the end of all rows do not count. Tabs in only some rows are blanks.
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
    """Return whether these are numbers that count the tokens of each sentence, or of the file."""
    return all(map(is_count, sentences)) or is_count(list(chain.from_iterable(sentences)))


def is_count(cells: Sequence[str]) -> bool:
    """Return whether the cells are 1 2 3 … or 0 1 2 …, besides ids such as `3-4` and `5.1`."""
    words = [cell for cell in cells if not NO_WORD.fullmatch(cell)]
    start = words[0] if words else ""
    return start in ("0", "1") and all(cell == str(number) for number, cell in enumerate(words, int(start)))


def _is_ontonotes(cells: Sequence[str]) -> bool:
    return (
        len(cells) > 10
        and cells[1].isdigit()
        and cells[2].isdigit()
        and "*" in cells[5]
        and ONTONOTES.fullmatch(cells[10]) is not None
    )


def looks_like_columns(lines: Sequence[bytes]) -> Literal["surely", "perhaps"] | None:
    """Return whether these first lines of a file are columns with labels.

    Surely: all lines have the same number of columns, a label among them, and some label has an
    entity type. Perhaps: nearly all, or all labels are O. Running text is neither.
    """
    sample = Sample(rows := text_of(lines))
    if comma_of(sample.rows):
        return "perhaps"
    try:
        layout = recognise(rows, "", FormatOptions())
    except InputError:
        return None
    if layout is None or layout.label is None:
        return None
    if layout.line_is_sentence:
        return "surely" if layout.types else "perhaps"
    table = [layout.cells(row) for row in sample.rows if row != layout.header]
    if len(table) < 2 or layout.brackets:
        return "surely" if len(table) > 1 else None
    labels = [cells[layout.label] for cells in table if len(cells) == layout.width]
    good = [label for label in labels if LABEL.fullmatch(label)]
    if len(good) * 10 < len(table) * 9:
        return None
    # Text can end so: `Vitamin B-12`, `på B-laget`; and lists in codes: `Bukse L-XL`, `Hall B-A`
    upper = all(re.fullmatch(r"[A-Z][A-Z0-9_&/-]*", type_) for type_ in layout.types)
    lower = all(re.fullmatch(r"[A-Za-z][\w&/-]*", type_) for type_ in layout.types)
    outside = "O" in good or any(
        one[:2] == "B-" and other[:2] == "I-" and one[2:] == other[2:] for one, other in pairwise(good)
    )
    typed = layout.types and (upper or (lower and "O" in good and layout.width < 4))
    if len(good) == len(table) and outside and typed:
        return "surely"
    return "perhaps" if len(table) > 2 and lower else None
