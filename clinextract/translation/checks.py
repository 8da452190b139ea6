"""What a translated line is held to. Every check looks at one line and its translation, and says only whether it holds.

They find what went wrong on the way (a dose that changed, a model that ran on, a line that came back as it was), not
whether the words mean the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from clinextract.models.languages import LANGUAGES
from clinextract.translation import numbers
from clinextract.translation.prompt import messages

MOST_BYTES, SPARE_BYTES = 4, 80
"""A translation has at most four times its line's bytes, and 80: UTF-8 spends more on denser scripts."""
LEAST_BYTES = 8
"""And at least an eighth of them."""
REPEATS = 4
"""Repetitions of the same words on end that are no speech any more, unless the line itself repeats them."""
_GRAM = 8
_FOREIGN_SHARE = 0.3
"""Share of letters in the source's script beyond which a line counts as copied: a name or two may stay."""
_LATIN_SHARE = 0.6
"""The same from a language in Latin script, in which abbreviations and drugs are written everywhere."""
_NUMBER_WORDS = 6
"""Words that a number has at most: forty-one and a half, چهل و یک و نیم."""
_COPIED_WORDS = 5
"""Words from which a line that comes back as it was counts as copied, between languages of one script."""
_SHINGLE = 5
"""Words of the prompt in a row that no translation has by chance."""

_SCRIPTS = {
    "Arab": ("ARABIC",),
    "Cyrl": ("CYRILLIC",),
    "Hans": ("CJK",),
    "Hang": ("HANGUL",),
    "Jpan": ("CJK", "HIRAGANA", "KATAKANA"),
    "Latn": ("LATIN", "FULLWIDTH"),
    "Deva": ("DEVANAGARI",),
    "Grek": ("GREEK",),
    "Hebr": ("HEBREW",),
    "Armn": ("ARMENIAN",),
    "Beng": ("BENGALI",),
    "Ethi": ("ETHIOPIC",),
    "Geor": ("GEORGIAN",),
    "Gujr": ("GUJARATI",),
    "Guru": ("GURMUKHI",),
    "Mlym": ("MALAYALAM",),
    "Taml": ("TAMIL",),
    "Telu": ("TELUGU",),
    "Thai": ("THAI",),
}
"""How the names of a script's letters begin in Unicode, by ISO 15924 code."""
_WORD = re.compile(r"\w+")
_BREAK = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_RUN_OF_CHARACTERS = re.compile(r"(\S{1,12}?)\1{7,}")
_COMMENT = re.compile(
    r"(sure|certainly|of course|okay|ok)?[,.!:]? ?(here('s| is)( the| your)? (english |faithful )?translation"
    r"|translation ?:|i('m| am) sorry,? but i can|i (cannot|can't) (translate|assist|help with)|as an ai\b|<\|)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A line and its translation.

    Attributes:
        line, translation: The two, in their normal form.
        source, target: ISO 639-1 codes.
    """

    line: str
    translation: str
    source: str
    target: str

    def __repr__(self) -> str:
        return f"Pair({self.source}->{self.target}, characters={len(self.line)}, {len(self.translation)})"


def has_words(text: str, source: str, target: str) -> bool:
    """Whether there is anything to translate: letters, and those of the source's script where the two differ.

    Args:
        text: A line.
        source: ISO 639-1 code of its language.
        target: That of the other.
    """
    scripts = script_of(source), script_of(target)
    if None in scripts or scripts[0] == scripts[1]:
        return any(character.isalpha() for character in text)
    return _share(text, source) > 0


def script_of(language: str) -> str | None:
    """ISO 15924 code of a language's script, where it is known."""
    return LANGUAGES[language].script if language in LANGUAGES else None


def faults(pair: Pair, checks: Iterable[str]) -> tuple[str, ...]:
    """Names of the checks that a translation fails, in the order of `CHECKS`."""
    chosen = set(checks)
    return tuple(name for name, holds in CHECKS.items() if name in chosen and not holds(pair))


def _not_empty(pair: Pair) -> bool:
    """Words, or figures alone where the line may be a number in words."""
    if any(character.isalpha() for character in pair.translation):
        return True
    return any(character.isalnum() for character in pair.translation) and len(pair.line.split()) <= _NUMBER_WORDS


def _one_line(pair: Pair) -> bool:
    return not _BREAK.search(pair.translation)


def _bounded(pair: Pair) -> bool:
    """Neither a fraction nor a multiple of the line."""
    given, made = len(pair.line.encode()), len(pair.translation.encode())
    return made <= MOST_BYTES * given + SPARE_BYTES and (made >= given / LEAST_BYTES or given < SPARE_BYTES)


def _not_repeating(pair: Pair) -> bool:
    """No words, and no characters, over and over, unless the line has it too."""
    if _RUN_OF_CHARACTERS.search(pair.translation) and not _RUN_OF_CHARACTERS.search(pair.line):
        return False
    return _repeats(pair.translation) < max(REPEATS, _repeats(pair.line) + 2)


def _repeats(text: str) -> int:
    """How often the same one to eight words stand one behind the other, at most."""
    words = _WORD.findall(text.casefold())
    most = 1
    for size in range(1, min(_GRAM, len(words)) + 1):
        equal = 0  # words that equal the one `size` places before them, on end
        for before, word in zip(words, words[size:], strict=False):
            equal = equal + 1 if before == word else 0
            most = max(most, equal // size + 1)
    return most


def _translated(pair: Pair) -> bool:
    """Not the line itself."""
    scripts = script_of(pair.source), script_of(pair.target)
    if None not in scripts and scripts[0] != scripts[1]:
        return _share(pair.translation, pair.source) <= (_LATIN_SHARE if scripts[0] == "Latn" else _FOREIGN_SHARE)
    words = _WORD.findall(pair.line.casefold())
    return len(words) < _COPIED_WORDS or words != _WORD.findall(pair.translation.casefold())


def _share(text: str, language: str) -> float:
    """Share of a text's letters that are of a language's script."""
    names = _SCRIPTS[LANGUAGES[language].script]
    letters = [character for character in text if character.isalpha()]
    return sum(unicodedata.name(one, "").startswith(names) for one in letters) / max(1, len(letters))


def _not_the_prompt(pair: Pair) -> bool:
    """No words of what the model was told, and no words about the translation."""
    told = " ".join(message["content"] for message in messages(pair.source, pair.target))
    if _shingles(pair.translation) & _shingles(told) - _shingles(pair.line):
        return False
    return not _COMMENT.match(pair.translation) or bool(_COMMENT.match(pair.line))


def _shingles(text: str) -> set[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return {tuple(words[at : at + _SHINGLE]) for at in range(len(words) - _SHINGLE + 1)}


def _numbers_kept(pair: Pair) -> bool:
    return numbers.kept(pair.line, pair.translation, (pair.source, pair.target))


CHECKS: dict[str, Callable[[Pair], bool]] = {
    "empty": _not_empty,
    "lines": _one_line,
    "length": _bounded,
    "repetition": _not_repeating,
    "copied": _translated,
    "prompt": _not_the_prompt,
    "numbers": _numbers_kept,
}
"""Every check, by the name that an error calls it."""
