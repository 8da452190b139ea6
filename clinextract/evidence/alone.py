"""Evidence by reading lines alone: a line shows a feature if the model finds the feature in that line and nothing else.

For a model that was trained for its features and cannot be asked anything further. Every line is read as a transcript
of its own, and so are two that follow each other, since a question and its answer show together what neither shows
alone. How sure the answer is then is the measure (after Li et al., "Understanding Neural Networks through
Representation Erasure", 2016, turned round: all but the line is erased).
"""

from __future__ import annotations

from collections.abc import Sequence

from clinextract.decoding.choices import Decision

Passage = tuple[int, int]
"""Lines of a reading, first to last and not including it."""


def passages(lines: int) -> list[Passage]:
    """What is read alone of a text of so many lines: every line, then every two that follow each other."""
    return [(n, n + 1) for n in range(lines)] + [(n, n + 2) for n in range(lines - 1)]


def supported(whole: Decision, found: Sequence[tuple[Passage, Decision]]) -> tuple[int, ...]:
    """The lines that an answer rests on.

    Args:
        whole: The decision on the whole text.
        found: That on each passage.

    Returns:
        Every line that gives the answer alone, the surest first; where there is none, the two neighbours that give it
        and are surest, in the text's order; empty where there are none either.
    """
    chances = {
        passage: 1.0 if one.probability is None else one.probability
        for passage, one in found
        if repr(one.value) == repr(whole.value)
    }
    ranked = sorted(chances, key=lambda passage: (passage[1] - passage[0], -chances[passage], passage))
    alone = [first for first, last in ranked if last - first == 1]
    return tuple(alone) if alone or not ranked else tuple(range(*ranked[0]))
