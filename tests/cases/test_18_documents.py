"""Case 18: a sentence ends where a document begins, whatever its line looks like; no sentence moves."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.formats.columns import read, render

STARTS = ["-DOCSTART- -X- -X- O", "-DOCSTART- O", "-DOCSTART-", " -DOCSTART- -X- O O", "-docstart- -X- O O",
          "-DOCSTART-7 -X- O O", "-DOCSTART- (7) O O", "O O O -DOCSTART-", "-DOCSTART-\tO"]  # fmt: skip


def documents(content: str) -> list[tuple[str | None, list[str]]]:
    sentences = list(read(BytesIO(content.encode()), "x"))
    assert b"".join(map(render, sentences)) == content.encode()
    return [(s.document, s.tokens) for s in sentences if s.tokens]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("around", ["\n\n{}\n\n", "\n{}\n", "\n{}\n\n\n", "\n\n{}\n"])
def test_a_document_begins_with_its_line(start: str, around: str) -> None:
    content = f"{start}\n\nKari N I-NP O\nsov V I-VP O{around.format(start)}Ola N I-NP O\n\nPer N I-NP O\n"
    assert documents(content) == [("1", ["Kari", "sov"]), ("2", ["Ola"]), ("2", ["Per"])]


@pytest.mark.parametrize(
    ("start", "name"),
    [("# newdoc", "1"), ("# newdoc id = a b", "a b"), ("# newdoc = a", "a"), ("#newdoc id=a", "a"),
     ("#begin document (nw/a); part 000", "nw/a"), ("#begin document (nw/a); part 012", "nw/a part 12"),
     ("#begin document x", "x")],
)  # fmt: skip
def test_comments_that_begin_a_document(start: str, name: str) -> None:
    content = f"Hei O\n\n{start}\n# sent_id = 1\nKari O\nsov O\n\n# newdocument\nOla O\n"
    assert documents(content) == [(None, ["Hei"]), (name, ["Kari", "sov"]), (name, ["Ola"])]
    assert documents(content.replace("Hei O\n\n", "Hei O\n")) == documents(content)


def test_a_word_that_says_docstart_inside_is_a_word() -> None:
    assert documents("x-DOCSTART- O\n-DOCSTARTER O\n") == [(None, ["x-DOCSTART-", "-DOCSTARTER"])]


@pytest.mark.parametrize("line", ["\f", "\v", " \f ", "\f\r"])
@pytest.mark.parametrize("row", ["{}", "{} O", "{}\tO"])
def test_a_line_of_a_form_feed_ends_a_sentence(line: str, row: str) -> None:
    """Case 40."""
    content = f"{row.format('Kari')}\n{line}\n{row.format('Oslo')}\n\n"
    assert documents(content) == [(None, ["Kari"]), (None, ["Oslo"])]


LINES = st.lists(st.sampled_from([*STARTS, "", "Kari N I-NP O", "sov V I-VP O"]), max_size=12)


@given(LINES)
def test_documents_and_sentences_are_those_of_the_lines(lines: list[str]) -> None:
    expected: list[tuple[str | None, list[str]]] = []
    number, fresh = 0, True
    for line in lines:
        if line in STARTS or not line:
            number, fresh = number + (line in STARTS), True
            continue
        if fresh:
            expected.append((str(number) if number else None, []))
        expected[-1][1].append(line.split()[0])
        fresh = False
    assert documents("".join(f"{line}\n" for line in lines)) == expected
