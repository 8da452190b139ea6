"""What asking for evidence, and translating first, add to a transcript, on the same model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from benchmarks import timing
from benchmarks.translators import Work, Written
from clinextract.extractor import Extractor
from clinextract.models.transformers import TransformersModel
from clinextract.palliative import PalliativeCall
from clinextract.text import lines
from clinextract.translation.first import TranslateFirst

PLAIN = "the answer alone"
EVIDENCE = "with evidence"
TRANSLATED = "translated first by {}"


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


def translated(
    model: TransformersModel,
    calls: Mapping[str, str],
    translators: Mapping[str, Work],
    repetitions: int,
    wait: Callable[[], object],
) -> dict[str, Any]:
    """Seconds with and without a translation, call by call, in turn.

    Args:
        model: Reads.
        calls: Persian transcripts and their writers' English, of as many passages.
        translators: What translates, by what the page calls it. Random weights will do: see `Written`.
        repetitions: Of each.
        wait: Called before a time is taken.

    Returns:
        "times": as `timing.flat`; "lines", "tokens": of every call its lines, and the tokens of its English.
    """
    texts = list(calls)
    extractors = {PLAIN: [Extractor(PalliativeCall, model)] * len(texts)}
    for name, work in translators.items():
        first = [TranslateFirst(Written(work, text, calls[text]), checks=()) for text in texts]
        extractors[TRANSLATED.format(name)] = [Extractor(PalliativeCall, model, middleware=[one]) for one in first]

    def run(name: str, number: int) -> object:
        return extractors[name][number](texts[number])

    ways = {name: timing.Contender(partial(run, name), repetitions) for name in extractors}
    return {
        "times": timing.flat(timing.interleave(ways, len(texts), wait)),
        "lines": [len(lines(text)) for text in texts],
        "tokens": [len(model.tokenizer.encode(english)) for english in calls.values()],
    }
