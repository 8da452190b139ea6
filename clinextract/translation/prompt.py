"""What a chat model is told when it translates: a versioned template, rendered once for a pair of languages."""

from __future__ import annotations

import hashlib
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from clinextract.models.base import Message
from clinextract.models.languages import name_of
from clinextract.prompts import SLOT

TEMPLATE = "translate.v1"
"""Name and version of the template."""


@cache
def messages(source: str, target: str) -> tuple[Message, ...]:
    """The messages for a pair of languages, with `prompts.SLOT` where the line goes.

    Args:
        source: ISO 639-1 code.
        target: ISO 639-1 code.
    """
    # A prompt is no HTML: what autoescaping would turn into entities has to reach the model as is.
    environment = Environment(
        loader=PackageLoader("clinextract.translation"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(f"{TEMPLATE}.jinja")
    context = page.new_context({"source": name_of(source), "target": name_of(target), "line": SLOT})
    return tuple({"role": role, "content": "".join(page.blocks[role](context))} for role in ("system", "user"))


def prompt_hash() -> str:
    """First 16 hexadecimal digits of the SHA-256 over the rendered template: it changes with any of its words."""
    text = "\n".join([TEMPLATE, *(message["content"] for message in messages("fa", "en"))])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
