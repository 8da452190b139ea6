"""Texts as they come in: their lines and speakers, a normal form with the way back, their language.

The normal form is made here with `unicodedata` and a table, since no kept library serves: hazm pins
numpy 1.24, shekar pulls in onnxruntime, piraye needs nltk, and none of them keeps offsets.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LONG_LINE = 200
"""Characters beyond which a line of a transcript is divided."""
WORDS_A_PIECE = 20
"""Words in a piece, about, where a long line has no punctuation to divide it at."""

ZWNJ = "\u200c"
_BREAKS = "\n\r\v\f\x85\u2028\u2029"
_LINE = re.compile(f"[^{_BREAKS}]+")
_WORD = re.compile(r"\S+")
# A title's full stop ends no sentence, and neither does one without a space behind it (37.5).
_SENTENCE_END = re.compile(
    r"(?<!\bDr\.)(?<!\bMr\.)(?<!\bMs\.)(?<!\bMrs\.)(?<!\bSt\.)(?<!\bvs\.)"
    r"(?<=[.!?؟؛;…])[\"'”’»)\]]*\s+"
)

# A label stands at the line's beginning, alone in brackets or before a colon that a space follows.
_BRACKETED = re.compile(r"\s*(?:[-–—•*]\s*)?\[([^\]:]{1,30})\]")
_LABELLED = re.compile(r"\s*(?:[-–—•*]\s*)?([^\W\d_][^:\n.!?؟،,؛;\"«]{0,29}?)\s*[:：](?=\s|$)")
_ROLES = frozenset(
    "nurse doctor dr physician caller patient caregiver carer operator agent responder clinician "
    "wife husband son daughter mother father brother sister staff triage rn "
    "پرستار دکتر پزشک بیمار مریض همراه تماس‌گیرنده مددجو مددکار اپراتور کارشناس مشاور منشی مرکز "
    "همسر شوهر خانم آقا پسر دختر مادر پدر برادر خواهر مراقب کارمند".split()
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a transcript, or a piece of a long one.

    Attributes:
        number: From 1, counting the lines and pieces that are not blank.
        start, end: Offsets in characters of the text, end excluded, without the blanks around.
        speaker: The label that the transcript's line begins with, such as "Nurse"; else None.
    """

    number: int
    start: int
    end: int
    speaker: str | None


def lines(text: str) -> tuple[Line, ...]:
    """The lines of a text; together they cover all of it that is not blank.

    A line of more than about 200 characters is divided at the ends of sentences, and a sentence
    that is still longer about every 20 words. The pieces keep their line's speaker.

    A word and a colon name a speaker where the word is a role ("Nurse:", "پرستار:") or the text
    has the label twice: "Sleep:" in a nurse's note is none.
    """
    spans = [match.span() for match in _LINE.finditer(text)]
    labels = [_label(text[start:end]) for start, end in spans]
    seen = Counter(label for label, _ in labels)
    found: list[Line] = []
    for (start, end), (label, certain) in zip(spans, labels, strict=True):
        speaker = label if label and (certain or seen[label] > 1 or _is_role(label)) else None
        for piece in _pieces(text, start, end):
            found.append(Line(len(found) + 1, *piece, speaker))
    return tuple(found)


def _label(line: str) -> tuple[str | None, bool]:
    """What may be a speaker's label, and whether its form leaves no doubt."""
    if match := _BRACKETED.match(line):
        return match[1].strip() or None, True
    if (match := _LABELLED.match(line)) and len(match[1].split()) <= 4:
        return match[1].strip(), False
    return None, False


def _is_role(label: str) -> bool:
    """Whether a short label's head word is a role: "Duty doctor", "پزشک شیفت", "Nurse 2"."""
    words = [word.strip("()").casefold() for word in label.split() if not word.isdigit()]
    head = words[0] if _is_arabic(label[0]) else words[-1]  # English puts the head word last
    return len(words) <= 3 and head in _ROLES


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The spans that [start, end) is divided into, without blanks around, none of them empty."""
    for first, last in _sentences(text, start, end):
        words = [match.span() for match in _WORD.finditer(text, first, last)]
        count = max(1, round(len(words) / WORDS_A_PIECE)) if last - first > LONG_LINE else 1
        for i in range(count if words else 0):
            # Pieces of equal numbers of words: no piece of one last word.
            part = words[i * len(words) // count : (i + 1) * len(words) // count]
            yield part[0][0], part[-1][1]


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    if len(text[start:end].strip()) > LONG_LINE:
        for match in _SENTENCE_END.finditer(text, start, end):
            yield start, match.end()
            start = match.end()
    yield start, end


@dataclass(frozen=True, slots=True)
class Normalised:
    """A text in its normal form.

    Attributes:
        text: The normal form.
        offsets: For each of its characters, the span (start, end) of the original that it stands
            for. Starts and ends never fall.
    """

    text: str
    offsets: tuple[tuple[int, int], ...]

    def __repr__(self) -> str:
        return f"Normalised(characters={len(self.text)})"

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original text that [start, end) of the normal form came from.

        Raises:
            ValueError: The span does not lie within the normal form.
        """
        if not 0 <= start <= end <= len(self.text):
            raise ValueError(f"no span ({start}, {end}) in a text of {len(self.text)} characters")
        if start < end:
            return self.offsets[start][0], self.offsets[end - 1][1]
        if start < len(self.offsets):
            return (self.offsets[start][0],) * 2
        return (self.offsets[-1][1],) * 2 if self.offsets else (0, 0)


