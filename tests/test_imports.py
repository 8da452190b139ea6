"""A fresh interpreter imports the package: what comes with it is on a list, and torch is not."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SHOW = """
import json, sys
before = set(sys.modules)
import {module}
names = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(json.dumps(sorted(names - set(sys.stdlib_module_names))))
"""

TERMINAL = {"rich", "typer", "click", "shellingham", "annotated_doc", "pygments", "markdown_it", "typing_extensions"}
ALLOWED = {
    "clinextract": set(),
    "clinextract.cli": TERMINAL,
    "clinextract.errors": set(),
}


@pytest.mark.parametrize("module", ALLOWED)
def test_importing_brings_only_what_is_allowed(module: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", SHOW.format(module=module)], capture_output=True, text=True, check=True
    )
    assert set(json.loads(shown.stdout)) - {"clinextract"} <= ALLOWED[module]


@pytest.mark.parametrize("module", ["clinextract.extractor", "clinextract.doctor", "clinextract.tables"])
def test_torch_waits_for_a_model(module: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", SHOW.format(module=module)], capture_output=True, text=True, check=True
    )
    assert not {"torch", "transformers", "outlines"} & set(json.loads(shown.stdout))
