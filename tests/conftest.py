"""What tests of the whole share: a real model, tiny and with random weights, made here and never downloaded."""

from __future__ import annotations

import json
import os
from pathlib import Path

# Read when the libraries are imported: a test that would ask a server fails at once instead.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Also of what tests start. The models are tiny, and there is a worker for each core: threads would only wait.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import torch
from hypothesis import HealthCheck, settings
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

# On a busy machine a first pass takes seconds. In CI the examples are the same in every run.
settings.register_profile(
    "patient", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")

SHARED = Path(os.environ.get("CLINEXTRACT_SHARED", Path(__file__).parents[2] / "shared"))

FIELDS = (
    "visit_request psychological_complaints sleep_disorders loss_of_appetite seizures weakness_and_fatigue "
    "decreased_consciousness fever respiratory_complaints insurance_or_cost_issues urinary_issues pain "
    "gastrointestinal_issues"
).split()


def save_tiny_model(folder: Path, *, context: int = 4096, card: bool = True) -> Path:
    """A Llama of two layers over single bytes, in the form of a model folder."""
    torch.manual_seed(7)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    controls = ["<|end|>", "<|call|>", "<|answer|>"]
    vocabulary = {piece: n for n, piece in enumerate([*controls, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(controls)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|end|>", additional_special_tokens=controls[1:]
    ).save_pretrained(folder)
    configuration = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=context,
        eos_token_id=0,
        bos_token_id=None,
    )
    LlamaForCausalLM(configuration).save_pretrained(folder)
    if card:
        content = {"prompt": "compact.v1", "order": "joint", "fields": FIELDS}
        (folder / "clinextract.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, made for the thirteen features."""
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def short_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a context of 450 tokens: the prompt and the answer fit, and hardly any transcript."""
    return save_tiny_model(tmp_path_factory.mktemp("models") / "short", context=450)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of tokenizers and data that lies beside the project; its tests are left out where it is not there."""
    if not SHARED.is_dir():
        pytest.skip(f"no folder {SHARED.name!r} beside the project; CLINEXTRACT_SHARED names it")
    return SHARED
