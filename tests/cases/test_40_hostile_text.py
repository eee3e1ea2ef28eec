"""Cases 20 and 40: brackets, long lines and empty lines; work is counted and grows with the text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.formats import FORMATS, FormatOptions, blocks
from bilstm_crf.formats import norwegian as norwegian_module
from bilstm_crf.inference.tagger import Tagger, chunks_of
from bilstm_crf.sentence import Sentence
from done import Done
from runs import DEV

SPACES = FormatOptions(tokenise="spaces")


@pytest.fixture
def norwegian() -> Any:
    pytest.importorskip("spacy", reason="needs the extra `text`")
    return norwegian_module


# ---------------------------------------------------------------- the tokeniser

SIGNS = "()[]{}\"'’.,!?–-/:;=«»€%§&_*<>|abcdeæøåÅKM01234km"
AFFIXES = ["(", "((((", '"', "...", "." * 80, "%", "12km", "kr", ").", "«", "’", "a" * 70, "x/y", "-"]


@given(
    st.one_of(
        st.text(st.sampled_from(SIGNS), min_size=65, max_size=300),
        st.lists(st.sampled_from(AFFIXES), min_size=20, max_size=60).map("".join),
        st.builds(
            "http://avis.no/{}{}".format, st.text("ab/?=&-12", min_size=60), st.sampled_from(["", ")", '".'])
        ),
    )
)
def test_long_stretches_have_the_words_that_spacy_finds(stretch: str) -> None:
    pytest.importorskip("spacy", reason="needs the extra `text`")
    pipeline = norwegian_module._pipeline()
    found = set(norwegian_module._stretch(stretch))
    wanted = set(norwegian_module._offsets(pipeline.make_doc(stretch)))
    # Only special cases that spaCy puts together at the end, such as :) and §§, may stay apart.
    together = wanted - found
    assert {stretch[a:b] for a, b in together} <= set(pipeline.tokenizer.rules)
    assert all(any(a <= start and end <= b for a, b in together) for start, end in found - wanted)


def test_ordinary_text_is_tokenised_by_spacy_alone(norwegian: Any) -> None:
    texts = [
        line.partition("= ")[2].strip()
        for line in Path(DEV).read_text("utf-8").split("\n")
        if line[:6] == "# text"
    ]
    assert len(texts) > 30
    pipeline = norwegian._pipeline()
    for text in texts:
        assert norwegian.words(text) == norwegian._offsets(pipeline.make_doc(text))
    assert not any(map(norwegian._has_long_stretch, texts))


def test_text_around_a_long_stretch_has_its_own_words_and_sentences(norwegian: Any) -> None:
    text = "Kari  sov.\n\nSe (" + "(" * 100 + "Oslo) her.  Ola åt. "
    words = [text[a:b] for a, b in norwegian.words(text)]
    assert words == ["Kari", "sov", ".", "Se", *["("] * 101, "Oslo", ")", "her", ".", "Ola", "åt", "."]
    first = [text[offsets[0][0] : offsets[-1][1]] for offsets in norwegian.sentences(text)]
    assert (first[0], first[-1]) == ("Kari  sov.", "Ola åt.")
    assert [span for offsets in norwegian.sentences(text) for span in offsets] == norwegian.words(text)


@pytest.fixture
def work(norwegian: Any) -> Iterator[Callable[[Callable[[], object]], int]]:
    """How many characters spaCy's patterns are given while a function runs."""
    norwegian._built.cache_clear()
    tokenizer = norwegian._pipeline().tokenizer
    seen = 0

    def counted(search: Callable[[str], object]) -> Callable[[str], object]:
        def count(text: str) -> object:
            nonlocal seen
            seen += len(text)
            return search(text)

        return count

    for name in ("prefix_search", "suffix_search", "infix_finditer", "url_match"):
        setattr(tokenizer, name, counted(getattr(tokenizer, name)))

    def measure(function: Callable[[], object]) -> int:
        nonlocal seen
        norwegian._prefix.cache_clear()
        norwegian._suffix.cache_clear()
        seen = 0
        function()
        return seen

    yield measure
    norwegian._built.cache_clear()


HOSTILE = {
    "brackets": lambda n: "(" * n,
    "quotes": lambda n: '"' * n,
    "closing": lambda n: ")" * n,
    "both": lambda n: "(" * (n // 2) + ")" * (n // 2),
    "mixed": lambda n: "".join("([{«\"'!?"[(i * i + i // 7) % 8] for i in range(n)),
    "full stops": lambda n: "." * n,
    "brackets before full stops": lambda n: "(" * (n // 2) + "." * (n // 2) + "a" * 31,
    "letters": lambda n: "a" * n,
    "hyphens": lambda n: "a-" * (n // 2),
    "slashes": lambda n: "a/" * (n // 2),
    "addresses": lambda n: "http://" + "a:" * (n // 2),
    "words": lambda n: "Kari sov " * (n // 9),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_tokenisers_work_grows_with_the_text(name: str, norwegian: Any, work: Any) -> None:
    small, large = (HOSTILE[name](size) for size in (4_000, 16_000))
    for find in (norwegian.words, norwegian.sentences):
        once = work(lambda find=find: find(small))
        four = work(lambda find=find: find(large))
        assert four <= 5 * max(once, len(small))
        assert four <= 40 * len(large)
    assert "".join(large[a:b] for a, b in norwegian.words(large)) == "".join(large.split())


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


def test_running_text_is_not_split_into_words_where_it_has_none(norwegian: Any, work: Any) -> None:
    read = FORMATS["text"].read
    assert work(lambda: list(read(BytesIO(b"\n" * 50_000), "x", FormatOptions(sentences="detect")))) == 0


@pytest.mark.parametrize("whole_documents", [False, True])
def test_sentences_without_tokens_are_tagged_many_at_once(whole_documents: bool) -> None:
    empty = repeat(Sentence([]), 200_000)
    chunks = list(chunks_of(empty, 65_536, whole_documents=whole_documents))
    assert [len(chunk) for chunk in chunks] == [65_536] * 3 + [3_392]


def test_a_file_without_tokens_is_one_chunk(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tagger = Tagger.load(tiny_model)
    calls = []
    spans = tagger._spans
    monkeypatch.setattr(tagger, "_spans", lambda sentences: calls.append(len(sentences)) or spans(sentences))
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
