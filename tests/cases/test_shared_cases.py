"""Every input in shared/cases gives the result that its README asks for; skipped where there is none."""

from __future__ import annotations

import io
import json
import re
import runpy
import unicodedata
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bilstm_crf.corpus.labelled import read_gold
from bilstm_crf.errors import InputError, InputWarning
from bilstm_crf.formats import FORMATS, FormatOptions, read
from bilstm_crf.labels import Repair
from bilstm_crf.sentence import Sentence
from done import Done

pytestmark = pytest.mark.filterwarnings("ignore::bilstm_crf.errors.InputWarning")

Cli = Callable[..., Done]
Entities = list[tuple[str, str]]


@pytest.fixture
def case(shared: Path) -> Callable[[str], Path]:
    def path(name: str) -> Path:
        found = shared / "cases" / name
        if not found.exists():
            pytest.skip(f"shared/cases has no {name}")
        return found

    return path


@pytest.fixture
def tag(cli: Cli, tiny_model: Path) -> Cli:
    def call(*arguments: object, stdin: bytes = b"") -> Done:
        return cli("tag", "--model", tiny_model, "--threads", 1, *arguments, stdin=stdin)

    return call


def entities(sentences: list[Sentence]) -> Entities:
    return [
        (" ".join(sentence.tokens[span.start : span.end]), span.type)
        for sentence in sentences
        for span in sentence.token_spans or ()
    ]


def read_or_refused(read: Callable[[], Entities]) -> Entities | InputError:
    try:
        return read()
    except InputError as error:
        return error


def gold(path: Path, repair: Repair | None = None, **options: Any) -> Entities:
    return entities(read_gold(path, None, FormatOptions(**options), repair)[0])


KARI, OLA, BERGEN = ("Kari Nordmann", "PER"), ("Ola", "PER"), ("Bergen", "LOC")
MOE = ("Kari Moe", "PER")
READ = {
    "01-uner/in.iob2": [KARI, BERGEN],
    "02-index-first/germeval.tsv": [("Kari", "PER"), BERGEN, ("Tromsø IL", "ORG")],
    "02-index-first/neuronlp2.conll": [("Kari", "PER"), BERGEN, OLA],
    "03-comment-with-columns/hash-first.conll": [BERGEN, ("Kari", "PER")],
    "03-comment-with-columns/hash-second.conll": [BERGEN, ("Kari", "PER")],
    "03-comment-with-columns/multiconer.conll": [("Kari", "PER"), BERGEN, OLA],
    "03-comment-with-columns/sentid-tabs.conll": [("Kari", "PER"), OLA],
    "03-comment-with-columns/sentid.conll": [("Kari", "PER"), OLA],
    "03-comment-with-columns/twocol.conll": [("Kari", "PER"), OLA],
    "04-trailing-separators/blank-trailing-mixed.conll": [KARI],
    "04-trailing-separators/blanks-trailing-tabs.conll": [KARI],
    "04-trailing-separators/double-tab.conll": [KARI],
    "04-trailing-separators/space-before-tab.conll": [KARI],
    "04-trailing-separators/tab-trailing-space.conll": [KARI],
    "04-trailing-separators/tab-trailing-tab.conll": [KARI],
    "05-odd-labels/bare.conll": [KARI, BERGEN, OLA],
    "05-odd-labels/lowercase-prefix.conll": [KARI, BERGEN, OLA],
    "05-odd-labels/lowercase.conll": [KARI, BERGEN, OLA],
    "05-odd-labels/stanford.conll": [
        ("Kari Nordmann", "PERSON"),
        ("Bergen", "LOCATION"),
        ("Ola", "PERSON"),
    ],
    "05-odd-labels/underscore.conll": [KARI, BERGEN, OLA],
    "05-odd-labels/underscore_o.conll": [KARI, BERGEN, OLA],
    "05-odd-labels/zero.conll": [KARI, BERGEN, OLA],
    "07-iob1-output/iob1.conll": [("Kari", "PER"), BERGEN, ("Ola Moe", "PER"), ("Tromsø IL", "ORG")] * 10,
    "14-encodings/bom-each.conll": [("Kari", "PER"), OLA],
    "17-other-columns/confidence.conll": [MOE],
    "17-other-columns/conlleval.conll": [MOE, BERGEN],
    "17-other-columns/header-blank.tsv": [MOE],
    "17-other-columns/header.tsv": [MOE, OLA],
    "17-other-columns/ontonotes.conll": [("Kari Moe", "PERSON")],
    "17-other-columns/ontonotes-nobegin.conll": [("Kari Moe", "PERSON")],
    "17-other-columns/spacy.iob": [MOE, OLA],
    "17-other-columns/spacy-lines.iob": [MOE],
    "18-docstart/at-end-of-sentence.conll": [("Kari", "PER"), OLA],
    "18-docstart/numbered.conll": [("Kari", "PER"), OLA],
    "18-docstart/lower.conll": [("Kari", "PER")],
    "18-docstart/leading-blank.conll": [("Kari", "PER")],
    "18-docstart/fewer-columns.conll": [("Kari", "PER")],
    "18-docstart/reversed.conll": [("Kari", "PER")],
    "21-txt-columns/test.txt": [MOE, BERGEN, OLA],
    "21-txt-columns/test.csv": [MOE, BERGEN, OLA],
    "21-txt-columns/eng.testa": [MOE, BERGEN, OLA],
    "21-txt-columns/wnut.annotated": [MOE, BERGEN, OLA],
    "23-conllu-variants/blank-space.conllu": [("Kari", "PER"), OLA],
    "23-conllu-variants/dup-id.conllu": [("Kari", "PER"), OLA],
    "23-conllu-variants/no-newline.conllu": [("Kari", "PER")],
    "23-conllu-variants/old-norne-bare.conllu": [MOE],
    "23-conllu-variants/all-blank.conllu": [MOE],
    "30-scoring/sent_per_line.iob": [
        ("London", "GPE"),
        ("New York City", "GPE"),
        ("London", "GPE"),
        ("New York City", "GPE"),
    ],
    "13-jsonl-of-others/hf-strings.jsonl": [MOE, BERGEN],
    "13-jsonl-of-others/doccano-entities.jsonl": [MOE],
    "13-jsonl-of-others/doccano-label.jsonl": [MOE, BERGEN],
    "13-jsonl-of-others/prodigy.jsonl": [MOE],
    "13-jsonl-of-others/prodigy-no-tokens.jsonl": [MOE],
    "13-jsonl-of-others/trailing-space.jsonl": [MOE, BERGEN],
    "13-jsonl-of-others/newline.jsonl": [MOE],
}
# The last sentence of each has a span that is not legal in IOB2, which conlleval's reading takes.
LENIENT = {"30-scoring/sent_per_line.iob": "conlleval"}


