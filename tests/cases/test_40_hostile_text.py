"""Cases 20 and 40: brackets, long lines and empty lines: time grows with the text."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from itertools import repeat
from pathlib import Path

import pytest

from bilstm_crf.formats import FORMATS, FormatOptions, blocks, norwegian
from bilstm_crf.formats.text import TOKENISERS
from bilstm_crf.inference.decoding import Annotation, Decoding
from bilstm_crf.inference.tagger import Tagger, chunks_of
from bilstm_crf.sentence import Sentence
from done import Done

SPACES = FormatOptions(tokenise="spaces")


# ---------------------------------------------------------------- the tokeniser

HOSTILE = {
    "brackets": "(",
    "quotes": '"',
    "closing brackets": ")",
    "mixed brackets": "([{«\"'!?",
    "full stops": ".",
    "full stops and brackets": ".)",
    "letters": "a",
    "hyphens": "a-",
    "slashes": "a/",
    "dotted letters": "a.",
    "dotted numbers": "1.",
    "numbers": "1,1-",
    "signs": "+1",
    "abbreviations": "kl.",
    "no blank after the full stop": "huB.",
    "addresses": "http://(",
    "mail addresses": "a+@",
    "combining marks": "\u0301",
    "hidden characters": "\u200ba",
    "initials": "A. ",
    "colons": "(: A ",
    "words": "Kari sov ",
    "short lines": "A\n",
    "empty lines": "a\n \n",
    "wrapped lines": "Kari " * 14 + "\n",
}


@pytest.mark.timeout(60)  # quadratic time would be many minutes for this many characters
@pytest.mark.parametrize("tokenise", ["norwegian", "spacy"])
@pytest.mark.parametrize("name", HOSTILE)
def test_tokenising_takes_linear_time_and_loses_nothing(name: str, tokenise: str) -> None:
    if tokenise == "spacy":
        pytest.importorskip("spacy", reason="needs the extra `spacy`")
    size = 400_000 if tokenise == "norwegian" else 8_000
    content = HOSTILE[name] * (size // len(HOSTILE[name]))
    found = TOKENISERS[tokenise].sentences(content)
    reached = 0
    for start, end in (span for sentence in found for span in sentence):
        assert not content[reached:start].replace("\u200b", "").strip()
        assert start < end
        reached = end
    assert not content[reached:].strip()


@pytest.mark.timeout(60)
def test_one_chunk_of_a_megabyte() -> None:
    for content in ("a" * 1_000_000, "http://" + ",a" * 500_000, "." * 500_000):
        assert norwegian.words(content) == [(0, len(content))]


def test_text_around_a_long_chunk_has_its_own_tokens_and_sentences() -> None:
    text = "Kari  sov.\n\nSe (" + "(" * 100 + "Oslo) her.  Ola åt. "
    words = [text[a:b] for a, b in norwegian.words(text)]
    assert words == ["Kari", "sov", ".", "Se", *["("] * 101, "Oslo", ")", "her", ".", "Ola", "åt", "."]
    sentences = norwegian.sentences(text)
    assert [text[s[0][0] : s[-1][1]] for s in sentences][::2] == ["Kari  sov.", "Ola åt."]
    assert [span for sentence in sentences for span in sentence] == norwegian.words(text)


# ---------------------------------------------------------------- empty lines, long lines


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("line", [b"\n", b"\r\n", b" \n"])
def test_empty_lines_cost_no_sentence_each(name: str, line: bytes) -> None:
    if (name, line) == ("conllu", b" \n"):
        return  # an error there
    content = line * 20_000
    for keep_raw in (True, False):
        options = FormatOptions(tokenise="spaces", keep_raw=keep_raw)
        sentences = list(FORMATS[name].read(BytesIO(content), "x", options))
        assert len(sentences) <= (20_000 // blocks.MAX_BLANK_LINES + 2) * keep_raw
        if keep_raw:
            assert b"".join(FORMATS[name].render(s, options) for s in sentences) == content


def test_the_tokeniser_is_not_called_for_empty_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(TOKENISERS, "norwegian")
    list(FORMATS["text"].read(BytesIO(b"\n" * 50_000), "x", FormatOptions(sentences="detect")))


@pytest.mark.parametrize("whole_documents", [False, True])
def test_sentences_without_tokens_are_tagged_many_at_once(whole_documents: bool) -> None:
    empty = repeat(Sentence([]), 200_000)
    chunks = list(chunks_of(empty, 65_536, whole_documents=whole_documents))
    assert [len(chunk) for chunk in chunks] == [65_536] * 3 + [3_392]


def test_a_file_without_tokens_is_one_chunk(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tagger = Tagger.load(tiny_model)
    calls = []
    annotate = tagger._annotate

    def counted(sentences: list[Sentence], decoding: Decoding) -> list[Annotation]:
        calls.append(len(sentences))
        return annotate(sentences, decoding)

    monkeypatch.setattr(tagger, "_annotate", counted)
    assert tagger.predict([Sentence([]) for _ in range(5_000)]) == [[]] * 5_000
    assert calls == [5_000]


def test_one_long_line_loses_nothing(cli: Callable[..., Done], tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "line.txt"
    words = ["Kari", "bor", "i", "Oslo", "."] * 4_000
    path.write_text(" ".join(words))
    done = cli("tag", "--model", tiny_model, "--tokenise", "spaces", path)
    (record,) = map(json.loads, done.out.splitlines())
    assert record["tokens"] == words
    assert record["text"] == " ".join(words)
