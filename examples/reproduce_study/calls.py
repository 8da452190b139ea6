"""The calls: read from a folder of JSON Lines, put side by side by pair, and written for each language.

A call has `transcript`, `labels` (thirteen booleans), `language`, and `pair`, which is the same for one call in several
languages; `author` names who wrote it. A call without `pair` is a pair of its own.
"""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clinextract.errors import DataError, RecordInvalid

SAMPLE_SEED = 0


@dataclass(frozen=True, slots=True, repr=False)
class Call:
    """One call in every language in which it is there.

    Attributes:
        id: The pair.
        labels: By feature.
        author: Who wrote it; empty where nobody is named.
        form: Such as "note" or "dialogue"; empty where it is not told.
        transcripts: By language.
    """

    id: str
    labels: dict[str, Any]
    author: str
    form: str
    transcripts: dict[str, str]


def read_calls(folder: Path) -> list[Call]:
    """Every call of the folder's `*.jsonl`, by id.

    Raises:
        DataError: There are none, or one call has other labels in one language than in another.
        RecordInvalid: A line is not a call; the error names file, line and what is missing.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {str(folder)!r}", hint="Give the folder that holds the calls' *.jsonl.")
    calls: dict[str, Call] = {}
    for place, row in _rows(folder):
        pair = str(row.get("pair") or row["id"])
        texts = {row["language"]: row["transcript"]}
        call = Call(pair, row["labels"], row.get("author", ""), row.get("form", ""), texts)
        other = calls.setdefault(pair, call)
        if other.labels != call.labels:
            raise DataError(f"{place}: call {pair!r} has other labels than in another language")
        if other is not call and other.transcripts.keys() & texts:
            raise DataError(f"{place}: call {pair!r} is there twice in {row['language']!r}")
        other.transcripts.update(texts)
    if not calls:
        raise DataError(f"no calls in {str(folder)!r}", hint="Calls are lines of its *.jsonl files.")
    return [calls[pair] for pair in sorted(calls)]


def languages_of(calls: Sequence[Call]) -> set[str]:
    """Languages in which at least one call is there."""
    return {language for call in calls for language in call.transcripts}


def select(
    calls: Sequence[Call], languages: Collection[str], without: Collection[str] = (), limit: int | None = None
) -> list[Call]:
    """The calls that are there in all the languages, in order of their ids.

    Args:
        calls: All calls.
        languages: Every language that a configuration reads.
        without: Authors that are left out.
        limit: At most so many, drawn at random with a fixed seed.
    """
    kept = [call for call in calls if call.author not in without and set(languages) <= call.transcripts.keys()]
    if limit is not None and limit < len(kept):
        kept = sorted(random.Random(SAMPLE_SEED).sample(kept, limit), key=lambda call: call.id)
    return kept


def write_transcripts(calls: Sequence[Call], language: str, path: Path) -> Path:
    """What `run` reads: id, transcript, language."""
    rows = ({"id": call.id, "transcript": call.transcripts[language], "language": language} for call in calls)
    return _write(path, rows)


def write_gold(calls: Sequence[Call], path: Path) -> Path:
    """What `evaluate` holds predictions against, without the transcripts."""
    rows = ({"id": call.id, "author": call.author, "form": call.form, "labels": call.labels} for call in calls)
    return _write(path, rows)


def _write(path: Path, rows: Iterator[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def _rows(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(folder.glob("*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                place = f"{file.name}, line {number}"
                if line.strip():
                    yield place, _checked(place, line)


def _checked(place: str, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:  # from None: the error quotes the line
        raise RecordInvalid(f"{place} is not JSON") from None
    wanted = {"id": str, "transcript": str, "language": str, "labels": dict}
    wrong = [key for key, kind in wanted.items() if not isinstance(row, dict) or not isinstance(row.get(key), kind)]
    if wrong:
        raise RecordInvalid(f"{place} is not a call: {', '.join(wrong)} missing or of another kind")
    return dict(row)
