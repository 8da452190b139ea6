"""Models with the shapes of published ones and random weights: time does not depend on the values of weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

from clinextract.models.base import ModelInfo
from clinextract.models.transformers import TransformersModel, best_dtype

CONTEXT = 32768


@dataclass(frozen=True, slots=True)
class Architecture:
    """Values of a `Qwen2Config`, under its names."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    tie_word_embeddings: bool


ARCHITECTURES = {
    "qwen2.5-0.5b": Architecture(151936, 896, 4864, 24, 14, 2, tie_word_embeddings=True),
    "qwen2.5-7b": Architecture(152064, 3584, 18944, 28, 28, 4, tie_word_embeddings=False),
    "tiny": Architecture(151936, 56, 112, 2, 14, 2, tie_word_embeddings=True),
}


def build(name: str, tokenizer: Path, device: str) -> TransformersModel:
    """A model of one of `ARCHITECTURES` with random weights, in the number format that the package would load it in.

    Args:
        name: A key of `ARCHITECTURES`.
        tokenizer: Folder of the tokenizer.
        device: "cpu" or "cuda".
    """
    config = Qwen2Config(
        **asdict(ARCHITECTURES[name]),
        max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
    )
    dtype = best_dtype(device)
    before = torch.get_default_dtype()
    torch.manual_seed(0)
    torch.set_default_dtype(dtype)  # made in place: a float32 copy would stay in the peak of the memory
    try:
        with torch.device(device):
            model: Any = Qwen2ForCausalLM(config)
            model.eval()
    finally:
        torch.set_default_dtype(before)
    words = AutoTokenizer.from_pretrained(tokenizer)
    model.generation_config.eos_token_id = words.eos_token_id  # with which a guided answer ends
    model.generation_config.pad_token_id = words.eos_token_id
    info = ModelInfo(name, "random", context=CONTEXT, device=device, dtype=str(dtype).removeprefix("torch."))
    return TransformersModel(model, words, info)


def cache_bytes(model: TransformersModel, tokens: int) -> int:
    """What keys and values of so many tokens take, in bytes."""
    config: Any = model.model.config
    size: int = config.hidden_size // config.num_attention_heads
    values: int = 2 * config.num_hidden_layers * config.num_key_value_heads * size * tokens
    return values * model.model.dtype.itemsize


def weight_bytes(model: TransformersModel) -> int:
    """What the weights take, in bytes; shared ones once."""
    return sum(weight.numel() * weight.element_size() for weight in model.model.parameters())
