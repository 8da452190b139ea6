"""Calibrate a trained model on the development calls: `python calibrate.py --model model`.

Platt scaling (Platt 1999): one slope and one intercept for the log-odds of all features, by logistic regression on the
development calls, and written into the weights: the vectors of `true` and `false` are moved along their difference for
the slope, and along what all askings have in common for the intercept. What a model has learned by heart makes it too
sure of what it reads elsewhere.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from corpus import Call, load_calls, split
from numpy.typing import NDArray
from scoring import asking_states, labels_of, log_loss, probabilities
from sklearn.linear_model import LogisticRegression
from tokenizer import Layout, layout, load_tokenizer
from torch import Tensor
from transformers import AutoModelForCausalLM, LlamaForCausalLM, PreTrainedTokenizerFast

HERE = Path(__file__).parent


def slope_and_intercept(truth: NDArray[np.bool_], shares: NDArray[np.float64]) -> tuple[float, float]:
    """Of the log-odds of P(true) (N, 13), so that they fit labels (N, 13) best."""
    odds = np.log(shares / (1 - shares)).clip(-30, 30)
    fitted = LogisticRegression(C=1e6).fit(odds.reshape(-1, 1), truth.reshape(-1))
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


@torch.no_grad()
def write(model: LlamaForCausalLM, values: tuple[int, int], states: Tensor, slope: float, intercept: float) -> None:
    """Change the vectors of false and true so that log-odds become `slope` times themselves and `intercept`.

    Args:
        model: Whose embeddings are the output's weights too.
        values: Ids of false and true.
        states: (N, hidden) where values are asked for.
        slope: Above 0.
        intercept: In nats; the mean over `states` is exact, and a single one off by what sets it apart.
    """
    table = model.get_input_embeddings().weight
    no, yes = (table[value].clone() for value in values)
    shared = states.mean(0)
    turn = (slope - 1) * (yes - no) + intercept * shared / shared.dot(shared)
    table[values[0]], table[values[1]] = no - turn / 2, yes + turn / 2


def calibrate(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, shape: Layout, calls: Sequence[Call]
) -> tuple[float, float]:
    """Fit on `calls`, write into `model`, and return slope and intercept."""
    truth = labels_of(calls)
    slope, intercept = slope_and_intercept(truth, probabilities(model, tokenizer, shape, calls))
    write(model, shape.values, asking_states(model, tokenizer, shape, calls), slope, intercept)
    return slope, intercept


def main() -> None:
    """Calibrate the model of a folder and save it there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--calls", type=Path, default=HERE / "calls")
    options = parser.parse_args()
    calls = split(load_calls(options.calls)[0]).dev
    tokenizer = load_tokenizer(options.model)
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32)
    shape = layout(tokenizer)
    before = log_loss(labels_of(calls), probabilities(model, tokenizer, shape, calls))
    slope, intercept = calibrate(model, tokenizer, shape, calls)
    after = log_loss(labels_of(calls), probabilities(model, tokenizer, shape, calls))
    print(f"slope {slope:.2f}, intercept {intercept:.2f}; cross-entropy on development {before:.3f}, then {after:.3f}")
    model.to(torch.bfloat16).save_pretrained(options.model)


if __name__ == "__main__":
    main()
