"""Behind a translation too, what an answer rests on stands in the words as they were given, at its offsets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from test_passages import LINES, TEXTS
from tiny import model

from clinextract import Document, Extraction, Extractor, Failure, FakeModel, TranslateFirst
from clinextract.errors import DocumentTooLong
from clinextract.models.base import Order
from clinextract.schema.features import Feature
from clinextract.text import lines, normalise

CALL = "پرستار: سلام\r\n\r\nبیمار:  كمرم  هنوز دَرد مي‌كند، شب‌ها نمی‌خوابم\u2028همراه: تبش ۳۸٫۵ بود\n"
ENGLISH = {
    "سلام": "Hello",
    "کمرم هنوز درد می‌کند، شب‌ها نمی‌خوابم": "My back still hurts, I do not sleep at night",
    "تبش 38.5 بود": "His temperature was 38.5",
}

RENDERINGS: list[Callable[[str], str]] = [
    str.upper,
    lambda line: line[::-1],
    lambda line: f"she said: {line}, and more of that",
    lambda _: "x",
    lambda line: " ".join(reversed(line.split())),
    lambda line: "۱۲ نیم‌فاصله دَرد " * (len(line) % 4),
]


class Ward(BaseModel):
    pain: bool
    place: Literal["back", "chest", None]
    sites: list[Literal["a", "b"]]
    words: str | None = Feature(label={}, definition={}, quote=True, max_length=12)
    much: str | None = Feature(label={}, definition={}, quote=True, min_length=3, max_length=9)
    said: Annotated[list[Annotated[str, Field(max_length=9)]], Field(max_length=2)] = Feature(
        label={}, definition={}, quote=True, max_length=2
    )


def assert_stands_in(text: str, result: Extraction[Any]) -> None:
    """Every piece of evidence, and every quote, is in the text, on its line."""
    numbers = {line.number: line for line in lines(text)}
    for name, answer in result.answers.items():
        for one in answer.evidence:
            assert text[one.start : one.end] == one.text
            assert one.text.strip()
            assert one.start < numbers[one.line].end
            assert one.end > numbers[one.line].start
        assert (answer.evidence_status == "exact") == bool(answer.evidence), name
    quotes = [result.features.words or "", *result.features.said]
    assert all(quote in text for quote in quotes)
    much = result.features.much
    assert much is None or (len(much) >= 3 and (much in text or len(text) < 3))


@pytest.mark.parametrize("order", ["joint", "independent"])
@pytest.mark.parametrize("languages", ["translation", "both"])
@given(text=TEXTS, render=st.sampled_from(RENDERINGS) | LINES.map(lambda line: lambda _: line))
@example(text="سلام", render=lambda _: "𐀀" * 20)
@settings(max_examples=25)
def test_every_span_is_in_the_original_at_its_offsets(
    order: Order, languages: Literal["translation", "both"], text: str, render: Callable[[str], str]
) -> None:
    if not normalise(text).text.strip():
        return
    first = TranslateFirst(render, languages=languages, checks=())
    extractor = Extractor(Ward, model("bytes", seed=4), order=order, evidence=True, window=60, middleware=[first])
    [result] = list(extractor.batch([Document(text, language="fa")]))
    if isinstance(result, Failure):
        # A line that fits into no window is refused, never cut: twenty letters of four bytes each are such a line.
        assert isinstance(result.error, DocumentTooLong) or result.error.message == "the translation is empty"
        return
    assert_stands_in(text, result)


def test_evidence_is_the_line_as_it_was_given() -> None:
    told = FakeModel(
        {"pain": True, "words": "temperature"},
        evidence={"pain": "Patient: My back still hurts, I do not sleep at night"},
    )
    call = Extractor(Ward, told, evidence=True, middleware=[TranslateFirst(ENGLISH.__getitem__)])(CALL)
    [evidence] = call.answers["pain"].evidence
    assert (evidence.line, evidence.text) == (2, "بیمار:  كمرم  هنوز دَرد مي‌كند، شب‌ها نمی‌خوابم")
    assert CALL[evidence.start : evidence.end] == evidence.text
    [quoted] = call.answers["words"].evidence
    assert quoted.line == 3
    assert call.features.words == quoted.text == "همراه: تبش"  # of its line what twelve characters hold
    assert_stands_in(CALL, call)


class Told(BaseModel):
    words: str | None = Feature(label={}, definition={}, quote=True, min_length=8, max_length=12)


@pytest.mark.parametrize(
    ("original", "words", "status"),
    [
        ("پرستار: کجا؟\nپا", " کجا؟\nپا", "exact"),
        ("پا\nپرستار: دیگر؟", "پا\nپرستا", "exact"),
        ("پای راستش از دیروز درد دارد", "پای راستش از", "exact"),
        ("پاهایشان‌ورم کرده", "پاهایشان‌ورم", "exact"),
        ("درد پا", "In his leg", "none"),
    ],
)
def test_a_quote_is_as_long_as_its_field_wants_it(original: str, words: str, status: str) -> None:
    first = TranslateFirst(lambda line: "In his leg" if "پا" in line else "Where does it hurt", checks=())
    call = Extractor(Told, FakeModel({"words": "In his leg"}), middleware=[first])(original)
    answer = call.answers["words"]
    assert (call.features.words, answer.evidence_status) == (words, status)
    assert all(original[one.start : one.end] == one.text == words for one in answer.evidence)


class Medicine(BaseModel):
    name: str = Feature(label={}, definition={}, max_length=20)
    dose: int = Feature(label={}, definition={}, ge=0, le=999)


class Everything(BaseModel):
    pain: bool
    place: Literal["back", "chest", None]
    words: str | None = Feature(label={}, definition={}, quote=True, max_length=20)
    note: str = Feature(label={}, definition={}, max_length=20)
    medicines: Annotated[list[Medicine], Field(max_length=3)]


def test_with_both_languages_answers_that_differ_are_for_review_and_words_of_two_languages_do_not() -> None:
    english = {
        "pain": True,
        "place": "back",
        "words": "My back",
        "note": "tired",
        "medicines": [{"name": "morphine", "dose": 10}],
    }
    persian = {
        "pain": True,
        "place": "back",
        "words": "کمرم",
        "note": "خسته",
        "medicines": [{"name": "مرفین", "dose": 10}],
    }
    other = persian | {"pain": False, "place": "chest", "words": None, "medicines": [{"name": "مرفین", "dose": 20}]}

    def read(said: dict[str, Any]) -> Extraction[Everything]:
        told = FakeModel(lambda text: said if "کمرم" in text else english)
        first = TranslateFirst(ENGLISH.__getitem__, languages="both")
        return Extractor(Everything, told, middleware=[first], review_band=(0.4, 0.6))(CALL)

    assert read(persian).review == ()
    differing = read(other)
    assert differing.review == ("pain", "place", "words", "medicines")
    assert (differing.features.pain, differing.features.place) == (True, "back")
    assert differing.provenance.language == "en"
