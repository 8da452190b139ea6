"""Probabilities of a trained model for many transcripts, and the figures made of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from corpus import FEATURES, Call, contrast_set
from numpy.typing import NDArray
from sklearn.metrics import f1_score, matthews_corrcoef, recall_score
from tokenizer import Layout
from torch import Tensor
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

Array = NDArray[np.float64]
BATCH = 16


def labels_of(calls: Sequence[Call]) -> NDArray[np.bool_]:
    """(N, 13) labels."""
    return np.array([call.labels for call in calls], dtype=bool).reshape(-1, len(FEATURES))


def log_loss(truth: NDArray[np.bool_], shares: Array) -> float:
    """Mean cross-entropy in nats of P(true) (N, 13): finer than F1 on few calls."""
    right = np.where(truth, shares, 1 - shares)
    return float(-np.log(np.clip(right, 1e-6, 1)).mean())


@torch.inference_mode()
def probabilities(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    layout: Layout,
    calls: Sequence[Call],
) -> Array:
    """P(true) of each feature, (N, 13), each given the model's own answers before it.

    The answer is drafted all false, read in one pass and read again with the values found, until
    nothing changes: a draft that reproduces itself is the greedy answer.
    """
    model.eval()
    prompts = [layout.prompt(tokenizer.encode(c.text, add_special_tokens=False)) for c in calls]
    found = np.zeros((len(calls), len(FEATURES)))
    order = sorted(range(len(calls)), key=lambda at: len(prompts[at]))
    for begin in range(0, len(order), BATCH):
        rows = order[begin : begin + BATCH]
        found[rows] = _settled(model, layout, [prompts[row] for row in rows])
    return found


def _settled(model: LlamaForCausalLM, layout: Layout, prompts: list[list[int]]) -> Array:
    """Read the rows again and again, those alone whose last answer was not yet their draft."""
    draft = np.zeros((len(prompts), len(FEATURES)), dtype=bool)
    shares = np.zeros((len(prompts), len(FEATURES)))
    open_rows = np.arange(len(prompts))
    while len(open_rows):
        shares[open_rows] = _read(model, layout, [prompts[r] for r in open_rows], draft[open_rows])
        changed = ((shares >= 0.5) != draft).any(1)
        draft = shares >= 0.5
        open_rows = np.flatnonzero(changed)
    return shares


def _read(model: LlamaForCausalLM, layout: Layout, prompts: list[list[int]], draft: NDArray[np.bool_]) -> Array:
    """One pass with the drafted answers: the share of `true` at each choice, (B, 13)."""
    logits = model.lm_head(_asking(model, layout, prompts, draft)).float()
    pair = logits[..., list(layout.values)]
    return torch.softmax(pair, -1)[..., 1].double().numpy()


def _asking(model: LlamaForCausalLM, layout: Layout, prompts: list[list[int]], draft: NDArray[np.bool_]) -> Tensor:
    """One pass with the drafted answers: the states before each choice, (B, 13, hidden)."""
    texts = [
        [*prompt, *layout.answered([bool(v) for v in values])] for prompt, values in zip(prompts, draft, strict=True)
    ]
    # Few different lengths: a CPU prepares its kernels anew for each.
    longest = -(-max(len(text) for text in texts) // 64) * 64
    ids = torch.tensor([text + [layout.pad] * (longest - len(text)) for text in texts])
    start = torch.tensor([len(prompt) for prompt in prompts])
    places = start[:, None] + torch.tensor(layout.choices)[None] - 1
    # Padding stands on the right of a causal model: it changes nothing before it.
    states = model.model(input_ids=ids, use_cache=False).last_hidden_state
    return states[torch.arange(len(ids))[:, None], places]


@torch.inference_mode()
def asking_states(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, layout: Layout, calls: Sequence[Call]
) -> Tensor:
    """States before every choice of an answer that is false throughout, (N * 13, hidden)."""
    model.eval()
    prompts = [layout.prompt(tokenizer.encode(call.text, add_special_tokens=False)) for call in calls]
    nothing = np.zeros((BATCH, len(FEATURES)), dtype=bool)
    parts = [prompts[at : at + BATCH] for at in range(0, len(prompts), BATCH)]
    states = [_asking(model, layout, part, nothing[: len(part)]) for part in parts]
    return torch.cat(states).flatten(0, 1).float()


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians over the 13 features, and the macro-F1 of each."""

    macro_f1: float
    mcc: float
    sensitivity: float
    specificity: float
    by_feature: dict[str, float]


def macro_f1s(truth: NDArray[np.bool_], said: NDArray[np.bool_]) -> list[float]:
    """Macro-F1 over both classes, of each of the 13 columns of (N, 13)."""
    return [
        float(f1_score(truth[:, k], said[:, k], average="macro", labels=[False, True], zero_division=0))
        for k in range(truth.shape[1])
    ]


def figures(truth: NDArray[np.bool_], said: NDArray[np.bool_]) -> Figures:
    """All figures of answers `said` (N, 13) against `truth` (N, 13)."""
    columns = range(truth.shape[1])

    def recalls(of: int) -> list[float]:
        return [float(recall_score(truth[:, k], said[:, k], pos_label=of, zero_division=0)) for k in columns]

    f1s = macro_f1s(truth, said)
    mccs = [float(matthews_corrcoef(truth[:, k], said[:, k])) for k in columns]
    return Figures(
        macro_f1=float(np.median(f1s)),
        mcc=float(np.median(mccs)),
        sensitivity=float(np.median(recalls(1))),
        specificity=float(np.median(recalls(0))),
        by_feature=dict(zip(FEATURES, f1s, strict=True)),
    )


def bootstrap_interval(
    truth: NDArray[np.bool_], said: NDArray[np.bool_], rounds: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of the median macro-F1, transcripts drawn with replacement."""
    rng = np.random.default_rng(seed)
    medians = np.empty(rounds)
    for at in range(rounds):
        rows = rng.integers(0, len(truth), len(truth))
        medians[at] = np.median(_fast_macro_f1s(truth[rows], said[rows]))
    low, high = np.percentile(medians, [2.5, 97.5])
    return float(low), float(high)


def _fast_macro_f1s(truth: NDArray[np.bool_], said: NDArray[np.bool_]) -> Array:
    """`macro_f1s` by counting: a thousand rounds of sklearn would take minutes."""
    both = (truth & said).sum(0)
    neither = (~truth & ~said).sum(0)
    wrong = (truth != said).sum(0)
    positive = 2 * both / np.maximum(2 * both + wrong, 1)
    negative = 2 * neither / np.maximum(2 * neither + wrong, 1)
    return (positive + negative) / 2


def contrasts(calls: Sequence[Call], said: NDArray[np.bool_]) -> tuple[int, int]:
    """Of the answers that differ between two of a contrast set, as `g-001a` and `g-001b`: right on both, and all."""
    sets: dict[tuple[str, str], list[int]] = {}
    for number, call in enumerate(calls):
        sets.setdefault((contrast_set(call), call.language), []).append(number)
    truth = labels_of(calls)
    right = every = 0
    for rows in sets.values():
        for one, other in combinations(rows, 2):
            turned = truth[one] != truth[other]
            every += int(turned.sum())
            right += int((turned & (said[one] == truth[one]) & (said[other] == truth[other])).sum())
    return right, every
