"""A tagger is shared: between threads, with forks, with processes that unpickle it."""

from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bilstm_crf import Tagger
from bilstm_crf.formats import read
from bilstm_crf.inference import network
from bilstm_crf.sentence import Sentence, TokenSpan
from runs import DEV

FORK = """
import multiprocessing, os, sys
from bilstm_crf import Tagger
from bilstm_crf.inference import network
network.PLAIN_TOKENS = {plain}
tagger = Tagger.load({model!r})
words = ["Kari", "Nordmann", "bur", "i", "Oslo"] * {times}
expected = tagger.tag_tokens(words).token_spans  # threads and compiled loops are there before the fork
child = os.fork()
if not child:
    os._exit(0 if tagger.tag_tokens(words).token_spans == expected else 1)
assert os.waitpid(child, 0)[1] == 0
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert [each.token_spans for each in pool.map(tagger.tag_tokens, [words] * 4)] == [expected] * 4
print("done")
"""


@pytest.fixture(scope="module")
def tagger(tiny_model: Path) -> Tagger:
    return Tagger.load(tiny_model)


@pytest.fixture(scope="module")
def sentences() -> list[Sentence]:
    return list(read(DEV))


@pytest.fixture(params=[0, 10**9], ids=["compiled", "plain"])
def loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(network, "_compiled", None)
    monkeypatch.setattr(network, "PLAIN_TOKENS", request.param)
    return iter(())


def spans_of(tagger: Tagger, sentence: Sentence) -> list[TokenSpan]:
    return tagger.predict([sentence])[0]


@pytest.mark.usefixtures("loops")
def test_threads_share_a_tagger(tagger: Tagger, sentences: list[Sentence]) -> None:
    """Each meets words that the others do not, which have vectors of their own."""
    expected = [spans_of(tagger, sentence) for sentence in sentences]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda each: spans_of(tagger, each), sentences * 5))
    assert found == expected * 5


def test_a_pickled_tagger_tags_the_same(tagger: Tagger, sentences: list[Sentence]) -> None:
    again = pickle.loads(pickle.dumps(tagger))
    assert again.predict(sentences) == tagger.predict(sentences)
    assert again.entity_types == tagger.entity_types


def test_a_new_process_gets_a_tagger(tagger: Tagger) -> None:
    words = ["Kari", "Nordmann", "bur", "i", "Oslo"]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(tagger.tag_tokens, [words]).token_spans == tagger.tag_tokens(words).token_spans


@pytest.mark.parametrize(("plain", "times"), [(0, 2), (10**9, 2), (0, 600)])
def test_a_fork_after_the_first_call_tags(plain: int, times: int, tiny_model: Path) -> None:
    script = FORK.format(model=str(tiny_model), plain=plain, times=times)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr
