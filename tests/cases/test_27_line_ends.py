r"""Cases 27 and 50: \r\n, \r, form feeds and blank lines come back, and lines are numbered as editors do."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.errors import InputError
from bilstm_crf.formats import FORMATS, FormatOptions, blocks, text
from done import Done

SPACES = FormatOptions(tokenise="spaces")
RUNNING = FormatOptions(sentences="detect")
PARTS = st.lists(st.sampled_from(["a", "b ", " ", "\t", "\n", "\r", "\r\n", "\f", "\ufeff"])).map("".join)


def numbered(content: str) -> list[str]:
    return content.replace("\r\n", "\n").replace("\r", "\n").split("\n")


@given(PARTS, st.sampled_from([-1, 1, 2, 3, 5]), st.sampled_from([1, 3, 4_096]))
def test_lines_hold_all_bytes_and_know_their_numbers(content: str, limit: int, together: int) -> None:
    before = blocks.MAX_BLANK_LINES
    blocks.MAX_BLANK_LINES = together
    try:
        found = list(blocks.lines_of(BytesIO(content.encode()), limit))
    finally:
        blocks.MAX_BLANK_LINES = before
    assert b"".join(line for _, line in found) == content.encode()
    reached = b""
    for number, line in found:
        assert number == len(numbered(reached.decode("latin-1")))
        reached += line
    if limit == -1:
        blank = [not line.decode().replace("\ufeff", "").strip() for _, line in found]
        kept = [line for (_, line), is_blank in zip(found, blank, strict=True) if not is_blank]
        assert kept == [line for line in content.encode().splitlines(keepends=True) if line in kept]


@pytest.mark.parametrize("options", [SPACES, RUNNING], ids=["lines", "running"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n", "\f\n"])
def test_text_with_any_line_end(options: FormatOptions, end: str) -> None:
    content = f"\fKari Moe sov.{end}Ola reiste til Bø.{end}{end}{end}Åse lo.{end}"
    sentences = list(text.read(BytesIO(content.encode()), "a.txt", options))
    assert b"".join(text.render(s) for s in sentences).decode() == content
    found = [s for s in sentences if s.tokens]
    assert [s.tokens[0] for s in found] == ["Kari", "Ola", "Åse"]
    assert all(s.tokens[0] in numbered(content)[s.line - 1] for s in found)


def test_a_fault_behind_old_line_ends_has_the_right_line() -> None:
    with pytest.raises(InputError, match="line 3"):
        list(text.read(BytesIO(b"Kari\rOla\r\xe5se\r"), "a.txt", SPACES))
    with pytest.raises(InputError, match="line 4"):
        list(FORMATS["jsonl"].read(BytesIO(b'{"text": "a"}\r\r\n\r{'), "a.jsonl", SPACES))


EMPTY = [b"", b"\n", b"\r\n\r\n\r\n", b"\r\r", b" \t\n\f\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n\xef\xbb\xbf\n"]


@pytest.mark.parametrize("content", EMPTY, ids=ascii)
@pytest.mark.parametrize("name", ["text", "jsonl"])
def test_a_file_without_a_word_is_no_error(name: str, content: bytes) -> None:
    for options in (SPACES, RUNNING) if name == "text" else (SPACES,):
        sentences = list(FORMATS[name].read(BytesIO(content), "a", options))
        assert not any(s.tokens for s in sentences)
        for sentence in sentences:
            sentence.token_spans = []
        assert b"".join(FORMATS[name].render(s, options) for s in sentences) == content


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".json", ".conllu", ".conll"])
def test_an_empty_file_gives_an_empty_output(
    cli: Callable[..., Done], tiny_model: Path, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"tom{suffix}"
    path.write_bytes(b"")
    assert cli("tag", "--model", tiny_model, path) == Done(0, b"", "")


def test_articles_come_back_but_for_the_marks(
    cli: Callable[..., Done], tiny_model: Path, tmp_path: Path
) -> None:
    article = (
        "\ufeffKari Moe bur i Oslo\r\n\r\nAv Ola Moe\rHel\u00adse\u00a0går – «på» [sic]\f\n\n e@post.no \\o/"
    )
    path = tmp_path / "a.txt"
    path.write_bytes(article.encode())
    for how in (["--tokenise", "spaces"], ["--sentences", "detect"]):
        done = cli("tag", "--model", tiny_model, path, "--to", "text", *how)
        assert done.status == 0
        unmarked = text.LINE_BOM.sub("", done.out.decode())  # no test of the marks, which case 20 has
        assert unmarked.count("\\[sic\\]") == 1
        assert done.out.decode().startswith("\ufeff")
        records = cli("tag", "--model", tiny_model, path, *how).out.splitlines()
        assert all(
            "\r" not in e["text"]
            for r in records
            for e in json.loads(r)["entities"]
            if how[0] != "--sentences"
        )
