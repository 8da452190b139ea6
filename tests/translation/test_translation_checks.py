"""What a translated line is held to, on lines as nurses and families say them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest
from trained import parallel

from clinextract.text import normalise
from clinextract.translation.checks import CHECKS, Pair, faults, has_words
from clinextract.translation.prompt import messages


def found(line: str, translation: str, source: str = "fa", target: str = "en") -> tuple[str, ...]:
    return faults(Pair(normalise(line).text, translation, source, target), CHECKS)


KEPT = [
    ("تبش ۳۸/۵ بود", "His temperature was 38.5"),
    ("تبش ۳۸٫۵ بود", "His temperature was 38.5"),
    ("فشارش ۱۲۰/۸۰ است", "Her blood pressure is 120 over 80"),
    ("مورفین ۵ میلی‌گرم هر ۴ ساعت", "Morphine 5 mg every four hours"),
    ("مورفین پنج میلی هر چهار ساعت", "Morphine 5 mg every 4 hours"),
    ("روزی ۳ بار استفراغ می‌کند", "She vomits three times a day"),
    ("روزی ۱ بار", "Once a day"),
    ("شیش‌تا قرص خورده", "He took 6 tablets"),
    ("صد و بیست و پنج تا در دقیقه", "125 a minute"),
    ("دویست و پنجاه هزار تومن دادیم", "We paid 250,000 tomans"),
    ("۲۵۰ هزار تومن دادیم", "We paid 250,000 tomans"),
    ("قندش ١٨٠ بود", "His sugar was 180"),
    ("نیم ساعت بعد از غذا", "30 minutes after food"),
    ("۳۶ و نیم بود", "It was 36.5"),
    ("ساعت ۸:۳۰ شب", "Half past eight in the evening"),
    ("یه کم بهتره", "A little better"),
    ("نه، تب ندارد", "No, no fever"),
    ("چهل و یک و نیم", "41.5"),
]
LOST = [
    ("مورفین ۵ میلی‌گرم", "Morphine 50 mg"),
    ("مورفین ۰٫۵ میلی‌گرم", "Morphine 5 mg"),
    ("مورفین ۰٫۰۵ میلی‌گرم", "Morphine 0.5 mg"),
    ("مورفین ۵ میلی هر ۵ ساعت", "Morphine 5 mg every few hours"),
    ("تبش ۳۹ بود", "His temperature was high"),
    ("چند بار بالا آورده", "He vomited 4 times"),
    ("دو هفته است", "It has been 3 weeks"),
    ("فشارش ۱۲۰/۸۰ است", "Her blood pressure is 120"),
    ("بیست و پنج میلی", "26 mg"),
]


@pytest.mark.parametrize(("line", "translation"), KEPT)
def test_a_number_is_kept_in_figures_or_in_words(line: str, translation: str) -> None:
    assert found(line, translation) == ()
    assert found(translation, line, "en", "fa") == ()


@pytest.mark.parametrize(("line", "translation"), LOST)
def test_a_number_that_changed_is_seen(line: str, translation: str) -> None:
    assert found(line, translation) == ("numbers",)


def test_in_a_language_whose_words_are_not_known_small_numbers_may_be_words() -> None:
    assert found("Take it 3 times a day", "Prenez-le trois fois par jour", "en", "fr") == ()
    assert found("Take 30 mg", "Prenez trois mg", "en", "fr") == ("numbers",)


OTHER = [
    ("درد شدید دارد", "", "empty"),
    ("درد شدید دارد", " ؟! ", "empty"),
    ("درد شدید دارد و نمی‌تواند راه برود", "38", "empty"),
    ("درد شدید دارد", "She has pain.\nNote: severe.", "lines"),
    ("درد شدید دارد", "She has pain " + "and a lot more was said about it " * 6, "length"),
    ("بیمار از دیروز عصر درد شدید قفسه سینه دارد و تمام شب نخوابیده است و خیلی نگران است", "Pain", "length"),
    ("درد شدید دارد", "pain pain pain pain", "repetition"),
    ("درد شدید دارد و شب‌ها نمی‌خوابد", "he is in pain he is in pain he is in pain he is in pain", "repetition"),
    ("درد شدید دارد", "h" + "a" * 60, "repetition"),
    ("درد شدید دارد", "درد شدید دارد", "copied"),
    ("درد شدید دارد و نمی‌خوابد", "He درد شدید دارد و نمی‌خوابد", "copied"),
    ("درد شدید دارد", "Translation: He has severe pain", "prompt"),
    ("درد شدید دارد", "I'm sorry, but I can't help with that", "prompt"),
    ("درد شدید دارد", "Here is the translation of the line", "prompt"),
    ("درد شدید دارد", "Add nothing, explain nothing, leave nothing out.", "prompt"),
]


@pytest.mark.parametrize(("line", "translation", "fault"), OTHER)
def test_what_is_no_translation_is_called_by_its_fault(line: str, translation: str, fault: str) -> None:
    assert fault in found(line, translation)


def test_every_check_has_an_example_here() -> None:
    assert {fault for *_, fault in OTHER} | {"numbers"} == set(CHECKS)


def test_the_prompt_itself_is_no_translation() -> None:
    told = " ".join(messages("fa", "en")[0]["content"].split())
    assert "prompt" in found("درد شدید دارد و نمی‌خوابد", told)


@pytest.mark.parametrize(
    ("line", "translation"),
    [
        ("نه نه نه نه نه نه", "no no no no no no"),  # repeated by the speaker
        ("خانم مریم صفوی زنگ زد", "Mrs Maryam صفوی called"),  # a name may stay
        ("آره", "Yes"),
        (
            "وای... نمی‌دونم والا چی بگم بهتون خانم پرستار، خیلی ناراحتم، خیلی",
            "Oh... I don't know what to tell you, nurse",
        ),
    ],
)
def test_speech_passes(line: str, translation: str) -> None:
    assert found(line, translation) == ()


def test_between_languages_of_one_script_a_line_of_some_words_must_change() -> None:
    assert found("Elle a mal au ventre depuis hier", "Elle a mal au ventre depuis hier", "fr", "en") == ("copied",)
    assert found("Merci, Madame Durand", "Merci, Madame Durand", "fr", "en") == ()


@pytest.mark.parametrize(
    ("line", "words"), [("درد", True), ("BP 120/80", False), ("۳۸/۵", False), ("...", False), ("CT شکم", True)]
)
def test_a_line_without_words_of_its_language_has_nothing_to_translate(line: str, words: bool) -> None:
    assert has_words(line, "fa", "en") is words


def lines() -> Iterator[tuple[str, str]]:
    """The lines of the shipped calls as their writers translated them."""
    for persian, english in parallel():
        for line, translation in zip(persian.splitlines(), english.splitlines(), strict=True):
            yield normalise(line).text, translation


def test_hardly_a_line_that_a_person_translated_is_refused() -> None:
    refused = [names for line, translation in lines() if (names := found(line, translation))]
    # What remains are years and hours that the writers converted, and one joke about an ice cream.
    assert len(refused) / len(list(lines())) < 0.005
    assert set(refused) == {("numbers",)}


def test_a_figure_that_is_changed_in_such_a_line_is_seen() -> None:
    chance = random.Random(0)
    changed = []
    for line, translation in lines():
        if len(line) < 300:
            for figure in re.finditer(r"\d+", translation):
                number = int(figure[0])
                # Ten times nought is no change.
                other = str(number * 10 if number and chance.random() < 0.5 else number + chance.randint(1, 9))
                changed.append((line, translation[: figure.start()] + other + translation[figure.end() :]))
    seen = sum("numbers" in found(*pair) for pair in changed)
    assert len(changed) > 500
    assert seen / len(changed) > 0.98
