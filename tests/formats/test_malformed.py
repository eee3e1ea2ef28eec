"""Ill-formed input: each fault is named with its file, its line, what stands there and what was expected."""

from io import BytesIO

import pytest

from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.formats import FORMATS, FormatOptions


def row(id_: object, form: str = "x", misc: str = "_") -> str:
    return f"{id_}\t{form}" + "\t_" * 7 + f"\t{misc}\n"


ONE = row(1) + "\n"

CONLLU = [
    ("9 columns", ONE + row(1) + "2\tOslo" + "\t_" * 7 + "\n", 4, "9 columns, expected 10 separated by tabs"),
    ("11 columns", row(1, misc="_\t_"), 1, "11 columns, expected 10"),
    ("blanks for tabs", "# x\n1 Oslo _ _ _ _ _ _ _ _\n", 2, "10 columns separated by blanks, expected tabs"),
    ("an id twice", row(1) + row(1), 2, "the id 1 is out of order, expected 2"),
    ("an id left out", row(1) + row(3), 2, "the id 3 is out of order, expected 2"),
    ("no blank line between sentences", row(1) + row(2) + row(1), 3, "the id 1 is out of order, expected 3"),
    ("an id from 0", row(0), 1, "the id 0 is out of order, expected 1"),
    ("an id that is no number", row("en"), 1, "the id 'en' is not that of the next word, expected 1"),
    ("an id with a leading nought", row("01"), 1, "the id 01 is out of order"),
    ("an id in other digits", row("١"), 1, "is not that of the next word"),
    ("no id", row(""), 1, "the id '' is not that of the next word"),
    ("a range that begins elsewhere", row(1) + row("3-4"), 2, "the id '3-4' is not that of the next word"),
    ("a range backwards", row(1) + row("2-1"), 2, "the id '2-1' is not that of the next word"),
    ("a range past the end", ONE + row("1-3") + row(1) + row(2), 3, "reaches past the last word, 2"),
    ("ranges that overlap", row("1-3") + row(1) + row("2-3"), 3, "overlaps the one before"),
    ("an endless number", row("1-" + "9" * 5000), 1, "is not that of the next word"),
    ("an empty node out of place", row(1) + row("2.1"), 2, "the id '2.1' is not that of the next word"),
    ("an empty node out of order", row(1) + row("1.2"), 2, "the id '1.2' is not that of the next word"),
    ("an empty FORM", row(1, ""), 1, "an empty FORM, expected a word"),
    ("a FORM of blanks", row(1, " "), 1, "an empty FORM"),
    ("bad UTF-8", (row(1) + row(2, "Ål")).encode("latin-1"), 2, "byte 0xC5 at position 3 is not UTF-8"),
    ("UTF-16", row(1).encode("utf-16-le"), 1, "a NUL character"),
    ("NUL", row(1) + row(2, "a\0b"), 2, "a NUL character, expected text"),
    ("a carriage return", row(1) + row(2, "a\rb"), 2, "a carriage return inside the line"),
    ("old Macintosh line ends", row(1).replace("\n", "\r"), 1, "a carriage return inside the line"),
    ("a line of no-break spaces", ONE + "\u00a0\n" + ONE, 3, "a line of white space, expected an empty line"),
    ("only some words labelled", row(1, "a", "name=O") + row(2), 2, "no name= in MISC"),
    ("two labels", row(1, "a", "name=O|name=B-X"), 1, "name= more than once in MISC"),
]

COLUMNS = [
    ("a column too few", "Kari NNP O\n\nOslo O\n", 3, "2 columns, expected 3 separated by blanks"),
    ("a column too many", "Kari\tO\nOslo\tx\tO\n", 2, "3 columns, expected 2 separated by tabs"),
    ("blanks for tabs", "New York\tO\nOslo O\nKari\tO\n", 2, "1 column, expected 2 separated by tabs"),
    ("no word", "Kari\tO\n\tO\n", 2, "no word, expected one in the first column"),
    ("bad UTF-8", "Kari O\n\nÅs O\n".encode("latin-1"), 3, "byte 0xC5 at position 1 is not UTF-8"),
    ("NUL", "Ka\0ri O\n", 1, "a NUL character"),
    ("a carriage return", "Kari O\rOslo O\n", 1, "a carriage return inside the line"),
]  # fmt: skip

TEXT = [
    ("bad UTF-8", "Hei\nPå Ås\n".encode("latin-1"), 2, "byte 0xE5 at position 2 is not UTF-8"),
    ("a binary file", b"Hei\n\x01\x00\x02", 2, "a NUL character"),
]

OK = '{"text": "a"}\n'


def entities(text: str, *found: str) -> str:
    return '{"text": "' + text + '", "entities": [' + ", ".join(found) + "]}"


