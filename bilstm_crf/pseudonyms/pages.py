"""Pages: some sentences of a file with the place of each word in the file's text, whatever its format.

Sentences come in, with or without spans; pages go out whose texts together are the file. A name is replaced
by editing the text at its places, so everything else stays as it is, and restoring needs no format.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from bilstm_crf.errors import InputError
from bilstm_crf.formats import FORMATS, Format
from bilstm_crf.formats import columns as column_format
from bilstm_crf.formats.columns import place_of_cell
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.util.offsets import align

PAGE_TOKENS = 2_000
Place = tuple[int, int]  # start and end in the text of the page, in code points


@dataclass
class Page:
    """Sentences of one document; token numbers count in the page."""

    document: str | None
    line: int  # the first, from 1
    is_running: bool  # the file is text: a name is replaced as a whole, not token by token
    text: str = ""
    tokens: list[str] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)  # of each token
    copies: dict[int, list[Place]] = field(default_factory=dict)  # of a token in `# text`
    related: dict[int, list[Place]] = field(default_factory=dict)  # cells that repeat a token: its lemma
    ends: list[int] = field(default_factory=list)  # of each sentence, in tokens
    lines: list[int] = field(default_factory=list)  # the line of each sentence
    # Text to look for identifiers in, with the place of each token there, and the number of the first
    passages: list[tuple[str, list[Place], int]] = field(default_factory=list)
    notes: list[Place] = field(default_factory=list)  # comments, in which names may stand as well
    spans: list[TokenSpan] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)  # of the spans; 1 if unknown

    def places_of(self, token: int) -> list[Place]:
        """Return where a token, its copies and its lemma stand."""
        return [self.places[token], *self.copies.get(token, ()), *self.related.get(token, ())]

    def following(self, end: int) -> str | None:
        """Return the token after `end - 1` in its sentence, None at the end of a sentence."""
        if end >= len(self.tokens) or self.ends[bisect_left(self.ends, end)] == end:
            return None
        return self.tokens[end]

    def is_lower(self, start: int, end: int) -> bool:
        """Return whether tokens are without capitals, in a sentence that has some.

        Where people write capitals, an unlikely name without one is none.
        """
        if any(map(_has_capital, self.tokens[start:end])):
            return False
        sentence = bisect_right(self.ends, start)
        first = self.ends[sentence - 1] if sentence else 0
        return any(map(_has_capital, self.tokens[first : self.ends[sentence]]))

    def line_of(self, token: int) -> int:
        """Return the line in the file of the sentence that holds a token."""
        return self.lines[bisect_right(self.ends, token)]


def _has_capital(token: str) -> bool:
    return any(map(str.isupper, token))


def pages(sentences: Iterable[Sentence], format_: Format) -> Iterator[Page]:
    """Group the sentences of a file into pages, which end where a document ends.

    The sentences were read with `keep_raw`. Raises InputError for a column file in which the place of a
    word cannot be told.
    """
    fill = FILLERS[format_.name]
    page: Page | None = None
    for sentence in sentences:
        if (
            page is not None
            and page.tokens
            and sentence.tokens
            and (len(page.tokens) >= PAGE_TOKENS or page.document != sentence.document)
        ):
            yield page
            page = None
        if page is None:
            page = Page(sentence.document, sentence.line, format_ is FORMATS["text"])
        if sentence.tokens and not page.tokens:
            page.document = sentence.document
        first = len(page.tokens)
        fill(page, sentence)
        page.tokens += sentence.tokens
        if sentence.tokens:
            page.ends.append(len(page.tokens))
            page.lines.append(sentence.line)
        spans = sentence.token_spans or []
        page.spans += [TokenSpan(first + start, first + end, type_) for start, end, type_ in spans]
        page.scores += sentence.scores or [1.0] * len(spans)
    if page is not None:
        yield page


# ---------------------------------------------------------------- formats


def _fill_text(page: Page, sentence: Sentence) -> None:
    before, after = sentence.raw.before, sentence.raw.after
    text = sentence.text or ""
    start = len(page.text) + len(before)
    page.places += [(start + a, start + b) for a, b in sentence.offsets or ()]
    page.text += before + text + after
    page.passages = [(page.text, page.places, 0)]


def _fill_conllu(page: Page, sentence: Sentence) -> None:
    first = len(page.tokens)
    numbers = {number: first + position for position, number in enumerate(sentence.lines)}
    for number, raw in enumerate(sentence.raw, sentence.line):
        line = raw.decode()
        start = len(page.text)
        page.text += line
        token = numbers.get(number)
        content = line.rstrip("\r\n")
        if token is not None:
            id_, form, lemma, _ = content.split("\t", 3)
            begin = start + len(id_) + 1
            page.places.append((begin, begin + len(form)))
            if lemma != "_":
                begin += len(form) + 1
                page.related[token] = [(begin, begin + len(lemma))]
        elif content.startswith(("#", "\ufeff#")):
            key, equals, _ = content.partition("=")
            if equals and key.lstrip("\ufeff# ").rstrip() == "text":
                _copy(page, sentence, content, start, first)
            else:
                page.notes.append((start, start + len(content)))
        elif content.count("\t") == 9:  # a multi-word token or an empty node
            page.notes += _cells(content, start)[1:3]
    _add_passage(page, sentence, first)


def _cells(content: str, start: int) -> list[Place]:
    """Return the places of the cells of a line that begins at `start`."""
    places = []
    for cell in content.split("\t"):
        places.append((start, start + len(cell)))
        start += len(cell) + 1
    return places


def _copy(page: Page, sentence: Sentence, content: str, start: int, first: int) -> None:
    """Note where the words stand in the comment `# text`; if they do not, it is searched like others."""
    text = sentence.text or ""
    at = content.rfind(text)
    offsets = sentence.offsets or align(sentence.tokens, text)
    if offsets is None or at < 0:
        page.notes.append((start, start + len(content)))
        return
    for position, (a, b) in enumerate(offsets):
        place = (start + at + a, start + at + b)
        if page.text[slice(*place)] == sentence.tokens[position]:  # no part of a multi-word token
            page.copies.setdefault(first + position, []).append(place)


def _fill_columns(page: Page, sentence: Sentence) -> None:
    first = len(page.tokens)
    layout = sentence.raw.layout
    words = iter(enumerate(sentence.tokens, first))
    numbers = set(sentence.lines)
    for number, raw in enumerate(sentence.raw.lines, sentence.line):
        line = raw.decode()
        start = len(page.text)
        page.text += line
        if number not in numbers:
            page.notes.append((start, start + len(line.rstrip("\r\n"))))
            continue
        if layout.line_is_sentence:
            _find_in_line(page, line, start, [word for _, word in words])
            continue
        token, word = next(words)
        if layout.form == "bars":
            _find_in_line(page, line, start, [word])
            continue
        place = place_of_cell(raw, layout.token, layout)
        begin, end = (start + len(raw[:at].decode()) for at in place)
        begin = end - len(word) if page.text[begin:end].endswith(word) else begin
        if page.text[begin:end] != word:
            raise InputError(
                f"the place of the word {word!r} cannot be told", path=sentence.path, line=number
            )
        page.places.append((begin, end))
        page.related[token] = _repeated(page.text, start, (begin, end))
    _add_passage(page, sentence, first)


def _find_in_line(page: Page, line: str, start: int, words: list[str]) -> None:
    """Set the places of words that stand in one line as `word|label`."""
    at = 0
    for word in words:
        at = line.index(word + "|", at)
        page.places.append((start + at, start + at + len(word)))
        at += len(word) + 1


def _repeated(text: str, start: int, word: Place) -> list[Place]:
    """Return the cells of a line that hold the word, or the word without a final s: its lemma."""
    folded = text[slice(*word)].casefold()
    found = []
    for cell in _cells(text[start:].rstrip("\r\n").replace(" ", "\t"), start):
        content = text[slice(*cell)].casefold()
        if cell != word and len(content) > 2 and content in (folded, folded.rstrip("s'’")):
            found.append(cell)
    return found


def _add_passage(page: Page, sentence: Sentence, first: int) -> None:
    if sentence.tokens:
        page.passages.append((*sentence.located(), first))


FILLERS: dict[str, Callable[[Page, Sentence], None]] = {
    "text": _fill_text,
    "conllu": _fill_conllu,
    column_format.name: _fill_columns,
}
