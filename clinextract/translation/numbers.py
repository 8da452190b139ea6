"""The numbers of a line, in digits and in words, so that a dose that changed on its way is seen.

Figures are held, words are not: "two" has to be somewhere for a figure 2 on the other side, but "یک" is also an
article, and nobody has to translate it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from clinextract.text import ZWNJ, normalise

SPOKEN = frozenset({"en", "fa"})
"""Languages whose number words are known."""
SMALL = 12
"""In other languages a whole number up to this one may have become a word."""

_FIGURE = re.compile(r"\d+(?:[.,:/]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)")
_BARE_FRACTION = re.compile(r"(?<![\d.])\.(?=\d)")
_SCALED = re.compile(r"(\d+) ?(هزار|میلیون|thousand|million)\b")
_TOKEN = re.compile(r"\d+|[^\W\d_]+")

# Number words in their order.
_UNITS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen
""".split()
_YEKAN = """
صفر یک دو سه چهار پنج شش هفت هشت نه ده یازده دوازده سیزده چهارده پانزده شانزده هفده هجده نوزده
""".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_DAHGAN = "بیست سی چهل پنجاه شصت هفتاد هشتاد نود".split()
_SADGAN = "صد دویست سیصد چهارصد پانصد ششصد هفتصد هشتصد نهصد".split()
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth".split()
_TARTIBI = "اول دوم سوم چهارم پنجم ششم هفتم هشتم نهم دهم".split()

_COLLOQUIAL = """
یه 1 چار 4 پن 5 شیش 6 شیشم 6 هف 7 هش 8 پونزده 15 شونزده 16 هیفده 17 هیجده 18 هژده 18 دیویست 200 پونصد 500 شیشصد 600
صددرصد 100 هردو 2 جفت 2 هیچ 0 a 1 an 1 single 1 once 1 twice 2 double 2 both 2 pair 2 couple 2 other 2 thrice 3 triple 3
dozen 12 nought 0 oh 0 no 0 none 0
""".split()

_VALUES = {
    **{word: value for value, word in enumerate(_UNITS)},
    **{word: value for value, word in enumerate(_YEKAN)},
    **{word: 10 * value for value, word in enumerate(_TENS, 2)},
    **{word: 10 * value for value, word in enumerate(_DAHGAN, 2)},
    **{word: 100 * value for value, word in enumerate(_SADGAN, 1)},
    **{word: value for value, word in enumerate(_ORDINALS, 1)},
    **{word: value for value, word in enumerate(_TARTIBI, 1)},
    **dict(zip(_COLLOQUIAL[::2], map(int, _COLLOQUIAL[1::2]), strict=True)),
}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "هزار": 1000, "میلیون": 1_000_000}
_JOINTS = {"و", "and"}
# Parts of figures that a word may stand for: half is 0.5, 1/2 and 30 minutes.
_PARTS = {
    **dict.fromkeys(("half", "نیم", "نصف", "نصفه"), "0 5 1 2 30 50"),
    **dict.fromkeys(("quarter", "ربع"), "0 25 1 4 15 45"),
    **dict.fromkeys(("point", "ممیز", "tenths"), "0"),
    **dict.fromkeys(("covid", "کرونا", "کووید"), "19"),
    **dict.fromkeys(("noon", "midnight", "ظهر"), "12"),
    **dict.fromkeys(("شبانه", "clock"), "24"),
    **dict.fromkeys(("fortnight",), "2 14"),
}
_SUFFIXES = ("تایی", "تا", "تاش", "ساله", "ساعته", "روزه", "ماهه", "هفته", "بار", "مین", "می", "ه", "م", "ی")


def kept(source: str, translation: str, languages: tuple[str, str]) -> bool:
    """Whether every figure of a line is in its translation, as a figure or in words, and the other way round.

    Persian and Arabic digits are those of ASCII. A figure is held in its parts, so that 38.5 equals ۳۸/۵ and 120/80
    equals "120 over 80"; the order of figures is free, since languages order them differently.

    Args:
        source: A line.
        translation: The line in another language.
        languages: Their ISO 639-1 codes. Where the words of one are not known here, whole numbers up to 12 on the other
            side are not held, since they may have become words.
    """
    given, made = _plain(source), _plain(translation)
    figures = Counter(_parts(given)), Counter(_parts(made))
    words = _spoken(given), _spoken(made)
    known = [language in SPOKEN for language in languages]
    return _covered(figures[0], figures[1], words[1], known=known[1]) and _covered(
        figures[1], figures[0], words[0], known=known[0]
    )


def _covered(wanted: Counter[str], figures: Counter[str], words: frozenset[str], *, known: bool) -> bool:
    """Whether figures are among others, or among what words stand for."""
    lacking = [part for part in wanted - figures if part not in words]
    return not [part for part in lacking if known or len(part) > 2 or int(part) > SMALL]


def _plain(text: str) -> str:
    """In the normal form, with all decimal digits ASCII, thousands without separators and in figures."""
    text = normalise(text).text.casefold().replace(ZWNJ, " ")
    text = "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in text)
    text = _THOUSANDS.sub(lambda found: found[0].replace(",", ""), text)
    text = _BARE_FRACTION.sub("0.", text)
    return _SCALED.sub(lambda found: str(int(found[1]) * _SCALES[found[2]]), text)


def _parts(text: str) -> Iterator[str]:
    """The runs of digits of a text, one by one: "0.05" is "0" and "05", so that it is not 0.5."""
    for figure in _FIGURE.findall(text):
        whole, *rest = re.split(r"[.,:/]", re.sub(r"(\.0+|:00)$", "", figure))
        yield whole.lstrip("0") or "0"
        yield from rest


def _spoken(text: str) -> frozenset[str]:
    """Every part of a figure that the words of a text may stand for: of "صد و بیست" 120, 100 and 20."""
    found: set[str] = set()
    total = current = 0
    for token in _TOKEN.findall(text):
        if token in _PARTS:
            found |= set(_PARTS[token].split())
        value = _value(token)
        if token in _SCALES:
            current = max(1, current) * _SCALES[token]
            if current >= 1000:
                total, current = total + current, 0
        elif value is not None:
            # "Twenty" and "five" add up, "seven" and "eight" do not.
            current = current + value if current and value < _room(current) else value
        elif token not in _JOINTS:
            total = current = 0
            continue
        found |= {str(number) for number in (value, current, total + current) if number is not None}
    # 0.5 is said as 5, and 8:05 as five past eight.
    return frozenset(found | {part.zfill(2) for part in found})


def _value(token: str) -> int | None:
    """What a word counts, alone or before a suffix: "دوتا", "شش‌ساله", "fifth"."""
    if token in _VALUES:
        return _VALUES[token]
    if token.isdecimal() and len(token) < 10:
        return None
    stems = (token.removesuffix(suffix) for suffix in _SUFFIXES if token.endswith(suffix))
    return next((_VALUES[stem] for stem in stems if stem in _VALUES), None)


def _room(number: int) -> int:
    """The power of ten whose place is still free at a number's end: 100 behind 300, 10 behind 320, 1 behind 325."""
    room = 1
    while number % (room * 10) == 0 and room < number:
        room *= 10
    return room
