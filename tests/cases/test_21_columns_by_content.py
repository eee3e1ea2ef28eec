"""Case 21: columns under the suffix of text, or any; running text is never taken for columns."""

import io
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf.errors import InputError, InputWarning, UsageError
from bilstm_crf.formats import FORMATS, FormatOptions, format_of, read
from bilstm_crf.util.files import shown
from done import Done

COLUMNS = {
    "two columns": "Kari B-PER\nMoe I-PER\nsov O\n\nOla B-PER\n",
    "four, with documents": "-DOCSTART- -X- O O\n\nKari N I-NP I-PER\nsov V I-VP O\n\n",
    "WNUT": "#metoo\tO\nKari\tB-person\nsov\tO\n\n",
    "header": "word\tlabel\nKari\tB-PER\nsov\tO\n",
    "UNER": "# text = Kari sov\n1\tKari\tB-PER\tO\tx\n2\tsov\tO\tO\tx\n",
    "spaCy": "Kari|B-PER Moe|I-PER sov|O\n",
    "OntoNotes": "#end document\na 0 0 Kari N (S* - - - - (PER) -\na 0 1 sov V *) - - - - * -\n",
}
TEXT = {
    "a sentence": "Kari Moe sov i Bergen.\n",
    "lines that end alike": "Vitamin B-12\nVitamin B-6\nVitamin B-1\n",
    "a school": "Vi heier på B-laget\nDe heier på B-laget\n",
    "one line with a label": "Kari B-PER\n",
    "a label in some lines": "Kari B-PER\nsov O\nog så kom Ola hjem\nPer O\n",
    "a table without labels": "Kari\tN\nsov\tV\n",
    "a list of tags": "B-PER\nI-PER\nO\n",
    "words with bars": "Kari|Ola Per|Moe\n",
    "empty": "",
    "not UTF-8": "blåbær\næ\n",
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "eng.testa", "train", "a.TXT"])
@pytest.mark.parametrize("content", COLUMNS.values(), ids=COLUMNS)
def test_columns_are_told_by_their_lines(name: str, content: str) -> None:
    Path(name).write_text(content)
    with pytest.warns(InputWarning, match=f"^{name}: read as columns"):
        assert format_of(name).name == "conll2003"


@pytest.mark.parametrize("content", TEXT.values(), ids=TEXT)
def test_text_is_text(content: str) -> None:
    Path("a.txt").write_bytes(content.encode("latin-1" if "æ" in content else "utf-8"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert format_of("a.txt").name == format_of("a.txt", "text").name == "text"
    Path("a.txt").rename("a.testb")
    with pytest.raises(UsageError, match="give --format"):
        format_of("a.testb")


def test_text_that_looks_like_columns_is_warned_of() -> None:
    Path("a.txt").write_text(COLUMNS["two columns"])
    with pytest.warns(InputWarning, match="--format conll2003"):
        assert format_of("a.txt", "text").name == "text"
    Path("b.txt").write_text("Kari O\nsov O\nog O\n")  # no type: not sure enough
    with pytest.warns(InputWarning, match="--format conll2003"):
        assert format_of("b.txt").name == "text"


def test_a_file_is_told_in_its_encoding() -> None:
    Path("a.txt").write_bytes("Kåre\tB-PER\nsov\tO\n".encode("utf-16"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert format_of("a.txt").name == "text"


@pytest.mark.filterwarnings("ignore::bilstm_crf.errors.InputWarning")
def test_labels_in_a_txt_can_be_learned_from() -> None:
    Path("a.txt").write_text(COLUMNS["two columns"])
    assert [(s.tokens, s.labels) for s in read("a.txt")] == [
        (["Kari", "Moe", "sov"], ["B-PER", "I-PER", "O"]),
        (["Ola"], ["B-PER"]),
    ]


@pytest.mark.parametrize(
    "content",
    ["Bukse L-XL\nSkjorte S-M\nGenser M-L\n", "Kontor B-A\nHall B-D\n", "Bolt S-SERIE\nSkrue M-SERIE\n"],
    ids=["sizes", "halls", "parts"],
)
def test_a_list_of_codes_is_not_surely_columns(content: str) -> None:
    """Codes look like labels, but none is O and no I- goes on a B-."""
    Path("a.txt").write_text(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        assert format_of("a.txt").name == "text"


def test_names_alone_are_columns_without_an_o() -> None:
    Path("a.txt").write_text("Kari B-PER\nMoe I-PER\n")
    with pytest.warns(InputWarning, match="read as columns"):
        assert format_of("a.txt").name == "conll2003"


CSV = {
    "commas": "word,label\nKari,B-PER\nsov,O\n\nOla,B-PER\n",
    "semicolons": "Kari;B-PER\nsov;O\n\nOla;B-PER\n",
    "slashes": "Kari/B-PER sov/O\nOla/B-PER sov/O\nPer/B-PER\n",
    "quotes": '"Kari","B-PER"\n"sov","O"\n"i","O"\n',
    "blanks in cells": "Sentence #,Word,Tag\nSentence: 1,Kari,B-PER\n,sov,O\n,i,O\n",
}


@pytest.mark.parametrize("content", CSV.values(), ids=CSV)
def test_labels_behind_commas_are_no_words(content: str) -> None:
    Path("a.csv").write_text(content)
    with pytest.raises(InputError, match="between them, expected tabs") as caught:
        list(read("a.csv", "conll2003"))
    assert (caught.value.path, caught.value.line) == ("a.csv", 1)
    Path("a.txt").write_text(content)
    with pytest.warns(InputWarning, match="looks like columns"):
        assert format_of("a.txt").name == "text"


def test_tokens_that_are_commas_are_columns() -> None:
    Path("a.conll").write_text(", O\n; O\n1,5 O\nKari B-PER\n")
    assert [sentence.tokens for sentence in read("a.conll")] == [[",", ";", "1,5", "Kari"]]


def test_a_folder_and_a_missing_file_are_named() -> None:
    Path("folder").mkdir()
    with pytest.raises(UsageError, match="folder is a folder"):
        format_of("folder")
    with pytest.raises(UsageError, match="no such file"):
        format_of("missing")


def test_columns_from_standard_input_as_text_are_warned_of() -> None:
    for content, warned in ((COLUMNS["two columns"], True), (TEXT["a school"], False)):
        stream = io.BufferedReader(io.BytesIO(content.encode()))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            sentences = list(FORMATS["text"].read(stream, shown("-"), FormatOptions()))
        assert [each.text for each in sentences if each.text] == [row for row in content.split("\n") if row]
        assert [str(each.message).partition(":")[2][:6] for each in caught] == [" looks"] * warned


def test_a_file_that_is_looked_at_twice_is_warned_of_once(cli: Callable[..., Done]) -> None:
    Path("train.txt").write_text(COLUMNS["two columns"], "utf-8")
    done = cli("train", "--train", "train.txt", "--dev", "train.txt", "--embeddings", "absent.bin")
    assert (done.status, done.err.count("train.txt: read as columns")) == (2, 1)


@pytest.mark.parametrize("label", ["Ø_B", "ÅR-B", "Ø"])
def test_entity_types_may_begin_with_any_letter(label: str) -> None:
    Path("in.conll").write_text(f"Kari {label}\nsov O\n\nOla {label}\n", "utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error", InputWarning)
        assert [sentence.labels for sentence in read("in.conll")] == [[label, "O"], [label]]
