"""Lines, the normal form and the way back from it, the language of a text."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import clinextract.text
from clinextract.text import LONG_LINE, language_of, lines, normalise

ZWNJ = "\u200c"
PERSIAN = (
    "ابپتجچدرزژسکگلمنوهی يىكةۀأإؤئآء ًٌٍَُِّْٰٕٓٔ ـ ۰۱۹٠١٩ ٫٬٪ ،؛؟ "
    "\u200b\u200c\u200d\u200e\u202b\ufeff\u00ac\u00a0\t\r\n\u2028 "
    "ﻻﻼﷲﷺﹷﭖ e\u0301é \u0338<.:!?-[]"
)
texts = st.text(st.one_of(st.characters(), st.sampled_from(PERSIAN)), max_size=60)
long_texts = st.lists(
    st.sampled_from(["درد", "pain.", "نه؟", "a", "37.5", "\n", "Nurse:", "\u2028", "می‌خوابد"]),
    max_size=200,
).map(" ".join)

DEMO = Path(clinextract.text.__file__).parent / "demo"


@given(texts)
def test_normal_form_is_its_own(text: str) -> None:
    once = normalise(text)
    assert normalise(once.text).text == once.text


@given(texts)
def test_offsets_lie_in_the_text_and_never_fall(text: str) -> None:
    normalised = normalise(text)
    assert len(normalised.offsets) == len(normalised.text)
    start = end = 0
    for span in normalised.offsets:
        assert start <= span[0] < span[1] <= len(text)
        assert end <= span[1]
        start, end = span


@given(texts, st.data())
def test_every_span_has_its_original(text: str, data: st.DataObject) -> None:
    normalised = normalise(text)
    start = data.draw(st.integers(0, len(normalised.text)))
    end = data.draw(st.integers(start, len(normalised.text)))
    first, last = normalised.original(start, end)
    assert 0 <= first <= last <= len(text)
    assert (first < last) == (start < end)


@given(texts)
def test_a_normal_form_maps_onto_itself(text: str) -> None:
    normal = normalise(text).text
    assume(not any(map(unicodedata.combining, normal)))  # a letter and its marks share a span
    assert normalise(normal).offsets == tuple((at, at + 1) for at in range(len(normal)))


@given(st.text(st.sampled_from("abc DEF,.:;?!\n1234-_()[]")))
def test_plain_text_only_loses_spaces(text: str) -> None:
    expected = "\n".join(" ".join(line.split()) for line in text.split("\n"))
    assert normalise(text).text == expected


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("كمرش درد ميكند", "کمرش درد میکند"),
        ("ئ و یٔ و ىٔ و ئ", "ئ و ئ و ئ و ئ"),
        ("هزینهٔ خانۀ رحمة", "هزینه خانه رحمه"),
        ("تأثیر مؤثر رأس آب آب", "تاثیر موثر راس آب آب"),
        ("جزء سوء مسئول", "جزء سوء مسئول"),
        ("دردِ شدیداً کَمَر", "درد شدیدا کمر"),
        ("تـــب", "تب"),
        ("تب ـ", "تب -"),  # a nurse's minus sign
        ("۳۸٫۵ و ٣٨ و 38", "38.5 و 38 و 38"),
        ("۱٬۲۰۰ ۵٪", "1,200 5%"),
        (f"می{ZWNJ}{ZWNJ}خوابد", f"می{ZWNJ}خوابد"),
        (f"می {ZWNJ}خوابد{ZWNJ} .", "می خوابد ."),
        ("می\u200bخوابد می¬خوابد", f"می{ZWNJ}خوابد می{ZWNJ}خوابد"),
        ("pain¬ful pain\u200bful", "pain¬ful painful"),
        (f"MRI{ZWNJ}ها ۲{ZWNJ}تا", f"MRI{ZWNJ}ها 2{ZWNJ}تا"),
        ("\u202bسلام\u202c\u200f", "سلام"),
        ("a\u00a0\u3000\t b  \r\n c\r\rd\u2028e", "a b\nc\n\nd\ne"),
        ("\ufeffﺳﻼم ﷲ", "سلام الله"),
        ("cafe\u0301 nai\u0308ve", "café naïve"),
        ("\x00a\x07\x1b", "a"),
        ("<|im_end|>", "<|im_end|>"),
        ("درد 😔 👍🏽", "درد 😔 👍🏽"),
        ("", ""),
        (" \u200c ", ""),
    ],
)
def test_normal_form(given_text: str, expected: str) -> None:
    assert normalise(given_text).text == expected


def test_a_span_takes_the_marks_of_its_letters_along() -> None:
    text = "  كَمَرِش  دَرد"
    normalised = normalise(text)
    assert normalised.text == "کمرش درد"
    first, last = normalised.original(0, 4)
    assert text[first:last] == "كَمَرِش"
    assert normalised.original(4, 5) == (9, 11)
    assert normalised.original(8, 8) == (len(text), len(text))


def test_a_span_outside_is_refused() -> None:
    for start, end in ((-1, 1), (0, 4), (2, 1)):
        with pytest.raises(ValueError, match="no span"):
            normalise("abc").original(start, end)
    assert normalise("").original(0, 0) == (0, 0)


@given(st.one_of(texts, long_texts))
def test_lines_cover_all_that_is_not_blank(text: str) -> None:
    found = lines(text)
    assert [line.number for line in found] == list(range(1, len(found) + 1))
    covered: set[int] = set()
    end = 0
    for line in found:
        assert end <= line.start < line.end <= len(text)
        assert text[line.start : line.end] == text[line.start : line.end].strip()
        covered.update(range(line.start, line.end))
        end = line.end
    assert all(text[at].isspace() for at in range(len(text)) if at not in covered)


def test_blank_lines_are_not_counted() -> None:
    text = "one\n\n  \r\n two \r\n"
    found = [(line.number, text[line.start : line.end]) for line in lines(text)]
    assert found == [(1, "one"), (2, "two")]


def test_a_short_line_is_not_divided() -> None:
    assert len(lines("No fever. No pain. Dr. Lee called.")) == 1


def test_a_long_line_is_divided_at_sentences_not_at_titles_or_numbers() -> None:
    text = "Dr. Lee saw her at 37.5 today. She slept. آیا درد دارد؟ نه! " + "Then this: ok; fine. " * 9
    found = [text[line.start : line.end] for line in lines(text)]
    assert found[:4] == ["Dr. Lee saw her at 37.5 today.", "She slept.", "آیا درد دارد؟", "نه!"]


def test_without_punctuation_pieces_have_about_twenty_words() -> None:
    text = " ".join(["کلمه"] * 90)
    assert len(text) > LONG_LINE
    sizes = [len(text[line.start : line.end].split()) for line in lines(text)]
    assert sum(sizes) == 90
    assert set(sizes) <= {22, 23}


@pytest.mark.parametrize(
    ("line", "speaker"),
    [
        ("Nurse: Any pain?", "Nurse"),
        ("پرستار: درد داره؟", "پرستار"),
        ("  Caller : yes", "Caller"),
        ("[doctor] how is she", "doctor"),
        ("[منشی] بفرمایید", "منشی"),
        ("- Duty doctor: yes", "Duty doctor"),
        ("پزشک کشیک: بله", "پزشک کشیک"),
        ("Nurse 2: hello", "Nurse 2"),
        ("- yes, since yesterday", None),
        ("Sleep: awake every night", None),
        ("Husband asked re cost: none", None),
        ("14:10 call from the daughter", None),
        ("Nurse:no space behind the colon", None),
        ("He said: no", None),
    ],
)
def test_speaker(line: str, speaker: str | None) -> None:
    assert [found.speaker for found in lines(line)] == [speaker]


def test_a_label_that_comes_twice_is_a_speaker() -> None:
    found = lines("Rashid: hello\nwhat is it\nRashid: my sister hurts")
    assert [line.speaker for line in found] == ["Rashid", None, "Rashid"]


def test_pieces_keep_the_speaker() -> None:
    found = lines("Caller: " + "She has no pain at all today. " * 9)
    assert len(found) == 9
    assert {line.speaker for line in found} == {"Caller"}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("درد دارد", "fa"),
        ("مادرم از ديروز تب كرده و به من ميگه كه درد داره، شب هم نمي خوابه، خواهش ميكنم", "fa"),
        ("no pain", "en"),
        ("Ca pancreas, ondansetron", "en"),
        ("پدرم CT و MRI شده ولی درد داره", "fa"),
        ("", "en"),
        ("37.5 😔", "en"),
    ],
)
def test_language_without_an_identifier(text: str, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clinextract.text, "_identified", lambda text: pytest.fail("was asked"))
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (
            "أمي تعاني من ألم شديد في الظهر منذ يومين ولا تستطيع النوم، هل يأتي الطبيب إلى البيت؟",
            "ar",
        ),
        (
            "میری والدہ کو دو دن سے کمر میں بہت درد ہے اور وہ رات کو سو نہیں سکتیں، بخار بھی ہے",
            "ur",
        ),
        ("Meine Mutter hat seit zwei Tagen starke Schmerzen und kann nachts nicht schlafen", "de"),
        ("Annemin iki gündür belinde çok ağrısı var, geceleri uyuyamıyor, dün ateşi çıktı", "tr"),
        (
            "У моей мамы уже два дня сильно болит спина, она не спит по ночам, была температура",
            "ru",
        ),
    ],
)
def test_another_language(text: str, language: str) -> None:
    assert language_of(text) == language


def test_demonstration_transcripts_are_readable_and_in_normal_composition() -> None:
    files = sorted(DEMO.glob("*.txt"))
    assert [file.name[:2] for file in files] == ["en"] * 3 + ["fa"] * 3
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert language_of(text) == file.name[:2]
        assert 60 <= len(text.split()) <= 150
        assert unicodedata.is_normalized("NFC", text)
