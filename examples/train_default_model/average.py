"""The weighted mean of two models' weights: `python average.py --begin first --model model` writes it into `model`.

What a model learned from more calls, and what it knew before them: a place between the two is often better than
either, where one began as the other (Wortsman et al. 2022, arXiv 2109.01903). A first model that is smaller is grown
as `train.py` grew it (in one go). To be done before `calibrate.py`.
"""

import argparse
from pathlib import Path

import torch
from growth import grown
from transformers import AutoModelForCausalLM


@torch.no_grad()
def main() -> None:
    """Average the weights of two folders with the same tokenizer, and save them in the second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--begin", type=Path, required=True, help="folder of the model that the other began as")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.5, help="of the weights before, from 0 to 1")
    options = parser.parse_args()
    if (options.begin / "tokenizer.json").read_bytes() != (options.model / "tokenizer.json").read_bytes():
        parser.error("the two models have different tokenizers")
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32)
    before = grown(
        AutoModelForCausalLM.from_pretrained(options.begin, dtype=torch.float32),
        model.config.num_hidden_layers,
        model.config.intermediate_size,
    )
    for ours, theirs in zip(model.parameters(), before.parameters(), strict=True):
        ours.lerp_(theirs, options.share)
    model.to(torch.bfloat16).save_pretrained(options.model)


if __name__ == "__main__":
    main()
