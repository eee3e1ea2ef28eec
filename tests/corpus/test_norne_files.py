"""NorNE is found where it lies, and fetched whole and verified or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bilstm_crf.commands.main import run
from bilstm_crf.corpus import norne
from bilstm_crf.corpus.documents import read_table
from bilstm_crf.errors import DownloadError, InputError, UsageError
from bilstm_crf.util import download
from file_server import FileServer, serving

pytestmark = pytest.mark.usefixtures("listener")

FILES = [published.place for published in norne.PUBLISHED]
TABLES = ["nob/documents.tsv", "nno/documents.tsv"]


def sentences(count: int, misc: str = "name=O") -> bytes:
    columns = "\t".join(["1", "Hei", "hei", "INTJ", "_", "_", "0", "root", "_", misc])
    return f"{columns}\n\n".encode() * count


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FileServer]:
    """Serves six small files with the numbers of sentences that `norne` is told to expect."""
    monkeypatch.setattr(download, "PAUSE", 0.001)
    monkeypatch.chdir(tmp_path)
    expected = []
    with serving() as running:
        monkeypatch.setenv("BILSTM_CRF_NORNE", f"{running.address}/ud/")
        for number, published in enumerate(norne.PUBLISHED, start=1):
            content = sentences(number)
            running.files[f"/ud/{published.place}"] = content
            sha256 = hashlib.sha256(content).hexdigest() if published.sha256 else None
            expected.append(norne.CorpusFile(published.language, published.split, (number,), sha256))
        monkeypatch.setattr(norne, "PUBLISHED", tuple(expected))
        yield running


def there(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_command_fetches_the_six_files_and_the_second_time_none(
    server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert run(["data", "norne"]) == 0
        said = capsys.readouterr()
        assert said.out.split() == [f"data/norne/{place}" for place in FILES]
    assert there(tmp_path / "data/norne") == sorted([*FILES, *TABLES])
    assert len(server.requests) == 6


def test_one_language_is_two_folders_less(server: FileServer, tmp_path: Path) -> None:
    norne.fetch(tmp_path / "x", "nno")
    assert there(tmp_path / "x") == sorted(place for place in FILES + TABLES if place.startswith("nno"))


@pytest.mark.parametrize("language", ["nob", "nno"])
def test_the_tables_name_the_document_of_every_published_sentence(
    server: FileServer, shared: Path, tmp_path: Path, language: str
) -> None:
    norne.fetch(tmp_path / "x", language)
    given = (shared / "norne" / language / "documents.tsv").read_text("utf-8").splitlines()
    written = (tmp_path / "x" / language / "documents.tsv").read_text("utf-8").splitlines()
    assert written == ["\t".join(line.split("\t")[:2]) for line in given]


def test_the_tables_have_a_row_for_each_sentence_of_the_release_and_an_own_table_stays(
    server: FileServer, tmp_path: Path
) -> None:
    own = tmp_path / "nno" / "documents.tsv"
    own.parent.mkdir()
    own.write_text("sent_id\tdocument\n", "utf-8")
    norne.fetch(tmp_path)
    table = read_table(tmp_path / "nob" / "documents.tsv")
    assert list(table) == [f"{number:06}" for number in range(1, 15_696 + 2_410 + 1_939 + 1)]
    assert own.read_text("utf-8") == "sent_id\tdocument\n"


def test_a_broken_download_goes_on_and_nothing_half_written_has_the_name(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (published, *_) = norne.PUBLISHED
    server.files[f"/ud/{published.place}"] = sentences(2000)
    monkeypatch.setattr(norne, "PUBLISHED", (norne.CorpusFile("nob", "train", (2000,)),))
    server.break_off = [16_384]
    server.on_break = lambda: server.statuses.extend([503] * (download.TRIES - 1))
    with pytest.raises(DownloadError, match="broke off"):
        norne.fetch(tmp_path / "x")
    assert published.place not in there(tmp_path / "x")
    server.requests.clear()
    norne.fetch(tmp_path / "x")
    assert server.requests == [(f"/ud/{published.place}", "bytes=16384-")]
    assert there(tmp_path / "x") == ["nob/documents.tsv", published.place]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>log in</html>\n", "line 1"),
        (sentences(1, misc="SpaceAfter=No"), "without name="),
        (sentences(3), "3 sentences, expected 1"),
        (b"", "0 sentences, expected 1"),
    ],
)
def test_what_is_not_the_file_is_refused(
    server: FileServer, tmp_path: Path, content: bytes, message: str
) -> None:
    server.files[f"/ud/{FILES[0]}"] = content
    with pytest.raises(DownloadError, match=message):
        norne.fetch(tmp_path / "x")
    assert there(tmp_path / "x") == []


def test_another_version_of_a_dev_file_is_taken_with_a_warning(
    server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.files["/ud/nob/no_bokmaal-ud-dev.conllu"] = sentences(2, misc="name=B-PER")
    norne.fetch(tmp_path / "x")
    assert "warning: nob/no_bokmaal-ud-dev.conllu is valid" in capsys.readouterr().err


def test_a_missing_file_at_the_source_is_an_error_with_status_1(
    server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.files.clear()
    assert run(["data", "norne", "x"]) == 1
    assert "answers 404 Not Found" in capsys.readouterr().err


def test_the_published_hashes_are_those_of_the_real_dev_files(shared: Path, tmp_path: Path) -> None:
    for published in norne.PUBLISHED:
        path = shared / "norne" / published.place
        if path.is_file():
            norne._verify(published, path)
    known = {p.place: p.sha256 for p in norne.PUBLISHED if p.sha256}
    assert {
        place: hashlib.sha256((shared / "norne" / place).read_bytes()).hexdigest() for place in known
    } == known


# ---------------------------------------------------------------- finding


def test_the_corpus_is_the_option_else_the_variable_else_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("data/norne", "variable", "option"):
        (tmp_path / place).mkdir(parents=True)
    monkeypatch.delenv("BILSTM_CRF_DATA", raising=False)
    assert norne.find_corpus() == Path("data/norne")
    monkeypatch.setenv("BILSTM_CRF_DATA", "variable")
    assert norne.find_corpus(None) == Path("variable")
    assert norne.find_corpus("option") == Path("option")


def test_a_corpus_that_is_nowhere_says_where_was_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BILSTM_CRF_DATA", raising=False)
    with pytest.raises(UsageError, match=r"looked in data/norne and \$BILSTM_CRF_DATA \(not set\)") as caught:
        norne.find_corpus()
    assert str(caught.value.hint).startswith("Run `bilstm-crf data norne`")
    monkeypatch.setenv("BILSTM_CRF_DATA", "gone")
    with pytest.raises(UsageError, match=r"\$BILSTM_CRF_DATA \(gone\)"):
        norne.find_corpus()
    with pytest.raises(UsageError, match="--data also-gone: there is no such folder"):
        norne.find_corpus("also-gone")


@pytest.mark.parametrize("place", ["", "nob", "ud/nob", "UD_Norwegian-Bokmaal"])
def test_files_are_found_in_every_usual_place(place: str, tmp_path: Path) -> None:
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    for name in ("no_bokmaal-ud-train.conllu", "no_bokmaal-ud-dev.conllu.gz"):
        (tmp_path / place / name).touch()
    found = norne.split_files(tmp_path, "nob")
    assert found == {
        "train": [tmp_path / place / "no_bokmaal-ud-train.conllu"],
        "dev": [tmp_path / place / "no_bokmaal-ud-dev.conllu.gz"],
        "test": [],
    }


def test_both_languages_are_two_files_a_split_and_a_missing_one_is_named(tmp_path: Path) -> None:
    for published in norne.PUBLISHED:
        path = tmp_path / published.place
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert [path.name for path in norne.split_files(tmp_path, "both")["test"]] == [
        "no_bokmaal-ud-test.conllu",
        "no_nynorsk-ud-test.conllu",
    ]
    (tmp_path / "nno/no_nynorsk-ud-dev.conllu").unlink()
    with pytest.raises(InputError, match=r"no no_nynorsk-ud-dev.conllu \(or .gz\) there; looked in"):
        norne.split_files(tmp_path, "both")


@pytest.mark.parametrize("fault", ["absent", "not the file", "no server"])
def test_a_failed_fetch_leaves_no_empty_folders(
    fault: str, server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "absent":
        server.files.clear()
    elif fault == "not the file":
        server.files = dict.fromkeys(server.files, b"<html>log in</html>\n")
    else:
        monkeypatch.setenv("BILSTM_CRF_NORNE", "http://127.0.0.1:9/nothing")
    assert run(["data", "norne", "data/new/norne"]) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_was_fetched_before_the_failure_stays(server: FileServer, tmp_path: Path) -> None:
    server.files = {path: content for path, content in server.files.items() if "/nob/" in path}
    assert run(["data", "norne", "x"]) == 1
    assert there(tmp_path / "x") == sorted(place for place in FILES if place.startswith("nob"))
    assert not (tmp_path / "x" / "nno").exists()


def test_a_wrong_file_that_was_there_is_refused_and_stays(server: FileServer, tmp_path: Path) -> None:
    """It may be the user's own: it is not fetched again in its place."""
    own = tmp_path / "x" / FILES[0]
    own.parent.mkdir(parents=True)
    own.write_bytes(sentences(7))
    with pytest.raises(DownloadError, match="7 sentences, expected 1") as caught:
        norne.fetch(tmp_path / "x")
    assert "move" in str(caught.value.hint)
    assert own.read_bytes() == sentences(7)
