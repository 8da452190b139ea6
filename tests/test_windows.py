"""Long transcripts: windows cover them, and a feature is found whatever the window that states it."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from strategies import hostile
from tiny import model

from clinextract.decoding.choices import Decision
from clinextract.errors import DocumentTooLong
from clinextract.extractor import Extractor
from clinextract.models.fake import FakeModel
from clinextract.palliative import PalliativeCall
from clinextract.records import Document, Extraction, Failure
from clinextract.schema.features import Feature, fields_of
from clinextract.schema.rules import Rules
from clinextract.windows import divide, merge


@given(st.lists(st.integers(1, 9), min_size=1, max_size=40), st.integers(1, 30), st.integers(0, 5))
def test_windows_cover_every_line_and_fit(sizes: list[int], room: int, overlap: int) -> None:
    lines = [(n, n + 1) for n in range(len(sizes))]
    windows = divide(lines, lambda first, last: sum(sizes[first:last]) <= room, overlap=overlap)
    if max(sizes) > room:
        assert windows == []
        return
    assert windows[0][0] == 0
    assert windows[-1][1] == len(sizes)
    for (start, end), (following, further) in pairwise(windows):
        assert start < following <= end < further
    assert all(sum(sizes[start:end]) <= room for start, end in windows)


def pain_in(transcript: str) -> dict[str, Any]:
    return {"pain": 0.9 if "hurts" in transcript else 0.1, "fever": 0.4 if "hurts" in transcript else 0.2}


@pytest.mark.parametrize("place", [0, 1, 13, 27, 39])
def test_a_feature_stated_once_is_found_wherever_it_stands(place: int) -> None:
    said = [f"Nurse: how is number {n} today" for n in range(40)]
    said[place] = "Caller: his back hurts again"
    extractor = Extractor(PalliativeCall, FakeModel(pain_in), window=200)
    call = extractor("\n".join(said))
    assert call.provenance.windows > 3
    assert call.features.pain
    assert call.answers["pain"].probability == pytest.approx(0.9, abs=1e-3)
    assert call.answers["fever"].probability == pytest.approx(0.4, abs=1e-3)
    assert not call.features.fever


@given(hostile)
@settings(max_examples=30)
def test_a_short_text_is_read_as_if_there_were_no_windows(text: str) -> None:
    made = model("bytes", seed=3)
    whole, windowed = (Extractor(PalliativeCall, made, window=window) for window in (None, 3000))
    [one], [other] = list(whole.batch([text])), list(windowed.batch([text]))
    assert type(one) is type(other)
    if isinstance(one, Extraction):
        assert isinstance(other, Extraction)
        assert one.answers == other.answers
        assert other.provenance.windows == 1


def test_twenty_thousand_words_without_a_line_break() -> None:
    words = ["word"] * 20000
    words[12345] = "hurts"
    call = Extractor(PalliativeCall, FakeModel(pain_in), window=4000)(" ".join(words))
    assert call.features.pain
    assert call.provenance.windows > 20


@pytest.mark.parametrize("window", [None, 500])
def test_a_text_of_marks_without_a_line_is_too_long(window: int | None) -> None:
    extractor = Extractor(PalliativeCall, FakeModel(context=None if window else 1500), window=window)
    broken, whole = extractor.batch(["\n" + "\u0301" * 3000, "She has pain."])
    assert isinstance(broken, Failure)
    assert isinstance(broken.error, DocumentTooLong)
    assert broken.error.tokens > broken.error.limit
    assert isinstance(whole, Extraction)


def test_a_batch_puts_windows_back_to_their_documents() -> None:
    texts = ["\n".join(["nothing here at all"] * n + ["it hurts"] * (n % 2)) for n in (3, 40, 8, 25, 0, 61)]
    extractor = Extractor(PalliativeCall, FakeModel(pain_in), window=150)
    results = list(extractor.batch([Document(text or "-", id=str(n)) for n, text in enumerate(texts)], batch_size=3))
    assert [result.id for result in results] == list("012345")
    assert [result.features.pain for result in results if isinstance(result, Extraction)] == [
        "hurts" in text for text in texts
    ]


class Ward(BaseModel):
    pain: bool
    level: Literal["mild", "severe", None] = Feature(label={}, definition={}, implies={"severe": ["pain"]})
    first: Literal["a", "b", None] = Feature(label={}, definition={}, merge="first")
    last: Literal["a", "b", None] = Feature(label={}, definition={}, merge="last")
    drugs: Annotated[list[Annotated[str, Field(max_length=9)]], Field(max_length=3)]
    places: list[Literal["back", "chest", "leg"]]
    note: Annotated[str, Field(max_length=9)] | None


def decisions(**changed: Any) -> dict[str, Decision]:
    values: dict[str, Any] = {
        "pain": (False, 0.2), "level": (None, 0.9), "first": (None, 0.9), "last": (None, 0.9),
        "drugs": ([], 0.9), "places": ([], 0.9), "note": (None, 0.9),
    }  # fmt: skip
    return {name: Decision(*value) for name, value in (values | changed).items()}


def merged(*windows: dict[str, Decision]) -> dict[str, Any]:
    fields = fields_of(Ward)
    return {name: one.decision.value for name, one in merge(fields, windows, Rules(fields)).items()}


def test_each_kind_is_put_together_in_its_own_way() -> None:
    found = merged(
        decisions(first=("a", 0.6), last=("a", 0.9), drugs=(["x", "y"], None), note=("one", None)),
        decisions(pain=(True, 0.8), level=("mild", 0.5), first=("b", 0.9), places=(["leg"], 0.6), note=("two", None)),
        decisions(pain=(True, 0.6), level=("severe", 0.7), last=("b", 0.5), drugs=(["y", "z", "w"], None)),
        decisions(places=(["back", "leg"], 0.9)),
    )
    assert found == {
        "pain": True, "level": "severe", "first": "a", "last": "b", "drugs": ["x", "y", "z"],
        "places": ["back", "leg"], "note": "one",
    }  # fmt: skip


def test_a_later_no_takes_nothing_back() -> None:
    assert merged(decisions(pain=(True, 0.9)), decisions(), decisions())["pain"]


def test_the_least_sure_window_tells_the_probability_of_nothing() -> None:
    fields = fields_of(Ward)
    windows = [decisions(pain=(False, 0.1)), decisions(pain=(False, 0.4), level=(None, 0.6))]
    one = merge(fields, windows, Rules(fields))
    assert one["pain"].decision.probability == 0.4
    assert one["level"].decision.probability == 0.6


def test_rules_hold_over_all_windows() -> None:
    # Each window keeps the rule, and so does their union: a severe pain is a pain.
    class Fasting(BaseModel):
        eats: bool = Feature(label={}, definition={}, excludes=["fasts"])
        fasts: bool

    fields = fields_of(Fasting)
    windows = [
        {"eats": Decision(True, 0.9), "fasts": Decision(False, 0.2)},
        {"eats": Decision(False, 0.2), "fasts": Decision(True, 0.7)},
    ]
    one = merge(fields, windows, Rules(fields))
    assert (one["eats"].decision.value, one["fasts"].decision.value) == (True, False)
    assert one["fasts"].decision.ruled
    assert one["fasts"].decision.probability == 0.7


def test_a_rule_that_no_window_can_keep_is_a_typed_error() -> None:
    class Told(BaseModel):
        pain: bool = Feature(label={}, definition={}, implies=["note"])
        fine: bool = Feature(label={}, definition={}, excludes=["pain"], implies=["not note"])
        note: Annotated[str, Field(max_length=9)] | None

    fields = fields_of(Told)
    windows = [
        {"pain": Decision(True, 0.99), "fine": Decision(False, 0.0), "note": Decision("x", None)},
        {"pain": Decision(False, 0.0), "fine": Decision(True, 0.9), "note": Decision(None, 0.9)},
    ]
    one = merge(fields, windows, Rules(fields))
    assert Rules(fields).broken({name: merged.decision.value for name, merged in one.items()}) == ()
