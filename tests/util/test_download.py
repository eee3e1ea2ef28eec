"""A download is whole and verified under its name, or not there; a broken one goes on where it was."""

import hashlib
import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest

from bilstm_crf.errors import DownloadError
from bilstm_crf.util import download
from file_server import FileServer, serving

pytestmark = pytest.mark.usefixtures("listener")

BODY = bytes(range(256)) * 4000  # about 1 MB
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setattr(download, "PAUSE", 0.001)
    with serving() as running:
        running.files["/a.zip"] = BODY
        yield running


def fetch(server: FileServer, folder: Path, **options: object) -> Path:
    return download.fetch(f"{server.address}/a.zip", folder / "a.zip", label="a", **options)  # type: ignore[arg-type]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_arrives_whole_with_nothing_beside_it_and_its_size_is_said(
    server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch(server, tmp_path / "new", sha256=SHA256, size=len(BODY)).read_bytes() == BODY
    assert names(tmp_path / "new") == {"a.zip"}
    said = capsys.readouterr()
    assert "1.0 MB" in said.err
    assert said.out == ""


def test_a_file_that_is_there_is_not_asked_for_again(server: FileServer, tmp_path: Path) -> None:
    fetch(server, tmp_path)
    fetch(server, tmp_path, sha256=SHA256)
    assert len(server.requests) == 1


def test_a_damaged_file_that_is_there_is_replaced(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"damaged")
    assert fetch(server, tmp_path, sha256=SHA256).read_bytes() == BODY


def test_a_broken_connection_goes_on_where_it_was(server: FileServer, tmp_path: Path) -> None:
    server.break_off = [6 << 14, 3 << 14]
    assert fetch(server, tmp_path).read_bytes() == BODY
    assert [asked for _, asked in server.requests] == [None, "bytes=98304-", "bytes=147456-"]


def test_what_arrived_before_the_network_died_is_used_by_the_next_command(
    server: FileServer, tmp_path: Path
) -> None:
    server.break_off = [20 << 14]
    server.on_break = lambda: server.statuses.extend([503] * (download.TRIES - 1))
    with pytest.raises(DownloadError, match="broke off after 328 kB") as caught:
        fetch(server, tmp_path)
    assert "goes on" in str(caught.value.hint)
    assert "a.zip" not in names(tmp_path)
    server.statuses.clear()
    server.requests.clear()
    assert fetch(server, tmp_path).read_bytes() == BODY
    assert server.requests == [("/a.zip", "bytes=327680-")]
    assert names(tmp_path) == {"a.zip"}


@pytest.mark.parametrize("known_hash", [None, SHA256])
def test_a_server_that_ignores_ranges_is_read_from_the_start(
    server: FileServer, tmp_path: Path, known_hash: str | None
) -> None:
    server.ranges = False
    server.break_off = [100_000]
    assert fetch(server, tmp_path, sha256=known_hash).read_bytes() == BODY


def test_two_pieces_of_different_files_are_never_joined(server: FileServer, tmp_path: Path) -> None:
    server.break_off = [100_000]
    server.on_break = lambda: server.files.update({"/a.zip": b"changed" * 100_000})
    assert fetch(server, tmp_path).read_bytes() == b"changed" * 100_000


def test_without_etags_a_known_hash_finds_out_that_pieces_differ(server: FileServer, tmp_path: Path) -> None:
    server.etags = False
    (tmp_path / "a.zip.part").write_bytes(b"\xff" * 1000)
    assert fetch(server, tmp_path, sha256=SHA256).read_bytes() == BODY
    assert [asked for _, asked in server.requests] == ["bytes=1000-", None]


def test_a_whole_piece_left_by_a_kill_before_the_rename_needs_no_second_download(
    server: FileServer, tmp_path: Path
) -> None:
    (tmp_path / "a.zip.part").write_bytes(BODY)
    assert fetch(server, tmp_path, sha256=SHA256).read_bytes() == BODY
    assert server.requests == [("/a.zip", f"bytes={len(BODY)}-")]