NO_ENTITY = 'an entity is not {"start": number, "end": number, "label": "PER"}'
JSONL = [
    ("not JSON", OK + '{"text": "a"\n', 2, "not JSON: Expecting ',' delimiter at position 13"),
    ("two objects", '{"text": "a"} {}\n', 1, "not JSON: Extra data at position 15"),
    ("a list", OK + "\n[]\n", 3, "expected an object, found a list"),
    ("null", "null", 1, "expected an object, found null"),
    ("too deep", "[" * 100_000, 1, "nested too deeply"),
    ("neither text nor tokens", '{"txt": "a"}', 1, 'neither "text" nor "tokens"'),
    ("text that is a number", '{"text": 3}', 1, '"text" is a number, expected a string'),
    ("tokens that are a string", '{"tokens": "a b"}', 1, '"tokens" is not a list of strings'),
    ("an empty token", '{"tokens": ["a", ""]}', 1, '"tokens" is not a list of strings'),
    ("tokens of another text", '{"text": "a b", "tokens": ["a", "c"]}', 1, "are not the words of"),
    ("tokens that leave a word out", '{"text": "a b", "tokens": ["a"]}', 1, "are not the words of"),
    ("no list", '{"text": "a", "entities": {}}', 1, '"entities" is an object, expected a list'),
    ("an entity without an end", entities("a", '{"start": 0, "label": "X"}'), 1, NO_ENTITY),
    ("a truth value", entities("a", '{"start": false, "end": 1, "label": "X"}'), 1, NO_ENTITY),
    (
        "an empty label",
        entities("a", '{"start": 0, "end": 1, "label": ""}'),
        1,
        "is empty or has blanks or |",
    ),
    (
        "an entity inside a token",
        entities("Oslo", '{"start": 0, "end": 2, "label": "X"}'),
        1,
        "the entity 0 to 2, 'Os', does not begin and end with a token",
    ),
    ("an entity past the end", entities("Oslo", '{"start": 0, "end": 9, "label": "X"}'), 1, "entity 0 to 9"),
    ("an empty entity", entities("a b", '{"start": 2, "end": 1, "label": "X"}'), 1, "the entity 2 to 1"),
    (
        "entities that overlap",
        entities("a b", '{"start": 0, "end": 3, "label": "X"}', '{"start": 2, "end": 3, "label": "Y"}'),
        1,
        "two entities overlap at 'b'",
    ),
    ("half a surrogate pair", '{"text": "a\\ud800"}', 1, "half a surrogate pair"),
    ("half of one in a document's name", '{"text": "a", "document": "\\ud800"}', 1, "half a surrogate pair"),
    ("bad UTF-8", (OK + '{"text": "å"}').encode("latin-1"), 2, "byte 0xE5 at position 11 is not UTF-8"),
]

TABLE = [
    pytest.param(name, *fault[1:], id=f"{name}: {fault[0]}")
    for name, faults in (("conllu", CONLLU), ("conll2003", COLUMNS), ("text", TEXT), ("jsonl", JSONL))
    for fault in faults
]


@pytest.mark.parametrize(("name", "content", "line", "fragment"), TABLE)
def test_a_fault_is_named_with_its_line(name: str, content: str | bytes, line: int, fragment: str) -> None:
    data = content.encode() if isinstance(content, str) else content
    options = FormatOptions(tokenise="spaces")
    with pytest.raises(InputError) as caught:
        list(FORMATS[name].read(BytesIO(data), "folder/in.x", options))
    assert str(caught.value).startswith(f"folder/in.x, line {line}: ")
    assert fragment in str(caught.value)
    shown = data.split(b"\n")[line - 1].decode("utf-8", "backslashreplace").rstrip("\r")
    assert (caught.value.found or "").replace("\\0", "\0").replace("\\r", "\r") == shown


def test_sentences_before_the_fault_are_given() -> None:
    sentences = FORMATS["conllu"].read(BytesIO((ONE + ONE + "x\n").encode()), "x", FormatOptions())
    assert [next(sentences).line, next(sentences).line] == [1, 3]
    with pytest.raises(InputError):
        next(sentences)


def test_one_column_cannot_be_word_and_label() -> None:
    with pytest.raises(InputError, match="x, line 2: 1 column, expected a word and a label"):
        list(FORMATS["conll2003"].read(BytesIO(b"\nKari\n"), "x", FormatOptions(label_column="last")))


@pytest.mark.parametrize("key", ["", "a=b", "a|b", "a\tb"])
def test_a_key_that_misc_cannot_hold_is_a_usage_error(key: str) -> None:
    with pytest.raises(UsageError, match="cannot stand in MISC"):
        FormatOptions(misc_key=key)
