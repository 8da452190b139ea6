"""No word of a transcript in a repr, a log record of any level, a warning, an error, or on the screen."""

from __future__ import annotations

import logging
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, field_validator

from clinextract import (
    ClinExtractError,
    Document,
    Example,
    Extractor,
    Failure,
    FakeModel,
    ModelOutputError,
    PalliativeCall,
    RecordInvalid,
    load_model,
)
from clinextract.answering import Decoded, Job
from clinextract.decoding.choices import Decision
from clinextract.rows import to_row

WORDS = ("Zarathustra", "Quxville", "morphinated", "زرتشتک", "کوکسویل")
TEXT = f"{WORDS[0]} from {WORDS[1]} was {WORDS[2]} <|end|>\n{WORDS[3]} از {WORDS[4]} تب دارد."


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str]) -> Iterator[list[str]]:
    """Everything that was logged, at any level and by anyone; at the end it is searched, with both streams."""
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(f"{record.getMessage()} {record.args!r} {record.exc_info!r}")

    root, handler = logging.getLogger(), Keep(logging.NOTSET)
    level = root.level
    loud = [logging.getLogger(name) for name in ("clinextract", "transformers", "outlines", "huggingface_hub", "torch")]
    levels = [one.level for one in loud]
    root.addHandler(handler)
    for one in (root, *loud):
        one.setLevel(1)
        one.addHandler(handler)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield found
    for one in (root, *loud):
        one.removeHandler(handler)
    root.setLevel(level)
    for one, before in zip(loud, levels, strict=True):
        one.setLevel(before)
    assert_silent(*found, *(str(one.message) for one in warned), *capfd.readouterr())


def assert_silent(*shown: object) -> None:
    text = " ".join(map(str, shown))
    assert [word for word in WORDS if word in text] == []


def everything_about(error: ClinExtractError) -> tuple[str, ...]:
    """All that a program shows of an error; the source lines of a traceback are code, and so may be shown.

    Reporters of errors show what it was raised from too, `from None` or not, and there it may be a library's.
    """
    assert error.__cause__ is error.__context__ is None
    return (str(error), repr(error), error.hint, *traceback.format_exception(error))


@pytest.fixture(params=["fake", "tiny"])
def model(request: pytest.FixtureRequest) -> Any:
    if request.param == "fake":
        return FakeModel({"pain": 0.9}, context=4096)
    return load_model(str(request.getfixturevalue("tiny_folder")))


def test_an_extraction_is_silent(model: Any, said: list[str]) -> None:
    extractor = Extractor(PalliativeCall, model)
    document = Document(TEXT)
    result = extractor(document)
    assert_silent(
        repr(document), repr(extractor), repr(result), repr(result.answers), repr(result.provenance), repr(model)
    )
    assert_silent(repr(extractor.plan), repr(Example(TEXT, {})))


def test_what_is_on_its_way_to_the_model_is_silent() -> None:
    decided = {"words": Decision(TEXT, 1.0)}
    assert_silent(repr(Job(0, 0, 0, None, TEXT, "c1")), repr(Decoded(decided, 0.1, 2)))  # type: ignore[arg-type]


@pytest.mark.slow
def test_outlines_decoding_is_silent(tiny_folder: Path, said: list[str]) -> None:
    result = Extractor(PalliativeCall, str(tiny_folder), decoding="outlines")(TEXT)
    assert_silent(repr(result))


def test_failures_are_silent(model: Any, said: list[str]) -> None:
    extractor = Extractor(PalliativeCall, model)
    bad = ["".join(filter(str.isalpha, TEXT)) * 200, TEXT + "\ud800", TEXT.encode(), ["not", TEXT]]
    results = list(extractor.batch([TEXT, *bad, TEXT]))  # type: ignore[list-item]
    failures = results[1:-1]
    assert all(isinstance(one, Failure) for one in failures)
    assert not isinstance(results[0], Failure)
    assert not isinstance(results[-1], Failure)
    for failure in failures:
        assert isinstance(failure, Failure)
        assert_silent(repr(failure), *everything_about(failure.error))


@pytest.mark.parametrize("given", [TEXT + "\ud800", TEXT.encode(), ["not", TEXT]], ids=["surrogate", "bytes", "list"])
def test_what_is_no_transcript_is_silent(given: Any, said: list[str]) -> None:
    with pytest.raises(RecordInvalid) as caught:
        Document(given)
    assert_silent(*everything_about(caught.value))


class Dose(BaseModel):
    drug: str = Field(max_length=20)


class Ward(BaseModel):
    """Everything that may hold words; one validator gives them another type."""

    note: str = Field(max_length=20)
    aids: list[Annotated[str, Field(max_length=20)]] = Field(max_length=3)
    dose: Dose

    @field_validator("note")
    @classmethod
    def words(cls, value: str) -> Any:
        if value == WORDS[2]:
            raise ValueError(value)
        return [value]


def ward(note: str) -> Extractor[Ward]:
    return Extractor(Ward, FakeModel({"note": note, "aids": WORDS[:2], "dose": {"drug": WORDS[1]}}))


def test_answers_of_every_shape_are_silent(said: list[str]) -> None:
    result = ward(WORDS[0])(TEXT)
    assert result.features.model_dump(warnings=False) == {
        "note": [WORDS[0]],
        "aids": [*WORDS[:2]],
        "dose": {"drug": WORDS[1]},
    }
    assert to_row(result)["features"]["note"] == [WORDS[0]]
    assert_silent(repr(result), repr(result.answers), *result.answers.values())


def test_an_answer_that_a_validator_refuses_is_silent(said: list[str]) -> None:
    extractor = ward(WORDS[2])
    with pytest.raises(ModelOutputError) as caught:
        extractor(TEXT)
    [failure] = extractor.batch([TEXT])
    assert isinstance(failure, Failure)
    for error in (caught.value, failure.error):
        assert_silent(*everything_about(error))


def test_a_model_that_breaks_is_silent(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    model = FakeModel()

    def broken(*_: object) -> Any:
        raise OSError(f"cannot read {TEXT}")

    monkeypatch.setattr(model, "session", broken)
    with pytest.raises(ClinExtractError) as caught:
        Extractor(PalliativeCall, model)(TEXT)
    assert_silent(*everything_about(caught.value))


def test_an_example_that_does_not_fit_is_silent(said: list[str]) -> None:
    with pytest.raises(ClinExtractError) as caught:
        Extractor(PalliativeCall, FakeModel(), examples=[Example(TEXT, {"pain": "no"})])
    assert_silent(*everything_about(caught.value))
