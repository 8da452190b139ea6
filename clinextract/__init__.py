"""Clinical features from call transcripts, on local small language models: never missing, never malformed.

The names below are loaded when they are first used: importing the package loads neither torch nor pydantic.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clinextract.calibration.calibrator import Calibrator
    from clinextract.errors import (
        CalibrationError,
        ClinExtractError,
        ColumnMissing,
        DataError,
        DocumentTooLong,
        ExtraNotInstalled,
        ModelConnectionError,
        ModelError,
        ModelOutputError,
        ModelTimeout,
        ModelUnavailable,
        PlanError,
        RecordInvalid,
        SchemaError,
        SchemaFileError,
        TrainingError,
        TranslationError,
    )
    from clinextract.evaluation.calibrate import calibrate
    from clinextract.evaluation.evaluate import evaluate
    from clinextract.evaluation.probes.probing import probe
    from clinextract.extractor import Extractor, extract
    from clinextract.fewshot import FewShot, read_examples
    from clinextract.models.fake import FakeModel
    from clinextract.models.loading import load_model
    from clinextract.palliative import PalliativeCall
    from clinextract.prompts import Example
    from clinextract.records import Answer, Document, Evidence, Extraction, Failure, Origin, Provenance
    from clinextract.running import Columns, RunSummary, run
    from clinextract.schema.features import Feature
    from clinextract.schema_files.checking import check_schema
    from clinextract.schema_files.loading import load_schema
    from clinextract.schema_files.writing import dump_schema
    from clinextract.translation.first import TranslateFirst
    from clinextract.translation.loading import load_translator
    from clinextract.translation.ports import Translator

_HOMES = {
    "calibration.calibrator": "Calibrator",
    "errors": (
        "CalibrationError ClinExtractError ColumnMissing DataError DocumentTooLong ExtraNotInstalled "
        "ModelConnectionError ModelError ModelOutputError ModelTimeout ModelUnavailable PlanError RecordInvalid "
        "SchemaError SchemaFileError TrainingError TranslationError"
    ),
    "evaluation.calibrate": "calibrate",
    "evaluation.evaluate": "evaluate",
    "evaluation.probes.probing": "probe",
    "extractor": "Extractor extract",
    "fewshot": "FewShot read_examples",
    "models.fake": "FakeModel",
    "models.loading": "load_model",
    "palliative": "PalliativeCall",
    "prompts": "Example",
    "records": "Answer Document Evidence Extraction Failure Origin Provenance",
    "running": "Columns RunSummary run",
    "schema.features": "Feature",
    "schema_files.checking": "check_schema",
    "schema_files.loading": "load_schema",
    "schema_files.writing": "dump_schema",
    "translation.first": "TranslateFirst",
    "translation.loading": "load_translator",
    "translation.ports": "Translator",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "Answer",
    "CalibrationError",
    "Calibrator",
    "ClinExtractError",
    "ColumnMissing",
    "Columns",
    "DataError",
    "Document",
    "DocumentTooLong",
    "Evidence",
    "Example",
    "ExtraNotInstalled",
    "Extraction",
    "Extractor",
    "Failure",
    "FakeModel",
    "Feature",
    "FewShot",
    "ModelConnectionError",
    "ModelError",
    "ModelOutputError",
    "ModelTimeout",
    "ModelUnavailable",
    "Origin",
    "PalliativeCall",
    "PlanError",
    "Provenance",
    "RecordInvalid",
    "RunSummary",
    "SchemaError",
    "SchemaFileError",
    "TrainingError",
    "TranslateFirst",
    "TranslationError",
    "Translator",
    "calibrate",
    "check_schema",
    "dump_schema",
    "evaluate",
    "extract",
    "load_model",
    "load_schema",
    "load_translator",
    "probe",
    "read_examples",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'clinextract' has no attribute {name!r}")
    value = getattr(import_module(f"clinextract.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
