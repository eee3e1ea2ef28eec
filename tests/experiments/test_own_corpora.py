"""Corpora of one's own in an experiment's file: what is understood, what is refused, what reaches `train`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf.commands.train import command, typed_settings
from bilstm_crf.commands.train_options import configure, given_by
from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.experiments import plan
from bilstm_crf.experiments.corpora import OwnCorpus
from bilstm_crf.experiments.definition import Experiment, read_experiment
from bilstm_crf.experiments.inputs import find_files
from bilstm_crf.experiments.overrides import with_encoder, with_epochs
from bilstm_crf.experiments.settings import Evaluation
from bilstm_crf.experiments.tables import build
from bilstm_crf.util import fields
from done import Done
from runs import DEV, ROOT, SAMPLE, TRAIN

GOOD = """title = "mine"
[corpus.wiki]
train = ["a.conll", "norne:both"]
dev = ["b.conll"]
test = ["c.conll"]
key = "name"
weights = [0.5, 2]
train_labels = ["file", "4"]
drop = ["leaked", "repeated"]
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
    assert cell.settings.name == "wiki-none-file-iob"
    assert cell.evaluation == Evaluation("wiki", "dev", "file")
    (cell,) = read(GOOD.replace('language = "wiki"', 'language = "wiki"\nlabels = "4"')).cells
    assert cell.settings.name == "wiki-none-4-iob"
    both = GOOD + '[[column]]\nname = "NN"\nevaluate = { language = "nno", split = "test" }\n'
    assert read(both).cells[0].evaluation == Evaluation("nno", "test", "file")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[corpus.wiki]", "[corpus.nob]", "[corpus.nob]: 'nob' cannot name a corpus"),
        ("[corpus.wiki]", '[corpus."../wiki"]', "[corpus.../wiki]: '../wiki' cannot name a corpus"),
        ("[corpus.wiki]", '[corpus.""]', "'' cannot name a corpus"),
        ('[base]\nlanguage = "wiki"', '[base]\nlanguage = "wikki"', "is unknown. Did you mean wiki?"),
        ("drop =", "dorp =", "[corpus.wiki] has no key dorp. Did you mean drop?"),
        ('"repeated"', '"repeatd"', "[corpus.wiki]: 'repeatd' is not a known filter. Did you mean repeated?"),
        ('"norne:both"', '"norne:bot"', 'train = "norne:bot" is no part of NorNE. Did you mean norne:both?'),
        ("[0.5, 2]", "[0.5]", "[corpus.wiki]: 1 weights for 2 training files"),
        ("[0.5, 2]", "[0.5, 0]", "weights is (0.5, 0), expected a number above 0"),
        ("[0.5, 2]", '[0.5, "2"]', "weights is [0.5, '2'], expected a list of numbers"),
        ("[0.5, 2]", "[true, 2]", "expected a list of numbers"),
        ('["file", "4"]', '["file"]', "1 train labels for 2 training files"),
        ('["file", "4"]', '["file", "5"]', 'labels = "5" is no known label set.'),
        ('dev = ["b.conll"]', "", "[corpus.wiki]: dev names no file"),
        ('dev = ["b.conll"]', 'dev = "b.conll"', "dev is 'b.conll', expected a list of texts"),
        ('key = "name"', 'format = "conll"', "conll is not a known format. Did you mean conllu?"),
        ('key = "name"', "format = 2003", "format is 2003, expected a text"),
        (
            'key = "name"',
            'format = "conll2003"',
            "norne:both is CoNLL-U with the key name, but format is conll",
        ),
        (
            'key = "name"',
            'key = "ner"',
            "norne:both is CoNLL-U with the key name, but format is None, key ner",
        ),
        ("[base]", "[corpus]\nx = 1\n[base]", "[corpus.x] is 1, expected a table"),
        ('name = "one"', 'name = "one"\nset = { features = "encoder" }', "features=encoder needs an encoder"),
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


def test_norne_is_mixed_in_and_weights_and_label_sets_hold_for_each_of_its_files() -> None:
    for name in ("a.conll", "b.conll"):
        Path(name).touch()
    experiment = read(GOOD)
    corpus = find_files(str(SAMPLE), [experiment])
    both = list(corpus["both"]["train"])
    assert len(both) == 2
    assert corpus["wiki"] == {"train": ["a.conll", *both], "dev": ["b.conll"], "test": []}
    resolved = experiment.corpora["wiki"].resolved(corpus)
    assert resolved.weights == (0.5, 2, 2)
    assert resolved.train_labels == ("file", "4", "4")
    assert resolved.test == (), "c.conll is not here"


