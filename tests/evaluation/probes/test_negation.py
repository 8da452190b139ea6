"""Negation: the shipped pairs are what they claim, and are counted by what was answered to both their sides."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from probed import NAMES, Ward
from pydantic import BaseModel

from clinextract import Document, Extractor, FakeModel, PalliativeCall
from clinextract.evaluation.probes.negation import KINDS, LANGUAGES, NegationPair, negation, negation_pairs, score
from clinextract.evaluation.probes.results import Negation, NotApplicable, PairAnswers
from clinextract.text import normalise

PAIRS = negation_pairs()
CALLS = Path(__file__).parents[3] / "examples" / "train_default_model" / "calls"


def told(answer: Callable[[NegationPair, bool], Any]) -> FakeModel:
    """A model that knows the shipped pairs: what it answers depends on the pair and on whether its side states it."""
    known: dict[str, dict[str, Any]] = {}
    for pair in PAIRS:
        known[normalise(pair.stated).text] = {pair.feature: answer(pair, True)}
        known[normalise(pair.negated).text] = {pair.feature: answer(pair, False)}
    return FakeModel(lambda transcript: known[transcript])


def test_every_feature_has_pairs_of_every_kind_in_both_languages() -> None:
    counts = Counter((pair.language, pair.feature, pair.kind) for pair in PAIRS)
    assert {key for key, count in counts.items() if count} == {
        (language, name, kind) for language in LANGUAGES for name in NAMES for kind in KINDS
    }
    assert min(Counter((pair.language, pair.feature) for pair in PAIRS).values()) >= 4
    assert len({pair.id for pair in PAIRS}) == len(PAIRS)
    texts = [text for pair in PAIRS for text in (pair.stated, pair.negated)]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.id)
def test_a_pair_is_clean_text_in_its_language(pair: NegationPair) -> None:
    for text in (pair.stated, pair.negated):
        assert text == text.strip()
        assert text == normalise(text).text or pair.language == "fa"  # normalising Persian may fold a spelling
        letters = [letter for letter in text if letter.isalpha()]
        persian = sum("\u0600" <= letter <= "\u06ff" for letter in letters)
        assert persian == (len(letters) if pair.language == "fa" else 0)
        if pair.language == "fa":
            assert not set("يكةى٠١٢٣٤٥٦٧٨٩?;,") & set(text)  # Arabic letters and digits, Latin punctuation
            assert not {"می", "نمی", "ها", "های"} & set(text.replace("\n", " ").split(" "))  # half-spaces are right


def test_the_pairs_are_marked_as_not_for_training_and_are_in_nothing_that_is_trained_on() -> None:
    texts = {text for pair in PAIRS for text in (pair.stated, pair.negated)}
    for language in LANGUAGES:
        file = files("clinextract.evaluation") / f"negations.{language}.jsonl"
        header = json.loads(file.read_text(encoding="utf-8").splitlines()[0])
        assert "never train or tune on them" in header["about"]
        assert header["canary"]
        shown = files("clinextract") / "templates" / f"palliative_care.examples.{language}.jsonl"
        assert not texts & {json.loads(line)["transcript"] for line in shown.read_text(encoding="utf-8").splitlines()}
    trained = {json.loads(line)["transcript"] for file in CALLS.glob("*.jsonl") for line in file.open("rb")}
    assert trained
    assert not texts & trained


@pytest.mark.parametrize(
    ("answer", "counted"),
    [
        (lambda pair, stated: stated, "both_right"),
        (lambda pair, stated: True, "always_yes"),
        (lambda pair, stated: False, "always_no"),
        (lambda pair, stated: not stated, "swapped"),
    ],
)
def test_pairs_are_counted_by_what_was_answered_to_both_sides(
    answer: Callable[[NegationPair, bool], bool], counted: str
) -> None:
    found = negation(Extractor(PalliativeCall, told(answer)))
    assert isinstance(found, Negation)
    for group in (found.overall, *found.by_feature.values(), *found.by_language.values(), *found.by_kind.values()):
        outcomes = {key: getattr(group, key) for key in ("both_right", "always_yes", "always_no", "swapped")}
        assert outcomes == dict.fromkeys(outcomes, 0) | {counted: group.pairs}
        assert group.unchanged == (group.pairs if counted.startswith("always") else 0)
        assert group.share == (counted == "both_right")
    assert sum(group.pairs for group in found.by_kind.values()) == found.overall.pairs == len(PAIRS)


def test_a_model_that_overlooks_who_is_meant_fails_on_that_kind_alone() -> None:
    found = negation(Extractor(PalliativeCall, told(lambda pair, stated: stated or pair.kind == "other_person")))
    assert isinstance(found, Negation)
    assert {kind: group.share for kind, group in found.by_kind.items()} == {
        "denied": 1, "past": 1, "other_person": 0, "conditional": 1,
    }  # fmt: skip
    assert found.by_kind["other_person"].always_yes == found.overall.unchanged == 26


def test_probabilities_are_those_of_the_probed_feature() -> None:
    found = negation(Extractor(PalliativeCall, told(lambda pair, stated: 0.75 if stated else 0.25)))
    assert isinstance(found, Negation)
    for pair in found.pairs:
        assert (pair.stated, pair.negated) == (True, False)
        assert pair.stated_probability == pytest.approx(0.75, abs=1e-5)
        assert pair.negated_probability == pytest.approx(0.25, abs=1e-5)


def test_a_schema_is_asked_only_for_the_features_that_it_has() -> None:
    class Mine(BaseModel):
        pain: bool
        fever: Literal["none", "high"]
        mood: bool

    found = negation(Extractor(Mine, FakeModel()))
    assert isinstance(found, Negation)
    assert set(found.by_feature) == {"pain"}
    assert found.overall.pairs == 10
    assert isinstance(negation(Extractor(Ward, FakeModel())), NotApplicable)


def test_a_pair_of_which_a_side_fails_is_in_no_count() -> None:
    longest = max(PAIRS, key=lambda pair: len(pair.negated.encode()))
    model = FakeModel({"pain": True}, context=_tokens(longest.negated) - 1)
    found = negation(Extractor(PalliativeCall, model))
    assert isinstance(found, Negation)
    assert found.failed >= 1
    assert found.overall.pairs == len(PAIRS) - found.failed
    assert next(one for one in found.pairs if one.id == longest.id).negated is None


@given(st.lists(st.tuples(st.sampled_from([True, False, None]), st.sampled_from([True, False, None])), max_size=12))
def test_every_answered_pair_is_counted_once(sides: list[tuple[bool | None, bool | None]]) -> None:
    found = score(_pair(stated, negated) for stated, negated in sides)
    assert found.pairs == sum(None not in two for two in sides)
    assert found.both_right + found.unchanged + found.swapped == found.pairs
    assert found.unchanged == sum(one is not None and one == two for one, two in sides)
    assert (found.share is None) == (found.pairs == 0)


def _pair(stated: bool | None, negated: bool | None) -> PairAnswers:
    return PairAnswers(
        id="x", feature="pain", language="en", kind="denied", stated=stated, negated=negated,
        stated_probability=None, negated_probability=None,
    )  # fmt: skip


def _tokens(text: str) -> int:
    """Tokens of the fake model's prompt, transcript and answer together."""
    extractor = Extractor(PalliativeCall, FakeModel())
    made = extractor(Document(text)).provenance.tokens
    assert extractor.plan is not None
    return made["prefix"] + made["transcript"] + extractor.plan.longest
