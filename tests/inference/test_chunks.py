"""A file in pieces: no byte lost at a cut, one result from one process or several, errors in their place."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf import Tagger
from bilstm_crf.errors import BilstmCrfError, InputError
from bilstm_crf.formats import FORMATS, FormatOptions
from bilstm_crf.formats.blocks import chunks
from bilstm_crf.inference import chunks as pieces
from bilstm_crf.inference.chunks import ChunkTagger, tag_chunks
from runs import DEV

CONTENT = Path(DEV).read_bytes()
BROKEN = b"1\tKari\tonly three\n\n"


@pytest.fixture(scope="module")
def work(tiny_model: Path) -> ChunkTagger:
    return ChunkTagger(Tagger.load(tiny_model), FORMATS["conllu"], FormatOptions(), "dev.conllu")


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "CHUNK_BYTES", 4_000)


def tagged(work: ChunkTagger, content: bytes, processes: int) -> bytes:
    return b"".join(each.content for each in tag_chunks(work, io.BytesIO(content), processes=processes))


@given(st.lists(st.sampled_from([b"\n", b"\r\n", b" \n", b"1\tord\n", b"# x", b"y" * 30, b"\n\n"])))
def test_pieces_are_the_file_cut_behind_empty_lines(parts: list[bytes]) -> None:
    content = b"".join(parts)
    found = list(chunks(io.BytesIO(content), 20))
    assert b"".join(piece.content for piece in found) == content
    line = 1
    for piece in found:
        assert piece.content
        assert piece.line == line
        line += piece.content.count(b"\n")
    for piece in found[:-1]:
        assert piece.content.splitlines(keepends=True)[-1].isspace()


DOCUMENT = [b"# newdoc\n", b"# newdoc id = a\n", b"#newdoc id=b\r\n", b"\xef\xbb\xbf# newdoc\n"]
NO_DOCUMENT = [b"# newdocument\n", b"# text = a newdoc = b\n", b"# newdoc x = y\n", b"# newpar\n"]
WORDS = [b"1\tord\n\n", b"1\tord\r\n\r\n"]


@given(
    st.lists(st.sampled_from(NO_DOCUMENT + WORDS)),
    st.lists(st.tuples(st.sampled_from([b"", *NO_DOCUMENT]), st.sampled_from(DOCUMENT), st.integers(1, 5))),
    st.integers(1, 80),
)
def test_from_the_first_document_on_pieces_begin_where_a_document_begins(
    before: list[bytes], documents: list[tuple[bytes, bytes, int]], size: int
) -> None:
    content = b"".join(before) + b"\n\n" + b"".join(a + b + WORDS[0] * n for a, b, n in documents)
    found = [piece.content for piece in chunks(io.BytesIO(content), size, whole_documents=True)]
    assert b"".join(found) == content
    begun = False
    for piece in found:
        head = piece.split(b"\n\n")[0] + b"\n"
        assert not begun or any(line in head for line in DOCUMENT)
        begun = begun or any(line in piece for line in DOCUMENT)


def test_a_file_of_small_documents_is_many_pieces() -> None:
    content = b"".join(b"# newdoc id = %d\n" % n + WORDS[0] * 100 for n in range(100))
    found = list(chunks(io.BytesIO(content), 4_000, whole_documents=True))
    assert len(found) > 10
    assert all(piece.content.startswith(b"# newdoc") for piece in found)


def test_a_file_without_empty_lines_is_one_piece() -> None:
    content = b"# comment\n" * 3_000
    assert [piece.content for piece in chunks(io.BytesIO(content), 4_000)] == [content]


@pytest.mark.parametrize("processes", [2, 3])
def test_any_number_of_processes_writes_the_same_bytes(work: ChunkTagger, processes: int) -> None:
    assert len(list(chunks(io.BytesIO(CONTENT), 4_000))) > 3
    alone = tagged(work, CONTENT, 1)
    assert alone != CONTENT
    assert tagged(work, CONTENT, processes) == alone
    assert sum(each.tokens for each in tag_chunks(work, io.BytesIO(CONTENT), processes=processes)) == sum(
        line[:1].isdigit() and b"-" not in line.split(b"\t")[0] for line in CONTENT.splitlines()
    )


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_names_its_line_of_the_whole_file(work: ChunkTagger, processes: int) -> None:
    content = CONTENT + BROKEN + CONTENT
    with pytest.raises(InputError, match="3 columns") as caught:
        tagged(work, content, processes)
    assert caught.value.line == CONTENT.count(b"\n") + 1
    assert content.splitlines()[caught.value.line - 1] == BROKEN.strip()


@pytest.mark.parametrize("processes", [1, 2])
def test_what_stands_before_an_error_is_there(work: ChunkTagger, processes: int) -> None:
    results = tag_chunks(work, io.BytesIO(CONTENT * 2 + BROKEN), processes=processes)
    found = []
    with pytest.raises(InputError):
        found.extend(each.content for each in iter(results.__next__, None))
    assert b"".join(found).startswith(tagged(work, CONTENT, 1))


@pytest.mark.parametrize("processes", [1, 2])
def test_the_byte_order_mark_of_a_second_file_comes_back(work: ChunkTagger, processes: int) -> None:
    mark = b"\xef\xbb\xbf"
    content = tagged(work, CONTENT + mark + CONTENT, processes)
    assert content.count(mark) == 1
    assert content.replace(mark, b"") == tagged(work, CONTENT * 2, 1)


def test_a_process_that_is_killed_ends_the_work_with_an_error(work: ChunkTagger) -> None:
    before = children()
    results = tag_chunks(work, io.BytesIO(CONTENT * 20), processes=2)
    os.kill(max(children() - before), signal.SIGKILL)
    with pytest.raises(BilstmCrfError, match="was killed"):
        list(results)
    assert children() == before


def test_who_stops_early_leaves_no_process_behind(work: ChunkTagger) -> None:
    before = children()
    results = tag_chunks(work, io.BytesIO(CONTENT * 20), processes=2)
    next(iter(results))
    assert len(children()) == len(before) + 2
    results.close()  # type: ignore[attr-defined]
    assert children() == before


def test_when_the_parent_is_killed_its_processes_end(tiny_model: Path) -> None:
    script = f"""
