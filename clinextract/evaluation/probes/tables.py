"""The probes on a terminal of 80 columns."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from clinextract.evaluation.probes.layout import Layout, layout
from clinextract.evaluation.probes.results import Probes


def probes(found: Probes) -> Group:
    """A row for each feature and one for all, then what each probe found in words."""
    laid = layout(found)
    parts: list[RenderableType] = [_table(laid)] if laid.headings else []
    parts += [Padding(Text.assemble((f"{name}: ", "bold"), words), (0, 1)) for name, words in laid.words]
    return Group(*parts, Padding(Text(laid.about, "dim italic"), (0, 1)))


def _table(laid: Layout) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, collapse_padding=True, header_style="dim")
    table.add_column("feature", overflow="fold")
    for heading in laid.headings:
        table.add_column("\n".join(heading), justify="right", no_wrap=True)
    *rows, (every, cells) = laid.rows
    for name, given in rows:
        table.add_row(name, *given)
    table.add_section()
    table.add_row(every, *cells, style="bold")
    return table
