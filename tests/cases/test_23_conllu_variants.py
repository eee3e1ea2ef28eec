"""CoNLL-U as others write it: read with a line that says what was assumed, or refused with what to do."""

import dataclasses
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from bilstm_crf.corpus.labelled import read_gold
from bilstm_crf.errors import InputError, InputWarning
from bilstm_crf.formats import FormatOptions, conllu
from bilstm_crf.labels import read_spans
from bilstm_crf.sentence import Sentence, TokenSpan
from done import Done

MOE = [("Kari", "B-PER"), ("Moe", "I-PER"), ("sov", "O")]


def row(number: int, word: str, misc: str) -> str:
    return f"{number}\t{word}" + "\t_" * 7 + f"\t{misc}\n"


def sentence(misc: str, words: list[tuple[str, str]] = MOE) -> str:
    """One sentence; `@` in `misc` stands for the label of a word."""
    return "".join(row(i, word, misc.replace("@", label)) for i, (word, label) in enumerate(words, 1)) + "\n"


def read(text: str, **options: str) -> list[Sentence]:
    return list(conllu.read(BytesIO(text.encode()), "a.conllu", FormatOptions(**options)))


@pytest.mark.parametrize(
    "misc",
    [
        "@",
        "SpaceAfter=No|@",
        "@|SpaceAfter=No",
        "SpaceAfter=No name=@",
        "name=@ SpaceAfter=No",
        "SpaceAfter=No name=@ Gloss=x",
        "SpaceAfter=No @",
        "Gloss=a|SpaceAfter=No name=@",
    ],
)
def test_labels_are_read_and_replaced_where_they_stand(misc: str) -> None:
    with pytest.warns(InputWarning, match="a.conllu, line 1: ") as said:
        found = read(sentence(misc) * 2)
    assert len(said) == 1
    read_spans(found)
    assert [each.token_spans for each in found] == [[TokenSpan(0, 2, "PER")]] * 2
    for each in found:
        each.token_spans = [TokenSpan(2, 3, "ORG")]
    tagged = b"".join(map(conllu.render, found)).decode()
    others = [("Kari", "name=O"), ("Moe", "name=O"), ("sov", "name=B-ORG")]
    assert tagged == sentence(misc.replace("name=@", "@"), others) * 2
    (again, _) = read_quietly(tagged)
    assert again.labels == ["O", "O", "B-ORG"]


@pytest.mark.filterwarnings("ignore::bilstm_crf.errors.InputWarning")
def read_quietly(text: str) -> list[Sentence]:
    return list(conllu.read(BytesIO(text.encode()), "a.conllu", FormatOptions(first_line=2)))


def test_bytes_come_back_where_nothing_is_tagged() -> None:
    text = (
        sentence("@") + " \t\n" + sentence("SpaceAfter=No name=@") + row(1, "Ola", "name=B-PER").rstrip("\n")
    )
    with pytest.warns(InputWarning):
        found = read(text)
    assert b"".join(map(conllu.render, found)) == text.encode()


@pytest.mark.parametrize("misc", ["I-95", "Gloss=x|S-2", "O"])
def test_what_looks_like_a_label_on_one_word_only_is_kept(misc: str) -> None:
    """A label alone counts only where every word of the sentence has one: else it is something else."""
    text = row(1, "Kari", "SpaceAfter=No") + row(2, "Moe", misc) + "\n"
    (found,) = read(text)
    assert found.labels is None
    found.token_spans = [TokenSpan(0, 2, "PER")]
    rows = conllu.render(found).decode().splitlines()
    assert rows[1].endswith(f"\t{misc}|name=I-PER")


@pytest.mark.parametrize(
    "misc", ["Gloss=a name", "Gloss=the name=x of", "Lit=go to|name=@", "name=@|Gloss=a b"]
)
def test_blanks_in_other_values_are_no_separators(misc: str) -> None:
    (found,) = read(sentence(misc))
    assert found.labels == (["B-PER", "I-PER", "O"] if "@" in misc else None)


@pytest.mark.parametrize("blanks", [" ", "\t", " \t  ", "\f"])
def test_a_line_of_blanks_ends_a_sentence(blanks: str) -> None:
    text = row(1, "Kari", "name=B-PER") + blanks + "\n" + row(1, "Ola", "name=B-PER") + blanks + "\n"
    with pytest.warns(InputWarning, match="line 2: a line of blanks") as said:
        found = read(text)
    assert len(said) == 1
    assert [each.tokens for each in found if each.tokens] == [["Kari"], ["Ola"]]
    assert b"".join(map(conllu.render, found)) == text.encode()


