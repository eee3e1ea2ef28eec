"""Tables of documents: what they say of sentences, and what they cannot say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.corpus.documents import Documents, read_table
from bilstm_crf.encoder.windows import find_context
from bilstm_crf.errors import InputError
from bilstm_crf.formats import read
from bilstm_crf.sentence import Sentence


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """That of the files in `tmp_path`; the third sentence is of no document."""
    path = tmp_path / "documents.tsv"
    path.write_text("sent_id\tdocument\n1\ta\n2\tb\n3\t\n", "utf-8")
    return path


def sentence(path: Path | str, id_: str | None, *, line: int = 1, document: str | None = None) -> Sentence:
    return Sentence(["Ja"], id=id_, path=str(path), line=line, document=document)


def documents_of(sentences: list[Sentence], named: Path | None = None) -> list[str | None]:
    Documents(None if named is None else str(named)).name(sentences)
    return [each.document for each in sentences]


# ---------------------------------------------------------------- whose word counts


def test_the_table_beside_a_file_names_what_the_file_does_not(table: Path) -> None:
    corpus = table.with_name("corpus.conllu")
    ids = ["2", "1", "3", "4", None, ""]
    found = documents_of([sentence(corpus, id_, line=line) for line, id_ in enumerate(ids, 1)])
    assert found == ["b", "a", None, None, None, None]
    assert documents_of([sentence(corpus, "1", document="own"), sentence(corpus, "2")]) == ["own", "b"]


def test_a_named_table_goes_before_the_files_own_and_before_the_one_beside(
    table: Path, tmp_path: Path
) -> None:
    named = tmp_path / "named.tsv"
    named.write_bytes(b"split\tdocument\tsent_id\r\ndev\tx\t1\r\ndev\ty\t2\r\ndev\t\t3\r\n")
    given = [sentence(tmp_path / "c.conllu", id_, document="own") for id_ in "123"]
    assert documents_of(given, named) == ["x", "y", None]
    assert documents_of([sentence("standard input", "2")], named) == ["y"]


@pytest.mark.parametrize("path", ["", "standard input"])
def test_what_came_from_no_file_lies_beside_no_table(
    path: str, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(table.parent)
    assert documents_of([sentence(path, "1")]) == [None]
    assert documents_of([sentence("corpus.conllu", "1")]) == ["a"]


def test_files_in_two_folders_may_have_the_same_ids(table: Path, tmp_path: Path) -> None:
    (tmp_path / "nno").mkdir()
    (tmp_path / "nno" / "documents.tsv").write_text("document\tsent_id\nc\t1\n", "utf-8")
    files = tmp_path / "a.conllu", tmp_path / "nno" / "a.conllu", tmp_path / "b.conllu"
    assert documents_of([sentence(path, "1") for path in files]) == ["a", "c", "a"]


def test_comments_between_sentences_part_no_document(table: Path) -> None:
    """They come as sentences without tokens and ids."""
    comments = [Sentence([], path=str(table.with_name("c.conllu"))) for _ in range(5)]
    one, two, three = (sentence(table.with_name("c.conllu"), id_, line=int(id_)) for id_ in "123")
    mixed = [comments[0], one, comments[1], two, comments[2], comments[3], three, comments[4]]
    for named in (None, table):
        assert documents_of(mixed, named) == [None, "a", "a", "b", "b", "b", None, None]


def test_a_stream_is_named_sentence_by_sentence(table: Path) -> None:
    asked = []

    def stream() -> Iterator[Sentence]:
        for id_ in "123":
            asked.append(id_)
            yield sentence("standard input", id_)

    named = Documents(str(table)).named(stream())
    assert [(next(named).document, len(asked)) for _ in range(2)] == [("a", 1), ("b", 2)]


# ---------------------------------------------------------------- what cannot be


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: no column sent_id"),
        (b"\n\n", "line 1: no column sent_id"),
        (b"sent-id\tdocument\n", "Did you mean sent-id?"),
        (b"sent_id document\n1 a\n", "line 1: no column sent_id"),
        (b"sent_id\tdoc\n1\ta\n", "line 1: no column document"),
        (b"sent_id\tdocument\tdocument\n1\ta\tb\n", "line 1: 2 columns document"),
        (b"sent_id\tdocument\n1\ta\n2\n", "line 3: 1 columns, expected 2"),
        (b"sent_id\tdocument\n1\ta\n\n2\ta\n", "line 3: 1 columns, expected 2"),
        (b"sent_id\tdocument\n1\ta\n1\tb\n", "line 3: the sentence 1 a second time"),
        (b"sent_id\tdocument\n1\t\xff\n", "is not UTF-8"),
    ],
)
def test_an_ill_formed_table_is_refused_with_its_line(tmp_path: Path, content: bytes, message: str) -> None:
    table = tmp_path / "documents.tsv"
    table.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(message)):
        read_table(table)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        documents_of([sentence(tmp_path / "c.conllu", "1")])
    assert "--documents" in str(caught.value.hint)
    assert documents_of([sentence(tmp_path / "c.conllu", "1", document="own")]) == ["own"]


@pytest.mark.parametrize("what", ["a folder", "a link to nothing"])
def test_a_table_that_cannot_be_read_is_not_passed_over(what: str, tmp_path: Path) -> None:
    table = tmp_path / "documents.tsv"
    table.mkdir() if what == "a folder" else table.symlink_to(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"documents\.tsv: cannot be read"):
        documents_of([sentence(tmp_path / "c.conllu", "1")])


@pytest.mark.parametrize(("id_", "message"), [("4", "the sentence 4 is not in"), (None, "without a sent_id")])
def test_a_sentence_that_a_named_table_has_not_is_refused(
    id_: str | None, message: str, table: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"dev.conllu, line 9: .*{message}"):
        documents_of([sentence("dev.conllu", "1"), sentence("dev.conllu", id_, line=9)], table)


def test_two_sentences_of_one_id_are_refused_where_one_table_is_to_tell_them_apart(table: Path) -> None:
    one, other = table.with_name("a.conllu"), table.with_name("b.conllu")
    twice = [sentence(one, "1", line=1), sentence(one, "1", line=9)]
    for named in (None, table):
        with pytest.raises(InputError, match=r"a.conllu, line 9: the sentence 1 is there twice"):
            documents_of(twice, named)
    with pytest.raises(InputError, match=r"b.conllu, line 1: the sentence 1 is there twice"):
        documents_of([sentence(one, "1"), sentence(other, "1")], table)
    again = [sentence(one, "1"), sentence(one, "1")]  # of a file that was read twice, say for train and dev
    assert documents_of(again, table) == ["a", "a"]


names = st.text(st.characters(exclude_characters="\t\r\n", exclude_categories=["Cs"]), min_size=1)


@given(
    rows=st.dictionaries(names, names, min_size=1), end=st.sampled_from(["\n", "\r\n"]), mark=st.booleans()
)
def test_any_ids_and_names_come_back_from_a_table(
    rows: dict[str, str], end: str, mark: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.tsv"
    lines = ["document\tsent_id", *(f"{document}\t{id_}" for id_, document in rows.items())]
    path.write_bytes(("\ufeff" * mark + end.join(lines)).encode())
    assert {id_: row["document"] for id_, row in read_table(path).items()} == rows


# ---------------------------------------------------------------- NorNE


@pytest.mark.parametrize("language", ["nob", "nno"])
def test_norne_has_all_its_sentences_in_documents_and_none_has_neighbours_of_another(
    language: str, shared: Path
) -> None:
    paths = sorted((shared / "norne" / language).glob("*.conllu"))
    sentences = [each for path in paths for each in read(path) if each.tokens]
    own = np.cumsum([0, *map(len, sentences)])
    bounds = find_context(sentences, 2, "sentences")
    assert (bounds[:, 0] == own[:-1]).all(), "the files themselves name no documents"
    Documents().name(sentences)
    assert all(each.document for each in sentences)
    named = [each.document for each in sentences]
    Documents(str(shared / "norne" / language / "documents.tsv")).name(sentences)
    assert [each.document for each in sentences] == named
    documents = [name for name, _ in groupby(named)]
    assert len(documents) == len(set(documents)), "each stands in one place"
    of_word = np.repeat(np.array(named), [len(each) for each in sentences])
    for (low, high), document in zip(find_context(sentences, 2, "sentences"), named, strict=True):
        assert set(of_word[low:high]) == {document}
    begins = (find_context(sentences, 2, "sentences")[:, 0] == own[:-1]).sum()
    assert begins == len(documents), "only the first sentence of a document has none before it"


def test_one_table_for_both_languages_of_norne_is_refused(shared: Path) -> None:
    folders = shared / "norne" / "nob", shared / "norne" / "nno"
    first = [next(each for each in read(next(folder.glob("*-dev.conllu"))) if each.id) for folder in folders]
    first[1].id = first[0].id  # as in train, which takes longer to read
    with pytest.raises(InputError, match="is there twice"):
        documents_of(first, folders[0] / "documents.tsv")
    assert None not in documents_of(first[:1])