def test_train_is_told_all_of_it() -> None:
    reading = {"dev": [DEV], "format": "conllu", "key": "ner", "drop": ["leaked", "empty"]}
    weighted = {"train": [TRAIN, DEV], "weights": [0.5, 2], "train_labels": ["full", "4"], "test": [DEV]}
    own = OwnCorpus.of("wiki", reading | weighted)
    context = command.make_context("train", [*own.train_options(), "--output", "x"])
    config, _ = configure(given_by(None, (), typed_settings(context)))
    assert config.data.train == (TRAIN, DEV)
    assert (config.data.dev, config.data.test) == ((DEV,), (DEV,))
    assert {path: fields.get(config, path) for path in own.reading} == own.reading


def test_one_name_means_one_corpus_in_all_files_of_a_session() -> None:
    one, other = read(GOOD), read(GOOD.replace("0.5", "0.6"), "yours")
    with pytest.raises(UsageError, match=r"define \[corpus\.wiki\] differently"):
        plan.tasks([one, other], Path("out"), None)
    assert len(plan.tasks([one, read(GOOD, "yours")], Path("out"), None)) == 1


def test_rows_without_their_files_are_not_run_and_say_why() -> None:
    text = GOOD.replace(', "norne:both"', "").replace("[0.5, 2]", "[2]").replace('["file", "4"]', '["file"]')
    columns = '[[column]]\nname = "dev"\n[[column]]\nname = "heldout"\nevaluate = { split = "test" }\n'
    experiment = read(text + columns)
    Path("b.conll").touch()
    corpus = find_files(None, [experiment])
    (task,) = plan.tasks([experiment], Path("out"), corpus)
    assert (task.state, task.reason) == ("not run", "not run: a.conll is not here")
    table = build(experiment, Path("out"), corpus, {task.run.name: task.reason})
    dev, heldout = table["rows"][0]["cells"]
    assert dev["missing"] == {"42": "not run: a.conll is not here"}
    assert heldout["missing"] == {"42": "not run: c.conll is not here"}


def test_rows_without_their_vectors_are_not_run_and_say_why() -> None:
    rows = ["none", "vec/mine.bin", "yours.vec"]
    text = "".join(f'[[row]]\nname = "{name}"\nembeddings = "{name}"\n' for name in rows)
    experiment = read(f'title = "mine"\n{text}')
    corpus = find_files(str(SAMPLE), [experiment])
    found = plan.tasks([experiment], Path("out"), corpus)
    assert [(task.state, task.reason) for task in found] == [
        ("waiting", ""),
        ("not run", "not run: vec/mine.bin is not here"),
        ("not run", "not run: yours.vec is not here"),
    ]
    Path("yours.vec").write_text("1 2\na 0 1\n", "utf-8")
    assert plan.tasks([experiment], Path("out"), corpus)[2].state == "waiting"


# ---------------------------------------------------------------- another encoder, the shipped recipes


def test_another_encoder_is_another_table_and_says_so() -> None:
    plain = 'title = "mine"\n[[row]]\nname = "none"\n'
    experiment = read(plain + '[[row]]\nname = "bert"\nbert = "owner/big"\npaper = { F1 = 93.0 }\n')
    (changed,) = with_encoder([with_epochs(experiment, 1)], "./small/")
    assert (changed.name, changed.title) == ("mine-epochs=1-bert=small", "mine (encoder: small)")
    none, bert = changed.cells
    assert (none.settings.name, none.paper) == ("nob-none-full-iob-epochs=1", None)
    assert (bert.settings.name, bert.paper) == ("nob-none-full-iob-small-epochs=1", 0.93)
    assert with_encoder([experiment], "owner/big") == [experiment], "nothing was changed"
    with pytest.raises(UsageError, match="--encoder x: no row of these files has an encoder"):
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
    assert {cell.settings.config.schedule.epochs for cell in quick.cells} == {1}
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
    assert any(cell.settings.bert != "none" for cell in experiment.cells)


def test_nb_bert_is_trained_as_its_authors_say() -> None:
    cells = read_experiment(ROOT / "experiments" / "nb-bert.toml").cells
    (settings,) = {cell.settings for cell in cells}
    config = settings.config
    assert (settings.bert, settings.labels) == ("NbAiLab/nb-bert-base", "4")
    assert (config.network.features, config.network.head, config.tunes_encoder) == ("encoder", "linear", True)
    assert config.encoder is not None
    assert (config.encoder.learning_rate, config.encoder.weight_decay) == (3.5e-5, 0.15)
    schedule = {"shape": "cosine", "epochs": 20, "batch_size": 8, "restarts": 4, "warmup_fraction": 0.05}
    assert schedule.items() <= vars(config.schedule).items()
    assert config.schedule.patience == 6
