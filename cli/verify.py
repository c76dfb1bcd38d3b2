"""`sql-llama verify`: check an exported run or a GGUF file again."""

import json
from pathlib import Path

import click


@click.command("verify")
@click.argument("target", metavar="RUN|FILE.gguf", type=click.Path(readable=False, path_type=Path))
@click.option("--base", metavar="DIR", help="For a FILE: the Hugging Face folder whose token ids it must give.")
@click.option("--json", "as_json", is_flag=True, help="Print the certificate as one JSON object.")
@click.pass_context
def command(ctx: click.Context, target: Path, base: str | None, as_json: bool) -> None:
    """Check that RUN's shipped file, or FILE.gguf, is the model that was trained and is asked what that was trained on.

    Exit code 1 when a check fails. A file outside its run is compared with the base that it names, if that is here, or
    with --base; without its adapter its weights are not compared.
    """
    from ..export.certificate.certificate import render_certificate
    from ..export.verify import verify_file, verify_run
    from ..models.base import resolve_base

    if target.is_dir():
        if base is not None:
            raise click.UsageError("--base is for a FILE; a run knows its base")
        certificate = verify_run(target)
    else:
        certificate = verify_file(target, resolve_base(base) if base else None)
    if as_json:
        click.echo(json.dumps(certificate.as_json(), ensure_ascii=False))
    else:
        click.echo(render_certificate(certificate), nl=False)
    ctx.exit(0 if certificate.passed else 1)
