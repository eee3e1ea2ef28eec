"""CoNLL-U: every byte comes back, the label alone changes, and the words are those another parser sees."""

import re
from io import BytesIO
from pathlib import Path

import conllu as oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.formats import FormatOptions, conllu
from bilstm_crf.labels import ENCODINGS, read_spans
from bilstm_crf.sentence import Sentence, TokenSpan

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = FormatOptions()


def row(id_: object, form: str, misc: str = "_") -> str:
    return f"{id_}\t{form}" + "\t_" * 7 + f"\t{misc}\n"


def read(content: str | bytes, options: FormatOptions = OPTIONS) -> list[Sentence]:
    data = content.encode() if isinstance(content, str) else content
    return list(conllu.read(BytesIO(data), "test.conllu", options))


def rendered(sentences: list[Sentence], options: FormatOptions = OPTIONS) -> bytes:
    return b"".join(conllu.render(sentence, options) for sentence in sentences)


def without_names(data: bytes) -> bytes:
    """Each `name=…` taken out of the last column of each word's line, by a rule of its own."""
    lines = []
    for line in data.split(b"\n"):
        columns = line.split(b"\t")
        if len(columns) == 10 and columns[0].removeprefix(b"\xef\xbb\xbf").isdigit():
            end = b"\r" if line.endswith(b"\r") else b""
            parts = columns[9].removesuffix(b"\r").split(b"|")
            columns[9] = (b"|".join(p for p in parts if not p.startswith(b"name=")) or b"_") + end
        lines.append(b"\t".join(columns))
    return b"\n".join(lines)


# ---------------------------------------------------------------- random files

# Everything a line of UTF-8 may hold, with the signs that trip programs up made likely.
CHARACTERS = st.one_of(
    st.sampled_from("aåø#=|_-. \u00a0\u2028\u0085\u000b\u001c\ufeff\u0301e\u200d😀"),
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\t\n\r\0"),
)
FORMS = st.text(CHARACTERS, min_size=1, max_size=6).filter(lambda form: form.strip(" "))
TYPES = st.sampled_from(["PER", "GPE_LOC", "Ært"])
LABELS = st.one_of(st.just("O"), st.builds("{}-{}".format, st.sampled_from("BI"), TYPES))
OTHERS = st.lists(
    st.sampled_from(["SpaceAfter=No", "a=b=c", "surname=X", "x", "NAME=y"]), max_size=2, unique=True
)
COMMENTS = st.text(st.one_of(CHARACTERS, st.just("\t")), max_size=8).map("#{}".format)


@st.composite
def blocks(draw: st.DrawFn) -> tuple[list[str], list[str], list[str] | None]:
    """The lines of a sentence, its words and its labels."""
    words = draw(st.lists(FORMS, max_size=5))
    labelled = draw(st.booleans()) and bool(words)
    labels = [draw(LABELS) for _ in words]
    lines = draw(st.lists(COMMENTS, max_size=2))
    covered = 0
    for position, (word, label) in enumerate(zip(words, labels, strict=True)):
        if position == 0 and draw(st.booleans()):
            lines.append(row("0.1", "tom", "name=B-PER")[:-1])
        if position >= covered and draw(st.integers(0, 3)) == 0:
            covered = draw(st.integers(position + 1, len(words)))
            lines.append(row(f"{position + 1}-{covered}", draw(FORMS), "name=I-X")[:-1])
        others = draw(OTHERS)
        if labelled:
            others.insert(draw(st.integers(0, len(others))), f"name={label}")
        lines.append(row(position + 1, word, "|".join(others) or "_")[:-1])
        if draw(st.integers(0, 4)) == 0:
            lines.append(row(f"{position + 1}.1", "tom")[:-1])
    return lines, words, labels if labelled else None


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, list[list[str]], list[list[str] | None]]:
    parts = draw(st.lists(blocks(), max_size=4))
    ends = st.just("\n") if draw(st.booleans()) else st.sampled_from(["\n", "\r\n"])
    text = ""
    for lines, _, _ in parts:
        for line in [*lines, *[""] * draw(st.integers(1, 3))]:
            text += line + draw(ends)
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    data = draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode()
    kept = [(words, labels) for _, words, labels in parts if words]
    return data, [words for words, _ in kept], [labels for _, labels in kept]


@given(files())
def test_a_random_file_comes_back_with_its_words_and_labels_read(file) -> None:
    data, words, labels = file
    sentences = read(data)
    assert rendered(sentences) == data
    assert [s.tokens for s in sentences if s.tokens] == words
    assert [s.labels for s in sentences if s.tokens] == labels


