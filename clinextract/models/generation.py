"""Texts that a causal model goes on with: greedy decoding of `transformers`, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@torch.inference_mode()
def continuations(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Sequence[Sequence[int]], max_tokens: int
) -> list[str | None]:
    """The likeliest text behind each row of tokens, token by token; None where it has no end within `max_tokens`.

    Args:
        model: In evaluation mode.
        tokenizer: Its tokenizer.
        rows: Tokens of the prompts, none of them empty.
        max_tokens: Most tokens of a continuation.
    """
    if not rows:
        return []
    made: Any = model.generation_config
    ends = _ends(made.eos_token_id, tokenizer.eos_token_id)
    padding = next((one for one in (tokenizer.pad_token_id, *ends) if one is not None), 0)
    longest = max(map(len, rows))
    # On the left, so that every row goes on at the same place.
    tokens = torch.tensor([[padding] * (longest - len(row)) + list(row) for row in rows], device=model.device)
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=model.device)
    generate: Any = model.generate
    found = generate(
        input_ids=tokens,
        attention_mask=mask,
        do_sample=False,
        num_beams=1,
        # A model's own settings are for writing. Here a sampling warning or a penalty for a number said twice is harm.
        temperature=None,
        top_p=None,
        top_k=None,
        repetition_penalty=1.0,
        no_repeat_ngram_size=0,
        max_new_tokens=max_tokens,
        eos_token_id=ends or None,
        pad_token_id=padding,
    )
    return [_text(tokenizer, row[longest:].tolist(), set(ends)) for row in found]


def _ends(*named: int | list[int] | None) -> list[int]:
    """Every token that ends a turn, as the model and its tokenizer name them."""
    several = [one if isinstance(one, list) else [one] for one in named if one is not None]
    return list(dict.fromkeys(token for tokens in several for token in tokens))


def _text(tokenizer: PreTrainedTokenizerBase, tokens: list[int], ends: set[int]) -> str | None:
    last = next((at for at, token in enumerate(tokens) if token in ends), None)
    if last is None:
        return None
    text: Any = tokenizer.decode(tokens[:last], skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return str(text)
