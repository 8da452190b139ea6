"""Negation probe: shipped pairs of short calls that differ in one thing, whether a feature holds.

The pairs were written for this purpose by the annotation guidelines' rules: denied, past and over, somebody else's,
if-and-when. They are for measuring only: nothing is ever trained, tuned or prompted with them, or a model would be
praised for what it was told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from clinextract.evaluation.probes.answers import Answers, answers, share
from clinextract.evaluation.probes.results import Negation, NegationScore, NotApplicable, PairAnswers
from clinextract.extractor import Extractor
from clinextract.records import Document
from clinextract.schema.features import fields_of

KINDS = ("denied", "past", "other_person", "conditional")
LANGUAGES = ("en", "fa")


@dataclass(frozen=True, slots=True)
class NegationPair:
    """One minimal pair.

    Attributes:
        id: Its name.
        feature: The field of `PalliativeCall` that is true on one side only.
        language: ISO 639-1 code.
        kind: Why it is false on the other: "denied", "past" (past and over), "other_person" (somebody else's),
            "conditional" (if and when).
        stated: The call in which it is true.
        negated: The call in which it is false.
    """

    id: str
    feature: str
    language: str
    kind: str
    stated: str
    negated: str


def negation_pairs() -> tuple[NegationPair, ...]:
    """The shipped pairs: five for each of the thirteen features in each of English and Persian."""
    found: list[NegationPair] = []
    for language in LANGUAGES:
        file = files("clinextract.evaluation") / f"negations.{language}.jsonl"
        _about, *lines = file.read_text(encoding="utf-8").splitlines()
        found += [NegationPair(language=language, **json.loads(line)) for line in lines]
    return tuple(found)


def negation(extractor: Extractor[Any]) -> Negation | NotApplicable:
    """Ask both sides of every shipped pair whose feature the schema has.

    Args:
        extractor: With `PalliativeCall`, or any schema with yes/no fields of the same names.
    """
    yes_no = [field.name for field in fields_of(extractor.schema, planned=False) if field.kind == "boolean"]
    pairs = [pair for pair in negation_pairs() if pair.feature in yes_no]
    if not pairs:
        return NotApplicable(reason="the schema has none of the thirteen features that the shipped pairs are about")
    sides = [
        Document(text, id=f"{pair.id}-{side}", language=pair.language)
        for pair in pairs
        for side, text in (("stated", pair.stated), ("negated", pair.negated))
    ]
    given = answers(extractor, sides)
    asked = tuple(
        _asked(pair, *two) for pair, two in zip(pairs, zip(given[::2], given[1::2], strict=True), strict=True)
    )
    return Negation(
        overall=score(asked),
        by_feature=_by(asked, yes_no, lambda one: one.feature),
        by_language=_by(asked, LANGUAGES, lambda one: one.language),
        by_kind=_by(asked, KINDS, lambda one: one.kind),
        pairs=asked,
        failed=sum(one.stated is None or one.negated is None for one in asked),
    )


def score(pairs: Iterable[PairAnswers]) -> NegationScore:
    """Count pairs by what was answered to their sides."""
    sides = [(one.stated, one.negated) for one in pairs if one.stated is not None and one.negated is not None]
    both_right, always_yes, always_no, swapped = (
        sides.count(wanted) for wanted in ((True, False), (True, True), (False, False), (False, True))
    )
    return NegationScore(
        pairs=len(sides),
        both_right=both_right,
        always_yes=always_yes,
        always_no=always_no,
        swapped=swapped,
        unchanged=always_yes + always_no,
        share=share(both_right, len(sides)),
    )


def _by(
    pairs: Sequence[PairAnswers], keys: Sequence[str], key_of: Callable[[PairAnswers], str]
) -> dict[str, NegationScore]:
    groups = {key: [pair for pair in pairs if key_of(pair) == key] for key in keys}
    return {key: score(group) for key, group in groups.items() if group}


def _asked(pair: NegationPair, stated: Answers | None, negated: Answers | None) -> PairAnswers:
    one = stated[pair.feature] if stated is not None else None
    two = negated[pair.feature] if negated is not None else None
    return PairAnswers(
        id=pair.id,
        feature=pair.feature,
        language=pair.language,
        kind=pair.kind,
        stated=one.value if one else None,
        negated=two.value if two else None,
        stated_probability=one.probability if one else None,
        negated_probability=two.probability if two else None,
    )
