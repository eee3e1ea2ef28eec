"""The spaCy component: the tagger's own results, on spaCy's tokens, and everything spaCy does with a pipe."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

spacy = pytest.importorskip("spacy", reason="needs the extra `spacy`")

from spacy.tokens import Doc, DocBin  # noqa: E402
from spacy.training import Example  # noqa: E402

from bilstm_crf.errors import ModelFolderError, UsageError  # noqa: E402
from bilstm_crf.formats import conllu  # noqa: E402
from bilstm_crf.hub.fetch import fetch  # noqa: E402
from bilstm_crf.hub.names import Repository  # noqa: E402
from bilstm_crf.inference import box  # noqa: E402
from bilstm_crf.inference.tagger import Tagger  # noqa: E402
from bilstm_crf.integrations.spacy import FACTORY, create_component  # noqa: E402
from bilstm_crf.sentence import Sentence  # noqa: E402
from hub_server import Hub  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
OLD_MODEL = ROOT / "tests" / "models" / "version-0.1.0"
TEXT = "Erna Solberg besøkte Universitetet i Oslo. Ho møtte studentar.\n\nKari  Nordmann bur i\nBergen."

pytestmark = pytest.mark.skipif(
    not (box.FOLDER / "model.json").is_file(), reason="needs the model in the box: this checkout has none"
)


def pipeline(**config: Any) -> Any:
    nlp = spacy.blank("nb")
    nlp.add_pipe(FACTORY, config=config)
    return nlp


@pytest.fixture(scope="module")
def nlp() -> Any:
    return pipeline()


@pytest.fixture(scope="module")
def best_three() -> Any:
    return pipeline(nbest=3)


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger.load()


def entities(doc: Any) -> list[tuple[str, str, int]]:
    return [(each.text, each.label_, each.start_char) for each in doc.ents]


def sample() -> list[Sentence]:
    path = next((ROOT / "data" / "sample" / "nob").glob("*dev*"))
    with path.open("rb") as stream:
        return [each for each in conllu.read(stream, str(path)) if each.tokens][:60]


# ---------------------------------------------------------------- what is found


def test_a_document_of_tokens_gets_the_spans_and_scores_of_the_tagger(nlp: Any, tagger: Tagger) -> None:
    given_ = [each.tokens for each in sample()]
    words = [word for sentence in given_ for word in sentence]
    starts = [number == 0 for sentence in given_ for number in range(len(sentence))]
    doc = nlp(Doc(nlp.vocab, words=words, sent_starts=starts))
    expected, first = [], 0
    for sentence in tagger.tag_sentences(given_):
        for (start, end, label), score in zip(sentence.token_spans, sentence.scores, strict=True):
            expected.append((first + start, first + end, label, pytest.approx(score, abs=1e-6)))
        first += len(sentence)
    assert [(each.start, each.end, each.label_, each._.score) for each in doc.ents] == expected
    assert len(expected) > 20


def test_a_text_is_split_into_sentences_as_the_tagger_does(nlp: Any, tagger: Tagger) -> None:
    expected = [(each.text, each.label, each.start) for each in tagger.tag(TEXT).spans]
    assert entities(nlp(TEXT)) == expected
    assert ("Kari  Nordmann", "PER", 64) in expected


def test_the_sentences_of_the_pipeline_are_used_where_it_has_any() -> None:
    nlp = pipeline(nbest=2)
    nlp.add_pipe("sentencizer", before=FACTORY, config={"punct_chars": ["og"]})
    doc = nlp("Kari bur i Oslo og Ola i Bergen. Ho søv.")
    found = doc.spans[FACTORY].attrs["labellings"]
    assert {(each["start"], each["end"]) for each in found} == {(each.start, each.end) for each in doc.sents}
    assert len(list(doc.sents)) == 2


@pytest.mark.parametrize("text", ["", " ", "\n\n \t", "\u200b", "Kari", "😀"])
def test_texts_of_nearly_nothing(text: str, best_three: Any) -> None:
    doc = best_three(text)
    assert doc.text == text
    assert all(0 <= score <= 1 for score in doc.spans[FACTORY].attrs["scores"])


# fmt: off
PIECES = st.sampled_from([
    "Kari Nordmann", "A\u030ase", "Oslo", "😀", " ", "  ", "\n", "\r\n", "\t", "\u00a0", ".", "\u200b", "i",
    "www.vg.no/Kari", "I", "\u2028", "👩🏽\u200d🚒", "Universitetet i Oslo",
])
# fmt: on


@given(st.lists(PIECES, max_size=14).map("".join))
@settings(max_examples=60)
def test_entities_of_any_text_are_names_on_one_line(best_three: Any, text: str) -> None:
    doc = best_three(text)
    assert doc.text == text
    for each in [*doc.ents, *doc.spans[FACTORY]]:
        assert each.text == each.text.strip()
        assert len(each.text.splitlines()) == 1
        assert 0 <= each._.score <= 1


def test_tokens_with_a_blank_inside_are_tokens(nlp: Any) -> None:
    doc = nlp.make_doc("Kari Nordmann bur i Oslo.")
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:2])
    assert entities(nlp(doc))[-1] == ("Oslo", "GPE_LOC", 20)


def test_documents_of_a_batch_do_not_read_one_another(nlp: Any) -> None:
    texts = [TEXT, "", "Solberg sov.", "Kari bur i Bergen.", " "] * 3
    one_by_one = [entities(nlp(text)) for text in texts]
    assert [entities(doc) for doc in nlp.pipe(texts)] == one_by_one
    assert [entities(doc) for doc in nlp.pipe(texts, batch_size=4)] == one_by_one


def test_min_score_and_recall_are_those_of_the_tagger(tagger: Tagger) -> None:
    text = "Åse møtte Ola på Posten i går."
    sure, all_ = pipeline(min_score=0.9)(text), pipeline(recall=0.02)(text)
    assert [each.text for each in sure.ents] == [each.text for each in tagger.tag(text, min_score=0.9).spans]
    assert [each.text for each in all_.ents] == [each.text for each in tagger.tag(text, recall=0.02).spans]
    assert len(sure.ents) < len(all_.ents)


# ---------------------------------------------------------------- the n best


def test_the_best_labelling_holds_the_entities_and_the_others_follow(best_three: Any) -> None:
    doc = best_three("Åse møtte Posten i Bergen.")
    group = doc.spans[FACTORY]
    scores = dict(zip(group, group.attrs["scores"].tolist(), strict=True))
    labellings = group.attrs["labellings"]
    assert [group[number] for number in labellings[0]["spans"]] == list(doc.ents)
    probabilities = [each["probability"] for each in labellings]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) <= 1
    for number, span in enumerate(group):
        share = sum(each["probability"] for each in labellings if number in each["spans"])
        assert share <= scores[span] + 1e-9  # labellings that are not among the best have it as well


def test_two_types_of_one_name_have_their_own_scores() -> None:
    doc = pipeline(nbest=8)("Kari bur i Bergen med Åse. Viking vann over Brann.")
    group = doc.spans[FACTORY]
    by_place: dict[tuple[int, int], list[float]] = {}
    for span, score in zip(group, group.attrs["scores"].tolist(), strict=True):
        assert span._.score == score
        by_place.setdefault((span.start, span.end), []).append(score)
    several = [scores for scores in by_place.values() if len(scores) > 1]
    assert several
    assert all(len(set(scores)) == len(scores) and sum(scores) <= 1 for scores in several)


def test_without_nbest_there_are_no_alternatives(nlp: Any) -> None:
    assert FACTORY not in nlp(TEXT).spans


# ---------------------------------------------------------------- other components


def test_entities_that_are_there_stay_unless_they_are_to_be_replaced() -> None:
    text = "Kari Nordmann bur i Oslo."
    for overwrite, expected in [(False, [("Nordmann bur", "X"), ("Oslo", "GPE_LOC")]),
                                (True, [("Kari Nordmann", "PER"), ("Oslo", "GPE_LOC")])]:  # fmt: skip
        nlp = pipeline(overwrite_ents=overwrite)
        doc = nlp.make_doc(text)
        doc.set_ents([spacy.tokens.Span(doc, 1, 3, label="X")])
        assert [(each.text, each.label_) for each in nlp(doc).ents] == expected


def test_nothing_is_found_where_another_component_forbids_it(nlp: Any) -> None:
    doc = nlp.make_doc("Kari bur i Oslo.")
    doc.set_ents([], blocked=[doc[3:4]], default="unmodified")
    assert [each.text for each in nlp(doc).ents] == ["Kari"]
    assert [(token.ent_iob_, token.ent_type_) for token in doc[2:4]] == [("O", ""), ("B", "")]


def test_displacy_shows_each_name_with_its_type_in_a_colour(best_three: Any) -> None:
    doc = best_three(TEXT)
    page = spacy.displacy.render(doc, style="ent", jupyter=False)
    for each in doc.ents:
        assert each.label_ in page
    assert page.count("<mark") == len(doc.ents)
    assert "#ddd" not in page  # its colour for types it does not know
    spans = spacy.displacy.render(doc, style="span", options={"spans_key": FACTORY}, jupyter=False)
    assert "Universitetet" in spans


def test_evaluate_scores_entities(nlp: Any) -> None:
    annotation = {"entities": [(0, 4, "PER"), (11, 15, "ORG")]}
    example = Example.from_dict(nlp.make_doc("Kari bur i Oslo."), annotation)
    scores = nlp.evaluate([example])
    assert (scores["ents_p"], scores["ents_r"]) == (0.5, 0.5)


# ---------------------------------------------------------------- documents elsewhere


def test_scores_survive_saving_joining_and_cutting(best_three: Any) -> None:
    doc = best_three(TEXT)
    scores = [each._.score for each in doc.ents]
    (kept,) = DocBin(docs=[doc], store_user_data=True).get_docs(best_three.vocab)
    assert [each._.score for each in kept.ents] == scores
    assert kept.spans[FACTORY].attrs["labellings"] == doc.spans[FACTORY].attrs["labellings"]
    twice = Doc.from_docs([doc, doc])
    assert [each._.score for each in twice.ents] == scores * 2
    last = doc[doc.ents[-1].start - 1 :].as_doc(copy_user_data=True)
    assert [each._.score for each in last.ents] == scores[-1:]
    as_json = doc.to_json(underscore=["score"])
    assert [each["value"] for each in as_json["underscore_span"]["score"]] == scores


# ---------------------------------------------------------------- saving and other processes


def test_a_pipeline_goes_through_bytes_with_its_model(tmp_path: Path) -> None:
    nlp = pipeline(model=str(OLD_MODEL), min_score=0.2)
    other = pipeline().from_bytes(nlp.to_bytes())
    expected = Tagger.load(OLD_MODEL)
    assert other.get_pipe(FACTORY).labels == tuple(sorted(expected.entity_types))
    other.to_disk(tmp_path / "pipeline")  # of a model that has no folder
    assert entities(spacy.load(tmp_path / "pipeline")(TEXT)) == entities(nlp(TEXT))


def test_the_configuration_is_kept(tmp_path: Path) -> None:
    nlp = pipeline(nbest=4, recall=0.1, overwrite_ents=True)
    again = spacy.util.load_model_from_config(nlp.config)
    assert again.config["components"] == nlp.config["components"]
    assert again.get_pipe(FACTORY).options == nlp.get_pipe(FACTORY).options


def test_a_saved_pipeline_replaces_the_one_that_was_there(tmp_path: Path) -> None:
    pipeline(model=str(OLD_MODEL)).to_disk(tmp_path)
    pipeline().to_disk(tmp_path)
    assert len(list((tmp_path / FACTORY / "model").iterdir())) == 2
    assert entities(spacy.load(tmp_path)(TEXT)) == entities(pipeline()(TEXT))


IN_A_NEW_PROCESS = """
import spacy, sys
nlp = spacy.load(sys.argv[1])
blank = spacy.blank("nn")
blank.add_pipe("bilstm_crf")
for each in (nlp, blank):
    print([(span.text, span.label_) for span in each("Kari bur i Oslo.").ents])
