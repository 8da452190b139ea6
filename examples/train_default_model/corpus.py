"""The corpus: calls and public dialogues, their labels and quotes, and the split by author.

Nothing here is random: every command of the recipe sees the same split, and what is kept back stays so when the corpus
grows.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clinextract.palliative import PalliativeCall
from clinextract.text import normalise as normal_form

FEATURES = tuple(PalliativeCall.model_fields)
CORPUS = ("calls", "contrasts", "fragments")
"""The folders of what was written for this project."""
REAL = "real_dialogue"
"""The form of dialogues that nobody invented."""
FRAGMENT = "fragment"
"""The form of one to eight lines out of a call, written in sets that share words and differ in what is true."""
TEST_AUTHORS = ("d", "h", "s")
DEV_AUTHORS = ("f", "l", "cd", "jw", "jz", "ka", "kb")
CALIBRATION_AUTHORS = ("f", "l")
"""Those of development who wrote calls as they come; the others contrasts alone, where less is true."""
ENGLISH_FIRST_AUTHORS = (
    *("co", "cp", "cq", "cr", "cs", "ct", "cu", "cv", "cw", "cx", "cy", "cz"),
    *("da", "db", "dc", "de", "kd", "ke", "kl", "km", "kp", "kq", "kr", "ky"),
    *("ya", "yb", "yc", "yd", "ye", "yf", "yg", "yh", "yi", "yj", "yk", "yl"),
    *("yo", "yp", "yq", "yr", "ys", "yt", "yu", "yv", "yw", "yx", "yy"),
)
"""Those who wrote in English first, and as public dialogues are: training draws their English with these."""
TEST_FRAGMENTS, DEV_FRAGMENTS = ("xp",), ("xh",)
"""Authors of fragments that are kept back."""
KEPT_BACK, KEPT_FOR_DEV = 0.15, 0.1
"""Shares of the real encounters that are kept back for the test and for development."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Evidence for one feature: characters [start, end) of the normalised transcript."""

    feature: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Call:
    """One labelled transcript, its text already normalised as it will be at inference."""

    id: str
    pair: str
    language: str
    author: str
    form: str
    text: str
    labels: tuple[bool, ...]
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """Where each transcript goes. Settings are chosen by `dev`; nothing is ever chosen by the tests."""

    train: tuple[Call, ...]
    dev: tuple[Call, ...]
    test: tuple[Call, ...]
    fragments_dev: tuple[Call, ...]
    fragments_test: tuple[Call, ...]
    dialogues_dev: tuple[Call, ...]
    dialogues_test: tuple[Call, ...]


def normalise(text: str) -> str:
    """The normal form in which the package shows a transcript to the model."""
    return normal_form(text).text


def _located(record: Mapping[str, object], text: str) -> tuple[list[Quote], int]:
    """Every place where a quote of the record stands in `text`, and how many stand nowhere."""
    quotes: list[Quote] = []
    missing = 0
    evidence = record["evidence"]
    assert isinstance(evidence, Mapping)
    for name, texts in evidence.items():
        for quote in texts:
            places = [m.start() for m in re.finditer(re.escape(normalise(quote)), text)]
            missing += not places
            length = len(normalise(quote))
            quotes += [Quote(FEATURES.index(name), at, at + length) for at in places]
    return quotes, missing


def _call(record: Mapping[str, object]) -> tuple[Call, int]:
    text = normalise(str(record["transcript"]))
    quotes, missing = _located(record, text)
    labels = record["labels"]
    assert isinstance(labels, Mapping)
    call = Call(
        id=str(record["id"]),
        pair=str(record["pair"]),
        language=str(record["language"]),
        author=str(record["author"]),
        form=str(record["form"]),
        text=text,
        labels=tuple(bool(labels[name]) for name in FEATURES),
        quotes=tuple(quotes),
    )
    return call, missing