@given(files(), st.randoms())
def test_new_spans_change_nothing_but_the_names(file, random) -> None:
    data, words, _ = file
    sentences = read(data)
    for sentence in sentences:
        n = len(sentence)
        start = random.randrange(n) if n else 0
        sentence.token_spans = [TokenSpan(start, random.randint(start + 1, n), "EVT")] if n else []
    tagged = rendered(sentences)
    assert without_names(tagged) == without_names(data)
    again = [sentence for sentence in read(tagged) if sentence.tokens]
    read_spans(again)
    assert [s.tokens for s in again] == words
    assert [s.token_spans for s in again] == [s.token_spans for s in sentences if s.tokens]


# ---------------------------------------------------------------- single traps


@pytest.mark.parametrize(
    ("misc", "expected"),
    [
        ("_", "name=B-PER"),
        ("SpaceAfter=No", "SpaceAfter=No|name=B-PER"),
        ("name=O", "name=B-PER"),
        ("SpaceAfter=No|name=O", "SpaceAfter=No|name=B-PER"),
        ("name=O|SpaceAfter=No", "name=B-PER|SpaceAfter=No"),
        ("a=1|name=I-X|b", "a=1|name=B-PER|b"),
        ("surname=O|Name=O", "surname=O|Name=O|name=B-PER"),
    ],
)
def test_the_label_is_replaced_where_it_stands_in_misc(misc: str, expected: str) -> None:
    sentences = read(row(1, "Kari", misc) + "\n")
    sentences[0].token_spans = [TokenSpan(0, 1, "PER")]
    assert rendered(sentences).decode() == row(1, "Kari", expected) + "\n"


def test_another_key_leaves_name_alone() -> None:
    options = FormatOptions(misc_key="ner")
    sentences = read(row(1, "Kari", "name=O|ner=B-X") + "\n", options)
    assert sentences[0].labels == ["B-X"]
    sentences[0].token_spans = [TokenSpan(0, 1, "PER")]
    assert rendered(sentences, options).decode() == row(1, "Kari", "name=O|ner=B-PER") + "\n"


def test_comments_multiword_tokens_and_empty_nodes_are_kept_and_never_tagged() -> None:
    content = (
        "# sent_id =  000001\n# text = da ned\n# a\tb\tc\n"
        + row("0.1", "x", "name=B-PER") + row("1-2", "da", "name=B-PER")
        + row(1, "d'", "name=O") + row(2, "a", "name=O") + row("2.1", "y") + row("2.2", "z")
        + row(3, "ned", "name=O") + "\n"
    )  # fmt: skip
    (sentence,) = read(content)
    assert (sentence.id, sentence.tokens) == ("000001", ["d'", "a", "ned"])
    assert sentence.lines == [6, 7, 10]
    sentence.token_spans = [TokenSpan(1, 3, "ORG")]
    expected = content.replace(row(2, "a", "name=O"), row(2, "a", "name=B-ORG"))
    expected = expected.replace(row(3, "ned", "name=O"), row(3, "ned", "name=I-ORG"))
    assert rendered([sentence]).decode() == expected
    # The words of a multi-word token stand where its surface form stands.
    assert (sentence.text, sentence.offsets) == ("da ned", [(0, 2), (0, 2), (3, 6)])


def test_a_token_may_be_a_number_sign_and_hold_no_break_spaces_or_decomposed_letters() -> None:
    words = ["#", "10\u00a0000", "\u00a0", "a\u030a", "x y", "a\u2028b"]
    content = "".join(row(i, word) for i, word in enumerate(words, 1))
    assert read(content)[0].tokens == words


def test_documents_are_named_by_newdoc_or_counted() -> None:
    one = row(1, "x") + "\n"
    content = (
        one + "# newdoc id = avis 1\n# newpar\n" + one + one + "# newdoc\n" + one + "# newdoc_x = 3\n" + one
    )
    assert [s.document for s in read(content)] == [None, "avis 1", "avis 1", "2", "2"]


@pytest.mark.parametrize("content", ["", "\n", "\n\n\r\n", "# bare en kommentar", "# a\n\n# b\n\n", "\ufeff"])
def test_a_file_without_tokens_comes_back(content: str) -> None:
    sentences = read(content)
    assert not any(s.tokens for s in sentences)
    for sentence in sentences:
        sentence.token_spans = []
    assert rendered(sentences).decode() == content
    assert read(content, FormatOptions(keep_raw=False)) == []


