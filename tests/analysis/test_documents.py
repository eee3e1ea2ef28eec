from pathlib import Path

import pytest

from bilstm_crf.analysis.documents import Source, genre_of, sources
from bilstm_crf.corpus.documents import Documents
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


def of(sentences: list[Sentence], table: Path | None = None) -> list[Source] | None:
    documents = Documents(None if table is None else str(table))
    documents.name(sentences)
    return sources(sentences, documents)


def test_the_files_own_documents_are_taken_where_there_are_any():
    named, unnamed = Sentence(["Ja"], document="vg001_0001"), Sentence(["Nei"])
    assert of([named, unnamed]) == [("vg001_0001", "vg"), ("(none)", "(none)")]
    assert of([unnamed]) is None


def test_a_table_names_documents_and_may_name_genres(tmp_path: Path):
    table = tmp_path / "documents.tsv"
    table.write_bytes(b"split\tsent_id\tgenre\tdocument\r\ndev\t1\tsport\tvg1\r\ndev\t2\t\tvg2\r\n")
    path = str(tmp_path / "dev.conllu")
    sentences = [Sentence(["b"], id="2", path=path), Sentence(["a"], id="1", path=path, document="another")]
    assert of(sentences) == [("vg2", "vg"), ("another", "another")]
    sentences[1].document = None
    assert of(sentences) == [("vg2", "vg"), ("vg1", "sport")]
    sentences[1].document = "another"
    assert of(sentences, table) == [("vg2", "vg"), ("vg1", "sport")]
