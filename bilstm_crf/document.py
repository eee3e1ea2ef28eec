"""Document: a text with its sentences, as `Tagger.tag` returns it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from bilstm_crf.sentence import Sentence, Span, marked, shortened


@dataclass(frozen=True, repr=False)
class Document:
    """A text and its sentences. All offsets count code points of `text`, as Python's slices do."""

    text: str
    sentences: list[Sentence]

    @property
    def spans(self) -> list[Span]:
        """The named entities of all sentences, in the order of the text; collected at each access."""
        return list(self._spans())

    def _spans(self) -> Iterator[Span]:
        return (span for sentence in self.sentences for span in sentence.spans)

    def to_dict(self) -> dict[str, Any]:
        """Return the text and its entities for JSON: {"text": …, "entities": [{"text", "label", …}]}."""
        return {"text": self.text, "entities": [asdict(span) for span in self._spans()]}

    def to_huggingface(self) -> list[dict[str, Any]]:
        """Return the entities as Hugging Face's token-classification pipeline does.

        Each is a dictionary with the keys entity_group, score, word, start and end; the score is None unless
        scores were asked for.
        """
        return [
            {"entity_group": each.label, "score": each.score, "word": each.text}
            | {"start": each.start, "end": each.end}
            for each in self._spans()
        ]

    def __repr__(self) -> str:
        """Show the text and the entities, or their beginnings."""
        found = sum(len(sentence.token_spans or ()) for sentence in self.sentences)
        return f"<Document {shortened(self.text)!r}{marked(self._spans(), found)}>"