def test_a_sentence_without_labels_is_unlabelled_beside_one_that_has_them() -> None:
    sentences = read(row(1, "a") + "\n" + row(1, "b", "name=O") + "\n")
    assert [s.labels for s in sentences] == [None, ["O"]]


def test_a_sentence_of_ten_thousand_tokens_comes_back_whole() -> None:
    content = "".join(row(i, f"ord{i}", "name=O") for i in range(1, 10_001)) + "\n"
    (sentence,) = read(content)
    sentence.token_spans = [TokenSpan(0, 10_000, "PROD")]
    tagged = rendered([sentence])
    assert tagged.count(b"name=I-PROD") == 9_999
    assert without_names(tagged) == without_names(content.encode())


def test_composing_marks_words_that_touch_and_is_read_by_another_parser() -> None:
    sentence = Sentence(["Oslo", "!"], token_spans=[TokenSpan(0, 1, "GPE_LOC")], text="Oslo!", id="7")
    (parsed,) = oracle.parse(conllu.compose(sentence).decode())
    assert parsed.metadata == {"sent_id": "7", "text": "Oslo!"}
    assert [token["misc"] for token in parsed] == [{"SpaceAfter": "No", "name": "B-GPE_LOC"}, {"name": "O"}]


# ---------------------------------------------------------------- real files


def real_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.conllu"))


def check_against_the_conllu_package(path: Path) -> None:
    with open(path, encoding="utf-8") as stream:
        expected = [
            (
                sentence.metadata.get("sent_id"),
                [t["form"] for t in sentence if isinstance(t["id"], int)],
                [(t["misc"] or {}).get("name") for t in sentence if isinstance(t["id"], int)],
            )
            for sentence in oracle.parse_incr(stream)
        ]
    ours = [(s.id, s.tokens, s.labels) for s in read(path.read_bytes()) if s.tokens]
    assert ours == expected


def test_the_dev_file_reads_as_the_conllu_package_reads_it(shared: Path) -> None:
    check_against_the_conllu_package(shared / "norne/nob/no_bokmaal-ud-dev.conllu")


def test_the_sample_reads_as_the_conllu_package_reads_it() -> None:
    paths = real_files(ROOT / "data/sample")
    if not paths:
        pytest.skip("data/sample holds no file yet")
    for path in paths:
        check_against_the_conllu_package(path)


def test_norne_comes_back_byte_for_byte_from_its_own_spans(shared: Path) -> None:
    for path in real_files(shared / "norne"):
        data = path.read_bytes()
        sentences = read(data)
        assert read_spans(sentences) == "IOB2"
        assert rendered(sentences) == data


def test_norne_stripped_of_its_names_gets_them_back(shared: Path) -> None:
    data = (shared / "norne/nno/no_nynorsk-ud-dev.conllu").read_bytes()
    gold = read(data)
    read_spans(gold)
    stripped = read(re.sub(rb"\t(SpaceAfter=No)?\|?name=[^\n]*", lambda m: b"\t" + (m[1] or b"_"), data))
    assert all(sentence.labels is None for sentence in stripped)
    for sentence, like in zip(stripped, gold, strict=True):
        sentence.token_spans = like.token_spans
    assert rendered(stripped) == data


def test_labels_written_are_iob2_whatever_was_read() -> None:
    sentences = read(
        row(1, "Kari", "name=B-PER") + row(2, "N", "name=E-PER") + row(3, "O", "name=S-ORG") + "\n"
    )
    assert read_spans(sentences) == "IOBES"
    again = read(rendered(sentences))
    assert again[0].labels == ENCODINGS["iob"].encode(sentences[0].token_spans or [], 3)


def test_without_a_text_the_words_are_joined_where_they_touch() -> None:
    rows = [("Hei", "SpaceAfter=No"), (",", "_"), ("Kari", "A=b|SpaceAfter=No"), ("!", "SpaceAfter=No")]
    lines = [f"{number}\t{word}" + "\t_" * 7 + f"\t{misc}\n" for number, (word, misc) in enumerate(rows, 1)]
    content = "".join(lines)
    (sentence,) = conllu.read(BytesIO(content.encode()), "a.conllu")
    assert sentence.text == "Hei, Kari!"
    assert sentence.located()[1] == [(0, 3), (3, 4), (5, 9), (9, 10)]
    assert conllu.render(sentence) == content.encode()
    (plain,) = conllu.read(BytesIO(content.replace("SpaceAfter=No", "_").encode()), "a.conllu")
    assert plain.text is None