@pytest.mark.parametrize("name", READ)
def test_entities_are_read(case: Callable[[str], Path], name: str) -> None:
    assert gold(case(name), LENIENT.get(name)) == READ[name]  # type: ignore[arg-type]


def test_columns_can_be_named(case: Callable[[str], Path]) -> None:
    options = {"token_column": "2", "label_column": "3"}
    assert gold(case("01-uner/in.iob2"), **options) == [KARI, BERGEN]
    options = {"token_column": "word", "label_column": "label"}
    assert gold(case("17-other-columns/header.tsv"), **options) == [MOE, OLA]


@pytest.mark.parametrize(
    "name",
    ["05-odd-labels/late-lowercase.conll", "05-odd-labels/late-untyped.conll", "05-odd-labels/untyped.conll"],
)
def test_an_odd_label_is_read_with_a_warning_or_named(case: Callable[[str], Path], name: str) -> None:
    path = case(name)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = read_or_refused(lambda: gold(path))
    if isinstance(found, InputError):
        assert (str(found.path), found.line) == (str(path), 3)
        assert "CoNLL-U" not in f"{found} {found.hint}"
    else:
        assert [text.split()[0] for text, _ in found][:1] == ["Kari"]
        assert any(issubclass(each.category, InputWarning) for each in caught)


def test_stray_inside_is_counted_and_repaired(case: Callable[[str], Path]) -> None:
    path = case("06-stray-inside/gold.conll")
    with pytest.raises(InputError, match="2") as caught:
        gold(path)
    assert "--repair" in f"{caught.value} {caught.value.hint}"
    names = [("Kari", "PER"), ("Ola Moe", "PER"), MOE]
    strays = [("Bergen", "LOC"), ("Oslo", "LOC")]
    assert sorted(gold(path, "conlleval")) == sorted(names + strays)
    assert gold(path, "discard") == names


