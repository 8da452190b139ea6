"""Repeatability: the same transcripts once more, in another sequence and one at a time.

A batch pads its rows and a processor adds numbers up in another order, so that probabilities may move in their last
bits, in bfloat16 in their third digit. Answers should not.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

from clinextract.evaluation.probes.answers import BATCH_SIZE, EXAMPLES, Answers, answers
from clinextract.evaluation.probes.results import NotApplicable, Repeatability
from clinextract.extractor import Extractor
from clinextract.records import Document

OTHER_BATCH_SIZE = 1
"""Alone: whatever the number of transcripts, each is then in other company than before."""


def repeatability(
    extractor: Extractor[Any], documents: Sequence[Document], *, seed: int
) -> Repeatability | NotApplicable:
    """Extract twice and compare.

    Args:
        extractor: Gives the schema, the model and the settings.
        documents: The transcripts.
        seed: Of the second run's sequence.
    """
    if not documents:
        return NotApplicable(reason="no transcripts were given")
    first = answers(extractor, documents)
    sequence = random.Random(seed).sample(range(len(documents)), len(documents))  # noqa: S311 - nothing here is secret
    again = answers(extractor, [documents[place] for place in sequence], OTHER_BATCH_SIZE)
    second = dict(zip(sequence, again, strict=True))
    pairs = [(documents[row].id, one, second[row]) for row, one in enumerate(first)]
    return _compared(tuple(extractor.schema.model_fields), pairs)


def _compared(names: Sequence[str], pairs: Sequence[tuple[str, Answers | None, Answers | None]]) -> Repeatability:
    both = [(name, one, two) for name, one, two in pairs if one is not None and two is not None]
    flips: Counter[str] = Counter()
    changed: dict[str, None] = {}
    distances: list[float] = []
    for document, one, two in both:
        for name in names:
            if one[name].value != two[name].value:
                flips[name] += 1
                changed[document] = None
            p, q = one[name].probability, two[name].probability
            # Of another value another probability is told: they cannot be compared, unless both are P(yes).
            if p is not None and q is not None and (one[name].value == two[name].value or _yes_no(one[name].value)):
                distances.append(abs(p - q))
    return Repeatability(
        batch_sizes=(BATCH_SIZE, OTHER_BATCH_SIZE),
        compared=len(both) * len(names),
        flips=flips.total(),
        by_feature={name: flips[name] for name in names},
        examples=tuple(changed)[:EXAMPLES],
        probabilities=len(distances),
        moved=sum(distance > 0 for distance in distances),
        largest_difference=max(distances, default=None),
        mean_difference=sum(distances) / len(distances) if distances else None,
        failed=len(pairs) - len(both),
    )


def _yes_no(value: object) -> bool:
    return isinstance(value, bool)
