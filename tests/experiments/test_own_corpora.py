"""Corpora of one's own in an experiment's file: what is understood, what is refused, what reaches `train`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf.commands.train_options import configure, given_by
from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.experiments.corpora import NORNE_CORPORA, find_norne
from bilstm_crf.experiments.definition import Experiment, read_experiment
from bilstm_crf.experiments.overrides import with_encoder, with_epochs
from bilstm_crf.experiments.plan import corpora_of, find_tasks
from bilstm_crf.experiments.records import Evaluation
from bilstm_crf.training.unused import without_unused
from done import Done
from experiments.finished_runs import options_for, table_of, waiting
from runs import ROOT, SAMPLE

GOOD = """title = "mine"
[corpus.wiki]
train = ["a.conll", "norne:both"]
dev = ["b.conll"]
test = ["c.conll"]
misc_key = "name"
weights = [0.5, 2]
train_labels = ["file", "4"]
filter = ["leaked", "repeated"]
[base]
language = "wiki"
[[row]]
name = "one"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(text: str, name: str = "mine") -> Experiment:
    path = Path(f"{name}.toml")
    path.write_text(text, "utf-8")
    return read_experiment(path)


def test_a_corpus_is_named_where_a_language_is_and_keeps_its_labels_as_they_stand() -> None:
    (cell,) = read(GOOD).cells
    assert cell.runs([1])[0].name == "wiki-none-file-iob-seed1"
    assert cell.evaluation == Evaluation("wiki", "dev", "file")
    (cell,) = read(GOOD.replace('language = "wiki"', 'language = "wiki"\nlabels = "4"')).cells
    assert cell.runs([1])[0].name == "wiki-none-4-iob-seed1"
    both = GOOD + '[[column]]\nname = "NN"\nevaluate = { language = "nno", split = "test" }\n'
    assert read(both).cells[0].evaluation == Evaluation("nno", "test", "file")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[corpus.wiki]", "[corpus.nob]", "[corpus.nob]: 'nob' cannot name a corpus"),
        ("[corpus.wiki]", '[corpus."../wiki"]', "'../wiki' cannot name a corpus"),
        ("[corpus.wiki]", '[corpus.""]', "'' cannot name a corpus"),
        ('[base]\nlanguage = "wiki"', '[base]\nlanguage = "wikki"', "Did you mean wiki?"),
        ("filter =", "flter =", "[corpus.wiki] has no key flter. Did you mean filter?"),
        ('"repeated"', '"repeatd"', "Did you mean repeated?"),
        ('"norne:both"', '"norne:bot"', "Did you mean norne:both?"),
        ("[0.5, 2]", "[0.5]", "1 weights for 2 training files"),
        ("[0.5, 2]", "[0.5, 0]", "data.weights"),
        ("[0.5, 2]", '[0.5, "2"]', "data.weights"),
        ("[0.5, 2]", "[true, 2]", "data.weights"),
        ('["file", "4"]', '["file"]', "1 train labels for 2 training files"),
        ('["file", "4"]', '["file", "5"]', "labels is '5'"),
        ('dev = ["b.conll"]', "", "dev is None"),
        ('dev = ["b.conll"]', 'dev = "b.conll"', "dev is 'b.conll'"),
        ('misc_key = "name"', 'format = "conll"', "Did you mean conllu?"),
        ('misc_key = "name"', "format = true", "data.format"),
        ('misc_key = "name"', 'format = "conll2003"', "format is conll2003"),
        ('misc_key = "name"', 'misc_key = "ner"', "misc_key ner"),
        ("[base]", "[corpus]\nx = 1\n[base]", "[corpus.x] is 1, expected a table"),
        ('name = "one"', 'name = "one"\nfeatures = "encoder"', "encoder"),
    ],
)
def test_a_bad_corpus_is_told_where_it_is_bad(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read(GOOD.replace(old, new))
    assert "mine.toml" in str(caught.value)


def test_a_file_whose_name_tells_no_format_is_refused_before_anything_runs() -> None:
    with pytest.raises(InputError, match=r"corpus\.wiki\]: a\.tagged: .*the suffix tells no format"):
        read(GOOD.replace("a.conll", "a.tagged"))


def norne_of(experiment: Experiment) -> dict[str, dict[str, list[str]]]:
    return find_norne(str(SAMPLE), experiment.corpora.values(), fetch=False)  # type: ignore[return-value]


def test_norne_is_mixed_in_and_weights_and_label_sets_hold_for_each_of_its_files() -> None:
    for name in ("a.conll", "b.conll"):
        Path(name).touch()
    experiment = read(GOOD)
    norne = norne_of(experiment)
    both = norne["both"]["train"]
    assert len(both) == 2
    data = experiment.corpora["wiki"].resolved(norne).data
    assert (data.train, data.dev) == (("a.conll", *both), ("b.conll",))
    assert data.weights == (0.5, 2, 2)
    assert data.train_labels == ("file", "4", "4")
    assert data.test == (), "c.conll is not here"


def test_train_is_told_all_of_it() -> None:
    for name in ("a.conll", "b.conll", "c.conll"):
        Path(name).touch()
    experiment = read(GOOD)
    options = options_for(Path("out"), experiment, norne_of(experiment), threads=3)
    (run,) = experiment.cells[0].runs([7])
    file = options.write_config(run)
    config, _ = configure(given_by(str(file), [], {}))
    assert config == without_unused(options.configure(run))
    assert config.data.weights == (0.5, 2, 2)
    assert config.data.filter == ("leaked", "repeated")
    assert (config.run.seed, config.run.threads) == (7, 3)


def test_one_name_means_one_corpus_in_all_files_of_a_session() -> None:
    one, other = read(GOOD), read(GOOD.replace("0.5", "0.6"), "yours")
    with pytest.raises(UsageError, match=r"define \[corpus\.wiki\] differently"):
        corpora_of([one, other])
    assert corpora_of([one, read(GOOD, "yours")]) == {**NORNE_CORPORA, "wiki": one.corpora["wiki"]}


def test_rows_without_their_files_are_not_run_and_say_why() -> None:
    text = GOOD.replace(', "norne:both"', "").replace("[0.5, 2]", "[2]").replace('["file", "4"]', '["file"]')
    columns = '[[column]]\nname = "dev"\n[[column]]\nname = "heldout"\nevaluate = { split = "test" }\n'
    experiment = read(text + columns)
    Path("b.conll").touch()
    assert waiting(find_tasks([experiment], options_for(Path("out"), experiment, {}))) == [
        ("not run", "not run: a.conll is not here")
    ]
    dev, heldout = table_of(experiment, Path("out"), {}).rows[0].cells
    assert dev.missing == {"42": "not run: a.conll is not here"}
    assert heldout.missing == {"42": "not run: c.conll is not here"}


def test_rows_without_their_vectors_are_not_run_and_say_why() -> None:
    rows = ["none", "vec/mine.bin", "yours.vec"]
    text = "".join(f'[[row]]\nname = "{name}"\nembeddings = "{name}"\n' for name in rows)
    experiment = read(f'title = "mine"\n{text}')
    norne = find_norne(str(SAMPLE), [NORNE_CORPORA["nob"]], fetch=False)
    options = options_for(Path("out"), experiment, norne)  # type: ignore[arg-type]
    assert waiting(find_tasks([experiment], options)) == [
        ("waiting", ""),
        ("not run", "not run: vec/mine.bin is not here"),
        ("not run", "not run: yours.vec is not here"),
    ]
    Path("yours.vec").write_text("1 2\na 0 1\n", "utf-8")
    assert find_tasks([experiment], options)[2].state == "waiting"


# ---------------------------------------------------------------- another encoder, the shipped recipes


def test_another_encoder_is_another_table_and_says_so() -> None:
    plain = 'title = "mine"\n[[row]]\nname = "none"\n'
    experiment = read(plain + '[[row]]\nname = "big"\nencoder = "owner/big"\npaper = { F1 = 93.0 }\n')
    (changed,) = with_encoder([with_epochs(experiment, 1)], "./small/")
    assert (changed.name, changed.title) == ("mine-epochs=1-encoder=small", "mine (encoder: small)")
    none, big = changed.cells
    assert (none.runs([1])[0].name, none.paper) == ("nob-none-full-iob-epochs=1-seed1", None)
    assert (big.runs([1])[0].name, big.paper) == ("nob-none-full-iob-small-epochs=1-seed1", 0.93)
    assert with_encoder([experiment], "owner/big") == [experiment], "nothing was changed"
    with pytest.raises(UsageError, match="--encoder x"):
        with_encoder([read(plain)], "x")


def test_a_curriculum_which_counts_batches_has_no_epochs_to_set(cli: Callable[..., Done]) -> None:
    path = ROOT / "experiments" / "eurobert.toml"
    done = cli("experiment", path, "--epochs", "1", "--dry-run")
    assert done.status == 2
    assert '--epochs 1: [[row]] "growing context, two phases" of ' in done.err
    assert "has a curriculum, which counts batches" in done.err
    experiment = read_experiment(path)
    with pytest.raises(UsageError, match="growing context"):
        with_epochs(experiment, 1, ["alone", "*phases"])
    quick = with_epochs(experiment, 1, ["alone"])
    assert (quick.name, quick.quick) == ("eurobert-epochs=1", True)
    assert list(dict.fromkeys(cell.row for cell in quick.cells)) == ["alone", "8 sentences on each side"]
    assert {cell.config.schedule.epochs for cell in quick.cells} == {1}
    same = with_epochs(experiment, 10, ["alone"])
    assert same.name != experiment.name, "a table with fewer rows does not take the place of the whole one"
    assert cli("experiment", path, "--epochs", "1", "--only", "alone", "--dry-run").status == 0


PUBLISHED = {
    "nb-bert": [0.9329],
    "eurobert": [0.8233],
    "distilbert-conll2003": [0.9217],
    "bert-conll2003": [0.8896, 0.4749],
    "bert": [],
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_shipped_recipes_say_what_was_published(name: str) -> None:
    experiment = read_experiment(ROOT / "experiments" / f"{name}.toml")
    papers = [cell.paper for cell in experiment.cells if cell.paper is not None]
    assert papers == PUBLISHED[name]
    assert any(cell.config.encoder for cell in experiment.cells)


def test_nb_bert_is_trained_as_its_authors_say() -> None:
    cells = read_experiment(ROOT / "experiments" / "nb-bert.toml").cells
    (config,) = {cell.config for cell in cells}
    encoder, schedule = config.encoder, config.schedule
    assert encoder is not None
    assert (encoder.name, config.data.labels) == ("NbAiLab/nb-bert-base", "4")
    assert (config.network.features, config.network.head, encoder.finetune) == ("encoder", "linear", True)
    assert (encoder.learning_rate, encoder.weight_decay) == (3.5e-5, 0.15)
    assert (schedule.epochs, schedule.batch_size, schedule.patience) == (20, 8, 6)
    assert (schedule.shape, schedule.restarts, schedule.warmup_fraction) == ("cosine", 4, 0.05)
