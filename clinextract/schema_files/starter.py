"""`schema new`: a starter that explains itself, and a feature more for a file that is there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from clinextract.errors import SchemaError, SchemaFileError
from clinextract.schema_files.doubts import PLACEHOLDER
from clinextract.schema_files.form import KINDS, Head
from clinextract.schema_files.loading import drafted
from clinextract.schema_files.reading import validated
from clinextract.schema_files.source import Source

_TEMPLATES = resources.files("clinextract.schema_files") / "starters"
_EXAMPLES: Mapping[str, str] = {
    "yes/no": "",
    "choice": "    choices: [mild, moderate, severe]   # one of these, or none of them where nothing is said\n",
    "several": "    choices: [walking frame, wheelchair, hospital bed]   # any number of these\n",
    "whole number": "    minimum: 0\n    maximum: 10\n    unit: points   # or days, mg, breaths a minute\n",
    "decimal": "    minimum: 34\n    maximum: 43\n    places: 1       # digits behind the point\n    unit: °C\n",
    "date": "    earliest: 2020-01-01   # year, month, day; may be left out\n    latest: 2035-12-31\n",
    "short text": "    max_length: 120   # letters; in the model's own words\n",
    "quote": "    max_length: 120   # letters; word for word from the transcript\n",
    "group": "    fields:\n      - id: since\n        kind: short text\n        definition: Since when.\n",
    "groups": "    max_items: 5      # how many at most\n    fields:\n      - id: name\n        kind: quote\n"
    "        definition: Its name, as it is said.\n",
}


def new_schema(path: Path, *, base: str = "") -> None:
    """Write a starter: a schema with comments that loads as it is.

    Args:
        path: The file, which must not be there; its name becomes the schema's.
        base: A shipped schema or a file that it extends; without, it begins from nothing.

    Raises:
        SchemaError: The file is there, or cannot be written.
    """
    if path.exists():
        raise SchemaError(
            f"{str(path)!r} is there already", hint="Take another name, or add a feature: --feature swollen_leg"
        )
    name = re.sub(r"\W+", "_", path.stem, flags=re.ASCII).strip("_").lower()
    name = name if name[:1].isalpha() else f"schema_{name}".rstrip("_")
    _write(path, _rendered("extending.yaml.jinja" if base else "starter.yaml.jinja", name=name, base=base))


def add_feature(path: Path, feature: str, *, kind: str = "yes/no", label: str = "") -> None:
    """Add a feature with comments to the end of a file's features; nothing else of the file changes.

    Args:
        path: A file without mistakes.
        feature: The new feature's id.
        kind: Its kind, as files call it.
        label: Its name for tables and reports, in the file's first language; by default the id in words.

    Raises:
        SchemaFileError: The file has mistakes, or would have some with this feature.
        SchemaError: There is no such kind, or the file cannot be written.
    """
    if kind not in KINDS:
        raise SchemaError(f"there is no kind {kind[:30]!r}", hint=f"Kinds are: {', '.join(KINDS)}")
    _check_name(feature)
    schema, found = drafted(path, str(path))
    if schema is None or found.head is None:
        raise SchemaFileError(found.mistakes)
    before = path.read_bytes()
    entry = _rendered(
        "feature.yaml.jinja",
        id=feature,
        kind=kind,
        label=label or feature.replace("_", " ").capitalize(),
        languages=found.head.languages,
        more=_EXAMPLES[kind],
        placeholder=PLACEHOLDER,
    )
    text = _with_entry(before.decode("utf-8-sig"), entry, found.source)
    _write(path, text)
    again, changed = drafted(path, str(path))
    if again is None:
        path.write_bytes(before)
        raise SchemaFileError(changed.mistakes)


def _check_name(feature: str) -> None:
    _, mistakes = validated(Head, {"name": feature}, (), Source("--feature"), {"languages": None, "also": ()})
    if mistakes:
        raise SchemaError(f"--feature: {mistakes[0].message}", hint=mistakes[0].remedy)


def _with_entry(text: str, entry: str, source: Source) -> str:
    """A file's text with an entry behind its last feature, indented as that one is."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = re.split(r"\r\n|\r|\n", text)
    features = source.raw(("features",))
    if not features:  # a file that only extends another
        return newline.join([*lines, "", "features:", *entry.splitlines(), ""])
    assert source.root is not None
    line, column = source.position(("features", 0))
    dash = lines[line - 1][: column - 1].rfind("-")
    last = _end_of(source, lines)
    indented = [" " * (dash - 2) + one if one.strip() and dash >= 2 else one[2 - dash :] for one in entry.splitlines()]
    return newline.join([*lines[:last], "", *indented, *lines[last:], ""]).rstrip() + newline


def _end_of(source: Source, lines: Sequence[str]) -> int:
    """The number of lines up to the last one that belongs to the features."""
    assert source.root is not None
    keys = [key.start_mark.line for key, _ in source.root.value]
    begins = source.position(("features",), key=True)[0] - 1
    behind = min((line for line in keys if line > begins), default=len(lines))
    while not lines[behind - 1].strip() or lines[behind - 1].startswith("#"):  # notes between the two, or at the end
        behind -= 1
    return behind


def _rendered(template: str, **values: object) -> str:
    environment = Environment(
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - a schema is no HTML
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string((_TEMPLATES / template).read_text(encoding="utf-8")).render(values)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8", newline="")
    except OSError as error:
        raise SchemaError(
            f"{str(path)!r} cannot be written: {type(error).__name__}",
            hint="Name a file in a folder that may be written.",
        ) from None
