"""`load_schema`: from a schema file to a Pydantic model class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from clinextract.errors import SchemaError, SchemaFileError
from clinextract.fewshot import FewShot
from clinextract.schema_files.building import built
from clinextract.schema_files.reading import Draft, draft, shipped
from clinextract.schema_files.shots import shots
from clinextract.schema_files.values import meant
from clinextract.tabular import shown_path

_INFO = "__schema_info__"


@dataclass(frozen=True, slots=True)
class SchemaInfo:
    """What a schema's file says beside its features.

    Attributes:
        name: As in the file.
        version: The author's own count of it.
        languages: ISO 639-1 codes, the first one that of texts without a code.
        path: Of the file.
        examples: Its few-shot examples; None without.
    """

    name: str
    version: int
    languages: tuple[str, ...]
    path: Path
    examples: FewShot | None = None


def load_schema(source: str | Path) -> type[BaseModel]:
    """Make a Pydantic model class from a schema file.

    The class is as good as one that is written in Python with `Feature`: frozen, without unknown keys, and for any tool
    that knows Pydantic. What else the file says is in `info_of(schema)`; its examples are shown by an `Extractor` that
    is given no others.

    Args:
        source: A YAML file, or the name of a schema that comes with the package, such as "palliative_care".

    Raises:
        SchemaFileError: The file has mistakes; the error has all of them, with their places.
        SchemaError: There is no such file and no such name.
    """
    path, name = located(source)
    schema, found = drafted(path, name)
    if schema is None:
        raise SchemaFileError(sorted(found.mistakes, key=lambda one: (one.file, one.line, one.column)))
    return schema


def info_of(schema: type[BaseModel]) -> SchemaInfo | None:
    """What the schema's file says beside its features; None for a class that was made from no file."""
    info: SchemaInfo | None = schema.__dict__.get(_INFO)
    return info


def examples_of(schema: type[BaseModel]) -> FewShot | None:
    """The few-shot examples of the schema's file; None without."""
    info = info_of(schema)
    return info.examples if info else None


def located(source: str | Path) -> tuple[Path, str]:
    """The file that is meant, and how messages name it.

    Raises:
        SchemaError: There is none.
    """
    known = shipped()
    if isinstance(source, str) and source in known:
        return known[source], known[source].name
    path = Path(source)
    if _is_file(path) or path.suffix.lower() in {".yaml", ".yml"} or path.parent != Path():
        return path, shown_path(path)
    raise SchemaError(
        f"there is no schema {shown_path(path)[:60]!r}: no file, and none that comes with the package",
        hint=f"{meant(str(source), known)} Write a file's name, or one of: {', '.join(known)}".strip(),
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file system takes, or a folder that may not be looked into
        return False


def drafted(path: Path, name: str) -> tuple[type[BaseModel] | None, Draft]:
    """A file as a schema, or None; and what was read, with its mistakes."""
    found = draft(path, name)
    schema = built(found) if found.head is not None and not found.mistakes else None
    if schema is None:
        return None, found
    assert found.head is not None
    examples = shots(found, schema, path.parent)
    head = found.head
    setattr(schema, _INFO, SchemaInfo(head.name, head.version, tuple(head.languages), path, examples))
    return (None if found.mistakes else schema), found
