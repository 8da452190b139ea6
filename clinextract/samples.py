"""The transcripts that are shipped with the package: invented calls, in English and Persian, that may be shown."""

from __future__ import annotations

from importlib.resources import files

from clinextract.records import Document


def samples() -> tuple[Document, ...]:
    """The shipped transcripts in order of their ids, such as "en-1-note"."""
    found = [file for file in (files("clinextract") / "demo").iterdir() if file.name.endswith(".txt")]
    return tuple(
        Document(file.read_text(encoding="utf-8").strip(), id=file.name.removesuffix(".txt"), language=file.name[:2])
        for file in sorted(found, key=lambda file: file.name)
    )