def f1(cli: Cli, gold_file: Path, predicted: Path, *options: str) -> tuple[float, Done]:
    done = cli("evaluate", "--gold", gold_file, "--predicted", predicted, "--json", *options)
    assert done.status == 0, done.err
    return json.loads(done.out)["strict"]["micro"]["recall"], done


@pytest.mark.parametrize(
    ("name", "least"),
    [("iob1.conll", 1.0), ("iob1-one-E.conll", 39 / 40), ("iob1-one-stray.conll", 39 / 40)],
)
def test_output_in_iob1(cli: Cli, case: Callable[[str], Path], name: str, least: float) -> None:
    recall, _ = f1(cli, case("07-iob1-output/gold.conll"), case(f"07-iob1-output/{name}"))
    assert recall >= least


def test_types_that_no_format_can_write_are_refused(case: Callable[[str], Path]) -> None:
    with pytest.raises(InputError) as caught:
        gold(case("09-type-with-bar/train.conll"))
    assert caught.value.line == 1


COMMENTED = [
    f"03-comment-with-columns/{name}.conll" for name in ("sentid", "sentid-tabs", "multiconer", "twocol")
]


@pytest.mark.parametrize("column", ["auto", "append", "last"])
@pytest.mark.parametrize("name", [*COMMENTED, "03-comment-with-columns/unlabelled-2col.conll"])
def test_comments_come_back(case: Callable[[str], Path], tag: Cli, name: str, column: str) -> None:
    content = case(name).read_bytes()
    done = tag("--label-column", column, case(name))
    assert done.status == 0, done.err
    comments = [line for line in content.split(b"\n") if line.startswith(b"# ")]
    assert [line for line in done.out.split(b"\n") if line.startswith(b"# ")] == comments
    assert len(done.out.split(b"\n")) == len(content.split(b"\n"))


def variants(shared: Path) -> list[dict[str, str]]:
    lines = (shared / "cases/10-unicode/variants.jsonl").read_text("utf-8").rstrip("\n").split("\n")
    return [json.loads(line) for line in lines]


