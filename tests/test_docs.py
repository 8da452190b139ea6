"""Every block of Python in the README and the documentation runs, those of a page one after the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clinextract.models.loading import VARIABLE, default_folder

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(?P<mark><!-- not run: [^>]* -->\n)?^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_run(page: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not any(default_folder().glob("*.safetensors")):  # a checkout from which the weights were left out
        monkeypatch.setenv(VARIABLE, str(tiny_folder))
    text = page.read_text(encoding="utf-8")
    names: dict[str, object] = {"__name__": "documentation"}
    for block in BLOCK.finditer(text):
        if block["mark"]:
            continue
        line = text.count("\n", 0, block.start("code"))
        code = "\n" * line + block["code"]  # so that a fault is reported with the page's own line
        exec(compile(code, str(page), "exec", dont_inherit=True), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