_Piece = tuple[str, int, int]  # a character, and the span of the original that it stands for

_FOLDED = str.maketrans(
    {
        **dict.fromkeys("يىے", "ی"),
        **dict.fromkeys("كڪ", "ک"),
        # Ezafe, keyboards and neighbours' spellings: no word of Persian differs from another by it.
        **dict.fromkeys("ۀةہھەۃ", "ه"),
        # Both spellings are current (تأثیر, تاثیر). The madda of آ and the seat of ئ are letters.
        **dict.fromkeys("أإٱ", "ا"),
        "ؤ": "و",
        **{chr(0x0660 + digit): str(digit) for digit in range(10)},
        **{chr(0x06F0 + digit): str(digit) for digit in range(10)},
        "٫": ".",
        "٬": ",",
        "٪": "%",
    }
)
_HAMZA = "\u0654"
_TATWEEL = "\u0640"
_NOT_SIGN = "\u00ac"  # what a half-space of an old Persian encoding becomes when it is misread


def normalise(text: str) -> Normalised:
    """The text as one would have typed it on a Persian keyboard, with the way back to the original.

    Letters of Arabic, Urdu and Kurdish keyboards become the Persian ones, presentation forms the
    letters that they show, Persian and Arabic digits ASCII. Vowel signs, tatweel, control and
    bidirectional characters go. A half-space stays inside a word and nowhere else. Runs of spaces
    become one, those at the ends of a line none; line breaks of all kinds become a line feed. Latin
    letters and their accents are composed (NFC). What is in the normal form already stays as it is.
    """
    pieces = _visible(text)
    if not text.isascii():
        pieces = _half_spaced(_folded(_composed(pieces)))
    pieces = _spaced(pieces)
    return Normalised("".join(piece[0] for piece in pieces), tuple((piece[1], piece[2]) for piece in pieces))


def _visible(text: str) -> list[_Piece]:
    """Without controls, with line breaks, spaces and presentation forms made plain."""
    pieces: list[_Piece] = []
    for at, character in enumerate(text):
        if character == "\n" and text[at - 1 : at] == "\r":
            pieces[-1] = ("\n", pieces[-1][1], at + 1)
        elif character in _BREAKS:
            pieces.append(("\n", at, at + 1))
        elif character < "\x7f":
            if character >= " " or character == "\t":
                pieces.append((character if character > " " else " ", at, at + 1))
        elif plain := _plain(character):
            if unicodedata.combining(character):  # a mark joins its letter over a half-space
                while pieces and pieces[-1][0] == ZWNJ:
                    pieces.pop()
            pieces.extend((one, at, at + 1) for one in plain)
    return pieces


def _plain(character: str) -> str:
    """What a character beyond ASCII shows; nothing for one that cannot be seen."""
    if character in (ZWNJ, "\u200b"):
        return ZWNJ
    category = unicodedata.category(character)
    if category[0] == "Z":
        return " "
    if category in ("Cc", "Cf"):
        return ""
    if "\ufb50" <= character <= "\ufdff" or "\ufe70" <= character <= "\ufefc":
        shown = unicodedata.normalize("NFKC", character)
        # A vowel sign on its own is shown on a blank or a tatweel.
        return "" if shown[0] in (" ", _TATWEEL) else shown
    return character


def _composed(pieces: list[_Piece]) -> Iterator[_Piece]:
    """Letters and the marks on them as one character where there is one."""
    at = 0
    while at < len(pieces):
        end = at + 1
        while end < len(pieces) and unicodedata.combining(pieces[end][0]):
            end += 1
        if end == at + 1:
            yield pieces[at]
        else:
            cluster = "".join(piece[0] for piece in pieces[at:end])
            if cluster[0] in "یى" and _HAMZA in cluster:  # shown as ئ, composed only from Arabic ye
                cluster = "ي" + cluster[1:]
            span = pieces[at][1], pieces[end - 1][2]
            for character in unicodedata.normalize("NFC", cluster):
                yield (character, *span)
        at = end


def _folded(pieces: Iterable[_Piece]) -> Iterator[_Piece]:
    for character, start, end in pieces:
        if character < "\x80":
            yield character, start, end
        elif not _is_arabic_mark(character):
            yield character.translate(_FOLDED), start, end


