"""The recipe of the embedded model, whose modules find each other in their own folder alone: scripts run there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

RECIPE = Path(__file__).parent.parent / "examples" / "train_default_model"


def run(*arguments: str | Path, code: int = 0, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments in the recipe's folder; it has to end with the code."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], input=given, capture_output=True, text=True, check=False, cwd=RECIPE
    )
    assert done.returncode == code, done.stderr
    return done


def printed(script: str, *arguments: str | Path, given: str | None = None) -> Any:
    """What a script prints as JSON."""
    return json.loads(run("-c", script, *arguments, given=given).stdout)
