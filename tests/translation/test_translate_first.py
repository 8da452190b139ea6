"""The middleware, as an application and its users meet it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_passages import LONG, TEXTS

from clinextract import Document, Extractor, Failure, FakeModel, ModelUnavailable, RecordInvalid, TranslationError
from clinextract.records import Origin
from clinextract.text import normalise
from clinextract.translation.first import TranslateFirst
from clinextract.translation.prompt import messages

SECRET = "زرتشتک"
CALL = f"پرستار: سلام {SECRET}\n\nبیمار: از دیروز درد دارم\nبیمار: تبم ۳۸/۵ بود\n"
ENGLISH = {
    f"سلام {SECRET}": "Hello Zarathustra",
    "از دیروز درد دارم": "I have been in pain since yesterday",
    "تبم 38/5 بود": "My temperature was 38.5",
}


class Recorded:
    """A translator by a dictionary that remembers what it was asked."""

    name = "recorded"
    fingerprint = "0123456789abcdef"

    def __init__(self, answer: Callable[[str], Any] = ENGLISH.__getitem__) -> None:
        self.batches: list[list[str]] = []
        self._answer = answer

    def translate(self, texts: Sequence[str], *, source: str, target: str) -> list[str]:
        self.batches.append(list(texts))
        return [self._answer(text) for text in texts]


def test_a_call_is_translated_line_by_line_with_the_way_back() -> None:
    document = Document(CALL, id="call-7")
    translated = TranslateFirst(ENGLISH.__getitem__)(document)

    assert translated.text.splitlines() == [
        "Nurse: Hello Zarathustra",
        "",
        "Patient: I have been in pain since yesterday",
        "Patient: My temperature was 38.5",
    ]
    assert (translated.id, translated.language) == ("call-7", "en")
    assert translated.notes == ("translated from fa by __getitem__",)
    origin = translated.origin
    assert origin is not None
    assert (origin.text, origin.language, origin.compare) == (CALL, "fa", False)
    start = translated.text.index("pain")
    first, last = origin.back(start, start + 4)
    assert CALL[first:last] == "بیمار: از دیروز درد دارم"


def test_both_languages_are_asked_for() -> None:
    translated = TranslateFirst(ENGLISH.__getitem__, languages="both")(Document(CALL))
    assert translated.origin is not None
    assert translated.origin.compare


@pytest.mark.parametrize(
    "document",
    [
        Document("She has had a fever since Monday and does not sleep."),
        Document("پارسال", language="en"),
        Document("Hello", language="fa", origin=Origin("سلام", "fa", ((0, 5, 0, 4),))),
        Document("\u200e\u200b"),
    ],
)
def test_what_needs_no_translation_is_given_back_as_it_is(document: Document) -> None:
    translator = Recorded()
    assert TranslateFirst(translator)(document) is document
    assert translator.batches == []


def test_invisible_characters_in_a_foreign_document_are_for_the_extractor_to_refuse() -> None:
    document = Document("\u200e\u200b", language="fa")
    with pytest.raises(RecordInvalid, match="invisible"):
        Extractor(model=FakeModel(), middleware=[TranslateFirst(Recorded())])(document)


def test_a_line_that_is_said_twice_is_translated_once_and_figures_never() -> None:
    translator = Recorded(lambda _: "Yes")
    translated = TranslateFirst(translator)(Document("آره\nBP 120/80\nآره\n۳۷٫۲", language="fa"))
    assert translator.batches == [["آره"]]
    assert translated.text == "Yes\nBP 120/80\nYes\n37.2"


def test_batches_are_bounded_also_for_one_line_of_twenty_thousand_words() -> None:
    translator = Recorded(lambda text: f"line of {len(text.split())} words")
    text = " ".join(["درد"] * 20_000)
    translated = TranslateFirst(translator, batch_size=16, checks=("empty", "copied"))(Document(text))
    assert max(map(len, translator.batches)) <= 16
    assert max(len(line) for batch in translator.batches for line in batch) < 300
    assert translated.origin is not None
    assert len(translated.origin.spans) == len(translated.text.splitlines()) == 1000


# What a translator does to a line, and what the user is told of it.
BROKEN: dict[str, tuple[Callable[[str], Any], str]] = {
    "nothing": (lambda _: "", "(empty)"),
    "blanks": (lambda _: " \n", "(empty)"),
    "None": (lambda _: None, "(no text)"),
    "a number": (lambda _: 7, "(no text)"),
    "no Unicode": (lambda _: "Hello \ud800", "(no text)"),
    "the line itself": (lambda line: line, "(copied)"),
    "the prompt": (lambda _: messages("fa", "en")[0]["content"].split("\n\n")[1][:90], "(prompt)"),
    "several lines": (lambda line: "Hello\nand more", "(lines)"),
    "the same without end": (lambda _: "and so on " * 900, "(length, repetition)"),
    "an error": (lambda line: (_ for _ in ()).throw(RuntimeError(line)), "(raised RuntimeError)"),
}


@pytest.mark.parametrize(("answer", "told"), BROKEN.values(), ids=BROKEN)
def test_a_broken_translator_is_told_of_by_line_and_check(answer: Callable[[str], Any], told: str) -> None:
    with pytest.raises(TranslationError) as caught:
        TranslateFirst(answer)(Document(f"سلام {SECRET}\nاز دیروز درد دارم", id="call-7"))
    error = caught.value
    assert error.message == f"2 of 2 lines could not be translated: line 1 {told}, line 2 {told}"
    assert error.document_id == "call-7"
    assert "on_failure" in error.hint
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    assert SECRET not in f"{error!r} {error} {error.hint}"


class OfAnotherLength(Recorded):
    def __init__(self, change: Callable[[list[str]], Any]) -> None:
        super().__init__(lambda text: ENGLISH.get(text, "Pain"))
        self._change = change

    def translate(self, texts: Sequence[str], *, source: str, target: str) -> Any:
        return self._change(super().translate(texts, source=source, target=target))


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found[:-1],
        lambda found: [*found, "more"],
        lambda _: None,
        "".join,
        lambda _: [],
    ],
)
def test_another_number_of_lines_is_an_error(change: Callable[[list[str]], Any]) -> None:
    with pytest.raises(TranslationError, match=r"3 of 3 lines could not be translated: line 1 \(count\)"):
        TranslateFirst(OfAnotherLength(change))(Document(CALL))


def test_a_translator_that_miscounts_batches_is_asked_line_by_line() -> None:
    translator = OfAnotherLength(lambda found: found if len(found) == 1 else found[1:])
    assert "Hello Zarathustra" in TranslateFirst(translator)(Document(CALL)).text


def test_a_line_that_fails_as_a_whole_is_tried_in_sentences_and_then_in_clauses() -> None:
    known = {"درد دارم،": "I have pain,", "تب دارم.": "I have a fever.", "خوبم.": "I am well.", "نه": "No"}
    translator = Recorded(lambda text: known.get(text, ""))
    translated = TranslateFirst(translator)(Document("درد دارم، تب دارم. خوبم.\nنه", language="fa"))
    assert translated.text == "I have pain, I have a fever. I am well.\nNo"
    assert translator.batches[0] == ["نه", "درد دارم، تب دارم. خوبم."]
    assert [batch[0] for batch in translator.batches[1:]] == [
        "خوبم.", "درد دارم، تب دارم.", "خوبم.", "تب دارم.", "درد دارم،",
    ]  # fmt: skip
    with pytest.raises(TranslationError, match="line 1"):
        TranslateFirst(translator, attempts=2)(Document("درد دارم، تب دارم. خوبم.", language="fa"))


def test_half_a_line_that_is_lost_does_not_hide_behind_the_other_half() -> None:
    with pytest.raises(TranslationError, match=r"line 1 \(empty\)"):
        TranslateFirst(lambda text: "I am well." if text == "خوبم." else "")(Document("درد دارم. خوبم.", language="fa"))


def test_many_lines_are_counted_and_the_first_are_named() -> None:
    text = "\n".join(f"درد شماره {chr(1575 + n)}" for n in range(12))
    with pytest.raises(TranslationError) as caught:
        TranslateFirst(lambda _: "")(Document(text, language="fa"))
    assert caught.value.message.startswith("12 of 12 lines could not be translated: line 1 (empty), ")
    assert caught.value.message.endswith("line 5 (empty) and 7 more")


def test_the_original_goes_on_where_that_was_asked_for_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    document = Document(CALL, id="call-7")
    with caplog.at_level(logging.WARNING):
        untranslated = TranslateFirst(lambda _: "", on_failure="original")(document)
    assert (untranslated.text, untranslated.id, untranslated.origin) == (CALL, "call-7", None)
    [note] = untranslated.notes
    assert note.startswith("not translated: 3 of 3 lines could not be translated: line 1 (empty)")
    assert "call-7" in caplog.text
    assert SECRET not in caplog.text + note


def test_a_programmer_s_mistake_passes_as_it_is() -> None:
    with pytest.raises(TypeError):
        TranslateFirst(lambda: "no argument", on_failure="original")(Document(CALL))  # type: ignore[arg-type, misc]


class Absent(Recorded):
    def translate(self, texts: Sequence[str], *, source: str, target: str) -> list[str]:
        raise ModelUnavailable("no such model", hint="Give another.")


def test_what_the_user_has_to_mend_is_raised_in_any_case() -> None:
    with pytest.raises(ModelUnavailable):
        TranslateFirst(Absent(), on_failure="original")(Document(CALL))


@pytest.mark.parametrize(
    "wrong",
    [{"on_failure": "skip"}, {"languages": "en"}, {"batch_size": 0}, {"attempts": 0}, {"checks": ("numbres",)}],
)
def test_arguments_that_are_none_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        TranslateFirst(Recorded(), **wrong)


def test_a_translator_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="int"):
        TranslateFirst(7)  # type: ignore[arg-type]


def test_a_batch_of_an_extractor_fails_where_a_translation_does_and_nowhere_else() -> None:
    extractor = Extractor(model=FakeModel({"pain": 0.9}), middleware=[TranslateFirst(Recorded())])
    first, second, third = extractor.batch([CALL, "بیمار: چیز دیگری است", "She has pain."])
    assert isinstance(second, Failure)
    assert isinstance(second.error, TranslationError)
    assert not isinstance(first, Failure)
    assert not isinstance(third, Failure)
    assert first.provenance.language == "en"


def test_what_was_cached_is_not_asked_again(tmp_path: Path) -> None:
    first, second = Recorded(), Recorded(lambda _: "never asked")
    one = TranslateFirst(first, cache=tmp_path)(Document(CALL))
    two = TranslateFirst(second, cache=tmp_path)(Document(CALL))
    assert one == two
    assert second.batches == []


def test_nothing_is_kept_unless_it_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINEXTRACT_CACHE", str(tmp_path))
    TranslateFirst(Recorded())(Document(CALL))
    assert list(tmp_path.iterdir()) == []
    TranslateFirst(Recorded(), cache=True)(Document(CALL))
    assert [file.name for file in tmp_path.iterdir()] == ["translations"]


def test_a_function_without_a_fingerprint_is_not_cached(tmp_path: Path) -> None:
    TranslateFirst(ENGLISH.__getitem__, cache=tmp_path)(Document(CALL))
    translator = Recorded()
    TranslateFirst(translator, cache=tmp_path)(Document(CALL))
    assert len(translator.batches) == 1


def test_what_was_cached_is_held_to_the_checks_of_this_run(tmp_path: Path) -> None:
    loose = Recorded(lambda _: "My temperature was 83.5")
    TranslateFirst(loose, cache=tmp_path, checks=())(Document("تبم ۳۸/۵ بود", language="fa"))
    strict = Recorded()
    translated = TranslateFirst(strict, cache=tmp_path)(Document("تبم ۳۸/۵ بود", language="fa"))
    assert translated.text == "My temperature was 38.5"
    assert strict.batches == [["تبم 38/5 بود"]]


@given(
    TEXTS | LONG,
    st.sampled_from([str.upper, str.strip, lambda line: line[::-1], lambda line: f"<{line}>", lambda _: "x y"]),
)
def test_any_text_and_any_function_keep_the_way_back(text: str, function: Callable[[str], str]) -> None:
    if not normalise(text).text.strip():
        return
    document = Document(text, language="fa")
    try:
        translated = TranslateFirst(function, checks=())(document)
    except TranslationError as error:  # nothing but invisible characters came back
        assert error.message == "the translation is empty"
        return
    origin = translated.origin
    assert origin is not None
    assert origin.text == text
    for start, end, first, last in origin.spans:
        if start < end:
            assert origin.back(start, end) == (first, last)
