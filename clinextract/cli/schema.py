"""`schema check`, `new`, `show` and `list`: schemas as files, for people who do not program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.text import Text

from clinextract.cli.app import app
from clinextract.cli.options import Model, busy

schemas = typer.Typer(help="Write, check and show schemas: which features are extracted.", no_args_is_help=True)
app.add_typer(schemas, name="schema")

View = Literal["form", "json-schema", "prompt", "grammar", "file"]


@schemas.command("list")
def list_() -> None:
    """Show the schemas that come with the package."""
    from clinextract.schema_files.loading import info_of, load_schema  # noqa: PLC0415
    from clinextract.schema_files.reading import shipped  # noqa: PLC0415

    console = Console(highlight=False)
    for name in shipped():
        schema = load_schema(name)
        info = info_of(schema)
        languages = ", ".join(info.languages) if info else ""
        console.print(Text.assemble((f"{name:<20}", "bold"), f"{len(schema.model_fields)} features ({languages})"))
    console.print(Text("Look at one with: clinextract schema show NAME", "dim"))


@schemas.command()
def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A schema file, or the name of a shipped one.")],
    *,
    model: Model = None,
) -> None:
    """Tell every mistake in a schema file, what may not be meant, and what it costs with a model."""
    from clinextract import schema_tables  # noqa: PLC0415
    from clinextract.schema_files.checking import check_schema  # noqa: PLC0415

    with busy():
        found = check_schema(file, model)
    Console(highlight=False, soft_wrap=True).print(schema_tables.checked(found))
    if found.mistakes:
        raise typer.Exit(2)


@schemas.command()
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it, such as my_ward.yaml.")],
    *,
    base: Annotated[
        str, typer.Option("--from", help="Begin with the features of this schema: a shipped one, or a file.")
    ] = "",
    feature: Annotated[str, typer.Option("--feature", help="Add a feature of this id to FILE instead.")] = "",
    kind: Annotated[str, typer.Option("--kind", help="The new feature's kind, such as 'whole number'.")] = "yes/no",
    label: Annotated[str, typer.Option("--label", help="The new feature's name for people.")] = "",
) -> None:
    """Write a schema to start from, with notes in it; or add a feature to one that is there."""
    from clinextract.schema_files.starter import add_feature, new_schema  # noqa: PLC0415

    console = Console(highlight=False, soft_wrap=True)
    if feature and file.exists():
        add_feature(file, feature, kind=kind, label=label)
        console.print(Text(f"{file} has {feature} now: write its definition, then"))
    else:
        new_schema(file, base=base)
        if feature:
            add_feature(file, feature, kind=kind, label=label)
        console.print(Text(f"{file} is written: change it in any editor, then"))
    console.print(Text(f"  clinextract schema check {file}", "bold"))


@schemas.command()
def show(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A schema file, or the name of a shipped one.")],
    *,
    view: Annotated[
        View,
        typer.Option(
            "--as",
            help="form: as somebody would fill it in; json-schema: for programs; prompt: what a model is told; "
            "grammar: the pattern that every answer matches; file: as a schema file.",
        ),
    ] = "form",
    language: Annotated[str, typer.Option(help="Of the prompt: en or fa.")] = "en",
) -> None:
    """Show a schema in one of several ways."""
    from clinextract.schema_files.loading import info_of, load_schema  # noqa: PLC0415

    schema = load_schema(file)
    if view == "form":
        from clinextract import schema_tables  # noqa: PLC0415
        from clinextract.schema.features import fields_of  # noqa: PLC0415

        info = info_of(schema)
        Console(highlight=False).print(schema_tables.form(fields_of(schema), info.languages if info else ("en",)))
    elif view == "json-schema":
        from clinextract.schema.features import json_schema_of  # noqa: PLC0415

        typer.echo(json.dumps(json_schema_of(schema), ensure_ascii=False, indent=2))
    elif view == "prompt":
        from clinextract.prompts import render  # noqa: PLC0415
        from clinextract.schema.features import fields_of  # noqa: PLC0415

        for message in render("chat.v1", fields_of(schema), (), language).filled("(the transcript)"):
            typer.echo(f"[{message['role']}]\n{message['content']}\n")
    elif view == "grammar":
        from clinextract.decoding.judge import canonical_regex  # noqa: PLC0415

        typer.echo(canonical_regex(schema))
    else:
        from clinextract.schema_files.writing import dump_schema  # noqa: PLC0415

        typer.echo(dump_schema(schema), nl=False)
