"""Probes in a JSON file, and beside the figures of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from clinextract.errors import DataError
from clinextract.evaluation.probes.results import Probes
from clinextract.evaluation.results import Report


def check_place(path: Path) -> None:
    """Refuse a file that could not be written, before a model is run for it.

    Raises:
        DataError: A folder has this name, or its own folder is not there.
    """
    if path.is_dir():
        raise DataError(f"{str(path)!r} is a folder", hint="Name a file in it.")
    if not path.parent.is_dir():
        raise DataError(f"the folder {str(path.parent)!r} is not there", hint="Make it first.")


def write_probes(found: Probes, path: str | Path) -> None:
    """Write them, over what is there.

    Raises:
        DataError: The file cannot be written.
    """
    try:
        Path(path).write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"the probes cannot be written to {str(path)!r}: {error.strerror}",
            hint="Give a file in a folder that exists and may be written to.",
        ) from None


def read_probes(path: str | Path) -> Probes:
    """Read what `write_probes` wrote.

    Raises:
        DataError: The file is not there, or holds no probes; says where it is wrong.
    """
    remedy = "Give a file that `clinextract probe -o` wrote, unchanged."
    try:
        return Probes.model_validate_json(Path(path).read_bytes())
    except OSError as error:
        raise DataError(f"the probes in {str(path)!r} cannot be read: {error.strerror}", hint=remedy) from None
    except ValidationError as error:
        places = sorted({".".join(map(str, one["loc"])) or "the file" for one in error.errors(include_input=False)})
        raise DataError(f"{str(path)!r} holds no probes: {', '.join(places[:5])}", hint=remedy) from None


def with_probes(report: Report, found: Sequence[Probes]) -> Report:
    """A report that shows probes as well, and a note where they are of a model that none of its predictions is by.

    Args:
        report: As `evaluate` gives it.
        found: Of the models that made the predictions.
    """
    made_by = ", ".join(one.provenance.get("model_hash", "") for one in report.evaluations).split(", ")
    notes = [
        f"the probes of the model {one.model} are of other weights than those of the predictions"
        for one in found
        if one.model_hash not in made_by
    ]
    return report.model_copy(update={"probes": tuple(found), "notes": (*report.notes, *notes)})
