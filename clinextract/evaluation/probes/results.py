"""What the probes give: frozen values that become JSON as they are. Every key is described here, and only here.

They name transcripts by id and never hold their words.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NotApplicable(_Result):
    """A probe that cannot be made here."""

    reason: str = Field(description="Why the probe cannot be made.")


class OrderFlips(_Result):
    """The answers in one shuffled order, held against those in the schema's own order."""

    fields: tuple[str, ...] = Field(description="The fields in the order in which they were asked.")
    compared: int = Field(description="Answers (transcript by feature) that both orders gave.")
    flips: int = Field(description="Among them those that are not the same.")


class FeatureFlips(_Result):
    """The answers to one feature over all shuffled orders."""

    name: str = Field(description="The field's name.")
    compared: int = Field(description="Comparisons with the schema's own order: transcripts times shuffled orders.")
    flips: int = Field(description="Among them those in which the answer is not the same.")
    share: float | None = Field(description="flips / compared; null where nothing was compared.")
    unstable: int = Field(description="Transcripts whose answer is not the same in every order.")
    examples: tuple[str, ...] = Field(description="Ids of the first of these transcripts.")


class FieldOrder(_Result):
    """Field-order probe: does an answer depend on the order in which the fields are asked?"""

    orders: tuple[OrderFlips, ...] = Field(description="One for each shuffled order.")
    features: tuple[FeatureFlips, ...] = Field(description="One for each feature, in the schema's own order.")
    compared: int = Field(description="All comparisons: transcripts times features times shuffled orders.")
    flips: int = Field(description="Among them those in which the answer is not the same.")
    share: float | None = Field(description="flips / compared; null where nothing was compared.")
    answers: int = Field(description="Answers (transcript by feature) in the schema's own order.")
    unstable: int = Field(description="Among them those that are not the same in every order.")
    failed: int = Field(description="Transcripts that failed in at least one order; left out of that comparison.")


class NegationScore(_Result):
    """Minimal pairs, counted by what was answered to their two sides."""

    pairs: int = Field(description="Pairs with an answer to both sides.")
    both_right: int = Field(description="Yes where the feature is stated, and no where it is not.")
    always_yes: int = Field(description="Yes to both sides.")
    always_no: int = Field(description="No to both sides.")
    swapped: int = Field(description="No where the feature is stated, and yes where it is not.")
    unchanged: int = Field(description="always_yes + always_no: the one difference between the sides made none.")
    share: float | None = Field(description="both_right / pairs; null without pairs.")


class PairAnswers(_Result):
    """What was answered to one of the shipped minimal pairs."""

    id: str = Field(description="The pair's id.")
    feature: str = Field(description="The feature that holds on one side only.")
    language: str = Field(description="ISO 639-1 code.")
    kind: str = Field(description='Why it does not hold on the other: "denied", "past", "other_person", "conditional".')
    stated: bool | None = Field(description="Answer where the feature is stated; null where the side failed.")
    negated: bool | None = Field(description="Answer where it is not; null where the side failed.")
    stated_probability: float | None = Field(
        description="P(yes) where the feature is stated; null where there is none."
    )
    negated_probability: float | None = Field(description="P(yes) where it is not; null where there is none.")


class Negation(_Result):
    """Negation probe: does the answer change when a short call says that the feature does not hold?"""

    overall: NegationScore = Field(description="All pairs.")
    by_feature: dict[str, NegationScore] = Field(description="By feature, in the schema's order.")
    by_language: dict[str, NegationScore] = Field(description="By language of the pairs.")
    by_kind: dict[str, NegationScore] = Field(description="By the way in which the feature does not hold.")
    pairs: tuple[PairAnswers, ...] = Field(description="Every pair.")
    failed: int = Field(description="Pairs of which a side failed; in none of the counts.")


class Repeatability(_Result):
    """Repeatability: the same transcripts twice, in another sequence and in batches of another size."""

    batch_sizes: tuple[int, int] = Field(description="Transcripts decoded at once in the two runs.")
    compared: int = Field(description="Answers (transcript by feature) that both runs gave.")
    flips: int = Field(description="Among them those that are not the same.")
    by_feature: dict[str, int] = Field(description="Flips by feature, in the schema's order.")
    examples: tuple[str, ...] = Field(description="Ids of the first transcripts with a flip.")
    probabilities: int = Field(description="Probabilities that both runs gave.")
    moved: int = Field(description="Among them those that are not equal to the last bit.")
    largest_difference: float | None = Field(description="Largest distance of the two; null without probabilities.")
    mean_difference: float | None = Field(description="Mean distance of the two; null without probabilities.")
    failed: int = Field(description="Transcripts that failed in at least one run; left out.")


class Probes(_Result):
    """All probes of one model with one schema: what `clinextract probe` writes as JSON."""

    version: str = Field(description="Of clinextract.")
    model: str = Field(description="The model's name as it was given.")
    model_hash: str = Field(description="Of its weights and tokenizer.")
    device: str = Field(description="Where it ran.")
    dtype: str = Field(description="In which number format.")
    schema_name: str = Field(description="Name of the schema.")
    schema_hash: str = Field(description="Of the schema.")
    decoding: str = Field(description='"skeleton" or "outlines".')
    order: str = Field(description='"joint": each answer knows those before it; "independent": each stands alone.')
    transcripts: int = Field(description="Transcripts that were given.")
    seed: int = Field(description="Of the shuffled orders.")
    field_order: FieldOrder | NotApplicable = Field(description="Field-order probe, on the transcripts given.")
    negation: Negation | NotApplicable = Field(description="Negation probe, on the shipped minimal pairs.")
    repeatability: Repeatability | NotApplicable = Field(description="Repeatability, on the transcripts given.")
