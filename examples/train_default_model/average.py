"""The mean of the weights of several runs: `python average.py one two --out model`.

Runs that began alike (`train.py --start`) and saw the same texts in another order lie in one basin, and their mean errs
less than either, at the cost of one (Wortsman et al., ICML 2022).
"""

import argparse
import shutil
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM


def main() -> None:
    """Write the mean as a model folder like those that it was made of."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    models = [AutoModelForCausalLM.from_pretrained(run, dtype=torch.float32) for run in options.runs]
    kept = models[0]
    with torch.no_grad():
        for name, weight in kept.named_parameters():
            weight.copy_(torch.stack([model.get_parameter(name) for model in models]).mean(0))
    shutil.copytree(options.runs[0], options.out, ignore=shutil.ignore_patterns("*.pt", "*.safetensors"))
    kept.to(torch.bfloat16).save_pretrained(options.out)


if __name__ == "__main__":
    main()
