"""All probes in one call: as JSON, in a report, and as a table that fits a terminal."""

from __future__ import annotations

import inspect
import io
from pathlib import Path

import numpy as np
import pytest
from probed import Few, FirstIsYes, Ward, documents
from pydantic import BaseModel
from rich.console import Console

from clinextract import Document, Extractor, FakeModel, PalliativeCall
from clinextract.evaluation.probes import results, tables
from clinextract.evaluation.probes.files import with_probes
from clinextract.evaluation.probes.layout import layout
from clinextract.evaluation.probes.probing import probe
from clinextract.evaluation.probes.results import FieldOrder, Probes
from clinextract.evaluation.results import Evaluation, Report, Settings

PAGE = Path(__file__).parents[3] / "docs" / "probes.md"


def test_probes_become_json_and_come_back() -> None:
    found = probe(Extractor(Few, FirstIsYes()), documents(2), orders=2, seed=4)
    assert Probes.model_validate_json(found.model_dump_json()) == found
    assert (found.model, found.transcripts, found.seed, found.order) == ("fake", 2, 4, "joint")
    assert np.isfinite(found.repeatability.largest_difference)  # type: ignore[union-attr,arg-type]


def test_every_key_is_described() -> None:
    schema = Probes.model_json_schema()
    for name, part in {"Probes": schema, **schema["$defs"]}.items():
        for key, prop in part["properties"].items():
            assert prop.get("description"), f"{name}.{key}"


def test_every_key_is_on_the_documentations_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    kinds = [kind for kind in vars(results).values() if isinstance(kind, type) and issubclass(kind, BaseModel)]
    keys = [f"| `{name}` | {field.description} |" for kind in kinds for name, field in kind.model_fields.items()]
    assert len(keys) > 50
    assert [key for key in keys if key not in page] == []


def report_of() -> Report:
    """An evaluation of predictions by the model of the hash "fits"."""
    settings = Settings(rounds=0, confidence=0.95, seed=0, missing="excluded", gold="gold", version="0")
    one = Evaluation(
        name="ours", transcripts=1, failed=0, without_prediction=0, missing_answers=0, features=(), summary={},
        provenance={"model_hash": "fits, another"},
    )  # fmt: skip
    return Report(settings=settings, evaluations=(one,), notes=("first",), metrics={})


def test_a_report_holds_probes_and_says_where_they_are_of_other_weights() -> None:
    found = probe(Extractor(Few, FakeModel()), documents(1), orders=1)
    other = found.model_copy(update={"model_hash": "fits"})
    shown = with_probes(report_of(), [found, other])
    assert shown.probes == (found, other)
    assert len(shown.notes) == 2
    assert "other weights" in shown.notes[1]
    assert Report.model_validate_json(shown.model_dump_json()) == shown


def test_the_table_holds_the_counts_of_every_feature() -> None:
    found = probe(Extractor(Few, FirstIsYes()), documents(3), orders=2)
    laid = layout(found)
    assert [name for name, _ in laid.rows] == [*Few.model_fields, "all"]
    assert all(len(cells) == len(laid.headings) == 5 for _, cells in laid.rows)
    by_order = found.field_order
    assert isinstance(by_order, FieldOrder)
    for one, (_, cells) in zip(by_order.features, laid.rows[:-1], strict=True):
        assert cells[0] == f"{one.flips} of {one.compared}"
    assert laid.rows[-1][1][0] == f"{by_order.flips} of {by_order.compared}"


def test_each_probe_is_announced() -> None:
    names: list[str] = []
    probe(Extractor(Few, FakeModel()), ["She is resting."], orders=1, on_probe=names.append)
    assert names == ["field order", "negation", "repeatability"]


def test_no_orders_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="orders"):
        probe(Extractor(Few, FakeModel()), [], orders=0)


def test_no_words_of_a_transcript_are_in_what_is_found() -> None:
    given = [Document("Zarathustra of Quxville has a fever.", id="call-1")]
    found = probe(Extractor(Few, FirstIsYes()), given, orders=2)
    assert "Zarathustra" not in found.model_dump_json() + repr(found) + _shown(found)


def test_the_table_fits_a_terminal_and_one_screen(tiny_folder: Path) -> None:
    long = Extractor(PalliativeCall, FirstIsYes())
    for extractor in (long, Extractor(PalliativeCall, str(tiny_folder)), Extractor(Ward, FakeModel())):
        shown = _shown(probe(extractor, documents(3), orders=5)).splitlines()
        assert max(map(len, shown)) <= 80
        assert len(shown) <= 40
        assert not any("…" in line for line in shown)


def test_the_table_says_why_a_probe_was_not_made(tiny_folder: Path) -> None:
    shown = " ".join(_shown(probe(Extractor(PalliativeCall, str(tiny_folder)), documents(2), orders=1)).split())
    assert "Field order: not applicable: the model" in shown
    assert "flips" in shown


def test_all_settings_are_kept_when_another_order_is_asked() -> None:
    """A new setting of the extractor has to be handed on, or the probe would compare two things at once."""
    parameters = set(inspect.signature(Extractor.__init__).parameters)
    assert set(Extractor(Few, FakeModel()).settings) == parameters - {"self", "schema", "model", "calibrator"}


def _shown(found: Probes) -> str:
    console = Console(width=80, record=True, color_system=None, file=io.StringIO())
    console.print(tables.probes(found))
    return console.export_text()
