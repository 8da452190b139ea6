"""What asking for evidence adds to a transcript, on the same model and prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from benchmarks import timing
from clinextract.extractor import Extractor
from clinextract.models.transformers import TransformersModel
from clinextract.palliative import PalliativeCall

PLAIN = "the answer alone"
EVIDENCE = "with evidence"


def measured(
    model: TransformersModel, texts: Sequence[str], repetitions: int, wait: Callable[[], object]
) -> dict[str, Any]:
    """Seconds with and without evidence, transcript by transcript, in turn.

    Returns:
        "times": as `timing.flat`; "present": for every transcript how many features evidence was asked for; "lines": of
        every transcript, the replies that there are beside "none".
    """
    extractors = {PLAIN: Extractor(PalliativeCall, model), EVIDENCE: Extractor(PalliativeCall, model, evidence=True)}

    def run(name: str, number: int) -> object:
        return extractors[name](texts[number])

    ways = {name: timing.Contender(partial(run, name), repetitions) for name in extractors}
    times = timing.interleave(ways, len(texts), wait)
    results = [extractors[EVIDENCE](text) for text in texts]
    return {
        "times": timing.flat(times),
        "present": [sum(one.evidence_status is not None for one in result.answers.values()) for result in results],
        "lines": [len(text.splitlines()) for text in texts],
    }
