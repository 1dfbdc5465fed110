"""`mlops-dagster schema`: JSON Schemas of the files that users write."""

from pathlib import Path

import click

from mlops_dagster.spec.json_schema import SCHEMAS, json_schema, write_schemas


@click.command()
@click.argument("kind", type=click.Choice(sorted(SCHEMAS)), required=False)
@click.option(
    "--write",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the schemas of all kinds into this folder.",
)
def command(kind: str | None, folder: Path | None) -> None:
    """Print the JSON Schema of one KIND of file, or write all of them.

    An editor uses one for a file that begins with
    "# yaml-language-server: $schema=<path of the schema>".
    """
    if (kind is None) == (folder is None):
        raise click.UsageError("name a kind to print, or a folder with --write")
    if kind is not None:
        click.echo(json_schema(kind), nl=False)
    if folder is not None:
        for path in write_schemas(folder):
            click.echo(str(path))
