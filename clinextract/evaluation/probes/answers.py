"""What the probes share: the answers of one run over some documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clinextract.extractor import Extractor
from clinextract.records import Answer, Document, Failure

Answers = Mapping[str, Answer]

EXAMPLES = 5
"""Most ids that a result names."""
BATCH_SIZE = 8


def answers(
    extractor: Extractor[Any], documents: Sequence[Document], batch_size: int = BATCH_SIZE
) -> list[Answers | None]:
    """By document, in their order, the answers by field; None for one that failed."""
    results = extractor.batch(documents, batch_size=batch_size)
    return [None if isinstance(result, Failure) else result.answers for result in results]


def share(part: int, whole: int) -> float | None:
    """A share, or None of nothing."""
    return part / whole if whole else None