"""


def test_a_new_process_needs_no_import_and_not_the_folder_of_the_model(tmp_path: Path) -> None:
    folder = tmp_path / "moved"
    folder.mkdir()
    for path in box.FOLDER.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    nlp = pipeline(model=str(folder))
    nlp.to_disk(tmp_path / "pipeline")
    for path in folder.iterdir():
        path.unlink()
    command = [sys.executable, "-c", IN_A_NEW_PROCESS, str(tmp_path / "pipeline")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[('Kari', 'PER'), ('Oslo', 'GPE_LOC')]\n" * 2


def test_two_processes_find_the_same(nlp: Any) -> None:
    texts = [TEXT, "", "Ola sov i Bergen."] * 4
    expected = [entities(nlp(text)) for text in texts]
    docs = list(nlp.pipe(texts, n_process=2, batch_size=3))
    assert [entities(doc) for doc in docs] == expected
    assert all(0 < each._.score <= 1 for doc in docs for each in doc.ents)


SPAWNED = """
import multiprocessing, spacy
if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    nlp = spacy.blank("nb")
    nlp.add_pipe("bilstm_crf")
    nlp("Kari sov.")
    docs = nlp.pipe(["Kari sov i Oslo."] * 6, n_process=2, batch_size=2)
    print([(doc.ents[1].text, 0 < doc.ents[1]._.score <= 1) for doc in docs])