@pytest.mark.parametrize(
    ("text", "line", "word", "advice"),
    [
        (sentence("NER=@|name=Kari"), 1, "name=Kari", "--misc-key NER"),
        (sentence("name=PERSON|Entity=@"), 1, "name=PERSON", "--misc-key Entity"),
        ("# sent_id = 1\n1 Kari _ _ _ _ _ _ _ name=B-PER\n", 2, "blanks", "tr -s"),
        ("1\tKari\tB-PER\n2\tsov\tO\n", 1, "3 columns", "--format conll2003"),
        ("Kari\tB-PER\n", 1, "2 columns", "--format conll2003"),
    ],
)
def test_what_cannot_be_read_says_what_it_is_and_what_to_do(
    text: str, line: int, word: str, advice: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(text)
    assert caught.value.line == line
    assert word in str(caught.value)
    assert advice in (caught.value.hint or "")


@pytest.mark.parametrize("key", ["Name", "NER", "Tag", "ne"])
def test_another_key_is_named_where_labels_are_missing(tmp_path: Path, key: str) -> None:
    path = tmp_path / "a.conllu"
    path.write_text(sentence(f"SpaceAfter=No|{key}=@"), "utf-8")
    with pytest.raises(InputError, match="line 1") as caught:
        read_gold(path, None, FormatOptions())
    assert f"--misc-key {key}" in (caught.value.hint or "")
    sentences, _ = read_gold(path, None, FormatOptions(misc_key=key))
    assert sentences[0].token_spans == [TokenSpan(0, 2, "PER")]


def test_statistics_say_that_labels_are_elsewhere(tmp_path: Path, cli: Callable[..., Done]) -> None:
    path = tmp_path / "a.conllu"
    path.write_text(sentence("NER=@") + sentence("NER=@"), "utf-8")
    done = cli("data", "stats", path, "--json")
    assert "line 1: 2 of 2 sentences have no labels" in done.err
    assert "--misc-key NER" in done.err
    done = cli("data", "stats", path, "--misc-key", "NER", "--json")
    assert json.loads(done.out)["files"][str(path)]["entities"]["total"] == 2
    assert "no labels" not in done.err


def test_options_that_do_nothing_for_statistics_are_refused(tmp_path: Path, cli: Callable[..., Done]) -> None:
    path = tmp_path / "a.conllu"
    path.write_text(sentence("name=@"), "utf-8")
    for arguments in ([path, "--language", "nob"], ["--misc-key", "ner"], ["--repair", "discard"]):
        done = cli("data", "stats", *arguments)
        assert done.status == 2
        assert "does nothing" in done.err


def test_a_file_in_pieces_is_warned_of_once() -> None:
    piece = dataclasses.replace(FormatOptions(), first_line=100)
    assert [each.labels for each in conllu.read(BytesIO(sentence("@").encode()), "a.conllu", piece)] == [
        ["B-PER", "I-PER", "O"]
    ]


def test_the_same_sent_id_twice_is_two_sentences() -> None:
    text = ("# sent_id = 1\n" + sentence("name=@")) * 2
    assert [(each.id, each.labels) for each in read(text)] == [("1", ["B-PER", "I-PER", "O"])] * 2


def test_what_is_no_label_is_not_overwritten() -> None:
    content = "1\tKari" + "\t_" * 7 + "\tname=Kari\n\n"
    (sentence,) = conllu.read(BytesIO(content.encode()), "a.conllu")
    sentence.token_spans = [TokenSpan(0, 1, "PER")]
    with pytest.raises(InputError, match="Kari") as caught:
        conllu.render(sentence)
    assert (caught.value.line, "--misc-key" in (caught.value.hint or "")) == (1, True)
    assert b"name=Kari|ner=B-PER" in conllu.render(sentence, FormatOptions(misc_key="ner"))


def test_a_label_whose_type_the_model_lacks_is_replaced_with_one_warning() -> None:
    content = (sentence("name=@") + sentence("name=@")).replace("PER", "PERSON")
    options = FormatOptions(known_types=frozenset({"PER"}))
    with pytest.warns(InputWarning, match=r"a\.conllu, line 1: B-PERSON is replaced.*--misc-key") as said:
        list(conllu.read(BytesIO(content.encode()), "a.conllu", options))
    assert len(said) == 1