def visible(text: str) -> str:
    """What a reader sees of a name: compatibility letters as ordinary ones, nothing invisible, no blanks."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(c for c in folded if unicodedata.category(c) not in ("Cf", "Zs", "Zl", "Cc"))


def test_variants_of_one_sentence_have_the_same_names(shared: Path, tag: Cli) -> None:
    path = shared / "cases/10-unicode/variants.jsonl"
    done = tag(path)
    assert done.status == 0, done.err
    found = {}
    for before, line in zip(variants(shared), done.out.decode().rstrip("\n").split("\n"), strict=True):
        record = json.loads(line)
        assert record["text"] == before["text"]
        names = [(record["text"][e["start"] : e["end"]], e["label"]) for e in record["entities"]]
        for name, _ in names:
            assert unicodedata.category(name[0]) != "Cf", record
            assert unicodedata.category(name[-1]) != "Cf", record
        found[before["id"]] = [(visible(name), label) for name, label in names]
    assert found["nfc"]
    del found["ligature"]  # another sentence
    assert {name: names for name, names in found.items() if names != found["nfc"]} == {}


@pytest.mark.parametrize("name", ["one-line.txt", "lines.txt"])
def test_vectors_learn_from_every_token_of_a_long_line(
    shared: Path, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(shared / "cases/11-long-line/make.py"))
    done = cli("embeddings", "train", name, "-o", "v.bin", "--dim", 4, "--epochs", 1, "--buckets", 100)
    assert done.status == 0, done.err
    assert "60,000 tokens" in done.err


VECTORS = ["bom.vec", "double-space.txt", "folder.zip", "folder-both.zip", "glove.txt", "leading-space.txt",
           "tabs.txt", "vec.zip", "word-tab-values.txt", "digits.txt"]  # fmt: skip
NO_VECTORS = ["comma-decimal.vec", "gensim.zip", "latin1.txt", "two.zip"]


@pytest.mark.parametrize("name", VECTORS)
def test_vector_files_are_read(case: Callable[[str], Path], name: str) -> None:
    from bilstm_crf.embeddings.read import load_file

    vectors = load_file(case(f"12-vector-files/{name}"))
    assert vectors.dim == 3
    assert vectors.words[0] in ("og", "TV2")
    assert vectors.matrix[0].tolist() == pytest.approx([0.1, 0.2, 0.3])


@pytest.mark.parametrize("name", NO_VECTORS)
def test_vector_files_are_read_or_refused_with_a_way_out(case: Callable[[str], Path], name: str) -> None:
    from bilstm_crf.embeddings.read import load_file

    path = case(f"12-vector-files/{name}")
    try:
        found: object = load_file(path).dim
    except InputError as error:
        found = error
    if isinstance(found, InputError):
        assert str(path) in str(found)
        assert found.hint
    else:
        assert found == 3


def test_digits_are_found_in_vectors_that_have_them(shared: Path, cli: Cli) -> None:
    folder = shared / "cases/12-vector-files"
    done = cli("embeddings", "info", folder / "digits.txt", "--corpus", folder / "digits.conllu", "--json")
    assert done.status == 0, done.err
    assert json.loads(done.out)["coverage"]["tokens"]["exact"] == 4


JSONL = ["array.json", "doccano-entities.jsonl", "doccano-label.jsonl", "hf-ids.jsonl", "hf-strings.jsonl",
         "inside-token.jsonl", "nested.jsonl", "newline.jsonl", "prodigy-no-tokens.jsonl", "prodigy.jsonl",
         "trailing-space.jsonl"]  # fmt: skip


@pytest.mark.parametrize("name", JSONL)
def test_any_annotation_is_ignored_by_tag(case: Callable[[str], Path], tag: Cli, name: str) -> None:
    path = case(f"13-jsonl-of-others/{name}")
    done = tag(path)
    assert done.status == 0, done.err
    before, after = json.loads(path.read_text("utf-8")), json.loads(done.out)
    records = zip(before, after, strict=True) if isinstance(before, list) else [(before, after)]
    for old, new in records:
        assert {
            key: new[key] for key in old.keys() - {"entities", "label", "spans", "ner_tags", "tokens"}
        } == {key: old[key] for key in old.keys() - {"entities", "label", "spans", "ner_tags", "tokens"}}


ENCODED = {"cp1252.conll": "cp1252", "cp865.conll": "cp865", "utf16-bom.conll": "utf-16",
           "utf16be-bom.conll": "utf-16", "utf16.txt": "utf-16", "utf16.jsonl": "utf-16"}  # fmt: skip


@pytest.mark.parametrize(("name", "encoding"), ENCODED.items())
def test_the_likely_encoding_is_named_and_reads_the_file(
    case: Callable[[str], Path], tag: Cli, name: str, encoding: str
) -> None:
    path = case(f"14-encodings/{name}")
    done = tag(path)
    assert done.status == 2
    assert f"--input-encoding {encoding}" in done.err
    done = tag("--input-encoding", encoding, path)
    assert done.status == 0, done.err
    assert re.search("å?t".encode(), done.out)


def test_offsets_are_those_of_the_file(case: Callable[[str], Path], tag: Cli) -> None:
    path = case("16-document-offsets/article.txt")
    done = tag("--sentences", "detect", path)
    assert done.status == 0, done.err
    whole = path.read_bytes().decode("utf-8")
    found = 0
    for line in done.out.decode().splitlines():
        record = json.loads(line)
        assert record["file"].endswith("article.txt")
        for entity in record["entities"]:
            assert whole[entity["file_start"] : entity["file_end"]] == entity["text"]
            assert entity["line"] == whole.count("\n", 0, entity["file_start"]) + 1
            found += 1
    assert found


DOCUMENTS = {"ok": 2, "tab": 2, "numbered": 2, "at-end-of-sentence": 2, "leading-blank": 1,
             "fewer-columns": 1, "lower": 1, "reversed": 1, "only": 0}  # fmt: skip


@pytest.mark.parametrize(("name", "count"), DOCUMENTS.items())
def test_documents_never_merge(case: Callable[[str], Path], name: str, count: int) -> None:
    path = case(f"18-docstart/{name}.conll")
    sentences = list(read(path))
    assert b"".join(FORMATS["conll2003"].render(s, FormatOptions()) for s in sentences) == path.read_bytes()
    with_tokens = [s for s in sentences if s.tokens]
    assert len({s.document for s in with_tokens}) == count
    assert all(s.document is not None for s in with_tokens)


def test_chunks_in_the_last_column_are_kept(case: Callable[[str], Path], tag: Cli) -> None:
    path = case("22-chunks-in-the-last-column/chunks.conll")
    done = tag(path)
    assert done.status == 0, done.err
    for before, after in zip(path.read_text().splitlines(), done.out.decode().splitlines(), strict=True):
        assert after.startswith(before)
        assert len(after.split()) == len(before.split()) + bool(before)
    assert "--label-column last" in done.err


@pytest.mark.parametrize("name", ["name-case", "name-is-something-else", "spaces", "three", "lower"])
def test_odd_conllu_is_read_or_refused_with_a_way_out(case: Callable[[str], Path], name: str) -> None:
    path = case(f"23-conllu-variants/{name}.conllu")
    found = read_or_refused(lambda: gold(path))
    if isinstance(found, InputError):
        assert found.line or found.hint
    else:
        assert found[0][0].startswith("Kari")


@pytest.mark.parametrize("name", ["nbsp-gone.tsv", "nfd.conll", "quotes.conll", "zwsp.conll"])
def test_words_that_print_alike_are_shown_apart(case: Callable[[str], Path], cli: Cli, name: str) -> None:
    gold_file = case("26-look-alike-words/gold.conll")
    done = cli("evaluate", "--gold", gold_file, "--predicted", case(f"26-look-alike-words/{name}"))
    assert done.status == 2
    assert "\\" in done.err or name == "quotes.conll"


def test_illegal_labels_count_as_o_in_any_label_set(cli: Cli, case: Callable[[str], Path]) -> None:
    files = case("30-scoring/illegal_type_gold.conll"), case("30-scoring/illegal_type_pred.conll")
    assert f1(cli, *files)[0] == 1
    assert f1(cli, *files, "--labels", "full")[0] == 1


def test_predictions_of_inside_labels_alone_are_announced_as_iob1(
    cli: Cli, case: Callable[[str], Path]
) -> None:
    recall, done = f1(cli, case("30-scoring/iob1_gold.conll"), case("30-scoring/iob1_pred_all_I.conll"))
    assert recall == 1
    assert "IOB1" in done.err


@pytest.mark.parametrize("name", ["dropout", "labels_newline", "memstr"])
def test_a_hostile_model_is_one_error_line(case: Callable[[str], Path], cli: Cli, name: str) -> None:
    done = cli("tag", "--model", case(f"40-hostile/{name}"), "--text", "Kari bur i Bergen.")
    assert done.status == 2
    assert done.err.startswith("error: ")
    assert not done.out


HOSTILE_VECTORS = ["damaged_bz2.zip", "damaged_lzma.zip", "encrypted.zip", "fasttext-02ab77e3.bin",
                   "fasttext-3061a832.bin", "fasttext-d02ba8f0.bin", "fasttext-d45e9447.bin",
                   "fasttext-ec0c2761.bin"]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_VECTORS)
def test_hostile_vectors_are_one_error_line(case: Callable[[str], Path], cli: Cli, name: str) -> None:
    done = cli("embeddings", "info", case(f"40-hostile/{name}"))
    assert done.status == 2
    assert done.err.startswith("error: ")


@pytest.mark.parametrize("name", ["empty_lines.conllu", "parentheses.txt", "formfeed.conll"])
def test_hostile_files_come_back(case: Callable[[str], Path], tag: Cli, name: str) -> None:
    done = tag(case(f"40-hostile/{name}"))
    assert done.status == 0, done.err
    if name == "formfeed.conll":
        assert done.out.split(b"\n")[1] == b"\f"
        assert [s.tokens for s in read(case(f"40-hostile/{name}")) if s.tokens] == [["Kari"], ["Oslo"]]


def test_a_deep_label_set_is_one_error_line(case: Callable[[str], Path], cli: Cli) -> None:
    labels = case("40-hostile/deep_labels.toml")
    file = case("30-scoring/illegal_type_gold.conll")
    done = cli("evaluate", "--gold", file, "--predicted", file, "--labels", labels)
    assert done.status == 2
    assert done.err.startswith("error: ")


ARTICLES = ["2024-03-01_havnebrann", "ALLCAPS", "bare_linjeskift", "bom", "epost_url", "minneord",
            "myke_bindestreker", "nynorsk_sogn", "tom"]  # fmt: skip


@pytest.mark.parametrize("split", ["line", "detect"])
@pytest.mark.parametrize("name", ARTICLES)
def test_articles(case: Callable[[str], Path], tag: Cli, name: str, split: str) -> None:
    path = case(f"50-articles/{name}.txt")
    done = tag("--sentences", split, path)
    assert done.status == 0, done.err
    for line in done.out.decode().splitlines():
        for entity in json.loads(line)["entities"]:
            assert "\n" not in entity["text"]
            if name == "epost_url":
                assert not re.search(r"\w@\w|https?:|www\.|\.example", entity["text"])


@pytest.mark.parametrize(("name", "encoding"), [("utf16", "utf-16"), ("windows_1252_sitat", "cp1252")])
def test_articles_in_other_encodings(case: Callable[[str], Path], tag: Cli, name: str, encoding: str) -> None:
    path = case(f"50-articles/{name}.txt")
    refused = tag(path)
    assert refused.status == 2
    assert f"--input-encoding {encoding}" in refused.err
    assert tag("--input-encoding", encoding, path).status == 0


def test_what_callers_pass_to_the_tagger(
    shared: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["api.py", str(tiny_model)])
    output = io.StringIO()
    monkeypatch.setattr("sys.stdout", output)
    source = (shared / "cases/15-python-api/api.py").read_text("utf-8")
    # It was written when spans counted tokens
    for result in "sr":
        spans = f'(" ".join({result}.tokens[a:b]), c) for a, b, c in {result}.spans'
        assert spans in source
        source = source.replace(spans, f"(span.text, span.label) for span in {result}.spans")
    exec(source.replace("r.tokens", "r.text").replace("s.offsets", "s.spans"), {"__name__": "__main__"})
    lines = [line for line in output.getvalue().splitlines() if line[34:35] == " "]
    kinds = {line[:34].strip(): line[35:].split()[0] for line in lines}
    assert kinds["text"] == "Sentence"
    assert (
        kinds["list of texts"] == kinds["list of one text"] == kinds["empty list (a batch of none)"] == "list"
    )
    assert kinds["list with an empty sentence"] == kinds["list of tuples"] == "list"
    for name in ("None", "bytes", "number among the words", "list of lists with a number"):
        assert kinds[name] == "TypeError", name
    assert kinds["NaN (an empty pandas cell)"] == "TypeError"


def test_hyphens_in_types(cli: Cli, case: Callable[[str], Path]) -> None:
    gold_file = case("24-hyphens-in-types/gold.conll")
    assert f1(cli, gold_file, gold_file)[0] == 1
    assert f1(cli, gold_file, case("24-hyphens-in-types/pred.conll"))[0] == pytest.approx(4 / 5)
    assert ("Kari Moe", "GPE-LOC") in gold(case("24-hyphens-in-types/bioes.conll"))


@pytest.mark.parametrize("name", ["tabs", "nbsp-word"])
def test_words_with_blanks(case: Callable[[str], Path], name: str) -> None:
    path = case(f"25-words-with-blanks/{name}.conll")
    sentences = list(read(path))
    assert b"".join(FORMATS["conll2003"].render(s, FormatOptions()) for s in sentences) == path.read_bytes()
    assert sum(len(s.tokens) for s in sentences) == 3


@pytest.mark.parametrize("name", ["crlf.txt", "mac.txt", "pdf.txt"])
def test_line_ends_of_text_come_back(case: Callable[[str], Path], tag: Cli, name: str) -> None:
    path = case(f"27-text-line-ends/{name}")
    sentences = list(read(path))
    assert b"".join(FORMATS["text"].render(s, FormatOptions()) for s in sentences) == path.read_bytes()
    assert tag(path).status == 0


def test_types_that_only_dev_has_are_warned_of(cli: Cli, case: Callable[[str], Path], tmp_path: Path) -> None:
    folder = case("08-type-only-in-dev")

    def train(train_file: str, dev_file: str) -> Done:
        files = ["--train", folder / train_file, "--dev", folder / dev_file]
        small = ["--set", "hidden=4", "--set", "words.dim=4", "--epochs", 2, "--output", tmp_path / dev_file]
        return cli("train", *files, *small, "--overwrite")

    assert "LOC" in train("train.conll", "dev.conll").err.partition("warning:")[2]
    assert "Per" in train("train-case.conll", "dev.conll").err.partition("warning:")[2]
    assert b"Last epoch 2" in train("train.conll", "dev-only-O.conll").out


@pytest.mark.parametrize("name", ["dropped", "resplit", "truncated"])
def test_truncated_predictions_name_both_places(cli: Cli, case: Callable[[str], Path], name: str) -> None:
    folder = case("19-truncated-predictions")
    done = cli("evaluate", "--gold", folder / "gold.conll", "--predicted", folder / f"{name}.conll")
    assert done.status == 2
    assert f"{name}.conll" in done.err
    assert "gold.conll" in done.err
