"""`outlines.Generator` over a model and a prompt that are loaded already, for comparison with our own decoding."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import outlines
import torch
from outlines.models import Transformers
from outlines.types import Regex

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class _PromptOfTokens(Transformers):
    """Takes a prompt as tokens.

    Encoding its text again would add a second beginning-of-sequence token, and read control tokens in the words.
    """

    def _prepare_model_inputs(self, model_input: Any, is_batch: bool = False) -> tuple[Any, dict[str, Any]]:  # noqa: ARG002, FBT001, FBT002
        ids = torch.tensor([list(model_input)], device=self.model.device)
        return model_input, {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


@lru_cache(maxsize=4)
def _generator(model: PreTrainedModel, tokenizer: Any, regex: str) -> Any:
    """The generator with its index, which takes seconds to build and is kept."""
    return outlines.Generator(_PromptOfTokens(model, tokenizer), Regex(regex))


def generate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    tokens: Sequence[int],
    regex: str,
    max_tokens: int,
) -> str:
    """The text that `outlines.Generator` gives, greedily, for a prompt's tokens under a regular expression."""
    generator = _generator(model, tokenizer, regex)
    # Outlines ends an answer with the tokenizer's token, which need not be the one of the model's configuration.
    ends: Any = tokenizer.eos_token_id
    # Outlines compiles the kernel that applies its mask, which takes a C++ compiler and half a minute; run as it is, it
    # takes a millisecond a token.
    with torch.compiler.set_stance("force_eager"):
        text: str = generator(tokens, max_new_tokens=max_tokens, do_sample=False, eos_token_id=ends, pad_token_id=ends)
    return text
