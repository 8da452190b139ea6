"""From a model's decisions to a result: windows put together, quotes and evidence led back to the original words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from clinextract.answering import Decoded
from clinextract.calibration.calibrator import Calibrator
from clinextract.decoding.choices import Decision
from clinextract.errors import ModelOutputError
from clinextract.preparing import Prepared, Reading, View
from clinextract.records import Answer, Evidence, EvidenceStatus
from clinextract.schema.features import canonical_json
from clinextract.schema.rules import Rules
from clinextract.schema.specs import FieldSpec, Json
from clinextract.source import Source, Span
from clinextract.windows import Merged, merge

S = TypeVar("S", bound=BaseModel)


class Finisher(Generic[S]):
    """Makes results of decisions.

    Args:
        schema: The Pydantic model class.
        fields: Its fields.
        rules: Its rules.
        review_band: As for `Extractor`.
        calibrator: As for `Extractor`.
    """

    def __init__(
        self,
        schema: type[S],
        fields: Sequence[FieldSpec],
        rules: Rules,
        review_band: tuple[float, float],
        calibrator: Calibrator | None,
    ) -> None:
        self._schema = schema
        self._fields = fields
        self._rules = rules
        self._band = review_band
        self._calibrator = calibrator

    def __call__(self, prepared: Prepared, decoded: Sequence[Sequence[Decoded]]) -> tuple[S, dict[str, Answer]]:
        """Features and answers of a document.

        Args:
            prepared: The document.
            decoded: For every view and every reading of it, what the model said.

        Raises:
            ModelOutputError: The schema's own validators refuse the answer.
        """
        first, *others = (merge(self._fields, [one.decisions for one in view], self._rules) for view in decoded)
        view = prepared.views[0]
        values: dict[str, Json] = {}
        shown: dict[str, tuple[tuple[Evidence, ...], EvidenceStatus | None]] = {}
        for spec in self._fields:
            merged = first[spec.name]
            quotes = _Quotes(view, [view.readings[n] for n in merged.windows])
            values[spec.name] = quotes.restored(spec, merged.decision.value)
            shown[spec.name] = _evidence(spec, merged, view, decoded[0], quotes.found)
        features = self._validated(prepared, values)
        answers = {}
        for spec in self._fields:
            decision = first[spec.name].decision
            said = _comparable(spec, decision.value)
            differs = any(_comparable(spec, other[spec.name].decision.value) != said for other in others)
            value = getattr(features, spec.name)
            answers[spec.name] = self._answer(spec, value, decision, shown[spec.name], differs=differs)
        return features, answers

    def _validated(self, prepared: Prepared, values: Mapping[str, Json]) -> S:
        try:
            return self._schema.model_validate_json(canonical_json(values), by_alias=False, by_name=True)
        except ValidationError as error:
            places = {str(one["loc"][0]) for one in error.errors(include_input=False) if one["loc"]}
            raise ModelOutputError(
                f"the answer is valid JSON for {self._schema.__name__}, but its own validators refuse it"
                + (f": {', '.join(sorted(places))}" if places else ""),
                hint="Validators that look at several fields cannot be kept by decoding; write rules, or loosen them.",
                document_id=prepared.document.id,
            ) from None

    def _answer(
        self,
        spec: FieldSpec,
        value: Any,
        decision: Decision,
        shown: tuple[tuple[Evidence, ...], EvidenceStatus | None],
        *,
        differs: bool,
    ) -> Answer:
        low, high = self._band
        probability = decision.probability
        doubt = differs or decision.ruled
        if probability is not None:
            fitted = self._calibrator.fields.get(spec.name) if self._calibrator else None
            if fitted is not None:
                probability, low, high = fitted.calibrated(probability), fitted.low, fitted.high
            # P(yes) is sure at both ends; the probability of a chosen value is sure at the upper one only.
            doubt = doubt or (probability < high and (spec.kind != "boolean" or probability > low))
        return Answer(value, probability, doubt, *shown)


class _Quotes:
    """Quotes as they stand in the original, found in the readings that an answer came from."""

    def __init__(self, view: View, readings: Sequence[Reading]) -> None:
        self._source = view.source
        self._spans: list[Span] = [reading.span for reading in readings]
        self.found: list[Evidence] = []

    def restored(self, spec: FieldSpec, value: Json) -> Json:
        """The value with every quote in the original's own spelling."""
        if spec.kind == "quote" and isinstance(value, str):
            return self._restored(value, int(spec.minimum), int(spec.maximum))
        if spec.kind == "group" and isinstance(value, Mapping):
            return {inner.name: self.restored(inner, value[inner.name]) for inner in spec.fields}
        if spec.kind == "list" and isinstance(value, Sequence):
            return [self.restored(spec.fields[0], item) for item in value]
        return value

    def _restored(self, quote: str, shortest: int, longest: int) -> str:
        places = (self._source.quote(quote, span) for span in self._spans)
        evidence = next((place for place in places if place is not None), None)
        evidence = self._source.fitted(evidence, shortest, longest) if evidence else None
        if evidence is None:
            return quote
        self.found.append(evidence)
        return evidence.text


def _evidence(
    spec: FieldSpec, merged: Merged, view: View, decoded: Sequence[Decoded], quoted: Sequence[Evidence]
) -> tuple[tuple[Evidence, ...], EvidenceStatus | None]:
    """The evidence of a field, and whether there is any."""
    if quoted:
        return tuple(dict.fromkeys(quoted)), "exact"
    if spec.absent(merged.decision.value):
        return (), None
    if spec.kind == "quote":  # a translation's, of an original that is too short for it
        return (), "none"
    # A list rests on all windows that it was united from, anything else on the one that won.
    windows = merged.windows if spec.kind in {"several", "list"} else merged.windows[:1]
    asked = [n for n in windows if spec.name in decoded[n].located]
    found = dict.fromkeys(
        _line(view.source, view.readings[n], line) for n in asked for line in decoded[n].located[spec.name]
    )
    return tuple(found), ("exact" if found else "none") if asked else None


def _line(source: Source, reading: Reading, number: int) -> Evidence:
    return source.evidence(*reading.lines[number])


def _comparable(spec: FieldSpec, value: Json) -> str:
    """What of a value can be compared between two languages: of words, whether there are any."""
    if spec.kind in {"text", "quote"} and not spec.values:
        return repr(spec.absent(value))
    if spec.kind == "group" and isinstance(value, Mapping):
        return repr([_comparable(inner, value[inner.name]) for inner in spec.fields])
    if spec.kind == "list" and isinstance(value, Sequence):
        return repr([_comparable(spec.fields[0], item) for item in value])
    return repr(value)
