"""One model from several runs of one start: `python average.py --out model run-1 run-2`.

The runs have to go on from the same checkpoint with different seeds; their weights then lie close
enough together that the mean of them is a model, and mostly a better one than each.
"""

import argparse
import shutil
from pathlib import Path

import torch
from tokenizer import load_tokenizer
from train import export
from transformers import AutoModelForCausalLM


@torch.no_grad()
def average(folders: list[Path], out: Path) -> None:
    """The mean of the models' weights, with the first one's tokenizer.

    Raises:
        ValueError: The folders do not share one tokenizer.
    """
    if len({(folder / "tokenizer.json").read_bytes() for folder in folders}) > 1:
        raise ValueError("the models have different tokenizers: they are not of one start")
    models = [AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32) for folder in folders]
    mean, *others = models
    for weight, *rest in zip(mean.parameters(), *(other.parameters() for other in others), strict=True):
        weight.copy_(torch.stack([weight, *rest]).mean(0))
    shutil.rmtree(out, ignore_errors=True)
    export(mean, load_tokenizer(folders[0]), out)


def main() -> None:
    """Read the folders from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("folders", type=Path, nargs="+")
    options = parser.parse_args()
    average(options.folders, options.out)


if __name__ == "__main__":
    main()
