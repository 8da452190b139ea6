"""What a model folder may say of itself: `clinextract.json`, beside the weights.

A model trained for one schema knows a short prompt and its own fields, and nothing else. A folder without this file is
a model that follows instructions.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from clinextract.errors import ModelError
from clinextract.models.base import EvidenceWay, Order

FILE = "clinextract.json"


class ModelCard(BaseModel):
    """The file's contents.

    Attributes:
        prompt: The template that the model was trained on.
        order: The order of decoding that was measured to be better.
        fields: Names of the fields that it knows, in their order.
        evidence: How the lines that show a feature are found; None where they cannot be.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str
    order: Order = "joint"
    fields: tuple[str, ...]
    evidence: EvidenceWay | None = None


def read_card(folder: Path) -> ModelCard | None:
    """The card of a model folder, or None where it has none.

    Raises:
        ModelError: The file cannot be read as a card.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        return ModelCard.model_validate_json(path.read_bytes())
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, one["loc"])) or "the file" for one in error.errors())
        raise ModelError(
            f"{FILE} beside the weights is not a model card: {wrong}",
            hint='It holds "prompt", "order", "evidence" and "fields".',
        ) from None
