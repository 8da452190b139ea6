"""The tutorial, as somebody would type it: each command gives what the page says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from test_cli import Run

from clinextract.models.loading import default_folder

PAGE = Path(__file__).parents[1] / "docs" / "your-own-schema.md"
PART = re.compile(
    r"<!-- (?P<file>\S+\.yaml) -->\n```yaml\n(?P<content>.*?)^```$"
    r"|(?P<mark><!-- not run: [^>]* -->\n)?^```console\n(?P<console>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def test_the_page_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    if not any(default_folder().glob("*.safetensors")):
        pytest.skip("a checkout without the embedded model, which the page names")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("CLINEXTRACT_MODEL", raising=False)
    commands = 0
    for part in PART.finditer(PAGE.read_text(encoding="utf-8")):
        if part["file"]:
            Path(part["file"]).write_text(part["content"], encoding="utf-8")
        elif not part["mark"]:
            for command, said in re.findall(r"^\$ clinextract (.*)\n((?:(?!\$ ).*\n)*)", part["console"], re.MULTILINE):
                assert timeless(Run(shlex.split(command), capsys).out) == timeless(said), command
                commands += 1
    assert commands == 9


def timeless(text: str) -> str:
    return re.sub(r"\d+\.\d s", "0.0 s", text).strip()
