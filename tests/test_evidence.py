"""Evidence is a line of the transcript, at its offsets in the words as they were given, or nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from strategies import hostile
from tiny import model

from clinextract.errors import SchemaError
from clinextract.evidence.asking import Replies, replies
from clinextract.extractor import Extractor
from clinextract.models.base import Order
from clinextract.models.fake import ByteTokenizer, FakeModel
from clinextract.palliative import PalliativeCall
from clinextract.records import Document, Extraction, Origin
from clinextract.schema.features import Feature
from clinextract.text import lines

PERSIAN = "پرستار: سلام\nهمراه:  كمرش  هنوز دَرد مي‌كند، شب‌ها\nنمی‌خوابد\r\nپرستار: تب؟"


def test_the_line_that_is_chosen_comes_back_in_its_own_spelling() -> None:
    told = FakeModel({"pain": True, "fever": 0.2}, evidence={"pain": "همراه: کمرش هنوز درد می‌کند، شب‌ها"})
    call = Extractor(PalliativeCall, told, evidence=True)(PERSIAN)
    [evidence] = call.answers["pain"].evidence
    assert call.answers["pain"].evidence_status == "exact"
    assert (evidence.line, evidence.text) == (2, "همراه:  كمرش  هنوز دَرد مي‌كند، شب‌ها")
    assert PERSIAN[evidence.start : evidence.end] == evidence.text
    assert call.answers["fever"].evidence == ()
    assert call.answers["fever"].evidence_status is None


def test_what_cannot_be_located_is_a_value() -> None:
    call = Extractor(PalliativeCall, FakeModel({"pain": True}), evidence=True)("It hurts.\nA lot.")
    assert call.answers["pain"].evidence == ()
    assert call.answers["pain"].evidence_status == "none"


def test_without_being_asked_for_there_is_none() -> None:
    call = Extractor(PalliativeCall, FakeModel({"pain": True}))("It hurts.")
    assert call.answers["pain"].evidence_status is None


@given(st.lists(st.text("ab \n", max_size=6).map(str.strip).filter(bool), min_size=1, max_size=12))
def test_replies_tell_lines_apart_and_stop_there(texts: list[str]) -> None:
    words = ByteTokenizer()
    among = replies(texts, words)
    assert set(among.numbers) == {-1, *(texts.index(text) for text in texts)}
    for number, tokens in zip(among.numbers, among.tokens, strict=True):
        whole = [*words.encode("none" if number < 0 else texts[number]), words.eos_id]
        assert tuple(whole[: len(tokens)]) == tokens
        others = [other for other in among.tokens if other != tokens]
        assert not any(other[: len(tokens)] == tokens for other in others)
        # One token less would not do.
        assert len(tokens) == 1 or any(other[: len(tokens) - 1] == tokens[:-1] for other in others)


class Ward(BaseModel):
    pain: bool
    place: Literal["back", "chest", None]
    sites: list[Literal["a", "b"]]
    words: str | None = Feature(label={}, definition={}, quote=True, max_length=12)
    said: Annotated[list[Annotated[str, Field(max_length=9)]], Field(max_length=2)] = Feature(
        label={}, definition={}, quote=True, max_length=2
    )


@pytest.mark.parametrize("order", ["joint", "independent"])
@given(text=st.one_of(hostile, st.text("آدك ي‌َab\r\n\t\u200e\u0640ۀ", max_size=60)))
@settings(max_examples=40)
def test_every_span_is_in_the_original_at_its_offsets(order: Order, text: str) -> None:
    extractor = Extractor(Ward, model("bytes", seed=4), order=order, evidence=True, window=60)
    [result] = list(extractor.batch([text]))
    if not isinstance(result, Extraction):
        return
    numbers = {line.number: line for line in lines(text)}
    for name, answer in result.answers.items():
        for one in answer.evidence:
            assert text[one.start : one.end] == one.text
            assert one.text.strip()
            assert numbers[one.line].start <= one.start
            assert one.end <= numbers[one.line].end
        assert (answer.evidence_status == "exact") == bool(answer.evidence), name
    quotes = [result.features.words or "", *result.features.said]
    assert all(quote in text for quote in quotes)
    assert len(result.features.words or "") <= 12


@given(text=hostile.filter(str.strip))
@settings(max_examples=20)
def test_a_batch_gives_the_evidence_that_each_gets_alone(text: str) -> None:
    extractor = Extractor(Ward, model("bytes", seed=4), evidence=True)
    texts = [text, "It hurts.\nIn his back.\nSince Monday.", "a\nb"]
    together = list(extractor.batch(texts, batch_size=3))
    for one, alone in zip(together, texts, strict=True):
        if isinstance(one, Extraction):
            by_itself = extractor(alone)
            assert {n: a.evidence for n, a in one.answers.items()} == {
                n: a.evidence for n, a in by_itself.answers.items()
            }


def test_many_lines_and_fields_take_several_passes_and_the_same_lines() -> None:
    text = "\n".join(f"line {n} of many, {'he hurts' if n == 77 else 'nothing'}" for n in range(300))
    everything: dict[str, Any] = dict.fromkeys(PalliativeCall.model_fields, True)
    told = FakeModel(everything, evidence=dict.fromkeys(everything, "line 77 of many, he hurts"))
    call = Extractor(PalliativeCall, told, evidence=True)(text)
    assert {answer.evidence[0].line for answer in call.answers.values()} == {78}


def test_evidence_behind_a_translation_is_the_original_s_line() -> None:
    original, english = "درد دارد\nتب ندارد", "She has pain\nNo fever"
    origin = Origin(original, "fa", ((0, 12, 0, 8), (13, 21, 9, 17)))
    told = FakeModel({"pain": True, "words": "has pain"}, evidence={"pain": "She has pain"})
    call = Extractor(Ward, told, evidence=True)(Document(english, "t", "en", origin))
    [evidence] = call.answers["pain"].evidence
    assert (evidence.line, evidence.start, evidence.end, evidence.text) == (1, 0, 8, "درد دارد")
    assert call.features.words == "درد دارد"
    assert call.answers["words"].evidence == (evidence,)


def test_both_languages_are_read_and_disagreements_marked() -> None:
    original, english = "درد دارد و تب هم دارد", "She has pain and no fever"
    origin = Origin(original, "fa", ((0, len(english), 0, len(original)),), compare=True)
    told = FakeModel(lambda text: {"pain": True, "fever": "تب" in text})
    call = Extractor(PalliativeCall, told, keep_translation=True)(Document(english, "t", "en", origin))
    assert call.features.pain
    assert not call.features.fever
    assert call.review == ("fever",)
    assert call.translation == english


def test_a_model_that_cannot_say_is_refused_with_a_hint() -> None:
    cannot = FakeModel({})
    cannot.info = replace(cannot.info, evidence=None)
    for refused, decoding in ((cannot, "skeleton"), ("default", "outlines")):
        with pytest.raises(SchemaError, match="gives no evidence") as caught:
            Extractor(PalliativeCall, refused, decoding=decoding, evidence=True)
        assert caught.value.hint


def test_every_line_that_gives_the_answer_alone_is_evidence_the_surest_first() -> None:
    told = FakeModel(
        lambda text: {"pain": 0.9 if "hurts" in text else 0.7 if "sore" in text else 0.1}, evidence="alone"
    )
    call = Extractor(PalliativeCall, told, evidence=True)(
        "Nurse: Tell me.\nSon: It's sore.\nNurse: And?\nSon: It hurts."
    )
    assert [one.line for one in call.answers["pain"].evidence] == [4, 2]
    assert call.answers["fever"].evidence_status is None


def test_a_question_and_its_answer_are_evidence_together() -> None:
    told = FakeModel(lambda text: {"fever": "fever?\nSon: Yes" in text}, evidence="alone")
    text = "Nurse: How is he?\nSon: Yes, better.\nNurse: Any fever?\nSon: Yes."
    call = Extractor(PalliativeCall, told, evidence=True)(text)
    assert [one.text for one in call.answers["fever"].evidence] == ["Nurse: Any fever?", "Son: Yes."]


def test_a_rule_makes_no_line_evidence_of_what_it_does_not_show() -> None:
    class Ill(BaseModel):
        fever: bool = Feature(label={}, definition={}, implies={"": ["ill"]})
        ill: bool = Feature(label={}, definition={})

    told = FakeModel(lambda text: {"fever": "hot" in text, "ill": "in bed" in text}, evidence="alone")
    call = Extractor(Ill, told, evidence=True)("He is hot.\nHe stays in bed.")
    assert [one.line for one in call.answers["fever"].evidence] == [1]
    assert [one.line for one in call.answers["ill"].evidence] == [2]


def test_lines_read_alone_are_the_same_in_a_batch_and_cost_what_they_cost_alone() -> None:
    told = FakeModel(lambda text: {"pain": "hurts" in text, "fever": "hot" in text}, evidence="alone")
    extractor = Extractor(PalliativeCall, told, evidence=True)
    texts = ["It hurts.", "He is hot.\n" * 20 + "It hurts.", "He is well."]
    for one, text in zip(extractor.batch(texts, batch_size=3), texts, strict=True):
        assert isinstance(one, Extraction)
        assert {n: a.evidence for n, a in one.answers.items()} == {
            n: a.evidence for n, a in extractor(text).answers.items()
        }
    assert extractor("He is well.").provenance.passes < extractor("It hurts.").provenance.passes


def test_what_no_two_lines_give_cannot_be_located() -> None:
    told = FakeModel(lambda text: {"pain": text.count("\n") > 1}, evidence="alone")
    call = Extractor(PalliativeCall, told, evidence=True)("Sore.\nVery.\nIndeed.")
    assert call.features.pain
    assert call.answers["pain"].evidence == ()
    assert call.answers["pain"].evidence_status == "none"


@pytest.mark.parametrize("lines", [1, 3, 40])
def test_the_embedded_model_shows_lines_of_the_transcript(lines: int) -> None:
    said = "Son: He is in pain, his hip hurts badly."
    text = "\n".join([said, *(f"Nurse: That is noted, {n}." for n in range(lines - 1))])
    extractor = Extractor(PalliativeCall, "default", evidence=True)
    [alone, *_] = extractor.batch([text, "Son: She is fine.", text], batch_size=3)
    assert isinstance(alone, Extraction)
    assert [one.line for one in alone.answers["pain"].evidence] == [1]
    for answer in alone.answers.values():
        assert all(text[one.start : one.end] == one.text for one in answer.evidence)


def test_replies_show_no_words_of_a_transcript() -> None:
    assert "hurts" not in repr(Replies((0,), ((1, 2),)))
