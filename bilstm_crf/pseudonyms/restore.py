"""Give pseudonymised files their names back, with the mapping.

The mapping knows what stood where, so an output that nobody has changed comes back byte for byte. In a text
that was edited since, pseudonyms are found again and matched, in their order, with those of the output;
what has no match gets its name back if its pseudonym has stood for one piece of text only.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from bilstm_crf.errors import InputError
from bilstm_crf.pseudonyms.edits import Edit, apply
from bilstm_crf.pseudonyms.mapping import FileRecord, Mapping, Occurrence

WORD_START = re.compile(r"(?<!\w)(?=[\w\[])")
MAX_COMPARISONS = 4_000_000  # of pseudonyms in the edited middle of a text; finding equal parts is quadratic
FIRST = re.compile(r"\[[^\]\s]*\]|\w+")


@dataclass(frozen=True)
class Restored:
    """A file with its names, and how sure that is."""

    content: bytes
    record: FileRecord | None  # of the output that it is, or that it was edited from
    is_exact: bool  # the bytes of the original
    restored: int
    left: tuple[tuple[int, str], ...] = ()  # line and text of pseudonyms that could stand for several names
    alone: int = 0  # restored by the pseudonym alone, in a text that was edited


def restore(content: bytes, name: str, mapping: Mapping, path: str) -> Restored:
    """Return the content of a pseudonymised file, called `name`, with its names.

    Raises InputError for bytes that are not UTF-8, and for a file without anything of this mapping.
    """
    digest = hashlib.sha256(content).hexdigest()
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError("not UTF-8, as pseudonymised files are", path=path, line=line) from error
    same = [file for file in mapping.files if file.sha256 == digest]
    record = next((file for file in same if file.name == name), same[0] if same else None)
    if record is not None:
        return _unchanged(text, record)
    record = next((file for file in reversed(mapping.files) if file.name == name), None)
    return _edited(text, record, mapping, path)


def _unchanged(text: str, record: FileRecord) -> Restored:
    edits = [
        Edit(each.start, each.start + len(each.new), each.original, each.id) for each in record.occurrences
    ]
    restored = apply(text, edits).encode()
    if record.encoding != "utf-8":
        restored = restored.decode().encode(record.encoding)
    exact = hashlib.sha256(restored).hexdigest() == record.original_sha256
    return Restored(restored, record, exact, len(edits))


# ---------------------------------------------------------------- a text that was edited


def _edited(text: str, record: FileRecord | None, mapping: Mapping, path: str) -> Restored:
    originals: dict[str, set[str]] = defaultdict(set)
    for file in mapping.files:
        for each in file.occurrences:
            originals[each.new].add(each.original)
    expected: Sequence[Occurrence] = record.occurrences if record is not None else ()
    found = list(_pseudonyms(text, list(originals)))
    if not found:
        raise InputError(
            "holds no pseudonym of this mapping",
            path=path,
            hint="a pseudonymised file and the mapping of the same run belong together",
        )
    surfaces, wanted = [text[start:end] for start, end in found], [each.new for each in expected]
    is_label = mapping.style == "label"
    if is_label and surfaces != wanted:  # which of them is missing cannot be told
        wanted = []
    matched = _matched(surfaces, wanted, in_middle=not is_label)
    edits, left, alone = [], [], 0
    for number, (start, end) in enumerate(found):
        pseudonym = text[start:end]
        if number in matched:
            edits.append(Edit(start, end, expected[matched[number]].original, ""))
        elif len(originals[pseudonym]) == 1:
            edits.append(Edit(start, end, next(iter(originals[pseudonym])), ""))
            alone += 1
        else:
            left.append((text.count("\n", 0, start) + 1, pseudonym))
    if not edits:
        raise InputError(
            f"was edited, and its {len(left)} pseudonyms could each stand for several names",
            path=path,
            line=left[0][0],
            found=left[0][1],
            hint="restore the file as `pseudonymise` wrote it, under its name there; --style number or name "
            "can be restored after edits",
        )
    return Restored(apply(text, edits).encode(), record, False, len(edits), tuple(left), alone)


def _pseudonyms(text: str, known: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the places of pseudonyms, as whole words, the longest at each place."""
    by_first: dict[str, list[str]] = defaultdict(list)
    for pseudonym in sorted(known, key=len, reverse=True):
        if (first := FIRST.match(pseudonym)) is not None:
            by_first[first.group()].append(pseudonym)
    reached = 0
    for match in WORD_START.finditer(text):
        start = match.start()
        first = FIRST.match(text, start)
        if start < reached or first is None:
            continue
        for pseudonym in by_first.get(first.group(), ()):
            end = start + len(pseudonym)
            if text.startswith(pseudonym, start) and not re.match(r"\w", text[end : end + 1]):
                yield start, end
                reached = end
                break


def _matched(found: list[str], expected: list[str], *, in_middle: bool) -> dict[int, int]:
    """Return which expected pseudonym each found one is, where the two orders agree.

    They agree at the start and at the end of the text, and in the middle (`in_middle`) by their longest
    common parts.
    """
    shorter = min(len(found), len(expected))
    head = next((at for at in range(shorter) if found[at] != expected[at]), shorter)
    tail = next((at for at in range(shorter - head) if found[-1 - at] != expected[-1 - at]), shorter - head)
    matched = {at: at for at in range(head)}
    matched |= {len(found) - at: len(expected) - at for at in range(1, tail + 1)}
    middle = found[head : len(found) - tail], expected[head : len(expected) - tail]
    if in_middle and len(middle[0]) * len(middle[1]) <= MAX_COMPARISONS:
        blocks = SequenceMatcher(None, *middle, autojunk=False).get_matching_blocks()
        matched |= {head + block.a + at: head + block.b + at for block in blocks for at in range(block.size)}
    return matched
