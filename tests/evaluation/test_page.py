"""The report's page in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_report import FIGURES, report

from clinextract.evaluation.report import write_report

ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium here; Debian has it as the package chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright drives the browser")
    with playwright.sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield one
        one.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(report(), tmp_path_factory.mktemp("report"))


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")])
def test_a_person_sees_everything(browser: Any, page_file: Path, width: int, scheme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    assert said == []
    assert asked == [page_file.as_uri()]
    for name in FIGURES:
        box = page.locator(f"#{name} svg").bounding_box()
        assert box is not None
        assert box["width"] > min(width - 60, 500)
        assert box["height"] > 100
    # Tables scroll within themselves; the page does not.
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ink, ground = (page.evaluate(f"getComputedStyle(document.body).{one}") for one in ("color", "backgroundColor"))
    assert contrast(ink, ground) > 7
    page.close()


def test_persian_runs_from_right_to_left(browser: Any, page_file: Path) -> None:
    page = browser.new_page()
    page.goto(page_file.as_uri())
    labels = page.locator("bdi[lang=fa]")
    assert labels.count() >= 13
    assert page.evaluate("getComputedStyle(document.querySelector('bdi[lang=fa]')).direction") == "rtl"
    # The first letter of "درد" stands to the right of its second.
    places = page.evaluate(
        """() => {
            const labels = [...document.querySelectorAll('bdi[lang=fa]')];
            const node = labels.find(one => one.textContent === 'درد').firstChild;
            return [0, 1].map(at => {
                const range = document.createRange();
                range.setStart(node, at);
                range.setEnd(node, at + 1);
                return range.getBoundingClientRect().left;
            });
        }"""
    )
    assert places[0] > places[1]
    page.close()


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, by WCAG 2.2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    channels = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
