"""A calibration: what was fitted for every yes/no field, for which model, schema and prompts, and how it is applied."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from clinextract.calibration import maps
from clinextract.errors import CalibrationError

Method = Literal["temperature", "platt", "isotonic", "none"]
Target = Literal["even", "sensitivity", "mcc"]
BAND = (0.25, 0.75)
"""Probabilities between these two are for a person to look at, where no calibration says better."""
EVEN = math.nextafter(0.5, 1.0)
"""The threshold where none is chosen: a tie is no, as it is without a calibration."""

Probability = Annotated[float, Field(ge=0, le=1)]
_FIT_AGAIN = "Fit one for them with `clinextract calibrate`, or leave the calibration out."


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Binding(_Record):
    """What a calibration belongs to; with anything else it would be wrong without anybody seeing it."""

    schema_hash: str = Field(description="Of the schema.")
    model_hash: str = Field(description="Of the model's weights and tokenizer.")
    prompt_hashes: tuple[str, ...] = Field(description="Of the prompts of the labelled calls, one for each language.")
    languages: tuple[str, ...] = Field(description='Of these prompts: "fa" for Persian calls, "en" for any others.')
    order: str = Field(description='"joint" or "independent".')
    decoding: str = Field(description='How answers were decoded: "skeleton".')

    def differences(self, **found: str) -> list[str]:
        """Which of the named ones differ, in words."""
        words = {"schema_hash": "schema", "model_hash": "model", "order": "order of decoding", "decoding": "decoding"}
        return [
            f"{words[name]} ({getattr(self, name)}, here {value})"
            for name, value in found.items()
            if getattr(self, name) != value
        ]


class Quality(_Record):
    """How good the probabilities of the labelled answers are, before and after."""

    brier_before: float = Field(description="Brier score of the model's own probabilities.")
    brier_after: float = Field(description="Brier score after calibration, cross-validated.")
    ece_before: float = Field(description="Expected calibration error of the model's own probabilities.")
    ece_after: float = Field(description="Expected calibration error after calibration, cross-validated.")


class Risk(_Record):
    """One point of a risk-coverage curve: the answers that are likelier wrong than a limit go to a person."""

    limit: Probability = Field(description="Of a kept answer's chance of being wrong, by its calibrated probability.")
    coverage: float = Field(description="Share of the labelled answers that are kept.")
    risk: float = Field(description="Share of wrong answers among those kept.")


class FieldCalibration(_Record):
    """What was fitted for one yes/no field."""

    method: Method = Field(description='"none" where the model\'s own probability is kept; the notes say why.')
    notes: tuple[str, ...] = Field((), description="What a reader has to know, such as why nothing was fitted.")
    temperature: float | None = Field(
        None, gt=0, description="T in sigmoid(logit(p) / T + bias); null but for temperature and platt."
    )
    bias: float = Field(0.0, description="The bias there; 0 but for platt.")
    knots: tuple[tuple[float, float], ...] = Field(
        (), description="Raw and calibrated log-odds between which isotonic interpolates; else empty."
    )
    threshold: Probability = Field(EVEN, description="Calibrated probability from which the answer is yes.")
    low: Probability = Field(BAND[0], description="Lower end of the review band, on the calibrated probability.")
    high: Probability = Field(BAND[1], description="Upper end of the review band.")
    labelled: int = Field(ge=0, description="Labelled answers that it was fitted on.")
    positives: int = Field(ge=0, description="Among them those in which the feature is truly present.")
    quality: Quality | None = Field(None, description="Before and after; null where nothing was fitted.")
    reviewed: float | None = Field(None, description="Share of the labelled answers inside the band, cross-validated.")
    risk: float | None = Field(None, description="Share of wrong answers outside the band, cross-validated.")
    sensitivity: float | None = Field(None, description="Sensitivity at the threshold, cross-validated.")
    specificity: float | None = Field(None, description="Specificity at the threshold, cross-validated.")
    curve: tuple[Risk, ...] = Field(
        (), description="Risk and coverage of narrower and narrower bands, cross-validated."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.method in {"temperature", "platt"}) != (self.temperature is not None):
            raise ValueError(f"method {self.method!r} with temperature {self.temperature}")
        if (self.method == "isotonic") != bool(self.knots):
            raise ValueError(f"method {self.method!r} with {len(self.knots)} knots")
        if self.bias and self.method != "platt":
            raise ValueError(f"method {self.method!r} with a bias")
        for (raw, calibrated), (next_raw, next_calibrated) in zip(self.knots, self.knots[1:], strict=False):
            if not (raw < next_raw and calibrated < next_calibrated):
                raise ValueError("knots that do not increase")
        if not self.low <= self.high:
            raise ValueError("a review band that ends before it begins")
        return self

    def calibrated(self, probability: float) -> float:
        """The calibrated probability of a raw one."""
        knots = self._knots
        return float(maps.apply(knots, probability)) if knots else probability

    @cached_property
    def cutoff(self) -> float:
        """The raw probability from which the answer is yes: the least whose calibrated one reaches the threshold."""
        knots = self._knots
        return maps.cutoff(knots, self.threshold) if knots else self.threshold

    @cached_property
    def _knots(self) -> maps.Knots:
        return self.knots if self.temperature is None else maps.line(self.temperature, self.bias)


class Calibrator(_Record):
    """A calibration of the yes/no fields of a schema for one model and its prompts: `Extractor(calibrator=...)`.

    Made by `clinextract calibrate` or `clinextract.calibration.fitting.fit`, kept as JSON.
    """

    version: Literal["clinextract.calibration.v1"] = Field(
        "clinextract.calibration.v1", description="Of the file's format."
    )
    model: str = Field(description="The model's name as it was given.")
    binding: Binding = Field(description="What the calibration belongs to.")
    method: Method = Field(description="The method that was asked for.")
    target: Target = Field(description='How thresholds were chosen: "even" (just above 0.5), "sensitivity" or "mcc".')
    sensitivity: Probability | None = Field(None, description="The sensitivity that was asked for.")
    error_rate: Probability = Field(description="The share of wrong answers wanted outside the review bands.")
    folds: int = Field(description="Of the cross-validation.")
    seed: int = Field(description="Of its folds.")
    fields: dict[str, FieldCalibration] = Field(description="By name, in the schema's order.")
    quality: Quality | None = Field(None, description="Over all answers, those of fields without a fit included.")
    reviewed: float | None = Field(None, description="Share of all answers inside their bands, cross-validated.")
    risk: float | None = Field(None, description="Share of wrong answers among the others, cross-validated.")
    curve: tuple[Risk, ...] = Field((), description="The same over all answers.")

    @cached_property
    def hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 over the content."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def cutoffs(self) -> Mapping[str, float]:
        """By field, the raw probability from which the answer is yes, for decoding."""
        return {name: one.cutoff for name, one in self.fields.items()}

    def save(self, path: str | Path) -> None:
        """Write it as JSON.

        Raises:
            CalibrationError: The file cannot be written.
        """
        try:
            Path(path).write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise CalibrationError(
                f"the calibration cannot be written to {str(path)!r}: {error.strerror}",
                hint="Give a file in a folder that exists and may be written to.",
            ) from None

    @classmethod
    def load(cls, path: str | Path) -> Calibrator:
        """Read what `save` wrote.

        Raises:
            CalibrationError: The file is not there, or holds no calibration; says where it is wrong.
        """
        remedy = "Give a file that `clinextract calibrate` wrote, unchanged; or fit it again."
        try:
            return cls.model_validate_json(Path(path).read_bytes())
        except OSError as error:
            fault = error.strerror or type(error).__name__
        except ValidationError as error:
            first, *others = error.errors(include_input=False, include_url=False)
            place = ".".join(map(str, first["loc"]))
            fault = f"{place}: {first['msg']}" if place else first["msg"]
            fault += f", and {len(others)} more" if others else ""
        raise CalibrationError(f"the calibration {str(path)!r} cannot be read: {fault}", hint=remedy)

    def check(self, *, schema_hash: str, model_hash: str, order: str, decoding: str) -> None:
        """Refuse what the calibration does not belong to.

        Raises:
            CalibrationError: Names what differs.
        """
        if decoding != "skeleton":
            raise CalibrationError(
                f"decoding={decoding!r} gives no probabilities, so there is nothing to calibrate",
                hint="Use decoding='skeleton', or leave the calibration out.",
            )
        differences = self.binding.differences(
            schema_hash=schema_hash, model_hash=model_hash, order=order, decoding=decoding
        )
        if differences:
            raise CalibrationError(
                f"the calibration of the model {self.model!r} is for another {' and another '.join(differences)}",
                hint=_FIT_AGAIN,
            )

    def check_prompt(self, prompt_hash: str, language: str, document_id: str) -> None:
        """Refuse a document whose prompt was not among those of the labelled calls.

        Args:
            prompt_hash: Of the document's prompt.
            language: Of the prompt. Some models' prompts are the same in every language, and their probabilities are
                not.
            document_id: The document's id.

        Raises:
            CalibrationError: Names the document and what differs.
        """
        if language not in self.binding.languages:
            fault = f"was fitted on calls in {', '.join(self.binding.languages)}, and this one is in {language}"
        elif prompt_hash not in self.binding.prompt_hashes:
            fault = f"is for another prompt ({', '.join(self.binding.prompt_hashes)}, here {prompt_hash})"
        else:
            return
        raise CalibrationError(
            f"the calibration {fault}",
            hint="Fit one on labelled calls in each language, with the same examples; or leave it out.",
            document_id=document_id,
        )
