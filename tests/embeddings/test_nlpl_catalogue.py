"""Vectors are found in the NLPL catalogue by what they are, and arrive whole or not at all."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bilstm_crf.commands.main import run
from bilstm_crf.embeddings import catalogue
from bilstm_crf.embeddings.names import KNOWN
from bilstm_crf.embeddings.read import load
from bilstm_crf.errors import DownloadError
from bilstm_crf.util import download
from file_server import FileServer, serving
from vector_files import binary, table

pytestmark = pytest.mark.usefixtures("listener")

FASTTEXT_SKIPGRAM, FASTTEXT_CBOW, GENSIM_SKIPGRAM = 2, 5, 0
NEWS_LEMMAS, NEWS, NOWAC, LIBRARY, NYNORSK, ENGLISH = 79, 80, 84, 86, 90, 5

# The shape of published meta.json files of the repository; identifiers and dimensions are made up.
ALGORITHMS = [
    {"id": FASTTEXT_SKIPGRAM, "name": "fastText Skipgram", "tool": "fastText"},
    {"id": FASTTEXT_CBOW, "name": "fastText Continuous Bag-of-Words", "tool": "fastText"},
    {"id": GENSIM_SKIPGRAM, "name": "Gensim Continuous Skipgram", "tool": "Gensim"},
]
CORPORA = [
    {"id": NEWS_LEMMAS, "description": "Norsk Aviskorpus", "language": "nob", "lemmatized": True},
    {"id": NEWS, "description": "Norsk Aviskorpus", "language": "nob", "lemmatized": False},
    {"id": NOWAC, "description": "NoWaC", "language": "nob", "lemmatized": False},
    {"id": LIBRARY, "description": "NBDigital", "language": "nob", "lemmatized": False},
    {"id": NYNORSK, "description": "Nynorsk texts", "language": "nno", "lemmatized": False},
    {"id": ENGLISH, "description": "Gigaword 5th Edition", "language": "eng", "lemmatized": False},
]


def model(number: int, algorithm: int, dim: int, corpus: list[int], **more: Any) -> dict[str, Any]:
    handle = f"http://vectors.nlpl.eu/repository/20/{number}.zip"
    return {
        "id": number,
        "algorithm": algorithm,
        "corpus": corpus,
        "dimensions": dim,
        "handle": handle,
        **more,
    }


MODELS = [
    model(1, FASTTEXT_SKIPGRAM, 50, [NEWS_LEMMAS, NOWAC]),
    model(2, FASTTEXT_CBOW, 50, [NEWS, NOWAC]),
    model(3, GENSIM_SKIPGRAM, 50, [NEWS, NOWAC]),
    model(4, FASTTEXT_SKIPGRAM, 100, [NEWS, NOWAC]),
    model(5, FASTTEXT_SKIPGRAM, 50, [NEWS]),
    model(6, FASTTEXT_SKIPGRAM, 50, [ENGLISH]),
    model(7, FASTTEXT_SKIPGRAM, 50, [NEWS, NOWAC, LIBRARY]),
    model(8, FASTTEXT_SKIPGRAM, 50, [NEWS, NOWAC]),
    model(9, FASTTEXT_SKIPGRAM, 50, [NEWS, NOWAC, NYNORSK]),
    model(10, FASTTEXT_SKIPGRAM, 600, [NEWS, NOWAC, NYNORSK]),
    {"id": 11, "dimensions": None},
    {"id": 12, "algorithm": 77, "dimensions": 50, "corpus": [NEWS]},
]
CATALOGUE = {"corpora": CORPORA, "algorithms": ALGORITHMS, "models": MODELS}


@cache  # a zip holds the time
def archive(dim: int = 50) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("model.bin", binary([b"og", b"Oslo"], table(2, dim)))
        packed.writestr("meta.json", "{}")
    return stream.getvalue()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FileServer]:
    monkeypatch.setattr(download, "PAUSE", 0.001)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BILSTM_CRF_EMBEDDINGS", raising=False)
    with serving() as running:
        monkeypatch.setenv("BILSTM_CRF_NLPL", f"{running.address}/repository/20.json")
        running.files["/repository/20.json"] = json.dumps(CATALOGUE).encode()
        running.files["/repository/20/8.zip"] = archive()
        yield running


@pytest.mark.parametrize(("name", "number"), [("sg50", "8"), ("sg100", "4"), ("joint-sg600", "10")])
def test_the_entry_is_the_one_of_that_algorithm_dimension_and_corpus(name: str, number: str) -> None:
    found = list(catalogue.entries(CATALOGUE, "http://127.0.0.1/repository/20.json"))
    assert len(found) == 10  # the two that say too little are left out
    entry = catalogue.select(found, name, "here")
    assert entry.id == number
    assert entry.url == f"http://127.0.0.1/repository/20/{number}.zip"


def expanded(content: dict[str, Any]) -> dict[str, Any]:
    """The same catalogue with algorithms and corpora in each model, and sections as tables."""
    algorithms = {each["id"]: each for each in content["algorithms"]}
    corpora = {each["id"]: each for each in content["corpora"]}
    models = {
        str(each["id"]): {
            **each,
            "algorithm": algorithms.get(each.get("algorithm")),
            "corpus": [corpora[number] for number in each.get("corpus", [])],
        }
        for each in content["models"]
    }
    return {"models": models}


def test_references_and_embedded_sections_say_the_same() -> None:
    base = "http://127.0.0.1/repository/20.json"
    assert list(catalogue.entries(expanded(CATALOGUE), base)) == list(catalogue.entries(CATALOGUE, base))


@pytest.mark.parametrize(
    "content", [None, [], {}, {"models": 3}, {"models": [1, None, "x"]}, {"models": {"1": []}}]
)
def test_a_catalogue_of_another_shape_has_no_entries(content: Any) -> None:
    assert list(catalogue.entries(content, "http://127.0.0.1/20.json")) == []


def test_a_name_that_is_not_here_is_fetched_and_then_is_here(
    server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        vectors = load("sg50")
        assert vectors is not None
        np.testing.assert_array_equal(vectors.matrix, table(2, 50))
        assert vectors.source is not None
        assert vectors.source.member == "model.bin"
    assert [path for path, _ in server.requests] == ["/repository/20.json", "/repository/20/8.zip"]
    assert sorted(path.name for path in (tmp_path / "embeddings").iterdir()) == ["sg50.zip"]
    said = capsys.readouterr().err
    assert "sg50 is entry 8: fasttext skipgram" in said
    assert "kB" in said or "bytes" in said


def test_a_broken_download_goes_on(server: FileServer) -> None:
    server.files["/repository/20/8.zip"] = packed = archive(dim=20_000)
    server.break_off = [len(server.files["/repository/20.json"]), 5 << 14]  # of the catalogue, of the zip
    assert catalogue.fetch("sg50").read_bytes() == packed
    assert server.requests[1:] == [("/repository/20/8.zip", None), ("/repository/20/8.zip", "bytes=81920-")]


def test_a_damaged_zip_is_removed(server: FileServer, tmp_path: Path) -> None:
    content = bytearray(archive())
    content[100] ^= 0xFF
    server.files["/repository/20/8.zip"] = bytes(content)
    with pytest.raises(DownloadError, match=r"sg50\.zip came damaged and was removed"):
        catalogue.fetch("sg50")
    assert not (tmp_path / "embeddings").exists()


def test_checksums_and_sizes_are_tested_where_the_catalogue_gives_them(server: FileServer) -> None:
    models = [{**each, "sha256": "0" * 64} if each["id"] == 8 else each for each in MODELS]
    server.files["/repository/20.json"] = json.dumps({**CATALOGUE, "models": models}).encode()
    with pytest.raises(DownloadError, match=r"is not the file: .* expected SHA-256 0000"):
        catalogue.fetch("sg50")


BROKEN = {
    "not JSON": (b"<html>moved</html>", "is not JSON"),
    "without models": (b"{}", r"no entry of .* \(0 in all\)"),
    "cut short": (json.dumps(CATALOGUE).encode()[:-100], "is not JSON"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_catalogue_is_one_message_with_what_helps(
    server: FileServer, content: bytes, message: str
) -> None:
    server.files["/repository/20.json"] = content
    with pytest.raises(DownloadError, match=rf"sg50 are not here: looked in .*{message}") as caught:
        load("sg50")
    assert "$BILSTM_CRF_EMBEDDINGS" in str(caught.value.hint)
    assert not str(caught.value.hint).startswith("None")


def test_no_fitting_entry_names_the_nearest(server: FileServer) -> None:
    models = [each for each in MODELS if each["id"] != 8 and each["id"] != 7]
    server.files["/repository/20.json"] = json.dumps({**CATALOGUE, "models": models}).encode()
    with pytest.raises(DownloadError, match="no entry of") as caught:
        catalogue.fetch("sg50")
    assert "nearest there: 1: fasttext skipgram fasttext, 50 dimensions" in str(caught.value.hint)


def test_without_a_network_one_message_says_where_was_looked(
    server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as gone:
        address = gone.address
    monkeypatch.setenv("BILSTM_CRF_NLPL", f"{address}/20.json")
    with pytest.raises(DownloadError, match=r"looked in .*embeddings/, and .* cannot be reached") as caught:
        load("sg600")
    assert "put a file sg600.bin" in str(caught.value.hint)


def test_the_command_fetches_and_prints_the_file(
    server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["embeddings", "fetch", "sg50"]) == 0
    assert capsys.readouterr().out == "embeddings/sg50.zip\n"
    assert run(["embeddings", "fetch", "sg5"]) == 2
    assert "Did you mean sg50?" in capsys.readouterr().err


def test_every_name_but_none_can_be_asked_of_the_catalogue() -> None:
    assert {known.algorithm for known in KNOWN.values()} == {"skipgram", "cbow"}


def test_a_damaged_zip_that_is_there_is_fetched_again(
    server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "embeddings" / "sg50.zip"
    path.parent.mkdir()
    for damaged in (archive()[:-30], b"<html>", b"", archive().replace(b"PK\x01\x02", b"PK\x01\x03")):
        path.write_bytes(damaged)
        assert run(["embeddings", "fetch", "sg50"]) == 0
        said = capsys.readouterr().err
        assert "is damaged" in said
        assert "already" not in said
        assert path.read_bytes() == archive()
    assert run(["embeddings", "fetch", "sg50"]) == 0
    assert "already" in capsys.readouterr().err


def test_a_damaged_zip_stays_where_no_other_can_be_had(server: FileServer, tmp_path: Path) -> None:
    server.files.clear()
    path = tmp_path / "embeddings" / "sg50.zip"
    path.parent.mkdir()
    path.write_bytes(b"damaged")
    assert run(["embeddings", "fetch", "sg50"]) == 1
    assert path.read_bytes() == b"damaged"


def test_a_damaged_zip_in_another_folder_is_refused_with_the_way_out(
    server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "embeddings").mkdir()
    (tmp_path / "embeddings" / "sg50.zip").write_bytes(b"damaged")
    assert run(["embeddings", "fetch", "sg50", "--embeddings-dir", "other"]) == 2
    said = capsys.readouterr().err
    assert "sg50.zip: is a damaged zip" in said
    assert "remove it" in said
