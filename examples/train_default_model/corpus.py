"""The corpus: calls and public dialogues, their labels and quotes, and the split by author.

Nothing here is random but the choice of development pairs and of kept-back dialogues, and both
depend on one seed only, so that every command of the recipe sees the same split.
"""

import json
import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from clinextract.palliative import PalliativeCall
from clinextract.text import normalise as normal_form

FEATURES = tuple(PalliativeCall.model_fields)
TEST_AUTHORS = ("d", "h")
SPLIT_SEED = 20260221
DEV_SHARE = 0.10
KEPT_BACK_DIALOGUES = 100


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
    """Where each transcript goes. Nothing is ever chosen by `test` or `dialogues_test`."""

    train: tuple[Call, ...]
    dev: tuple[Call, ...]
    test: tuple[Call, ...]
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


def load_calls(folder: Path) -> tuple[list[Call], int]:
    """All calls of `folder`/*.jsonl and the number of quotes that are not verbatim."""
    pairs = [_call(record) for path in sorted(folder.glob("*.jsonl")) for record in _read(path)]
    return [call for call, _ in pairs], sum(missing for _, missing in pairs)


def load_dialogues(texts: Path, labels: Path) -> tuple[list[Call], int]:
    """Public English dialogues joined with the project's labels of them, as `load_calls`.

    The texts (MTS-Dialog, CC BY 4.0) are not part of the repository; the labels are.
    """
    by_id = {str(record["id"]): record for record in _read(texts)}
    found = []
    for record in _read(labels):
        dialogue = {
            "pair": record["id"],
            "language": "en",
            "author": "mts",
            "form": "real_dialogue",
            "transcript": by_id[str(record["id"])]["transcript"],
        }
        found.append(_call(record | dialogue))
    return [call for call, _ in found], sum(missing for _, missing in found)


def story(call: Call) -> str:
    """The pair without its contrast letter: `g-001a` and `g-001b` differ in a word or two."""
    return re.sub(r"(?<=\d)[a-z]$", "", call.pair)


def _drawn(stories: Iterable[str], count: int) -> set[str]:
    """`count` of the stories, by the one seed of the split."""
    return set(random.Random(SPLIT_SEED).sample(sorted(set(stories)), count))


def split(calls: Iterable[Call], dialogues: Iterable[Call] = ()) -> Split:
    """Test: two authors never trained on. Dev: a tenth of the others' pairs, both languages.

    Contrast pairs stay together, or half of a pair in training would answer its twin in dev.
    """
    calls, dialogues = list(calls), list(dialogues)
    ours = [call for call in calls if call.author not in TEST_AUTHORS]
    stories = {story(call) for call in ours}
    held = _drawn(stories, round(DEV_SHARE * len(stories)))
    kept = _drawn((d.id for d in dialogues), min(KEPT_BACK_DIALOGUES, len(dialogues) // 4))
    return Split(
        train=(
            *(call for call in ours if story(call) not in held),
            *(dialogue for dialogue in dialogues if dialogue.id not in kept),
        ),
        dev=tuple(call for call in ours if story(call) in held),
        test=tuple(call for call in calls if call.author in TEST_AUTHORS),
        dialogues_test=tuple(dialogue for dialogue in dialogues if dialogue.id in kept),
    )