def test_a_piece_longer_than_the_file_is_thrown_away(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "a.zip.part").write_bytes(BODY + b"more")
    assert fetch(server, tmp_path, sha256=SHA256).read_bytes() == BODY


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sha256": "0" * 64}, "is not the file: 1,024,000 bytes with SHA-256 .*, expected SHA-256 000"),
        ({"size": 5}, "has 1,024,000 bytes, expected 5"),
    ],
)
def test_another_file_than_expected_is_an_error_and_leaves_nothing(
    server: FileServer, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(DownloadError, match=message):
        fetch(server, tmp_path, **options)
    assert names(tmp_path) == set()


def test_a_missing_file_is_asked_for_once(server: FileServer, tmp_path: Path) -> None:
    server.files.clear()
    with pytest.raises(DownloadError, match="answers 404 Not Found"):
        fetch(server, tmp_path)
    assert len(server.requests) == 1
    assert names(tmp_path) == set()


def test_a_busy_server_is_asked_again(server: FileServer, tmp_path: Path) -> None:
    server.statuses = [503, 429]
    assert fetch(server, tmp_path).read_bytes() == BODY


def test_an_error_of_the_server_does_not_cost_what_has_arrived(server: FileServer, tmp_path: Path) -> None:
    server.break_off = [6 << 14]
    (tmp_path / "a.zip.part").write_bytes(BODY[:5000])
    server.statuses = [500]
    fetch(server, tmp_path, sha256=SHA256)
    assert [asked for _, asked in server.requests] == ["bytes=5000-", "bytes=5000-", "bytes=103304-"]


def test_no_network_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSE", 0.001)
    with serving() as gone:
        address = gone.address
    with pytest.raises(DownloadError, match="cannot be reached") as caught:
        download.fetch(f"{address}/a.zip", tmp_path / "a.zip", label="a")
    assert "network" in str(caught.value.hint)
    assert names(tmp_path) == set()


def test_a_full_disk_is_said_and_not_begun(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(DownloadError, match="the disk is full"):
        fetch(server, tmp_path)
    assert "a.zip" not in names(tmp_path)


def test_two_processes_at_once_both_end_with_the_whole_file(server: FileServer, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    arguments = (f"{server.address}/a.zip", tmp_path / "a.zip")
    both = [context.Process(target=download.fetch, args=arguments, kwargs={"label": "a"}) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert (tmp_path / "a.zip").read_bytes() == BODY
    assert names(tmp_path) == {"a.zip"}


# ---------------------------------------------------------------- servers that misbehave

REDIRECTS = {
    "in a circle": "/a.zip",
    "to a file": "file:///etc/passwd",
    "to another protocol": "ftp://127.0.0.1/a.zip",
    "to no host": "http://",
    "to no port": "http://127.0.0.1:99999999/a.zip",
    "to half an address": "http://[::1",
    "to a name that is too long": "http://" + "a" * 70 + ".example/a.zip",
    "to an empty name": "http://.example/a.zip",
    "to what is no text": "/\xff\xfe",
}


@pytest.mark.parametrize("to", REDIRECTS.values(), ids=REDIRECTS)
def test_a_bad_redirect_is_one_error_and_leaves_nothing(to: str, server: FileServer, tmp_path: Path) -> None:
    server.odd["/a.zip"] = (302, {"Location": to, "Content-Length": "0"}, b"")
    with pytest.raises(DownloadError) as caught:
        fetch(server, tmp_path / "new")
    assert len(str(caught.value)) < 400
    assert caught.value.hint
    assert names(tmp_path) == set()
    assert len(server.requests) <= 31, "asked once; 30 redirects are followed"


def test_a_good_redirect_is_followed(server: FileServer, tmp_path: Path) -> None:
    server.odd["/b.zip"] = (302, {"Location": "/a.zip", "Content-Length": "0"}, b"")
    download.fetch(f"{server.address}/b.zip", tmp_path / "b.zip", label="b")
    assert (tmp_path / "b.zip").read_bytes() == BODY


@pytest.mark.parametrize("length", ["9" * 5000, "9" * 16, "-5", "1e3", "²", "0x10", "5, 6", ""])
def test_a_length_that_is_none_is_one_error(length: str, server: FileServer, tmp_path: Path) -> None:
    server.odd["/a.zip"] = (200, {"Content-Length": length, "Connection": "close"}, b"hello")
    with pytest.raises(DownloadError) as caught:
        fetch(server, tmp_path / "new")
    assert len(str(caught.value)) < 400
    assert names(tmp_path) == set()


@pytest.mark.parametrize(
    "content_range", ["", "bytes 0-4/5", "bytes 3-1/5", "bytes 1000-" + "9" * 5000 + "/*", "pages 1-2/3", "²"]
)
def test_a_range_that_was_not_asked_for_is_never_joined(
    content_range: str, server: FileServer, tmp_path: Path
) -> None:
    (tmp_path / "a.zip.part").write_bytes(BODY[:1000])
    headers = {"Content-Range": content_range, "Content-Length": "5"}
    server.odd["/a.zip"] = (206, headers, b"hello")
    with pytest.raises(DownloadError, match="a:"):
        fetch(server, tmp_path, sha256=SHA256)
    assert names(tmp_path) == set()


def test_a_part_that_nobody_asked_for_is_not_the_file(server: FileServer, tmp_path: Path) -> None:
    server.odd["/a.zip"] = (206, {"Content-Range": "bytes 0-4/500", "Content-Length": "5"}, b"hello")
    with pytest.raises(DownloadError):
        fetch(server, tmp_path)
    assert names(tmp_path) == set()


def test_less_than_the_rest_is_gone_on_with(server: FileServer, tmp_path: Path) -> None:
    """A server may send less than was asked for (RFC 9110, 15.3.7)."""
    (tmp_path / "a.zip.part").write_bytes(BODY[:1000])
    headers = {"Content-Range": f"bytes 1000-1999/{len(BODY)}", "Content-Length": "1000"}
    server.odd["/a.zip"] = (206, headers, BODY[1000:2000])
    server.after_odd = server.odd.clear
    assert fetch(server, tmp_path, sha256=SHA256).read_bytes() == BODY
    assert [asked for _, asked in server.requests] == ["bytes=1000-", "bytes=2000-"]


def test_an_answer_longer_than_the_file_is_not_read_to_its_end(server: FileServer, tmp_path: Path) -> None:
    server.odd["/a.zip"] = (200, {"Connection": "close"}, BODY * 8)
    with pytest.raises(DownloadError, match="more than 1,000 bytes"):
        fetch(server, tmp_path, size=1000)
    assert names(tmp_path) == set()


@pytest.mark.parametrize(
    "address", ["nonsense", "file:///etc/passwd", "http://", "http://a b/", "\0", "http://\udcff"]
)
def test_an_address_that_is_none_is_one_error(address: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError):
        download.fetch(address, tmp_path / "a.zip", label="a")
    assert names(tmp_path) == set()


@pytest.mark.parametrize(
    "notes",
    [
        b"[" * 100_000,
        b"\xff",
        b"[]",
        b'{"url": 1}',
        b'{"url": "URL", "validator": "a\\nb"}',
        b'{"url": "URL", "validator": [1]}',
    ],
)
def test_damaged_notes_cost_no_more_than_the_part(notes: bytes, server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "a.zip.part").write_bytes(BODY[:1000])
    notes = notes.replace(b"URL", f"{server.address}/a.zip".encode())
    (tmp_path / "a.zip.part.json").write_bytes(notes)
    assert fetch(server, tmp_path).read_bytes() == BODY
    assert names(tmp_path) == {"a.zip"}


def whole(path: Path) -> None:
    if path.read_bytes() != BODY:
        raise DownloadError("came damaged")


def test_what_the_check_refuses_never_has_the_name(server: FileServer, tmp_path: Path) -> None:
    server.files["/a.zip"] = b"damaged"
    with pytest.raises(DownloadError, match="came damaged"):
        fetch(server, tmp_path / "new", check=whole)
    assert names(tmp_path) == set()


def test_a_file_that_is_there_and_that_the_check_refuses_is_replaced(
    server: FileServer, tmp_path: Path
) -> None:
    (tmp_path / "a.zip").write_bytes(b"damaged")
    assert fetch(server, tmp_path, check=whole).read_bytes() == BODY


def test_two_pieces_that_the_check_refuses_are_fetched_anew(server: FileServer, tmp_path: Path) -> None:
    server.break_off = [100_000]
    server.on_break = lambda: (tmp_path / "a.zip.part").write_bytes(b"\xff" * 50_000)  # type: ignore[assignment]
    assert fetch(server, tmp_path, check=whole).read_bytes() == BODY
