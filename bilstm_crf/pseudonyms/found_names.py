"""Found names: what the tagger found in a document, as words of a name. Spans come in, found names go out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from bilstm_crf.pseudonyms.forms import Form, fold, is_initial, is_particle, is_title, split_genitive

PLACES = ("GPE_LOC", "GPE_ORG", "GPE", "LOC")


def kind_of(entity_type: str) -> str:
    """Return the kind of identity of an entity type: places of all types are `LOC`, since Oslo is one."""
    return "LOC" if entity_type in PLACES else entity_type


@dataclass(frozen=True)
class FoundName:
    """A name in a file; its tokens are counted from the start of the file."""

    start: int
    end: int
    kind: str
    score: float
    line: int
    tokens: tuple[str, ...]
    following: str | None  # the next token of the sentence

    def words(self, attested: Collection[str]) -> Words:
        """Return the words of the name; `attested` as for `split_genitive`."""
        return Words.of(self.tokens, self.following, attested, titles=self.kind == "PER")


@dataclass(frozen=True)
class Words:
    """The words of a name. Titles before it and marks such as quotes are no words."""

    forms: tuple[Form, ...]
    positions: tuple[int, ...]  # of each among the tokens

    @classmethod
    def of(
        cls, tokens: Sequence[str], following: str | None, attested: Collection[str], *, titles: bool
    ) -> Words:
        """Split off titles (of a person, as long as a word is left), marks and the genitive."""
        positions = [at for at, token in enumerate(tokens) if any(map(str.isalnum, token))]
        while titles and len(positions) > 1 and is_title(tokens[positions[0]]):
            positions.pop(0)
        forms = [Form(tokens[at]) for at in positions]
        if positions:
            last = positions[-1]
            after = tokens[last + 1] if last + 1 < len(tokens) else following
            forms[-1] = split_genitive(tokens[last], after, attested)
        return cls(tuple(forms), tuple(positions))

    @classmethod
    def _of_pairs(cls, pairs: Sequence[tuple[Form, int]]) -> Words:
        return cls(tuple(form for form, _ in pairs), tuple(position for _, position in pairs))

    def without(self, tokens: Collection[int]) -> Iterator[Words]:
        """Yield the parts of the name between these of its tokens, such as an identifier inside it."""
        part: list[tuple[Form, int]] = []
        for form, position in zip(self.forms, self.positions, strict=True):
            if position not in tokens:
                part.append((form, position))
            elif part:
                yield Words._of_pairs(part)
                part = []
        if part:
            yield Words._of_pairs(part)

    @property
    def folded(self) -> tuple[str, ...]:
        return tuple(fold(form.stem) for form in self.forms)

    @property
    def text(self) -> str:
        """The name as one line, without ending."""
        return " ".join(form.stem for form in self.forms)

    @property
    def is_full(self) -> bool:
        """Whether it is a given name and a surname."""
        named = [word for word in self.folded if not is_particle(word)]
        return len(named) > 1 and not is_initial(self.forms[0].stem)

    @property
    def has_initial(self) -> bool:
        """Whether it is a surname after initials: "K. Nordmann"."""
        return len(self.forms) > 1 and is_initial(self.forms[0].stem)
