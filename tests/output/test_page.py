"""The HTML page: the text of the files as it was, names marked, nothing in it but text."""

import re
from collections.abc import Iterable, Sequence
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bilstm_crf.formats import FORMATS, FormatOptions
from bilstm_crf.output import WRITERS
from bilstm_crf.sentence import Sentence, TokenSpan
from pages import Marks, Reader

LINES = FormatOptions(tokenise="spaces")
RUNNING = FormatOptions(sentences="detect")


def page_of(sentences: Iterable[Sentence]) -> str:
    return b"".join(WRITERS["html"].write(sentences, LINES)).decode()


def text_of(content: str, options: FormatOptions = LINES, path: str = "a.txt") -> list[Sentence]:
    sentences = list(FORMATS["text"].read(BytesIO(content.encode()), path, options))
    for sentence in sentences:
        sentence.token_spans = []
    return sentences


def mark(sentence: Sentence, *spans: tuple[int, int, str], scores: Sequence[float] | None = None) -> Sentence:
    sentence.token_spans = [TokenSpan(*span) for span in spans]
    sentence.scores = None if scores is None else list(scores)
    return sentence


def test_the_page_shows_the_text_and_marks_its_names() -> None:
    content = "Kari Nordmann bor\n\n\n   i  Oslo .\n"
    sentences = text_of(content)
    mark(sentences[0], (0, 2, "PER"), scores=[0.9951])
    mark(sentences[3], (1, 2, "GPE_LOC"), scores=[0.404])
    page = page_of(sentences)
    marks = Marks(page)
    assert marks.sections == [content]
    assert marks.marks == [("Kari Nordmann", "PER", "PER, 99.5%"), ("Oslo", "GPE_LOC 40%", "GPE_LOC, 40.4%")]
    assert re.findall(r"--score: ([\d.]+)", page) == ["1.00", "0.40"]
    assert "<title>a.txt</title>" in page
    assert "2 names" in page


def test_without_scores_none_is_shown() -> None:
    (sentence,) = text_of("Kari")
    page = page_of([mark(sentence, (0, 1, "PER"))])
    assert Marks(page).marks == [("Kari", "PER", "PER")]
    assert "style=" not in page
    assert "probability" not in page


TEXT = st.text(
    st.one_of(
        st.sampled_from("a.<>&\"'[] \n\r\t\u00a0\u2028\u202e\u05d0\u0301\ufeff{}%"),
        st.characters(blacklist_categories=["Cs", "Cc"]),
    )
)


@settings(max_examples=50)
@given(TEXT, st.sampled_from([LINES, RUNNING]))
def test_the_text_is_the_input(content: str, options: FormatOptions) -> None:
    sentences = text_of(content, options)
    for sentence in sentences:
        mark(sentence, *([(0, 1, "PER")] if sentence.tokens else []))
    shown = Marks(page_of(sentences))
    assert "".join(shown.sections).replace("\ufeff", "") == re.sub("\r\n?", "\n", content).replace(
        "\ufeff", ""
    )
    assert [text for text, *_ in shown.marks] == [s.tokens[0] for s in sentences if s.tokens]


def test_nothing_in_a_text_a_type_or_a_file_name_becomes_markup() -> None:
    hostile = "<script>alert(1)</script></main><!--&amp;'\"{{7*7}}"
    plain = page_of([mark(text_of("Kari")[0], (0, 1, "PER")), *text_of("Ola", path="b.txt")])
    sentences = [*text_of(hostile, path=hostile), *text_of(hostile, path=hostile + "2")]
    for sentence in sentences:
        sentence.document = hostile
        mark(sentence, (0, 1, hostile))
    page = page_of(sentences)
    assert sorted(set(Reader(page).names) - {"h3"}) == sorted(set(Reader(plain).names))
    assert "49" not in "".join(Marks(page).sections)
    assert Marks(page).sections == [hostile, hostile]
    assert {text for text, *_ in Marks(page).marks} == {hostile.split()[0]}
    style = page[page.index("<style>") : page.index("</style>")]
    assert "alert" not in style  # types come into the style sheet as numbers


@pytest.mark.parametrize("content", ["a\0b", "a\x1b[31mb", "a\x07"])
def test_control_characters_are_shown_as_replaced(content: str) -> None:
    assert "\ufffd" in page_of([Sentence([content], text=content, offsets=[(0, len(content))])])


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    page = page_of(text_of("https://example.org/a.js"))
    assert "default-src 'none'" in page
    assert not re.search(r"(?i)<(script|link|img|iframe)|url\(|@import|src=", page.replace("default-src", ""))
    assert page.count("prefers-color-scheme: dark") >= 1
    assert "@media print" in page


def test_several_files_are_sections_with_contents() -> None:
    sentences = [*text_of("Kari\n"), *text_of("\n", path="tom.txt"), *text_of("Ola\nsov\n", path="æ b.txt")]
    mark(sentences[0], (0, 1, "PER"))
    page = page_of(sentences)
    assert Marks(page).sections == ["Kari\n", "\n", "Ola\nsov\n"]
    assert re.findall(r'href="#(file-\d)">([^<]+)<', page) == [
        ("file-1", "a.txt"), ("file-2", "tom.txt"), ("file-3", "æ b.txt")
    ]  # fmt: skip
    assert re.findall(r'section id="(file-\d)"', page) == ["file-1", "file-2", "file-3"]
    assert "1 name in 3 files" in page


def test_the_legend_counts_types_the_most_frequent_first() -> None:
    (sentence,) = text_of("Kari Ola Oslo X Y")
    types = ["A", "PER", "PER", "B", "C"]
    page = page_of([mark(sentence, *[(i, i + 1, type_) for i, type_ in enumerate(types)])])
    assert re.findall(r'class="key t\d">(\w+)</span> <span class="count">(\d)', page) == [
        ("PER", "2"), ("A", "1"), ("B", "1"), ("C", "1")
    ]  # fmt: skip


def test_nothing_to_show_is_a_page_too() -> None:
    for sentences in ([], text_of(""), [Sentence(["Kari", "sov"])], text_of("bare ord\n")):
        page = page_of(sentences)
        Reader(page)
        assert "0 names" in page
        assert "checkbox" not in page


def test_sentences_of_other_formats_are_lines_and_documents_have_headings() -> None:
    rows = ["# newdoc id = d1", "# text = Hei, Kari!"]
    rows += [f"{i}\t{word}" + "\t_" * 8 for i, word in enumerate(["Hei", ",", "Kari", "!"], 1)]
    content = "\n".join([*rows, "", "# newdoc id = d2", "1\tSov" + "\t_" * 8, "", ""])
    first, second, *_ = FORMATS["conllu"].read(BytesIO(content.encode()), "a.conllu")
    page = page_of([mark(first, (2, 3, "PER")), second])
    assert Marks(page).sections == ["Hei, Kari!\nSov\n"]
    assert [text for text, *_ in Marks(page).marks] == ["Kari"]
    assert re.findall("<h3[^>]*>([^<]*)<", page) == ["Document d1", "Document d2"]


def test_a_long_line_and_many_names_take_no_time_out_of_proportion() -> None:
    count = 5_000
    (sentence,) = text_of("Kari sov i natt . " * count)
    mark(sentence, *[(5 * i, 5 * i + 1, "PER") for i in range(count)], scores=[0.99] * count)
    page = page_of([sentence])
    assert page.count("<mark ") == count
    assert len(page) < 120 * count
