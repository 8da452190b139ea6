"""The values that a schema file may hold, read from the texts that were written."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from clinextract.models.languages import LANGUAGES
from clinextract.schema_files.terminologies import wrong_code

FAULT = "schema_file"
"""The type of the errors raised here; their context holds `remedy` and `at`, the place within the value."""
MOST_CHOICES = 256
"""Every one of them is weighed for every transcript."""
LONGEST_NAME = 60
GREATEST = 10**12
"""Of numbers; a float holds any of them with three decimal places."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_YES = {"yes": True, "true": True, "no": False, "false": False}
_COUNTRIES = {"ir": "fa", "gb": "en", "us": "en", "uk": "en", "gr": "el", "jp": "ja", "cn": "zh", "dk": "da"}
"""Codes of countries that are taken for those of languages; "uk" is Ukrainian as well."""


def fault(message: str, remedy: str = "", *at: str | int) -> PydanticCustomError:
    """A mistake in a value, for a validator to raise.

    Args:
        message: What is wrong.
        remedy: What to write instead.
        *at: Where within the value.
    """
    context: dict[str, Any] = {"message": message, "remedy": remedy, "at": at}
    return PydanticCustomError(FAULT, "{message}", context)


def meant(word: str, known: Any) -> str:
    """`Did you mean "..."?` for a word that is nearly one of those known; else nothing."""
    near = get_close_matches(word.lower(), [str(one) for one in known], n=1, cutoff=0.6)
    return f'Did you mean "{near[0]}"?' if near else ""


def _name(given: Any) -> str:
    """A name that Python, JSON and every table can have for a column."""
    if not isinstance(given, str) or not given.strip():
        raise fault("a name is missing here", "Write English letters, digits and _, such as: swollen_leg")
    if keyword.iskeyword(given):
        raise fault(f'"{given}" is a word of the Python language', f"Call it something like: {given.lower()}_present")
    if given.startswith("_"):
        raise fault("a name cannot begin with _", f"Write: {given.lstrip('_') or 'swollen_leg'}")
    if given.startswith("model_") or hasattr(BaseModel, given):
        raise fault(f'"{given}" is taken: every Pydantic model has something of that name', f"Write: {given}_value")
    if len(given) > LONGEST_NAME:
        raise fault(f"a name of {len(given)} characters", f"Write at most {LONGEST_NAME}; the label may be longer.")
    if not _NAME.fullmatch(given):
        raise fault(_why_no_name(given), _better_name(given))
    return given


def _why_no_name(given: str) -> str:
    if any(not character.isascii() and character.isalpha() for character in given):
        return (
            "a name has only English letters: it is a key in every prompt and answer, where a word in another script "
            "takes a model several times as many tokens, and can be spelled in ways that look the same"
        )
    if given[0].isdigit():
        return "a name cannot begin with a digit"
    return "a name has only English letters, digits and _"


def _better_name(given: str) -> str:
    better = re.sub(r"[^A-Za-z0-9]+", "_", given).strip("_").lower()
    if not given.isascii():
        return "Write the name in English, such as swollen_leg, and this word behind label."
    better = f"grade_{better}" if better[:1].isdigit() else better
    return f'Did you mean "{better}"?' if better else "Write a name such as: swollen_leg"


def _text(given: Any) -> str:
    """A text without line breaks or double spaces, since it becomes part of a line of the prompt."""
    if isinstance(given, dict | list):
        raise fault("a text belongs here", "Write it behind the colon; one with a colon in it in quotation marks.")
    text = " ".join(str(given or "").split())
    if not text:
        raise fault("there is nothing here", "Write a text behind the colon, or take the line out.")
    if any(unicodedata.category(character) in {"Cc", "Cs", "Co"} for character in text):
        raise fault("a character that no text has (a control character)", "Take it out.")
    return text


def _whole(given: Any) -> int:
    number = _number(given)
    if number != int(number):
        raise fault("a whole number belongs here", f"Write {round(number)}, or take `kind: decimal`.")
    return int(number)


def _number(given: Any) -> Decimal:
    text = str(given or "")
    latin = "".join(str(unicodedata.decimal(character, character)) for character in text).replace("٫", ".")
    plain = re.fullmatch(r"[-+]?\d+([.,]\d+)?", latin.strip())
    if not plain:
        raise fault("a number belongs here", "Write digits, such as 10 or 37.5, without a unit.")
    spelled = latin.strip().replace(",", ".")
    number = Decimal(spelled)
    if abs(number) > GREATEST:
        raise fault("a number that is too great", f"Write one from {-GREATEST} to {GREATEST}.")
    if spelled != text:
        raise fault("a number that not every program reads in the same way", f"Write: {number}")
    if re.match(r"[-+]?0\d", spelled):
        raise fault("a number that begins with 0 is read in several ways", f"Write: {number}")
    return number


def _yes_no(given: Any) -> bool:
    if str(given).lower() not in _YES:
        raise fault("yes or no belongs here", "Write yes or no.")
    return _YES[str(given).lower()]


