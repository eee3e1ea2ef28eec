"""Case 09: an entity type that no CoNLL-U file can hold is refused where columns are read."""

from io import BytesIO

import pytest

from bilstm_crf.errors import InputError
from bilstm_crf.formats import FormatOptions
from bilstm_crf.formats.columns import read


@pytest.mark.parametrize("label", ["B-PER|ANIM", "B-GPE LOC", "B-GPE\u00a0LOC", "PER|ANIM", "B_A|B"])
@pytest.mark.parametrize("before", [0, 2000], ids=["in the first lines", "later"])
def test_the_type_is_refused_with_its_line(label: str, before: int) -> None:
    content = "Hei\tO\nKari\tB-PER\n\n" * before + f"Kari\tO\n\nMoe\t{label}\nsov\tO\n"
    with pytest.raises(InputError, match="entity type") as caught:
        list(read(BytesIO(content.encode()), "in.conll"))
    assert (caught.value.path, caught.value.line) == ("in.conll", 3 * before + 3)


def test_what_only_tags_passes_over_it() -> None:
    options = FormatOptions(known_types=frozenset({"PER"}))
    content = "Kari\tB-PER|ANIM\nsov\tO\n"
    assert [s.tokens for s in read(BytesIO(content.encode()), "x", options)] == [["Kari", "sov"]]


@pytest.mark.parametrize(
    "last", ["PER PER O", "B_PER I_PER O", "b-per i-per o", "PER-B PER-I O", "B I O", "B-PER I-PER 0",
             "B-PER I-PER _", "? B-PER O"]
)  # fmt: skip
def test_a_last_column_of_odd_labels_is_handed_on(last: str) -> None:
    """Case 05: what they mean, or which is wrong, `read_spans` says; never that there are no labels."""
    cells = last.split(" ")
    content = "".join(
        f"{word}\tN\t{cell}\n" for word, cell in zip(["Kari", "Moe", "sov"], cells, strict=True)
    )
    (sentence,) = read(BytesIO(content.encode()), "x")
    assert sentence.labels == cells


@pytest.mark.parametrize(
    "last", ["NNP VB", "_ _", "- -", "PROPN VERB", "N V", "nsubj root", "0.5 1", "Sing _"]
)
def test_other_last_columns_are_no_labels(last: str) -> None:
    content = "".join(f"{w}\t{cell}\n" for w, cell in zip(["Kari", "sov"], last.split(" "), strict=True))
    (sentence,) = read(BytesIO(content.encode()), "x")
    assert sentence.labels is None
