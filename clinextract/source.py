"""A document as the model reads it, and the way back to the words as they were given.

Between the two stand the normal form of the text and, where it was translated, the original behind the translation.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from clinextract.records import Document, Evidence
from clinextract.text import lines, normalise

Span = tuple[int, int]


class Source:
    """A document's text in its normal form.

    Attributes:
        document: The document.
        text: Its normal form, without blanks around.
        lines: The spans of its lines in `text`; those with nothing visible are left out.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self._normal = normalise(document.text)
        # A file ends with a line break and a typed text does not: the same words get the same answer.
        self._skipped = len(self._normal.text) - len(self._normal.text.lstrip())
        self.text = self._normal.text.strip()
        self._origin = document.origin
        self._base = document.text if self._origin is None else self._origin.text
        self._numbers = [(line.start, line.number) for line in lines(self._base)]
        self.lines = tuple(self._line_spans())

    def __repr__(self) -> str:
        return f"Source(id={self.document.id!r}, characters={len(self.text)}, lines={len(self.lines)})"

    def evidence(self, start: int, end: int) -> Evidence:
        """The words of the original that a span of `text` stands for; behind a translation whole lines."""
        start, end = self._normal.original(start + self._skipped, end + self._skipped)
        if self._origin is not None:
            start, end = self._origin.back(start, end)
        at = bisect_right(self._numbers, start, key=lambda line: line[0]) - 1
        return Evidence(self._numbers[max(at, 0)][1], start, end, self._base[start:end])

    def fitted(self, evidence: Evidence, shortest: int, longest: int) -> Evidence | None:
        """Evidence as long as a field wants it: its beginning, or with what stands around it.

        A translation and its original differ in length, and so does the normal form where it drops or spells out signs.

        Returns:
            None where the whole original is too short.
        """
        start, end = evidence.start, evidence.end
        if len(self._base) < shortest:
            return None
        if end - start > longest:
            end = start + _cut(evidence.text, shortest, longest)
        elif end - start < shortest:
            end = min(start + shortest, len(self._base))
            start = end - shortest
        return Evidence(evidence.line, start, end, self._base[start:end])

    def quote(self, quote: str, within: Span) -> Evidence | None:
        """Where a quote stands in a stretch of `text`; None for a quote of nothing."""
        start = self.text.find(quote, *within) if quote else -1
        return None if start < 0 else self.evidence(start, start + len(quote))

    def _line_spans(self) -> Sequence[Span]:
        starts = [start for start, _ in self._normal.offsets]
        spans = []
        for line in lines(self.document.text):
            first, last = bisect_left(starts, line.start), bisect_left(starts, line.end)
            stretch = self._normal.text[first:last]
            first += len(stretch) - len(stretch.lstrip())
            last = first + len(stretch.strip())
            if first < last:
                spans.append((first - self._skipped, last - self._skipped))
        return spans


def _cut(text: str, shortest: int, longest: int) -> int:
    """How much of a text fits a length: up to the end of a word, where that leaves enough of it."""
    start = text[:longest]
    whole = start.rstrip() if text[longest].isspace() else start.rsplit(None, 1)[0]
    return len(whole) if len(whole) >= shortest else longest