def _day(given: Any) -> date:
    try:
        day = date.fromisoformat(str(given))
    except ValueError:
        day = None
    if day is None or day.isoformat() != str(given):
        raise fault("a date belongs here", "Write year, month and day, such as 2026-01-31.")
    return day


def _language(given: str, info: ValidationInfo) -> str:
    if given not in LANGUAGES:
        by_name = {language.name.lower(): code for code, language in LANGUAGES.items()}
        code = by_name.get(given.lower()) or _COUNTRIES.get(given.lower()) or by_name.get(_nearest(given, by_name), "")
        code = code or (given.lower() if given.lower() in LANGUAGES else "")
        remedy = f'Did you mean "{code}" ({LANGUAGES[code].name})?' if code else "Write a code such as en, fa or ar."
        raise fault(f'"{given[:20]}" is no code of a language (ISO 639-1)', remedy)
    declared = (info.context or {}).get("languages")
    if declared and given not in declared:
        remedy = f"Add {given} to languages in the file's head, or take this line out."
        raise fault(f'"{given}" is not among the languages of this file ({", ".join(declared)})', remedy)
    return given


def _nearest(word: str, known: Mapping[str, str]) -> str:
    return next(iter(get_close_matches(word.lower(), known, n=1, cutoff=0.7)), "")


def _by_language(given: Any, info: ValidationInfo) -> Any:
    """What was written without a language is of the file's first one."""
    if isinstance(given, dict) and given:
        return given
    return {_first(info): given}


def _phrases_by_language(given: Any, info: ValidationInfo) -> Any:
    whole = _by_language(given, info)
    return {language: one if isinstance(one, list) else [one] for language, one in whole.items()}


def _first(info: ValidationInfo) -> str:
    languages: list[str] = (info.context or {}).get("languages") or ["en"]
    return languages[0]


def _listed(given: Any) -> Any:
    """A single value stands for a list of one."""
    return [given] if isinstance(given, str) else given


def _choices(given: Any, info: ValidationInfo) -> Any:
    """Values, and what they say in each language: a list of texts, or texts with labels behind them."""
    if isinstance(given, dict):
        made = {_choice(value, value): {} if label is None else label for value, label in given.items()}
    elif isinstance(given, list):
        made = {}
        for number, value in enumerate(given):
            one = _choice(value, number)
            if one in made:
                raise fault(f"the choice in place {number + 1} is there already", "Keep one of the two.", number)
            made[one] = {}
    else:
        raise fault("a list of choices belongs here", "Write them in square brackets: [mild, moderate, severe]")
    if not made:
        raise fault("there are no choices", "Write them in square brackets: [mild, moderate, severe]")
    if len(made) > MOST_CHOICES:
        raise fault(
            f"{len(made)} choices; at most {MOST_CHOICES} are possible, and each costs time with every transcript",
            "Divide the question into two, or take `kind: short text` or `kind: quote`.",
        )
    return {value: label if isinstance(label, dict) else {_first(info): label} for value, label in made.items()}


def _choice(value: Any, at: str | int) -> str:
    if isinstance(value, dict | list):
        raise fault(
            "a choice is a text", "Labels go behind each choice, without dashes: `mild: {en: Mild, fa: خفیف}`.", at
        )
    text = " ".join(str(value or "").split())
    if not text:
        raise fault("a choice without a word", "Write it, or take the line out.", at)
    if any(unicodedata.category(character)[0] == "C" and character != "\u200c" for character in text):
        raise fault("a choice with a character that no text has", "Take it out.", at)
    return text


def _triggered(given: Any) -> Any:
    """Conditions by the value that brings them about, "" for being present."""
    if isinstance(given, dict):
        return {value: [one] if isinstance(one, str) else one for value, one in given.items()}
    return {"": [given] if isinstance(given, str) else given}


def _codes(given: dict[str, str]) -> dict[str, str]:
    for system, code in given.items():
        wrong = wrong_code(system, code)
        if wrong:
            raise fault(*wrong, system)
    return given


Name = Annotated[str, BeforeValidator(_name)]
Text = Annotated[str, BeforeValidator(_text)]
Whole = Annotated[int, BeforeValidator(_whole)]
Number = Annotated[Decimal, BeforeValidator(_number)]
YesNo = Annotated[bool, BeforeValidator(_yes_no)]
Day = Annotated[date, BeforeValidator(_day)]
Language = Annotated[str, AfterValidator(_language)]
Texts = Annotated[dict[Language, Text], BeforeValidator(_by_language)]
Phrases = Annotated[dict[Language, list[Text]], BeforeValidator(_phrases_by_language)]
Names = Annotated[list[Text], BeforeValidator(_listed)]
Choices = Annotated[dict[str, dict[Language, Text]], BeforeValidator(_choices)]
Triggered = Annotated[dict[str, list[Text]], BeforeValidator(_triggered)]
Codes = Annotated[dict[str, Text], AfterValidator(_codes)]
