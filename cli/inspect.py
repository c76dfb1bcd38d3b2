"""`sql-llama inspect`: what a GGUF file is and where it comes from."""

import json
from pathlib import Path

import click


@click.command("inspect")
@click.argument("file", metavar="FILE.gguf", type=click.Path(readable=False, path_type=Path))
@click.option("--tensors", is_flag=True, help="List every tensor: name, type, shape, bytes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(file: Path, tensors: bool, as_json: bool) -> None:
    """Say what FILE.gguf is: where it comes from, its tensors, tokenizer and chat template.

    Any GGUF file will do. Only its header is read; `sql-llama verify` says whether it is what it says.
    """
    from ..export.inspection import inspection, render_inspection

    found = inspection(file)
    if as_json:
        click.echo(json.dumps(found.as_json(tensors=tensors), ensure_ascii=False))
    else:
        click.echo(render_inspection(found, tensors=tensors), nl=False)