"""


@pytest.mark.slow
def test_processes_may_start_afresh(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(SPAWNED, "utf-8")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True)
    assert done.stdout == f"{[('Oslo', True)] * 6}\n", done.stderr


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("config", [{"min_score": 2.0}, {"recall": -0.1}, {"nbest": 0}])
def test_an_option_out_of_bounds_is_refused_at_once(config: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(config))):
        pipeline(**config)


def test_a_folder_without_a_model_is_an_error_that_names_it(tmp_path: Path) -> None:
    nlp = pipeline(model=str(tmp_path / "none"))
    for use in (nlp, lambda text: list(nlp.pipe([text])), lambda _: nlp.to_bytes()):
        with pytest.raises(ModelFolderError, match="none"):
            use("Kari sov.")


def test_a_fetched_model_is_found_when_it_is_used(hub: Hub) -> None:
    hub.add("kari/navn", OLD_MODEL)
    nlp = pipeline(model="kari/navn")
    with pytest.raises(ModelFolderError, match="fetched"):
        nlp(TEXT)
    fetch(Repository("kari/navn"))
    assert [each.text for each in nlp(TEXT).ents] == [
        each.text for each in pipeline(model=str(OLD_MODEL))(TEXT).ents
    ]


def test_the_error_handler_of_the_pipeline_is_asked(tmp_path: Path) -> None:
    nlp = pipeline(model=str(tmp_path / "none"))
    seen: list[Exception] = []
    nlp.set_error_handler(lambda name, proc, docs, error: seen.append(error))
    assert list(nlp.pipe(["Kari sov.", "Ola sov."])) == []
    assert [type(each) for each in seen] == [ModelFolderError]


@pytest.fixture
def foreign() -> Any:
    return create_component(spacy.blank("nb"), FACTORY, None, 0.0, None, 1, False)


@pytest.mark.parametrize("name", ["../evil", "/evil", "encoder-0/../../evil", "a\\..\\evil"])
def test_bytes_that_would_write_outside_their_folder_are_refused(name: str, foreign: Any) -> None:
    import srsly

    content = srsly.msgpack_dumps({"model": {"model.json": b"{}", name: b"evil"}})
    with pytest.raises(ModelFolderError, match="evil"):
        foreign.from_bytes(content)


def test_a_damaged_model_is_refused(foreign: Any) -> None:
    import srsly

    content = srsly.msgpack_loads(foreign.to_bytes())
    (weights,) = [name for name in content["model"] if name.startswith("weights")]
    content["model"][weights] = content["model"][weights][:-1]
    with pytest.raises(ModelFolderError, match="weights"):
        foreign.from_bytes(srsly.msgpack_dumps(content))