def _read(path: Path) -> list[dict[str, object]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def load_calls(*places: Path) -> tuple[list[Call], int]:
    """All calls or fragments of files, or of folders' *.jsonl, and the number of quotes that are not verbatim."""
    paths = [path for place in places for path in ([place] if place.is_file() else sorted(place.glob("*.jsonl")))]
    pairs = [_call(record) for path in paths for record in _read(path)]
    return [call for call, _ in pairs], sum(missing for _, missing in pairs)


def load_dialogues(texts: Sequence[Path], labels: Path) -> tuple[list[Call], int]:
    """Public English dialogues joined with the project's labels of them, as `load_calls`.

    The texts (MTS-Dialog and ACI-Bench, CC BY 4.0) are not part of the repository; the labels are. An id such as
    `aci-D2N010.13-32` is of lines 13 to 32 of a longer encounter, from 0 and blank ones not counted. Labels of texts
    that are not there are left out.

    Raises:
        ValueError: No label is of any of the texts.
    """
    by_id = {str(record["id"]): str(record["transcript"]) for path in texts for record in _read(path)}
    found = []
    for record in _read(labels):
        encounter, _, lines = str(record["id"]).partition(".")
        if encounter not in by_id:
            continue
        transcript = by_id[encounter]
        if lines:
            first, last = map(int, lines.split("-"))
            transcript = "\n".join([line for line in transcript.split("\n") if line.strip()][first : last + 1])
        dialogue = {
            "pair": record["id"],
            "language": "en",
            "author": encounter.partition("-")[0],
            "form": REAL,
            "transcript": transcript,
        }
        found.append(_call(record | dialogue))
    if not found:
        raise ValueError("none of the labels is of any of these dialogues: their ids are to be those of the labels")
    return [call for call, _ in found], sum(missing for _, missing in found)


_VERSION = re.compile(r"(?<=\d)\.[a-z]+\d+$")
_LETTER = re.compile(r"(?<=\d)[a-z]$")


def is_version(call: Call) -> bool:
    """Whether it is another call turned in a word."""
    return bool(_VERSION.search(call.pair))


def is_paired(call: Call) -> bool:
    """Whether it was written together with others of its contrast set, as `g-001a` with `g-001b`."""
    return bool(_LETTER.search(call.pair))


def contrast_set(call: Call) -> str:
    """The name of the texts with nearly the same words where other things are true.

    `g-001` of `g-001a` and `g-001b`, and of `g-001` and its version `g-001.ea2`; of a call without others its own.
    """
    return _LETTER.sub("", _VERSION.sub("", call.pair))


def parallel_lines(calls: Iterable[Call]) -> Iterator[tuple[str, str]]:
    """Every Persian line of calls that are there in both languages, and its English."""
    pairs: dict[str, dict[str, str]] = {}
    for call in calls:
        pairs.setdefault(call.pair, {})[call.language] = call.text
    for texts in pairs.values():
        if set(texts) == {"en", "fa"}:
            persian, english = (texts[language].split("\n") for language in ("fa", "en"))
            if len(persian) == len(english):
                yield from zip(persian, english, strict=True)


def split(calls: Iterable[Call], dialogues: Iterable[Call] = ()) -> Split:
    """By author; real dialogues by encounter, so that windows of one encounter stay together.

    Raises:
        ValueError: If a version of a call that is kept back would be trained on.
    """
    calls, dialogues = list(calls), list(dialogues)
    kept = TEST_AUTHORS + DEV_AUTHORS + TEST_FRAGMENTS + DEV_FRAGMENTS
    if turned := [call.id for call in calls if is_version(call) and contrast_set(call).partition("-")[0] in kept]:
        raise ValueError(f"versions of calls that are kept back: {turned}")
    numbers = {one.id: _number(one.id.partition(".")[0]) for one in dialogues}

    def numbered(first: float, last: float) -> tuple[Call, ...]:
        return tuple(one for one in dialogues if first <= numbers[one.id] < last)

    def by(authors: tuple[str, ...]) -> tuple[Call, ...]:
        return tuple(call for call in calls if call.author in authors)

    return Split(
        train=(*(call for call in calls if call.author not in kept), *numbered(KEPT_BACK + KEPT_FOR_DEV, 1.0)),
        dev=by(DEV_AUTHORS),
        test=by(TEST_AUTHORS),
        fragments_dev=by(DEV_FRAGMENTS),
        fragments_test=by(TEST_FRAGMENTS),
        dialogues_dev=numbered(KEPT_BACK, KEPT_BACK + KEPT_FOR_DEV),
        dialogues_test=numbered(0.0, KEPT_BACK),
    )


def _number(name: str) -> float:
    """A number from 0 to 1 that depends on the name alone."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6]) / 2**48
