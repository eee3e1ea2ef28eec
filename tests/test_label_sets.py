"""Label sets: the paper's, CoNLL-2003's and a file of one's own."""

from pathlib import Path

import pytest

from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.labels import NORNE_TYPES, LabelSet
from bilstm_crf.sentence import Sentence, TokenSpan

ALL = (*NORNE_TYPES, "MISC")


def mapped(label_set: LabelSet, types: tuple[str, ...] = ALL) -> list[str]:
    """What becomes of each type; `O` where its span is dropped."""
    spans = [TokenSpan(place, place + 1, type_) for place, type_ in enumerate(types)]
    kept = {span.start: span.type for span in label_set.map(Sentence([], token_spans=spans))}
    return [kept.get(place, "O") for place in range(len(types))]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("full", "PER ORG GPE_LOC PROD LOC GPE_ORG DRV EVT O"),
        ("7", "PER ORG GPE PROD LOC GPE DRV EVT O"),
        ("6", "PER ORG LOC PROD LOC ORG DRV EVT O"),
        ("4", "PER ORG LOC MISC LOC ORG MISC MISC MISC"),
        ("file", "PER ORG GPE_LOC PROD LOC GPE_ORG DRV EVT MISC"),
    ],
)
def test_the_sets_are_the_papers(name: str, expected: str) -> None:
    """NorNE paper, section 5.2; `4` as the issue has it."""
    assert mapped(LabelSet.named(name)) == expected.split()


@pytest.mark.parametrize("name", ["full", "7", "6", "4", "file"])
def test_misc_stays_where_it_is_to_be_kept(name: str) -> None:
    with_misc = LabelSet.named(name, keep_misc=True)
    assert mapped(with_misc)[-1] == "MISC"
    assert mapped(with_misc)[:-1] == mapped(LabelSet.named(name))[:-1]


@pytest.mark.parametrize(("name", "count"), [("full", 8), ("7", 7), ("6", 6), ("4", 4)])
def test_a_set_has_as_many_types_as_its_name_says(name: str, count: int) -> None:
    assert len(set(mapped(LabelSet.named(name))) - {"O"}) == count


def test_mapping_moves_no_span_and_merges_no_neighbours() -> None:
    spans = [
        TokenSpan(0, 2, "GPE_LOC"),
        TokenSpan(2, 3, "GPE_ORG"),
        TokenSpan(4, 5, "MISC"),
        TokenSpan(5, 6, "PER"),
    ]
    got = LabelSet.named("7").map(Sentence([], token_spans=spans))
    assert got == [TokenSpan(0, 2, "GPE"), TokenSpan(2, 3, "GPE"), TokenSpan(5, 6, "PER")]


def test_a_sentence_whose_spans_are_not_known_has_none() -> None:
    assert LabelSet.named("full").map(Sentence(["a"])) == []


@pytest.mark.parametrize("given", ["ful", "fulll", "Full"])
def test_a_near_miss_is_recognised(given: str) -> None:
    with pytest.raises(UsageError, match=r"Did you mean full\?") as caught:
        LabelSet.named(given)
    assert "full 7 6 4 file" in (caught.value.hint or "")


@pytest.mark.parametrize("given", ["", "8", "types.yaml", "full ", "zz\0"])
def test_an_unknown_set_is_a_usage_error(given: str) -> None:
    with pytest.raises(UsageError, match="not a known label set"):
        LabelSet.named(given)


def test_an_unknown_type_is_named_with_its_place_and_a_guess() -> None:
    sentence = Sentence(
        ["a", "b"], token_spans=[TokenSpan(1, 2, "PERS")], path="a.conllu", line=3, lines=[4, 5]
    )
    with pytest.raises(InputError, match=r"^a\.conllu, line 5: .*PERS.*full.*Did you mean PER\?") as caught:
        LabelSet.named("full").map(sentence)
    assert "--labels file" in (caught.value.hint or "")
    assert LabelSet.named("file").map(sentence) == [TokenSpan(1, 2, "PERS")]


def toml(folder: Path, content: str | bytes) -> LabelSet:
    path = folder / "mine.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return LabelSet.named(str(path))


def test_a_toml_file_maps_types_as_it_says(tmp_path: Path) -> None:
    label_set = toml(tmp_path, '[types]\nPER = "PERSON"\nGPE_LOC = "STED"\nDRV = "O"\n"A-B" = "PERSON"\n')
    assert label_set.name == "mine"
    assert mapped(label_set, ("PER", "GPE_LOC", "DRV", "A-B")) == ["PERSON", "STED", "O", "PERSON"]
    with pytest.raises(InputError, match="entity type ORG is not in the label set mine"):
        mapped(label_set, ("ORG",))


def test_a_toml_file_may_name_its_set(tmp_path: Path) -> None:
    assert toml(tmp_path, 'name = "avis"\n[types]\nPER = "PER"\n').name == "avis"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[types",
        "types = 3",
        'types = ["PER"]',
        "[types]\nPER = 1\n",
        "[types]\nPER = {a = 'b'}\n",
        "[type]\nPER = 'PER'\n",
        b"[types]\nPER = '\xff'\n",
        "\0",
        "[types]\nPER = 'A'\nPER = 'B'\n",
        "[types]\nPER = ''\n",
        "[types]\nPER = 'a person'\n",
        '[types]\nPER = "A\\nB"\n',
        "[types]\nPER = 'A|B'\n",
    ],
)
def test_a_bad_toml_file_is_an_input_error_that_names_it(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises(InputError, match=r"mine\.toml(, line \d+)?: "):
        toml(tmp_path, content)


@pytest.mark.parametrize("name", ["full", "4", "file", "a|b"])
def test_a_toml_file_cannot_take_the_name_of_another_set(tmp_path: Path, name: str) -> None:
    """The name stands in the signature, between bars: two sets of one name would look comparable."""
    with pytest.raises(InputError, match=r"mine\.toml: .*called"):
        toml(tmp_path, f'name = "{name}"\n[types]\nPER = "A"\n')


def test_an_unknown_key_of_a_toml_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'nme'.*Did you mean name"):
        toml(tmp_path, 'nme = "mine"\n[types]\nPER = "A"\n')


def test_a_toml_file_that_is_absent_or_a_folder_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    for name in ("absent.toml", "folder.toml"):
        with pytest.raises(InputError, match=name):
            LabelSet.named(str(tmp_path / name))
