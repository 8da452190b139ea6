"""Whether a terminology code can be one: its form and its check digit; nothing is looked up."""

from __future__ import annotations

import re
from difflib import get_close_matches

_ICD_10 = re.compile(r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?")
_LOINC = re.compile(r"\d{1,7}-\d")
_SNOMED = re.compile(r"[1-9]\d{5,17}")

# The dihedral group D5 and its permutation, as J. Verhoeff published them (Error Detecting Decimal Codes, 1969).
_TIMES = ("0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
          "5987604321", "6598710432", "7659821043", "8765932104", "9876543210")  # fmt: skip
_TURNED = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


def wrong_code(system: str, code: str) -> tuple[str, str] | None:
    """What is wrong with a code, and the remedy; None where it can be one, or the system is not known here.

    Args:
        system: "SNOMED CT", "ICD-10" or "LOINC"; of others nothing is known.
        code: One code, or several with commas between; of ICD-10 also a range such as "R30-R39".
    """
    known = {"SNOMED CT": _snomed_ct, "ICD-10": _icd_10, "LOINC": _loinc}
    if system not in known:
        near = get_close_matches(re.sub(r"\W|_", "", system).upper(), ["SNOMEDCT", "ICD10", "LOINC"], n=1, cutoff=0.75)
        spelled = {"SNOMEDCT": "SNOMED CT", "ICD10": "ICD-10", "LOINC": "LOINC"}
        if near:
            return f'"{system}" is no terminology that is known here', f'Did you mean "{spelled[near[0]]}"?'
        return None
    for one in re.split(r"\s*,\s*", code):
        wrong = known[system](one)
        if wrong:
            return f'"{one[:24]}" is no code of {system}', wrong
    return None


def _icd_10(code: str) -> str:
    if all(_ICD_10.fullmatch(one) for one in code.split("-")) and code.count("-") <= 1:
        return ""
    return "Write a letter and two digits, such as R52 or I89.0, or a range: R30-R39"


def _loinc(code: str) -> str:
    """LOINC's check digit is Luhn's, modulo 10."""
    if not _LOINC.fullmatch(code):
        return "Write digits, a hyphen and the check digit, such as 8310-5"
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(code[:-2][::-1])]
    right = -sum(number // 10 + number % 10 for number in doubled) % 10
    return "" if int(code[-1]) == right else "Its check digit does not fit: compare it with the source, digit by digit."


def _snomed_ct(code: str) -> str:
    if not _SNOMED.fullmatch(code):
        return "Write the concept's number, 6 to 18 digits, such as 22253000"
    check = 0
    for place, digit in enumerate(code[::-1]):
        check = int(_TIMES[check][int(_TURNED[place % 8][int(digit)])])
    return "" if check == 0 else "Its check digit does not fit: compare it with the source, digit by digit."