import io, sys
from bilstm_crf import Tagger
from bilstm_crf.inference import chunks as pieces
from bilstm_crf.formats import FORMATS, FormatOptions
pieces.CHUNK_BYTES = 4_000
work = pieces.ChunkTagger(Tagger.load({str(tiny_model)!r}), FORMATS["conllu"], FormatOptions(), "x")
content = open({str(DEV)!r}, "rb").read()
results = pieces.tag_chunks(work, io.BytesIO(content * 9), processes=2)
next(results)
print("ready", flush=True)
sys.stdin.read()
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    assert parent.stdout.readline() == "ready\n"
    forks = children(parent.pid)
    assert len(forks) == 2
    parent.kill()
    parent.wait()
    assert parent.stdout.read() == ""  # returns when the last process that holds the pipe has ended
    for fork in forks:  # the pipe closes a moment before the process is gone
        while running(fork):
            time.sleep(0.01)
    parent.stdin.close()
    parent.stdout.close()


BUSY = """
import sys, time
from bilstm_crf.inference.workers import _Worker

def work(item):
    while True:
        pass

workers = []
for _ in range(2):
    workers.append(_Worker(work, workers))
for worker in workers:
    worker.begin(1)
print(*(worker._process.pid for worker in workers), flush=True)
time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM])
def test_when_the_parent_is_killed_its_processes_end_in_the_middle_of_a_piece(blow: signal.Signals) -> None:
    parent = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert parent.stdout is not None
    workers = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(workers) == 2
    assert all(map(running, workers))
    parent.send_signal(blow)
    parent.wait()
    limit = time.monotonic() + 60
    while any(map(running, workers)):
        assert time.monotonic() < limit
        time.sleep(0.01)
    parent.stdout.close()


def children(pid: int | None = None) -> set[int]:
    """The processes that are children of this one, and still there."""
    parent = os.getpid() if pid is None else pid
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and running(int(entry.name)) and parent_of(int(entry.name)) == parent:
            found.add(int(entry.name))
    return found


def status_of(pid: int) -> list[str]:
    """State, parent and more, from behind the name, which may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["gone", "0"]


def running(pid: int) -> bool:
    return status_of(pid)[0] not in ("gone", "Z", "X")


def parent_of(pid: int) -> int:
    return int(status_of(pid)[1])


def test_forks_find_all_loops_compiled(tiny_model: Path) -> None:
    """Otherwise each of them would load, or even compile, the same loop."""
    code = f"""
import gc
from numba.core.dispatcher import Dispatcher
from bilstm_crf import Sentence, Tagger
from bilstm_crf.inference.chunks import compile_loops
from bilstm_crf.inference.decoding import Decoding

def compiled():
    return {{(each, str(signature)) for each in gc.get_objects() if isinstance(each, Dispatcher)
            for signature in each.signatures}}

tagger = Tagger.load({str(tiny_model)!r})
for options in ({{}}, {{"scores": True, "recall": 0.05}}, {{"nbest": 2}}):
    decoding = Decoding(**options)
    compile_loops(tagger, decoding)
    before = compiled()
    sentences = [Sentence(["Kari", "bur", "i", "Bergen"], document=str(n)) for n in range(99)]
    tagger.annotate(sentences + [Sentence(["Ja"])], decoding)
    print(bool(before), len(compiled() - before))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "0"] * 3