def _is_arabic_mark(character: str) -> bool:
    return "\u0610" <= character <= "\u08ff" and unicodedata.category(character) == "Mn"


def _is_arabic(character: str) -> bool:
    return "\u0620" <= character <= "\u08ff" and unicodedata.category(character)[0] == "L"


def _half_spaced(pieces: Iterable[_Piece]) -> list[_Piece]:
    """Half-spaces only between two letters or digits of a word, and no tatweel."""
    joined = _without_tatweel(list(pieces))
    kept: list[_Piece] = []
    for at, piece in enumerate(joined):
        if piece[0] == ZWNJ:
            before = kept[-1][0] if kept else " "
            after = joined[at + 1][0] if at + 1 < len(joined) else " "
            # Between two ASCII characters it is a zero-width space of a web page. Before another
            # half-space `after` is no letter, so that the last of a run decides.
            if not (_in_word(before) and _in_word(after)) or (before + after).isascii():
                continue
        kept.append(piece)
    for at in range(1, len(kept) - 1):
        character, start, end = kept[at]
        if character == _NOT_SIGN and _is_arabic(kept[at - 1][0]) and _is_arabic(kept[at + 1][0]):
            kept[at] = (ZWNJ, start, end)
    return kept


def _without_tatweel(pieces: list[_Piece]) -> list[_Piece]:
    """Tatweel that stretches a word goes; one that stands alone was typed as a dash."""
    kept: list[_Piece] = []
    at = 0
    while at < len(pieces):
        if pieces[at][0] != _TATWEEL:
            kept.append(pieces[at])
            at += 1
            continue
        end = at
        while end < len(pieces) and pieces[end][0] == _TATWEEL:
            end += 1
        beside = (kept[-1][0] if kept else " ", pieces[end][0] if end < len(pieces) else " ")
        if not any(_is_arabic(character) or character == ZWNJ for character in beside):
            kept.append(("-", pieces[at][1], pieces[end - 1][2]))
        at = end
    return kept


def _in_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM"


def _spaced(pieces: list[_Piece]) -> list[_Piece]:
    """Runs of spaces as one, and none at the beginning or the end of a line."""
    kept: list[_Piece] = []
    for character, start, end in pieces:
        before = kept[-1][0] if kept else "\n"
        if character == " " and before == " ":
            kept[-1] = (" ", kept[-1][1], end)
        elif character == "\n" and before == " ":
            kept[-1] = ("\n", start, end)
        elif character != " " or before != "\n":
            kept.append((character, start, end))
    if kept and kept[-1][0] == " ":
        kept.pop()
    return kept


_LETTER_RUN = re.compile(r"[^\W\d_]+")
_ENGLISH = frozenset(
    "the and is not no of to in it he she his her my has have had was for with that this i you "
    "we are but at on can does said says what how yes since when still today".split()
)
_PERSIAN = frozenset(
    "از به که را رو این هم با تا یه یک در و است هست شده نه بله دیگه من ما شما خودش چند هر برای ولی "
    "داره دارد ندارد نداره دارم بود میشه نمیشه میگه کرده میکنه شب روز الان فقط سلام".split()
)
_NEIGHBOURS = frozenset("ٹڈڑںےہھټډړښځڅېۍێۆەڵڕۋۇۈ")  # of Urdu, Pashto, Kurdish and Uyghur
_TWO_LETTERS = {"arz": "ar", "ckb": "ku", "pcm": "en", "uzs": "uz"}
_PLAIN_SHARE = 0.08
"""Share of function words from which a text is plainly of their language; most calls have 0.2."""
_ENOUGH_LETTERS = 60
"""Below this many letters the identifier guesses, and the script says more."""


def language_of(text: str) -> str:
    """The language of a text, as an ISO 639-1 code.

    Plain Persian and plain English are told by their script and function words, in microseconds.
    Any other text of some length is given to py3langid, which takes about a second to load and is
    right on whole texts, not on short ones. A short one is Persian where it is in Arabic script,
    else English.
    """
    words = [word.casefold().translate(_FOLDED) for word in _LETTER_RUN.findall(text)]
    letters = Counter(character for character in text if character.isalpha())
    count = letters.total()
    arabic = sum(number for character, number in letters.items() if _is_arabic(character))
    likely, plain = ("fa", _PERSIAN) if 2 * arabic > count else ("en", _ENGLISH)
    share = sum(word in plain for word in words) / max(1, len(words))
    foreign = sum(letters[character] for character in _NEIGHBOURS)
    if count < _ENOUGH_LETTERS or (share >= _PLAIN_SHARE and 100 * foreign < count):
        return likely
    return _identified(text) or likely


def _identified(text: str) -> str | None:
    """The likeliest language that has a code of two letters."""
    # Here, since its model takes a second to load and few texts need it.
    from py3langid import rank  # noqa: PLC0415

    codes = (_TWO_LETTERS.get(code, code) for code, _ in rank(text))
    return next((code for code in codes if len(code) == 2), None)
