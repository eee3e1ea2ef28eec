from pathlib import Path

import pytest

from bilstm_crf.analysis.documents import genre_of, read_table, sources
from bilstm_crf.errors import InputError
from bilstm_crf.sentence import Sentence


@pytest.mark.parametrize(
    ("document", "genre"),
    [
        ("ap013_0002", "ap"),
        ("blogg-bm003_0001", "blogg-bm"),
        ("sak-12", "sak"),
        ("nob-bergen-kultur", "nob-bergen-kultur"),
        ("2019_001", "2019_001"),
        ("--7", "--7"),
        ("", ""),
    ],
)
def test_a_genre_is_the_name_before_its_first_digit(document, genre):
    assert genre_of(document) == genre


def test_the_files_own_documents_are_taken_where_there_are_any():
    named, unnamed = Sentence(["Ja"], document="vg001_0001"), Sentence(["Nei"])
    assert sources([named, unnamed]) == [("vg001_0001", "vg"), ("(none)", "(none)")]
    assert sources([unnamed]) is None


def test_a_table_names_documents_and_may_name_genres(tmp_path: Path):
    table = tmp_path / "documents.tsv"
    table.write_bytes(b"split\tsent_id\tgenre\tdocument\r\ndev\t1\tsport\tvg1\r\ndev\t2\t\tvg2\r\n")
    sentences = [Sentence(["b"], id="2"), Sentence(["a"], id="1", document="another")]
    assert sources(sentences, table) == [("vg2", "vg"), ("vg1", "sport")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: no column sent_id"),
        (b"sent-id\tdocument\n", "Did you mean sent-id?"),
        (b"sent_id\tdoc\n1\ta\n", "line 1: no column document"),
        (b"sent_id\tdocument\n1\ta\n2\n", "line 3: 1 columns, expected 2"),
        (b"sent_id\tdocument\n1\ta\n1\tb\n", "line 3: the sentence 1 a second time"),
        (b"sent_id\tdocument\n1\t\xff\n", "is not UTF-8"),
    ],
)
def test_an_ill_formed_table_is_refused_with_its_line(tmp_path: Path, content, message):
    table = tmp_path / "documents.tsv"
    table.write_bytes(content)
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        read_table(table)


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        (
            [Sentence(["a"], id="3", path="dev.conllu", line=9)],
            "dev.conllu, line 9: the sentence 3 is not in",
        ),
        ([Sentence(["a"])], "without a sent_id"),
        ([Sentence(["a"], id="1"), Sentence(["b"], id="1")], "1 is there twice"),
    ],
)
def test_a_sentence_that_the_table_does_not_name_once_is_refused(tmp_path: Path, sentences, message):
    table = tmp_path / "documents.tsv"
    table.write_text("sent_id\tdocument\n1\tvg1\n")
    with pytest.raises(InputError, match=message):
        sources(sentences, table)
