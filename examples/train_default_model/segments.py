"""Transcripts cut into segments, each with what its quotes say about the 13 features.

A segment is a line, or a sentence of a long line, or about twenty words where a speech recogniser
left no punctuation. Segments are what mixes are made of and where the auxiliary head is trained.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from corpus import FEATURES, Call

LONG_LINE = 160
SENTENCE = re.compile(r"(?<=[.!?؟؛;])\s+")
WORDS_A_PIECE = 20
FALSE, TRUE, UNKNOWN = 0, 1, -1
Targets = tuple[int, ...]
ALL_FALSE: Targets = (FALSE,) * len(FEATURES)


@dataclass(frozen=True, slots=True)
class Segment:
    """`text` without its separator, `clean` before any noise; `new_line` says whether a line ends before it.

    `targets` (13,): TRUE where a quote of the feature ends in this segment, UNKNOWN where the
    feature is true in the call but this segment does not show it, else FALSE.
    """

    text: str
    clean: str
    new_line: bool
    targets: Targets


def _pieces(line: str) -> list[tuple[int, int]]:
    """Spans of one line: sentences, or runs of words where there is no punctuation."""
    if len(line) <= LONG_LINE:
        return [(0, len(line))]
    cuts = [m.end() for m in SENTENCE.finditer(line)]
    if not cuts:
        words = [m.start() for m in re.finditer(r"\S+", line)]
        cuts = words[WORDS_A_PIECE::WORDS_A_PIECE]
    bounds = [0, *cuts, len(line)]
    return [(a, b) for a, b in pairwise(bounds) if b > a]


def spans(text: str) -> list[tuple[int, int, bool]]:
    """(start, end, begins a line) of every segment that is not blank."""
    found = []
    at = 0
    for line in text.split("\n"):
        for number, (start, end) in enumerate(_pieces(line)):
            stripped = text[at + start : at + end].rstrip()
            if stripped.strip():
                found.append((at + start, at + start + len(stripped), number == 0))
        at += len(line) + 1
    return found


@dataclass(frozen=True)
class Cut:
    """A call and its segments."""

    call: Call

    @cached_property
    def spans(self) -> list[tuple[int, int, bool]]:
        """As the function `spans` gives them."""
        return spans(self.call.text)

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The call's segments in order."""
        unshown = [UNKNOWN if label else FALSE for label in self.call.labels]
        rows = [list(unshown) for _ in self.spans]
        for feature, _, last in self.quoted:
            rows[last][feature] = TRUE
        return tuple(
            Segment(text := self.call.text[start:end], text, new_line, tuple(row))
            for (start, end, new_line), row in zip(self.spans, rows, strict=True)
        )

    @cached_property
    def quoted(self) -> tuple[tuple[int, int, int], ...]:
        """(feature, first segment, last segment) of every quote."""
        found = []
        for quote in self.call.quotes:
            touched = [at for at, (start, end, _) in enumerate(self.spans) if start < quote.end and end > quote.start]
            if touched:
                found.append((quote.feature, touched[0], touched[-1]))
        return tuple(found)

    def run_targets(self, first: int, last: int) -> Targets:
        """Labels of segments first..last alone: a true feature not quoted there is UNKNOWN."""
        targets = [UNKNOWN if label else FALSE for label in self.call.labels]
        for feature, begin, end in self.quoted:
            if first <= begin and end <= last:
                targets[feature] = TRUE
        return tuple(targets)


def joined(parts: list[Targets]) -> Targets:
    """Labels of several runs read as one transcript: any TRUE wins, then any UNKNOWN."""
    return tuple(
        TRUE if TRUE in column else UNKNOWN if UNKNOWN in column else FALSE for column in zip(*parts, strict=True)
    )
