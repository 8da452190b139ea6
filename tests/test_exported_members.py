"""The public names: sorted, complete, and each of them there."""

from __future__ import annotations

import inspect
import subprocess
import sys

import clinextract
from clinextract import errors


def test_names_are_sorted_and_there() -> None:
    assert clinextract.__all__ == sorted(clinextract.__all__)
    assert all(getattr(clinextract, name).__name__ == name for name in clinextract.__all__)
    assert set(clinextract.__all__) <= set(dir(clinextract))


def test_every_error_is_public() -> None:
    classes = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)}
    assert classes <= set(clinextract.__all__)


def test_every_name_that_a_type_checker_sees_is_public() -> None:
    homes = {name for names in clinextract._HOMES.values() for name in names.split()}
    assert homes == set(clinextract.__all__)


def test_a_star_import_gives_them_all() -> None:
    code = "from clinextract import *; import clinextract; assert set(clinextract.__all__) <= set(globals())"
    subprocess.run([sys.executable, "-c", code], check=True)
