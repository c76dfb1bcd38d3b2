"""`sql-llama inspect`: what a GGUF file is and where it comes from."""

import json
from pathlib import Path

import click


@click.command("inspect")
@click.argument("file", metavar="[FILE.gguf]", required=False, type=click.Path(readable=False, path_type=Path))
@click.option("--tensors", is_flag=True, help="List every tensor: name, type, shape, bytes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(file: Path | None, tensors: bool, as_json: bool) -> None:
    """Show what a GGUF file is: where it comes from, its tensors, its tokenizer and its chat template.

    By default the file of the newest exported run. Any GGUF file can be given. Only its header is read; to check what
    it states, use `sql-llama verify`.
    """
    from ..core.run import newest_exported_run
    from ..export.inspection import inspection, render_inspection

    result = inspection(file or newest_exported_run().shipped())
    if as_json:
        click.echo(json.dumps(result.as_json(tensors=tensors), ensure_ascii=False))
    else:
        click.echo(render_inspection(result, tensors=tensors), nl=False)
