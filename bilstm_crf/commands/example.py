"""The command that a finished training suggests: tag a sentence of the dev set."""

from __future__ import annotations

import io
import shlex
from collections.abc import Iterator, Sequence
from itertools import islice

from bilstm_crf.config import DataConfig
from bilstm_crf.errors import BilstmCrfError
from bilstm_crf.formats import FORMATS, FormatOptions, read
from bilstm_crf.labels import parse
from bilstm_crf.sentence import Sentence

MAX_READ = 1000  # sentences of each dev file
MIN_TOKENS, MAX_TOKENS, MAX_CHARACTERS = 3, 12, 60  # of the sentence
CLOSING = (".", "!", "?", "。", "؟", "।")
UNSAFE = frozenset('"$`\\!')  # mean something to a shell inside double quotes


def example_arguments(data: DataConfig) -> str:
    """Return the arguments of `tag` for a short dev sentence with an entity, quoted for a shell.

    A sentence that our tokeniser would split in another way is given as words, with `--tokenise spaces`.
    Without a suitable sentence, the dev file itself is to be tagged.
    """
    found = [each for each in _sentences(data) if _is_suitable(each)]
    if not found:
        return shlex.quote(data.dev[0])
    sentence = max(found, key=_fitness)
    text = _as_text(sentence.tokens)
    if _tokens_of(text, FormatOptions(sentences="detect")) == sentence.tokens:
        return f"--text {quoted(text)}"
    return f"--tokenise spaces --text {quoted(' '.join(sentence.tokens))}"


def _sentences(data: DataConfig) -> Iterator[Sentence]:
    """Yield the first sentences of each dev file."""
    from bilstm_crf.training.corpora import reading_options

    options = reading_options(data)
    for path in data.dev:
        try:
            yield from islice(read(path, data.format, options), MAX_READ)
        except (BilstmCrfError, OSError):  # moved since: an example is not worth an error
            continue


def _is_suitable(sentence: Sentence) -> bool:
    words = " ".join(sentence.tokens)
    return (
        MIN_TOKENS <= len(sentence) <= MAX_TOKENS
        and len(words) <= MAX_CHARACTERS
        and words.isprintable()
        and not words.startswith("-")
        and _tokens_of(words, FormatOptions(tokenise="spaces")) == sentence.tokens
    )


def _fitness(sentence: Sentence) -> tuple[bool, bool, bool, int]:
    """Rank by: an entity, and words beside it; the form of a sentence; no odd quoting; length."""
    inside = [parse(label).prefix not in ("", "O") for label in sentence.labels or ()]
    first, last = sentence.tokens[0], sentence.tokens[-1]
    whole = not first[:1].islower() and last in CLOSING
    return any(inside) and not all(inside), whole, UNSAFE.isdisjoint("".join(sentence.tokens)), len(sentence)


def _tokens_of(text: str, options: FormatOptions) -> Sequence[str]:
    """Return the tokens that `tag --text` makes of a text; nothing if it makes several sentences."""
    sentences = [each.tokens for each in FORMATS["text"].read(io.BytesIO(text.encode()), "", options)]
    found = [each for each in sentences if each]
    return found[0] if len(found) == 1 else []


def _as_text(tokens: Sequence[str]) -> str:
    """Return tokens as running text: no blank before punctuation.

    >>> _as_text(["Kari", "(", "30", ")", "bor", "i", "Oslo", "."])
    'Kari (30) bor i Oslo.'
    """
    text = ""
    for before, token in zip(["", *tokens], tokens, strict=False):
        joined = token in {".", ",", "!", "?", ":", ";", ")", "»", "…"} or before in {"", "(", "«"}
        text += token if joined else f" {token}"
    return text


def quoted(text: str) -> str:
    r"""Return a text in quotes for a POSIX shell, double ones where nothing in it needs escaping.

    >>> print(quoted("Kari bor i Oslo."), quoted('$HOME "er" `her`'), quoted("It's 5 $"))
    "Kari bor i Oslo." '$HOME "er" `her`' 'It'"'"'s 5 $'
    """
    return f'"{text}"' if UNSAFE.isdisjoint(text) else shlex.quote(text)
