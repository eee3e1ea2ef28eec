"""`bilstm-crf tag`: every byte comes back but for the labels, whole or not at all."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import os
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf.formats import FORMATS, FormatOptions
from done import Done
from runs import DEV, SAMPLE, TEST

Cli = Callable[..., Done]


@pytest.fixture
def tag(cli: Cli, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`bilstm-crf tag --model …` in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments, stdin=b"": cli("tag", "--model", tiny_model, *arguments, stdin=stdin)


def stripped(content: bytes) -> bytes:
    """CoNLL-U without any `name=`; MISC is `_` where nothing else was in it."""
    content = re.sub(rb"(?m)(?<=\t)name=[^|\r\n\t]*(?=\r?$)", b"_", content)
    return re.sub(rb"\|name=[^|\r\n\t]*|(?<=\t)name=[^|\r\n\t]*\|", b"", content)


def labels(content: bytes) -> list[bytes]:
    return re.findall(rb"(?<=[\t|])name=([^|\r\n\t]*)", content)


ROW = "{}\t{}\t_\t_\t_\t_\t_\t_\t_\t{}"


def conllu(*words: str, misc: str = "_") -> str:
    return "\n".join(ROW.format(number, word, misc) for number, word in enumerate(words, 1)) + "\n\n"


KARI = conllu("Kari", "Nordmann", "bor", "i", "Oslo", ".")
NASTY: dict[str, bytes] = {
    "plain": KARI.encode(),
    "no final newline": KARI.rstrip("\n").encode(),
    "one newline at the end": (KARI.rstrip("\n") + "\n").encode(),
    "CRLF": (KARI * 2).replace("\n", "\r\n").encode(),
    "CRLF in one sentence only": (KARI + KARI.replace("\n", "\r\n") + KARI).encode(),
    "byte order mark": b"\xef\xbb\xbf" + KARI.encode(),
    "byte order mark before a comment": b"\xef\xbb\xbf# a comment\n" + KARI.encode(),
    "empty lines at start and end": ("\n\n\n" + KARI + "\n\n" + KARI + "\n\n\n\n").encode(),
    "comments with tabs": ("# a\tb\t\tc\t\n#\n# sent_id =  000001\n" + KARI).encode(),
    "comments at the end": (KARI + "# the end\n# of it\n").encode(),
    "comments alone between": (KARI + "# nothing here\n\n" + KARI).encode(),
    "multi-word tokens": (
        "1-2\tKarier\t_\t_\t_\t_\t_\t_\t_\tname=B-LOC|SpaceAfter=No\n" + KARI
    ).encode(),
    "empty nodes": KARI.replace("3\tbor", "2.1\tsom\t_\t_\t_\t_\t_\t_\t_\t_\n3\tbor").encode(),
    "name first": conllu("Kari", "bor", misc="name=B-EVT|SpaceAfter=No").encode(),
    "name in the middle": conllu("Kari", "bor", misc="A=1|name=O|SpaceAfter=No").encode(),
    "name last": conllu("Kari", "bor", misc="SpaceAfter=No|name=I-PER").encode(),
    "another key that ends so": conllu("Kari", "bor", misc="surname=x|name=O|filename=y").encode(),
    "a hash as a word": conllu("#", "Kari", "#bergen").encode(),
    "no-break spaces inside words": conllu("New\u00a0York", "1\u202f000", "\u3000").encode(),
    "decomposed letters": unicodedata.normalize("NFD", conllu("Åse", "går", "på", "Ås")).encode(),
    "signs that other programs take for line ends": conllu("a\u2028b", "a\x85b", "a\x0bb", "a\x0cb").encode(),
    "emoji and zero width": conllu("👩‍👩‍👧", "\u200b", "\ufeff").encode(),
    "one word": conllu("Oslo").encode(),
    "a sentence of ten thousand words": conllu(*["Kari", "bor"] * 5_000).encode(),
    "nothing": b"",
    "empty lines alone": b"\n\n\n",
    "a comment alone": b"# nothing",
}  # fmt: skip


@pytest.mark.parametrize("content", NASTY.values(), ids=NASTY)
def test_every_byte_comes_back_but_for_the_names(tag: Cli, content: bytes) -> None:
    Path("in.conllu").write_bytes(content)
    done = tag("in.conllu", "-o", "out.conllu")
    assert (done.status, done.out, done.err) == (0, b"", "")
    found = Path("out.conllu").read_bytes()
    assert stripped(found) == stripped(content)
    words = len(re.findall(rb"(?m)^(?:\xef\xbb\xbf)?\d+\t", content))
    in_ranges = len(re.findall(rb"(?m)^\d+[-.].*name=", content))
    assert len(labels(found)) == words + in_ranges
    assert tag("--format", "conllu", stdin=content).out == found, "standard input to standard output"


@pytest.mark.parametrize("path", sorted(SAMPLE.glob("*/*.conllu")), ids=lambda path: path.name)
def test_the_sample_comes_back_with_other_names(tag: Cli, path: Path) -> None:
    done = tag(path)
    assert done.status == 0
    assert stripped(done.out) == stripped(path.read_bytes())
    assert len(labels(done.out)) == len(labels(path.read_bytes()))
    assert len(set(labels(done.out))) > 3


@pytest.mark.parametrize("name", ["nob/no_bokmaal-ud-dev.conllu", "nno/no_nynorsk-ud-dev.conllu"])
def test_norne_dev_comes_back_with_other_names(tag: Cli, shared: Path, name: str) -> None:
    content = (shared / "norne" / name).read_bytes()
    done = tag(shared / "norne" / name)
    assert done.status == 0
    assert stripped(done.out) == stripped(content)
    assert len(labels(done.out)) == len(labels(content))


def test_tagging_what_was_tagged_changes_nothing(tag: Cli) -> None:
    once = tag(DEV).out
    assert tag("--format", "conllu", stdin=once).out == once


def test_another_key_leaves_name_alone(tag: Cli) -> None:
    done = tag(
        "--format", "conllu", "--misc-key", "ner", stdin=conllu("Kari", "bor", misc="name=B-EVT").encode()
    )
    assert done.out.count(b"name=B-EVT|ner=") == 2


# ---------------------------------------------------------------- files


def test_several_files_go_under_their_own_names(tag: Cli) -> None:
    done = tag(DEV, TEST, "--output-dir", "new/tagged")
    assert done.status == 0
    for path in (DEV, TEST):
        assert stripped(Path("new/tagged", Path(path).name).read_bytes()) == stripped(Path(path).read_bytes())


def test_several_files_to_standard_output_follow_one_another(tag: Cli) -> None:
    assert tag(DEV, TEST).out == tag(DEV).out + tag(TEST).out


def test_gzip_in_and_out(tag: Cli) -> None:
    Path("in.conllu.gz").write_bytes(gzip.compress(Path(DEV).read_bytes()))
    expected = tag(DEV).out
    assert tag("in.conllu.gz").out == expected
    assert tag("in.conllu.gz", "--output-dir", "d").status == 0
    assert gzip.decompress(Path("d/in.conllu.gz").read_bytes()) == expected
    assert tag("in.conllu.gz", "-o", "plain.conllu").status == 0
    assert Path("plain.conllu").read_bytes() == expected


def test_a_link_stays_a_link(tag: Cli) -> None:
    Path("in.conllu").write_bytes(KARI.encode())
    Path("real.conllu").touch()
    Path("link.conllu").symlink_to("real.conllu")
    assert tag("in.conllu", "-o", "link.conllu").status == 0
    assert Path("link.conllu").is_symlink()
    assert b"name=" in Path("real.conllu").read_bytes()


def test_a_pipe_is_written_to_and_not_replaced(tag: Cli) -> None:
    os.mkfifo("pipe.conllu")
    reader = os.open("pipe.conllu", os.O_RDONLY | os.O_NONBLOCK)
    assert tag("--format", "conllu", "-o", "pipe.conllu", stdin=KARI.encode()).status == 0
    assert stripped(os.read(reader, 65_536)) == KARI.encode()
    os.close(reader)
    assert Path("pipe.conllu").is_fifo()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.conllu"], "absent.conllu: cannot be read: No such file"),
        (["absent/"], "absent/: no such file or folder"),
        (["empty"], "empty holds no files"),
        (["d", "--format", "conlu"], "Did you mean conllu?"),
        (["d", "--output-dir", "d/tagged"], "--output-dir d/tagged is inside d"),
        (["d", "-o", "d/names.jsonl"], "-o d/names.jsonl is inside d"),
        (["c.xyz"], "the suffix tells no format"),
        ([], "standard input has no suffix to tell its format"),
        (["a.conllu", "--format", "conlu"], "Did you mean conllu?"),
        (["a.conllu", "--to", "jsnl"], "--to jsnl is not a known output. Did you mean jsonl?"),
        (["a.conllu", "a.conllu"], "given twice"),
        (["a.conllu", "b.conllu", "-o", "c.conllu"], "--output-dir"),
        (["a.conllu", "d/a.conllu", "--output-dir", "e"], "same file in e, a.conllu"),
        (["a.conllu", "a.jsonl", "--to", "text", "--output-dir", "e"], "same file in e, a.txt"),
        (["-", "--format", "conllu", "--output-dir", "e"], "give -o FILE"),
        (["a.conllu", "--output-dir", "a.jsonl"], "a.jsonl is a file"),
        (["a.conllu", "-o", "d"], "d is a folder"),
        (["a.conllu", "-o", "nowhere/b.conllu"], "nowhere/b.conllu cannot be written"),
        (["a.conllu", "--text", "Kari"], "--text and FILE"),
        (["--text", "Kari", "--output-dir", "e"], "--text and --output-dir"),
        (["--text", "Kari", "--format", "conllu"], "--text and --format"),
        (["--text", "Kari", "--label-column", "append"], "--text and --label-column"),
        (["--text", "Kari", "--sentences", "line"], "--text and --sentences"),
        (["--text", "Kari", "--flush"], "--text and --flush"),
        (["a.conllu", "--misc-key", "a|b"], "cannot stand in MISC"),
        (["a.conllu", "--sentences", "detect", "--tokenise", "spaces"], "Norwegian tokeniser"),
        (["a.conllu", "--threads", "0"], "threads"),
        (["a.conllu", "--device", "abacus"], "no such device"),
        (["a.conllu", "--embeddings", "sg6OO"], "Did you mean sg600?"),
        (["a.conllu", "--colour"], "--colour"),
    ],
)
def test_wrong_usage_is_said_with_exit_status_2(tag: Cli, arguments: list[str], message: str) -> None:
    for name in ("a.conllu", "b.conllu", "d/a.conllu"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(KARI, "utf-8")
    Path("a.jsonl").write_text('{"text": "Kari"}', "utf-8")
    Path("c.xyz").write_text("Kari\n", "utf-8")
    Path("empty").mkdir()
    before = sorted(Path.cwd().rglob("*"))
    done = tag(*arguments)
    assert (done.status, done.out) == (2, b"")
    assert message in done.err
    assert sorted(Path.cwd().rglob("*")) == before


def test_without_a_model_the_one_in_the_box_tags(cli: Cli) -> None:
    done = cli("tag", DEV)
    assert (done.status, done.err) == (0, "")
    assert stripped(done.out) == stripped(Path(DEV).read_bytes())
    assert len(set(labels(done.out))) > 5


@pytest.mark.parametrize("old", [None, b"as it was"], ids=["no output before", "an older output"])
def test_a_broken_input_writes_nothing_and_says_the_line(tag: Cli, old: bytes | None) -> None:
    lines = Path(DEV).read_text("utf-8").split("\n")
    number = next(i for i, line in enumerate(lines) if line.startswith("3\t") and i > 300)
    lines[number] = "3\tOslo\t_"
    Path("in.conllu").write_text("\n".join(lines), "utf-8")
    if old is not None:
        Path("out.conllu").write_bytes(old)
    before = sorted(os.listdir())
    done = tag("in.conllu", "-o", "out.conllu")
    assert done.status == 2
    assert (
        done.err.splitlines()[0]
        == f"error: in.conllu, line {number + 1}: 3 columns, expected 10 separated by tabs"
    )
    assert "out.conllu was not written" in done.err
    assert sorted(os.listdir()) == before
    assert old is None or Path("out.conllu").read_bytes() == old


@pytest.mark.parametrize(
    "content",
    [
        b"not gzip",
        gzip.compress(b"1\tKari\n" * 99)[:-9],
        gzip.compress(KARI.encode() * 999)[:60] + b"\0" * 99,
    ],
    ids=["plain", "truncated", "corrupted"],
)
def test_a_damaged_gzip_file_is_an_input_error(tag: Cli, content: bytes) -> None:
    Path("in.conllu.gz").write_bytes(content)
    done = tag("in.conllu.gz", "-o", "out.conllu")
    assert done.status == 2
    assert "in.conllu.gz" in done.err
    assert not Path("out.conllu").exists()


# ---------------------------------------------------------------- formats


TEXT = "Kari Nordmann flytta til Bergen. Ola bor i Oslo."


def test_a_text_on_the_command_line_is_shown_with_its_names(tag: Cli) -> None:
    done = tag("--text", TEXT)
    assert done.status == 0
    shown = done.out.decode()
    assert re.sub(r"\[[A-Z_]+ (.*?)\]", r"\1", shown).split() == TEXT.split()
    assert "[PER Kari Nordmann]" in shown
    assert shown.count("\n") == 2, "one line a sentence"


@pytest.mark.parametrize("to", ["jsonl", "conllu", "conll2003", "text"])
def test_a_text_becomes_any_format_in_a_file(tag: Cli, to: str) -> None:
    done = tag("--text", TEXT, "--to", to, "-o", "out")
    assert (done.status, done.out) == (0, b"")
    content = Path("out").read_text("utf-8")
    assert re.findall("Kari|Oslo", content)[:1] == ["Kari"]
    assert ("B-PER" in content) == (to in ("conllu", "conll2003"))


def test_a_text_may_come_with_its_words_between_spaces(tag: Cli) -> None:
    done = tag("--text", "Kari Nordmann, i Oslo.\nja", "--tokenise", "spaces", "--to", "jsonl")
    rows = [json.loads(line)["tokens"] for line in done.out.decode().splitlines()]
    assert rows == [["Kari", "Nordmann,", "i", "Oslo."], ["ja"]]


def test_a_text_of_nothing_gives_nothing(tag: Cli) -> None:
    for text in ("", " ", "\n"):
        assert tag("--text", text) == Done(0, b"", "")


def test_a_text_that_is_not_utf_8_is_an_input_error(tag: Cli) -> None:
    done = tag("--text", os.fsdecode(b"Kari \xff"))
    assert done.status == 2
    assert "0xFF" in done.err


def test_text_files_become_jsonl_with_offsets_of_characters(tag: Cli) -> None:
    Path("a.txt").write_text("Her er 🎉 Kari Nordmann.\n\nOla bor i Oslo.\n", "utf-8")
    assert tag("a.txt", "--output-dir", ".").status == 0
    assert sorted(os.listdir()) == ["a.jsonl", "a.txt"]
    rows = [json.loads(line) for line in Path("a.jsonl").read_text("utf-8").splitlines()]
    assert [row["text"] for row in rows] == ["Her er 🎉 Kari Nordmann.", "Ola bor i Oslo."]
    for row in rows:
        covered = {row["text"][entity["start"] : entity["end"]] for entity in row["entities"]}
        assert covered <= {"Kari Nordmann", "Kari", "Nordmann", "Her", "Ola", "Oslo", "🎉"}
    assert sum(len(row["entities"]) for row in rows) >= 2


def test_jsonl_comes_back_with_entities_and_everything_else(tag: Cli) -> None:
    Path("a.jsonl").write_bytes(
        b'{"id": 7,  "tokens": ["Kari", "bor"], "x": [1.0e5]}\r\n\r\n{"text": "Kari bor."}'
    )
    done = tag("a.jsonl")
    first, empty, last = done.out.split(b"\r\n")
    assert first.startswith(b'{"id": 7,  "tokens": ["Kari", "bor"], "x": [1.0e5]')
    assert empty == b""
    assert json.loads(last)["text"] == "Kari bor."
    assert all("entities" in json.loads(line) for line in (first, last))


@pytest.mark.parametrize("separator", ["\t", " ", "  "])
def test_columns_come_back_but_for_the_last(tag: Cli, separator: str) -> None:
    rows = ["-DOCSTART- -X- O O", "", "Kari NP x O", "bor VB x B-LOC", "", "Oslo NP x O"]
    content = "\n".join(rows).replace(" ", separator)
    done = tag("--format", "conll2003", stdin=content.encode())
    assert done.status == 0
    last = re.compile(r"(?<=x)([ \t]+)\S+$", re.MULTILINE)
    assert last.sub(r"\1?", done.out.decode()) == last.sub(r"\1?", content)


@pytest.mark.parametrize("to", ["jsonl", "conllu", "conll2003", "text"])
def test_with_another_format_a_file_gets_that_formats_suffix(tag: Cli, to: str) -> None:
    Path("a.b.conllu.gz").write_bytes(gzip.compress(KARI.encode()))
    assert tag("a.b.conllu.gz", "--to", to, "--output-dir", "e").status == 0
    suffix = {"jsonl": ".jsonl", "conllu": ".conllu", "conll2003": ".conll", "text": ".txt"}[to]
    assert os.listdir("e") == [f"a.b{suffix}.gz"]
    assert b"Nordmann" in gzip.decompress(Path(f"e/a.b{suffix}.gz").read_bytes())


def test_no_sentence_is_dropped_between_formats(tag: Cli) -> None:
    words = re.findall(r"(?m)^\d+\t([^\t]+)", Path(DEV).read_text("utf-8"))
    rows = [json.loads(line) for line in tag(DEV, "--to", "jsonl").out.decode().splitlines()]
    assert [word for row in rows for word in row["tokens"]] == words
    columns = tag(DEV, "--to", "conll2003").out.decode()
    found = [line.split("\t")[0] for line in columns.splitlines() if line]
    assert [word for word in found if word != "-DOCSTART-"] == words


def documents_of(content: bytes, format_name: str) -> list[str | None]:
    sentences = FORMATS[format_name].read(io.BytesIO(content), "", FormatOptions())
    return [sentence.document for sentence in sentences if sentence.tokens]


@pytest.mark.parametrize("to", ["jsonl", "conllu", "conll2003"])
@pytest.mark.parametrize("source", ["jsonl", "conllu", "conll2003"])
def test_documents_keep_their_bounds_in_every_format(tag: Cli, source: str, to: str) -> None:
    names = [None, "a", "a", "b", "a"] if source == "jsonl" else [None, "1", "1", "2", "3"]
    starts = {"jsonl": "", "conllu": "# newdoc\n", "conll2003": "-DOCSTART-\n\n"}[source]
    rows = {
        "jsonl": lambda name: json.dumps({"tokens": ["Oslo"]} | ({"document": name} if name else {})) + "\n",
        "conllu": lambda _: conllu("Oslo"),
        "conll2003": lambda _: "Oslo\n\n",
    }[source]
    content = "".join(
        starts * (name != before) + rows(name) for before, name in itertools.pairwise([None, *names])
    )
    assert documents_of(content.encode(), source) == names
    tagged = tag("--format", source, "--to", to, stdin=content.encode()).out
    counted = [None, "1", "1", "2", "3"]
    assert documents_of(tagged, to) == (counted if to == "conll2003" else names)
