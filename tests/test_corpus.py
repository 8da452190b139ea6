"""The shipped corpus: every record is whole, every quote stands in its text, nothing is there twice."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from clinextract.palliative import PalliativeCall
from clinextract.text import language_of

RECIPE = Path(__file__).parents[1] / "examples" / "train_default_model"
CALLS = sorted((RECIPE / "calls").glob("*.jsonl"))
CONTRASTS = sorted((RECIPE / "contrasts").glob("*.jsonl"))
FRAGMENTS = sorted((RECIPE / "fragments").glob("*.jsonl"))
FILES = [*CALLS, *CONTRASTS, *FRAGMENTS]
FEATURES = tuple(PalliativeCall.model_fields)
WHOLE = {"note", "dialogue", "asr", "message"}
FORMS = {"calls": WHOLE, "contrasts": WHOLE, "fragments": {"fragment"}}
SHARED = {"id", "pair", "language", "author", "form", "transcript", "labels", "evidence"}
KEYS = {"calls": SHARED | {"phenomena"}, "contrasts": SHARED | {"phenomena"}, "fragments": SHARED | {"focus"}}
NAME = {
    "calls": r"{author}-\d{{3}}[a-z]?",
    "contrasts": r"[a-z]+-\d{{3}}\.{author}\d",
    "fragments": r"{author}-\d{{3}}[a-z]?",
}
KEPT = {"d", "f", "h", "l", "s", "cd", "jw", "jz", "ka", "kb"}
"""Authors of calls that are kept back for development and test, as `corpus.py` has them."""
ALIKE = 0.5
"""Jaccard index of two texts' sequences of eight letters, from which they count as the same call."""


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def calls() -> dict[str, dict[str, Any]]:
    """All calls by their ids, read once."""
    return {record["id"]: record for file in CALLS for record in records(file)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_record_is_whole(path: Path) -> None:
    for record in records(path):
        assert set(record) == KEYS[path.parent.name], record["id"]
        assert record["author"] == path.stem
        assert record["form"] in FORMS[path.parent.name]
        assert record["id"] == f"{record['pair']}-{record['language']}"
        assert re.fullmatch(NAME[path.parent.name].format(author=path.stem), record["pair"])
        assert tuple(record["labels"]) == FEATURES
        assert all(isinstance(value, bool) for value in record["labels"].values())
        assert {name for name, value in record["labels"].items() if value} == set(record["evidence"]), record["id"]
        for name, quotes in record["evidence"].items():
            assert quotes, (record["id"], name)
            for quote in quotes:
                assert quote.strip() == quote != ""
                assert quote in record["transcript"], (record["id"], name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_call_is_there_in_both_languages_line_for_line(path: Path) -> None:
    pairs: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for record in records(path):
        assert record["language"] not in pairs[record["pair"]], record["id"]
        pairs[record["pair"]][record["language"]] = record
    for name, pair in pairs.items():
        assert set(pair) == {"fa", "en"}, name
        assert pair["fa"]["labels"] == pair["en"]["labels"], name
        assert pair["fa"]["form"] == pair["en"]["form"]
        for language in ("fa", "en"):
            assert language_of(pair[language]["transcript"]) == language, name
        lines = [pair[code]["transcript"].count("\n") for code in ("fa", "en")]
        assert lines[0] == lines[1], name


def test_no_call_is_there_twice() -> None:
    """Candidates by MinHash (Broder 1997), each then counted; versions of one contrast pair are meant to be alike."""
    datasketch = pytest.importorskip("datasketch")
    for language in ("fa", "en"):
        near = datasketch.MinHashLSH(threshold=ALIKE, num_perm=128)
        texts: dict[str, str] = {}
        for path in CALLS:
            for record in records(path):
                if record["language"] != language:
                    continue
                name = record["id"]
                story = re.sub(r"(?<=\d)[a-z]$", "", record["pair"])
                texts[name] = re.sub(r"\W+", "", record["transcript"].casefold())
                grams = letter_grams(texts[name])
                sketch = datasketch.MinHash(num_perm=128)
                sketch.update_batch([one.encode() for one in grams])
                others = [other for other, of in (key.split("|") for key in near.query(sketch)) if of != story]
                twins = {other for other in others if jaccard(grams, letter_grams(texts[other])) >= ALIKE}
                assert not twins, (name, twins)
                near.insert(f"{name}|{story}", sketch)


def letter_grams(letters: str) -> set[str]:
    return {letters[n : n + 8] for n in range(max(1, len(letters) - 7))}


def jaccard(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)


@pytest.mark.parametrize("path", CONTRASTS, ids=lambda path: path.stem)
def test_a_version_is_of_a_call_that_is_trained_on_and_turns_a_feature(
    path: Path, calls: dict[str, dict[str, Any]]
) -> None:
    """A version of a test call in the training would give the test away."""
    for record in records(path):
        name = record["pair"].split(".")[0]
        assert name.split("-")[0] not in KEPT, record["id"]
        call = calls[f"{name}-{record['language']}"]
        assert call["labels"] != record["labels"], record["id"]
        assert call["transcript"] != record["transcript"]


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.stem)
def test_a_set_of_fragments_has_its_focus_true_and_false(path: Path) -> None:
    """And no fragment is in two sets: the text itself is there once."""
    sets: dict[str, dict[str, bool]] = defaultdict(dict)
    for record in records(path):
        sets[record["pair"][:-1]][record["id"]] = record["labels"][record["focus"]]
    assert all(set(focus.values()) == {True, False} for focus in sets.values())


@pytest.mark.parametrize("paths", [FRAGMENTS, CONTRASTS], ids=["fragments", "contrasts"])
def test_no_fragment_and_no_version_is_there_twice(paths: list[Path]) -> None:
    texts = [re.sub(r"\W+", "", record["transcript"].casefold()) for path in paths for record in records(path)]
    assert len(set(texts)) == len(texts)
