"""The values that go in and come out, and the row that they become."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import date
from enum import Enum, StrEnum
from typing import Any

import pytest
from pydantic import BaseModel

from clinextract import Answer, Document, Evidence, Extraction, Extractor, Failure, FakeModel, Origin, RecordInvalid
from clinextract.rows import to_row
from clinextract.translation.first import TranslateFirst


class Drug(BaseModel):
    drug: str


class Mood(Enum):
    LOW = "low"


class Side(StrEnum):
    LEFT = "left"


@pytest.mark.parametrize("given", ["", " \n", None, 7, b"She slept badly.", ["a"], "lone \ud800"])
def test_what_is_no_transcript_is_refused_with_a_hint(given: Any) -> None:
    with pytest.raises(RecordInvalid) as caught:
        Document(given, id="call-7")
    assert caught.value.hint
    assert caught.value.document_id == "call-7"
    assert "slept" not in str(caught.value)


def test_the_same_words_have_the_same_id() -> None:
    assert Document("She slept badly.").id == Document("She slept badly.").id != Document("She slept well.").id
    assert Document("She slept badly.", id="call-7").id == "call-7"


@pytest.mark.parametrize("given", ["fa", "FA", " fa ", "fa-IR", "fa_IR", "FA-Arab-IR"])
def test_a_language_is_known_by_its_code_in_any_spelling(given: str) -> None:
    document = Document("She slept badly.", language=given)
    assert document == Document("She slept badly.", language="fa")
    assert Extractor(model=FakeModel())(document).provenance.language == "fa"
    translated = TranslateFirst(lambda _: "Elle a mal dormi.", target=given.replace("fa", "fr").replace("FA", "FR"))
    assert translated.target == "fr"
    assert translated(Document("She slept badly.", language="FR-ca")).origin is None


@pytest.mark.parametrize("given", ["Persian", "fas", "q", "-fa", "Zarathustra", "فا", 7, float("nan")])
def test_what_is_no_code_of_a_language_is_refused_and_not_repeated(given: Any) -> None:
    with pytest.raises(RecordInvalid, match="ISO 639-1") as caught:
        Document("She slept badly.", id="call-7", language=given)
    assert caught.value.document_id == "call-7"
    assert "'fa'" in caught.value.hint
    assert str(given) not in str(caught.value)
    with pytest.raises(ValueError, match="target"):
        TranslateFirst(str, target=given)


@pytest.mark.parametrize("given", [None, ""])
def test_a_language_that_is_not_given_is_found_out(given: str | None) -> None:
    assert Extractor(model=FakeModel())(Document("درد دارد", language=given)).provenance.language == "fa"


def test_values_are_frozen() -> None:
    result = Extractor(model=FakeModel())("She slept badly.")
    with pytest.raises(FrozenInstanceError):
        result.id = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        result.answers["pain"] = Answer(True, 1.0, False)  # type: ignore[index]
    with pytest.raises(ValueError, match="frozen"):
        result.features.pain = True


def test_review_names_what_lies_in_the_band() -> None:
    result = Extractor(model=FakeModel({"pain": 0.97, "fever": 0.6, "seizures": 0.3}))("She slept badly.")
    assert result.review == ("seizures", "fever")


def test_no_repr_shows_words() -> None:
    words = "Zarathustra coughs"
    answer = Answer(words, None, False, (Evidence(1, 0, 18, words),))
    for value in (Document(words), answer, answer.evidence[0]):
        assert "Zarathustra" not in repr(value)
        assert "Zarathustra" not in str(value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        *((value, repr(value)) for value in (None, True, 7, 36.5, Mood.LOW)),
        ("Zarathustra", "<11 characters>"),
        (Side.LEFT, "<4 characters>"),
        (["Zarathustra", "coughs"], "<list of 2>"),
        ({"Zarathustra": 7}, "<dict of 1>"),
        (Drug(drug="Zarathustra"), "<Drug>"),
        ([Drug(drug="Zarathustra")], "<list of 1>"),
        (date(1844, 10, 15), "<date>"),
    ],
)
def test_an_answer_shows_a_value_only_where_it_cannot_be_words(value: Any, shown: str) -> None:
    assert repr(Answer(value, 0.5, False)) == f"Answer(value={shown}, probability=0.500, review=False)"


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_results_can_be_copied_and_sent_to_another_process(again: Callable[[Any], Any]) -> None:
    good, bad = Extractor(model=FakeModel({"pain": 0.6})).batch(["She slept badly.", ""])
    assert again(good) == good
    assert again(good).review == ("pain",)
    with pytest.raises(TypeError):
        again(good).answers["pain"] = None
    assert to_row(again(bad)) == to_row(bad)


def test_a_failure_has_the_row_of_a_result_and_no_answers() -> None:
    good, bad = Extractor(model=FakeModel({"pain": True})).batch(["She slept badly.", ""])
    assert isinstance(good, Extraction)
    assert isinstance(bad, Failure)
    done, failed = (json.loads(json.dumps(to_row(one))) for one in (good, bad))

    assert list(done) == list(failed)
    assert done["features"]["pain"] is True
    assert done["provenance"]["tokens"]["answer"] > 13
    assert failed["status"] == "failed"
    assert failed["features"] is failed["probabilities"] is failed["provenance"] is None
    assert failed["error"]["type"] == "RecordInvalid"
    assert failed["error"]["hint"]


def test_evidence_goes_into_the_row() -> None:
    result = Extractor(model=FakeModel())("She slept badly.")
    evidence = Evidence(1, 0, 3, "She")
    shown = Extraction(
        result.id,
        result.features,
        {**result.answers, "pain": Answer(True, 0.9, False, (evidence,), "exact")},
        result.provenance,
    )
    assert to_row(shown)["evidence"] == {"pain": [{"line": 1, "start": 0, "end": 3, "text": "She"}]}


ORIGIN = Origin("سلام\n\nتب دارد\nنه", "fa", ((0, 5, 0, 4), (7, 17, 6, 13), (18, 20, 14, 16)))
"""Of "Hello\\n\\nHas fever!\\nNo"."""


@pytest.mark.parametrize(
    ("span", "original"),
    [
        ((0, 5), "سلام"),
        ((7, 10), "تب دارد"),
        ((16, 19), "تب دارد\nنه"),
        ((0, 20), "سلام\n\nتب دارد\nنه"),
        ((5, 7), ""),  # line breaks
        ((20, 20), ""),  # the end
        ((7, 7), "تب دارد"),
    ],
)
def test_a_span_of_a_translation_leads_back_to_the_lines_that_it_touches(span: tuple[int, int], original: str) -> None:
    start, end = ORIGIN.back(*span)
    assert ORIGIN.text[start:end] == original


@pytest.mark.parametrize("spans", [((0, 5, 3, 2),), ((0, 5, 0, 99),), ((0, 5, 0, 4), (4, 6, 6, 7)), ((0, 2, -1, 4),)])
def test_an_origin_whose_spans_lie_wrong_is_refused(spans: Any) -> None:
    with pytest.raises(ValueError, match="in order"):
        Origin(ORIGIN.text, "fa", spans)


def test_a_span_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="no span"):
        ORIGIN.back(3, 2)


def test_an_origin_shows_no_words() -> None:
    document = Document("Hello\n\nHas fever!\nNo", origin=ORIGIN)
    assert "سلام" not in repr(ORIGIN) + repr(document)
    assert "translated" in repr(document)
