"""What an evaluation gives: frozen values that become JSON as they are. Every key is described here, and only here.

An undefined figure has no value and says why: it is never 0.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from clinextract.evaluation.probes.results import Probes


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(_Result):
    """One figure with its uncertainty."""

    value: float | None = Field(description="The figure over all transcripts; null where it is undefined.")
    low: float | None = Field(None, description="Lower end of the bootstrap interval; null where there is none.")
    high: float | None = Field(None, description="Upper end of the bootstrap interval; null where there is none.")
    reason: str | None = Field(
        None, description="Why the figure, or its interval, is undefined; null where there is nothing to say."
    )


class Counts(_Result):
    """The transcripts of one feature, by truth and prediction."""

    tp: int = Field(description="Present and predicted.")
    fp: int = Field(description="Absent and predicted.")
    fn: int = Field(description="Present and not predicted.")
    tn: int = Field(description="Absent and not predicted.")
    missing: int = Field(description="Labelled, and without a predicted answer; in none of the four.")
    unlabelled: int = Field(description="Without a label in the gold standard; in none of the four.")


class ReliabilityBin(_Result):
    """One bin of a reliability diagram."""

    lower: float = Field(description="Least probability of the bin.")
    upper: float = Field(description="Greatest probability of the bin.")
    count: int = Field(description="Answers whose probability falls into it.")
    mean_probability: float = Field(description="Mean of their probabilities.")
    observed: float = Field(description="Share of them in which the feature is truly present.")


class RiskCoverage(_Result):
    """One point of a risk-coverage curve: the surest answers are kept, the others go to a person."""

    coverage: float = Field(description="Share of answers kept.")
    risk: float = Field(description="Share of wrong answers among those kept.")
    margin: float = Field(description="Least distance from 0.5 of the probabilities of the answers kept.")


class FeatureResult(_Result):
    """One feature's figures."""

    name: str = Field(description="The field's name.")
    label: dict[str, str] = Field(description="Its label by language; empty where the schema is not known.")
    counts: Counts = Field(description="The transcripts, by truth and prediction.")
    figures: dict[str, Figure] = Field(description="By metric.")
    reliability: tuple[ReliabilityBin, ...] = Field((), description="Empty without probabilities; no empty bins.")
    risk_coverage: tuple[RiskCoverage, ...] = Field((), description="Of its answers; empty without probabilities.")


class Summary(_Result):
    """One metric over all features."""

    median: Figure = Field(description="Median over the features in which the metric is defined.")
    lower_quartile: Figure = Field(description="First quartile over these features.")
    upper_quartile: Figure = Field(description="Third quartile over these features.")
    features: int = Field(description="Number of features in which the metric is defined.")


class Evaluation(_Result):
    """One set of predictions held against the gold standard."""

    name: str = Field(description="Of the predictions: the file's name, or what the caller calls them.")
    kind: str = Field("predictions", description='"predictions", or "baseline" for all-False and prevalence.')
    transcripts: int = Field(description="Transcripts of the gold standard that are compared.")
    failed: int = Field(description="Among them those whose prediction is a failure.")
    without_prediction: int = Field(description="Among them those whose id the predictions lack.")
    missing_answers: int = Field(description="Answers (transcript by feature) that are labelled and not predicted.")
    features: tuple[FeatureResult, ...] = Field(description="In the schema's order.")
    summary: dict[str, Summary] = Field(description="By metric: median and quartiles over features.")
    pooled: dict[str, Figure] = Field(
        default_factory=dict,
        description="brier and ece over the answers of all features; empty without probabilities.",
    )
    reliability: tuple[ReliabilityBin, ...] = Field((), description="Over all answers; empty without probabilities.")
    risk_coverage: tuple[RiskCoverage, ...] = Field((), description="Over all answers; empty without probabilities.")
    provenance: dict[str, str] = Field(
        default_factory=dict, description="model, model_hash, prompt_hash, schema_hash of the predictions, where known."
    )


class Slice(_Result):
    """The transcripts that share a value in one column."""

    column: str = Field(description="The column.")
    value: str = Field(description="The value that they share.")
    evaluations: tuple[Evaluation, ...] = Field(description="One for each set of predictions.")
    baselines: tuple[Evaluation, ...] = Field((), description="all-False and prevalence on these transcripts.")


class Difference(_Result):
    """A metric of the second predictions less that of the first, by paired bootstrap over transcripts."""

    metric: str = Field(description="The metric's key.")
    feature: str | None = Field(description="The feature; null for the median over features.")
    first: float | None = Field(description="The metric of the first predictions; null where undefined.")
    second: float | None = Field(description="The metric of the second predictions; null where undefined.")
    difference: Figure = Field(description="Second less first, with its interval.")


class McNemar(_Result):
    """Exact McNemar test of one feature: do the two sets of predictions err equally often?"""

    feature: str = Field(description="The feature.")
    only_first_right: int = Field(description="Transcripts that only the first predictions have right.")
    only_second_right: int = Field(description="Transcripts that only the second predictions have right.")
    p: float = Field(description="Two-sided exact binomial p-value; 1 where the two never differ.")
    p_holm: float = Field(description="The same with Holm's correction over the features.")


class Comparison(_Result):
    """Two sets of predictions on the same transcripts."""

    first: str = Field(description="Name of the first predictions.")
    second: str = Field(description="Name of the second predictions.")
    transcripts: int = Field(description="Transcripts that both answer; all where missing answers count as wrong.")
    differences: tuple[Difference, ...] = Field(description="By metric; the medians first, then by feature.")
    tests: tuple[McNemar, ...] = Field(description="One for each feature.")


class Settings(_Result):
    """How the figures were computed."""

    rounds: int = Field(description="Bootstrap rounds; 0 for no intervals.")
    confidence: float = Field(description="Level of the intervals, such as 0.95.")
    seed: int = Field(description="Of the bootstrap.")
    missing: str = Field(description='"excluded": answers that are missing are left out; "wrong": counted as errors.')
    gold: str = Field(description="Name of the gold standard.")
    version: str = Field(description="Of clinextract.")


class Report(_Result):
    """A whole evaluation: what `clinextract evaluate` writes as JSON."""

    settings: Settings = Field(description="How the figures were computed.")
    evaluations: tuple[Evaluation, ...] = Field(description="One for each set of predictions, in the order given.")
    baselines: tuple[Evaluation, ...] = Field((), description="all-False and prevalence on the same transcripts.")
    comparisons: tuple[Comparison, ...] = Field((), description="Each further set of predictions against the first.")
    slices: tuple[Slice, ...] = Field((), description="By the columns asked for.")
    probes: tuple[Probes, ...] = Field((), description="What `clinextract probe` found, where it was given.")
    notes: tuple[str, ...] = Field((), description="What a reader has to know: ids left out, features not compared.")
    metrics: dict[str, str] = Field(description="Definition of every metric by key.")
