"""Turn texts into tagged documents: split each into sentences, and tag those of many texts together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from bilstm_crf.document import Document
from bilstm_crf.formats.text import sentences_of
from bilstm_crf.sentence import Sentence


def tagged_documents(
    tag: Callable[[Iterator[Sentence]], Iterable[Sentence]], texts: Iterable[str]
) -> Iterator[Document]:
    """Yield the document of each text. `tag` returns the sentences in their order, and may read ahead."""
    pending: deque[tuple[str, list[Sentence]]] = deque()  # read and not yet yielded

    def sentences() -> Iterator[Sentence]:
        for number, text in enumerate(texts):
            parts = list(sentences_of(text))
            pending.append((text, parts))
            for sentence in parts:
                sentence.document = str(number)  # texts do not read one another
                yield sentence

    reached = 0  # tagged sentences of the first that is pending
    for sentence in tag(sentences()):
        sentence.document = None
        while not pending[0][1]:
            yield Document(*pending.popleft())
        reached += 1
        if reached == len(pending[0][1]):
            yield Document(*pending.popleft())
            reached = 0
    while pending:
        yield Document(*pending.popleft())
