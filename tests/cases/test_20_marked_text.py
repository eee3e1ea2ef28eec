"""`--to text`: marks that can be read back, whatever brackets the text has."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.formats import FORMATS, FormatOptions, text
from bilstm_crf.sentence import Sentence, TokenSpan
from done import Done

MARKS = re.compile(r"\\(?P<escaped>.)|\[(?P<type>(?:\\.|[^\\ ])*) |(?P<end>\])|(?P<plain>.)", re.DOTALL)


def unmarked(marked: str) -> tuple[str, list[tuple[int, int, str]]]:
    """The text and its entities (start, end, type), from text with marks."""
    found, plain, begin = [], "", None
    for match in MARKS.finditer(marked):
        if match["type"] is not None:
            assert begin is None
            begin = (len(plain), re.sub(r"\\(.)", r"\1", match["type"]))
        elif match["end"]:
            assert begin is not None
            found.append((begin[0], len(plain), begin[1]))
            begin = None
        else:
            plain += match["escaped"] or match["plain"]
    assert begin is None
    return plain, found


LINES = st.lists(
    st.tuples(
        st.text(st.sampled_from("[]\\ab å\u00a0😀"), min_size=1, max_size=5).filter(str.strip),
        st.sampled_from([None, None, "PER", "GPE_LOC", "A]B", "[", "\\"]),
    ),
    min_size=1,
    max_size=6,
)


@given(LINES, st.sampled_from(["", "  ", "\t"]), st.sampled_from(["", "\n", " \r\n"]))
def test_text_and_entities_can_be_read_back(pieces, before: str, after: str) -> None:
    words = [word.strip().replace(" ", "_") for word, _ in pieces]
    line = before + "  ".join(words) + after
    (sentence,) = text.read(BytesIO(line.encode()), "a.txt", FormatOptions(tokenise="spaces"))
    sentence.token_spans = [TokenSpan(i, i + 1, type_) for i, (_, type_) in enumerate(pieces) if type_]
    plain, found = unmarked(text.render(sentence).decode())
    assert plain == line
    starts = [(before + "  ".join(words[:i]) + "  " * bool(i)) for i in range(len(words))]
    assert found == [
        (len(starts[s]), len(starts[s]) + len(words[s]), type_) for s, _, type_ in sentence.token_spans
    ]
    assert unmarked(text.compose(sentence).decode())[0] == (sentence.text or "") + "\n"


def test_scores_can_be_read_back_and_texts_that_look_like_them() -> None:
    sentence = Sentence(
        ["0.5", "b]"], token_spans=[TokenSpan(0, 1, "A"), TokenSpan(1, 2, "B")], scores=[1, 0.254]
    )
    assert text.compose(sentence) == b"[A|1.00 0.5] [B|0.25 b\\]]\n"
    assert unmarked(text.compose(sentence).decode()) == ("0.5 b]\n", [(0, 3, "A|1.00"), (4, 6, "B|0.25")])


def test_text_that_nobody_tagged_stays() -> None:
    sentence = Sentence(["[a]", "\\"])
    assert text.compose(sentence) == b"[a] \\\n"
    sentence.token_spans = []
    assert text.compose(sentence) == b"\\[a\\] \\\\\n"


def test_the_command_escapes(cli: Callable[..., Done], tiny_model: Path) -> None:
    done = cli("tag", "--model", tiny_model, "--tokenise", "spaces", "--text", "Kari [sic] \\ sov [Oslo]")
    assert unmarked(done.out.decode())[0] == "Kari [sic] \\ sov [Oslo]\n"
    for name in FORMATS:
        if name != "text":
            assert b"\\\\[" not in cli(
                "tag", "--model", tiny_model, "--tokenise", "spaces", "--text", "a [b]", "--to", name
            ).out  # fmt: skip


@pytest.mark.parametrize("name", ["conllu", "conll2003", "jsonl"])
def test_from_other_formats_too(
    name: str, cli: Callable[..., Done], tiny_model: Path, tmp_path: Path
) -> None:
    path = tmp_path / f"a{FORMATS[name].suffixes[0]}"
    path.write_bytes(FORMATS[name].compose(Sentence(["Kari", "[", "\\"])))
    done = cli("tag", "--model", tiny_model, path, "--to", "text")
    assert unmarked(done.out.decode())[0] == "Kari [ \\\n"
