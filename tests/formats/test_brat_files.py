"""brat's annotations and their text are read together: what `--to brat` writes, and what annotators make."""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bilstm_crf.corpus.labelled import read_labelled
from bilstm_crf.errors import InputError, InputWarning, UsageError
from bilstm_crf.formats import FORMATS, FormatOptions, contents_of, format_of, read
from bilstm_crf.formats.base import DEFAULTS
from bilstm_crf.labels import LabelSet, read_spans
from bilstm_crf.output import WRITERS
from bilstm_crf.sentence import Sentence, TokenSpan
from done import Done

SAMPLE = sorted((Path(__file__).parents[2] / "data" / "sample").glob("*/*-dev.conllu"))
TEXT = "Kari Moe bur i Oslo. 😀 Ho heiter Kari\nOg Ola Å\n"
T1, T2 = "T1\tPER 0 8\tKari Moe\n", "T2\tLOC 15 19\tOslo\n"
Cli = Callable[..., Done]


def pair(folder: Path, annotations: str, text: str = TEXT, name: str = "a") -> str:
    """Write a pair of files; return the path of the annotations."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.txt").write_bytes(text.encode())
    (folder / f"{name}.ann").write_bytes(annotations.encode())
    return str(folder / f"{name}.ann")


def spans(path: str | Path, options: FormatOptions = DEFAULTS) -> list[tuple[int, int, str]]:
    """The names of a file by their place in the text."""
    sentences = list(read(path, options=options))
    read_spans(sentences)
    return [(span.start, span.end, span.label) for each in sentences for span in each.spans]


def written(sentences: list[Sentence], folder: Path) -> str:
    brat = WRITERS["brat"]
    assert brat.companion is not None
    text = b"".join(map(brat.companion.compose, sentences)).decode()
    return pair(folder, b"".join(brat.write(sentences, FormatOptions())).decode(), text)


# ---------------------------------------------------------------- what is written is read back


@pytest.mark.parametrize("path", SAMPLE, ids=lambda path: path.stem)
def test_a_corpus_comes_back(path: Path, tmp_path: Path) -> None:
    sentences = [each for each in read(path) if each.tokens]
    read_spans(sentences)
    again = list(read(written(sentences, tmp_path)))
    read_spans(again)
    assert [token for each in again for token in each.tokens] == [
        t for each in sentences for t in each.tokens
    ]
    before, after = (
        [(span.text, span.label) for each in found for span in each.spans] for found in (sentences, again)
    )
    assert before == after


@pytest.mark.slow
def test_norne_comes_back(shared: Path, tmp_path: Path) -> None:
    for path in sorted((shared / "norne").glob("*/*-dev.conllu")):
        sentences = [each for each in read(path) if each.tokens]
        read_spans(sentences)
        found = spans(written(sentences, tmp_path))
        assert len(found) == sum(len(each.token_spans or ()) for each in sentences) > 1_000


ODD = st.text(st.sampled_from("aB. ,-\n\r\t\u00a0\u2028\u0301\u200b\ufeff😀"), min_size=1)


@settings(max_examples=60)
@given(ODD, st.integers(1, 3))
@example("Av Kari\r\nMoe.\r\n\r\n😀 Å-s\u0301 Ola", 2)
def test_offsets_are_read_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, content: str, length: int
) -> None:
    # An inner byte order mark is left out, and the tokeniser then parts a mark from a base without a letter
    assume(not {"\ufeff", "\u0301"} <= set(content))
    folder = tmp_path_factory.mktemp("odd")
    (folder / "in.txt").write_bytes(content.encode())
    sentences = list(read(folder / "in.txt", options=FormatOptions(sentences="detect")))
    for each in sentences:
        stops = range(length, len(each) + 1, length)
        each.token_spans = [TokenSpan(stop - length, stop, "PER") for stop in stops]
    path = written(sentences, folder)
    lines = [line.split("\t")[1].split(" ", 1)[1] for line in Path(path).read_text("utf-8").split("\n")[:-1]]
    places = [re.findall("[0-9]+", line) for line in lines]
    assert spans(path) == [(int(first), int(last), "PER") for first, *_, last in places]


# ---------------------------------------------------------------- what annotators make


def test_other_annotations_are_not_names(tmp_path: Path) -> None:
    others = (
        "R1\tLives Arg1:T1 Arg2:T2\t\nT3\tMove 9 12\tbur\nE1\tMove:T3 Who:T1\nA1\tSure T1\nM1\tNo T2\n"
        "N1\tReference T1 Wiki:1\tKari\n#1\tAnnotatorNotes T1\tæ\n*\tEquiv T1 T2\n\n"
    )
    assert spans(pair(tmp_path, T2 + others + T1)) == [(0, 8, "PER"), (15, 19, "LOC")]


def test_an_empty_file_says_that_there_are_no_names(tmp_path: Path) -> None:
    sentences = list(read(pair(tmp_path, "")))
    assert [each.labels for each in sentences] == [["O"] * len(each) for each in sentences]
    assert {(each.document, Path(each.path).name) for each in sentences} == {("a", "a.txt")}
    assert list(read(pair(tmp_path, "", ""))) == []


def test_a_correction_in_brat_comes_back(tmp_path: Path) -> None:
    path = pair(tmp_path, T1 + T2)
    Path(path).write_text(T1.replace("PER", "ORG"), "utf-8")
    assert spans(path) == [(0, 8, "ORG")]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("T1\tPER 0 4;5 8\tKari Moe\n", [(0, 8, "PER")]),
        ("T1\tPER 21 22\t😀\n", [(21, 22, "PER")]),
        ("T1\tPER 33 37;38 40\tKari Og\n", [(33, 40, "PER")]),  # two sentences become one
        ("T1\tPER 0 8\n", [(0, 8, "PER")]),
    ],
)
def test_pieces_without_a_word_between_are_one_name(line: str, found: object, tmp_path: Path) -> None:
    assert spans(pair(tmp_path, line)) == found


@pytest.mark.parametrize(
    "text", ["\ufeffAv\r\nKari sov.\r\n", "Av\r\nKari sov.\r\n", "\ufeffAv\nKari sov.\n"]
)
def test_offsets_may_count_marks_and_line_ends_or_not(text: str, tmp_path: Path) -> None:
    for counted in (text, text.removeprefix("\ufeff"), re.sub("\r\n", "\n", text.removeprefix("\ufeff"))):
        start = counted.index("Kari")
        path = pair(tmp_path, f"T1\tPER {start} {start + 4}\tKari\r\n", text)
        sentences = list(read(path))
        read_spans(sentences)
        assert [span.text for each in sentences for span in each.spans] == ["Kari"]


def test_decomposed_letters_and_another_encoding_are_read(tmp_path: Path) -> None:
    assert spans(pair(tmp_path, "T1\tPER 0 4\tA\u030ase\n", "A\u030ase sov.")) == [(0, 4, "PER")]
    path = pair(tmp_path, "")
    Path(path).write_bytes("T1\tPER 0 3\tÅse\n".encode("cp1252"))
    (tmp_path / "a.txt").write_bytes("Åse sov.".encode("cp1252"))
    assert spans(path, FormatOptions(input_encoding="cp1252")) == [(0, 3, "PER")]


FAULTS = {
    "past the end": ("T9\tPER 0 999\tKari\n", "T9"),
    "backwards": ("T9\tPER 8 0\tKari\n", "T9"),
    "another text": ("T9\tPER 0 8\tOla Moe\n", "Ola Moe"),
    "inside a token": ("T9\tPER 0 3\tKar\n", "token"),
    "nested": ("T1\tORG 0 4\tKari\nT9\tPER 0 8\tKari Moe\n", "overlap"),
    "words between": ("T9\tPER 0 4;15 19\tKari Oslo\n", "pieces"),
    "a type with a blank": ("T9\tA B 0 8\tKari Moe\n", "A B"),
    "no type": ("T9\t0 8\tKari Moe\n", "T1"),
    "no offsets": ("T9\tPER\tKari\n", "T1"),
    "JSON": ('{"text": "Kari"}\n', "T1"),
    "huge": (f"T9\tPER 0 {'9' * 5000}\tKari\n", "T1"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_names_its_line(name: str, tmp_path: Path) -> None:
    content, word = FAULTS[name]
    path = pair(tmp_path, T2 + content)
    with pytest.raises(InputError) as caught:
        list(read(path))
    assert (caught.value.path, caught.value.line) == (path, 1 + content.count("\n"))
    assert word in caught.value.message
    assert len(caught.value.message) < 160


def test_annotations_without_their_text_are_an_error(tmp_path: Path, cli: Cli) -> None:
    path = pair(tmp_path, T1)
    (tmp_path / "a.txt").unlink()
    with pytest.raises(InputError, match=r"a\.txt"):
        list(read(path))
    assert cli("tag", path).status == 2
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    assert spans(path) == [(0, 8, "PER")]


def test_white_space_at_a_names_ends_is_left_off(tmp_path: Path) -> None:
    with pytest.warns(InputWarning, match="line 1: T1"):
        assert spans(pair(tmp_path, "T1\tPER 0 9\tKari Moe \n")) == [(0, 8, "PER")]


# ---------------------------------------------------------------- folders and commands


def test_a_folder_is_all_its_pairs(tmp_path: Path) -> None:
    pair(tmp_path / "b", T2, name="x")
    pair(tmp_path, T1)
    (tmp_path / "annotation.conf").write_text("[entities]\nPER\n")
    assert format_of(tmp_path).name == "brat"
    assert spans(tmp_path) == [(0, 8, "PER"), (15, 19, "LOC")]
    (tmp_path / "b" / "y.txt").write_text("Ola sov.\n")
    with pytest.warns(InputWarning, match=r"y\.txt: 1 text has no \.ann"):
        spans(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="folder"):
        read(tmp_path / "empty")


def test_training_data_has_another_checksum_if_the_text_changes(tmp_path: Path) -> None:
    file = LabelSet.named("file")
    before = read_labelled([pair(tmp_path, T1)], file).files[0].sha256
    after = read_labelled([pair(tmp_path, T1, TEXT + "Ja.")], file).files[0].sha256
    assert before != after
    assert [Path(each).name for each in contents_of([tmp_path])] == ["a.ann", "a.txt"]


def test_the_commands_take_a_pair_and_a_folder(tmp_path: Path, cli: Cli) -> None:
    path = pair(tmp_path / "in", T1 + T2)
    pair(tmp_path / "in", T1 + "T9\tPER 0 3\tKar\n", name="bad")
    checked = cli("data", "check", tmp_path / "in", "--json")
    places = [place for each in json.loads(checked.out)["findings"] for place in each["places"]]
    assert checked.status == 1
    assert any(place["file"].endswith("bad.ann") and place["line"] == 2 for place in places), places
    stats = cli("data", "stats", path, "--json")
    assert (stats.status, b'"LOC"' in stats.out) == (0, True)
    both = cli("evaluate", "--gold", path, "--predicted", path, "--json")
    assert both.status == 0, both.err


def test_tag_tags_the_text_of_annotations(tmp_path: Path, cli: Cli) -> None:
    model = Path(__file__).parent.parent / "models" / "version-0.1.0"
    path = pair(tmp_path / "in", "T1\tX 0 8\tKari Moe\n")
    results = [
        cli("tag", "--model", model, each).out for each in (path, tmp_path / "in" / "a.txt", tmp_path / "in")
    ]
    assert results[0] == results[1] == results[2]
    output = tmp_path / "out.ann"
    assert cli("tag", "--model", model, path, "-o", output).status == 0
    assert (tmp_path / "out.txt").read_text("utf-8") == TEXT
    assert "\tX " not in output.read_text("utf-8")
    assert cli("tag", "--model", model, path, "-o", path).status == 2  # its text is an input
    assert cli("tag", "--model", model, "--format", "brat", path).status == 2


@pytest.mark.slow
def test_a_model_is_trained_on_a_folder(tmp_path: Path, cli: Cli) -> None:
    sentences = [each for each in read(SAMPLE[0]) if each.tokens]
    read_spans(sentences)
    written(sentences, tmp_path / "in")
    options = ("--set", "epochs=1", "--embeddings", "none", "--labels", "file")
    done = cli(
        "train", "--train", tmp_path / "in", "--dev", tmp_path / "in", "--output", tmp_path / "run", *options
    )
    assert done.status == 0, done.err


def test_brat_is_not_read_from_a_stream() -> None:
    with pytest.raises(InputError, match="stream"):
        list(read("-", "brat"))
    assert "brat" not in FORMATS


def test_two_byte_order_marks_are_not_part_of_the_text(tmp_path: Path) -> None:
    assert spans(pair(tmp_path, "T1\tPER 0 4\tKari\n", "\ufeff\ufeffKari sov.\n")) == [(0, 4, "PER")]
