"""What asking for evidence, and translating first, add to a transcript, on the same model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from benchmarks import timing
from clinextract.extractor import Extractor
from clinextract.models.transformers import TransformersModel
from clinextract.palliative import PalliativeCall
from clinextract.translation.chat import LocalChatTranslator
from clinextract.translation.first import TranslateFirst
from clinextract.translation.passages import passages

PLAIN = "the answer alone"
EVIDENCE = "with evidence"
TRANSLATED = "translated first"


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
    model: TransformersModel, calls: Mapping[str, str], repetitions: int, wait: Callable[[], object]
) -> dict[str, Any]:
    """Seconds with and without a translation by the same model, call by call, in turn.

    Args:
        model: Random weights will do: see `_Bounded`.
        calls: Persian transcripts and their writers' English, line for line.
        repetitions: Of each.
        wait: Called before a time is taken.

    Returns:
        "times": as `timing.flat`; "lines", "tokens": of every call its lines, and the tokens of its English.
    """
    texts = list(calls)
    extractors = {
        PLAIN: [Extractor(PalliativeCall, model)] * len(texts),
        TRANSLATED: [
            Extractor(PalliativeCall, model, middleware=[TranslateFirst(_Written(model, text, calls[text]), checks=())])
            for text in texts
        ],
    }

    def run(name: str, number: int) -> object:
        return extractors[name][number](texts[number])

    ways = {name: timing.Contender(partial(run, name), repetitions) for name in extractors}
    return {
        "times": timing.flat(timing.interleave(ways, len(texts), wait)),
        "lines": [len(text.splitlines()) for text in texts],
        "tokens": [len(model.tokenizer.encode(english)) for english in calls.values()],
    }


class _Written:
    """A translator that does the work of a chat model, and then gives what a writer wrote.

    So the model runs for as many tokens as a right translation has, whatever its weights are.
    """

    name, fingerprint = "written", ""

    def __init__(self, model: TransformersModel, persian: str, english: str) -> None:
        self._model = model
        bodies = [part.body for part in passages(persian, "fa", "en")]
        self._english = dict(zip(bodies, (part.body for part in passages(english, "en", "fa")), strict=True))

    def translate(self, texts: Sequence[str], *, source: str, target: str) -> list[str]:
        written = [self._english[text] for text in texts]
        most = max(len(self._model.tokenizer.encode(one)) for one in written)
        LocalChatTranslator(_Bounded(self._model, most)).translate(texts, source=source, target=target)
        return written


class _Bounded:
    """A model whose continuations end after so many tokens: random weights would go on to the limit."""

    def __init__(self, model: TransformersModel, most: int) -> None:
        self.info, self.tokenizer, self.chat = model.info, model.tokenizer, model.chat
        self.prefill, self.session = model.prefill, model.session
        self._model, self._most = model, most

    def continuations(self, rows: Sequence[Sequence[int]], max_tokens: int) -> list[str | None]:
        return self._model.continuations(rows, min(max_tokens, self._most))
