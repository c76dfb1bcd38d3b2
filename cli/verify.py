"""`sql-llama verify`: check an exported run or a GGUF file again."""

import json
from pathlib import Path

import click


@click.command("verify")
@click.argument("target", metavar="[RUN|FILE.gguf]", required=False, type=click.Path(readable=False, path_type=Path))
@click.option("--base", metavar="DIR", help="For a FILE: the Hugging Face folder of the base to compare it with.")
@click.option("--json", "as_json", is_flag=True, help="Print the certificate as one JSON object.")
@click.pass_context
def command(ctx: click.Context, target: Path | None, base: str | None, as_json: bool) -> None:
    """Check that a model file is the one that was trained, and that it is prompted as in training.

    By default the file of the newest exported run. The exit code is 1 when a check fails. A FILE that is not in its run
    directory is compared with the base that it names, if that is on this machine, or with --base. Its weights are only
    compared where its adapter is there too.
    """
    from ..core.run import newest_exported_run
    from ..export.certificate.certificate import render_certificate
    from ..export.verify import verify_file, verify_run
    from ..models.base import resolve_base

    target = target or newest_exported_run().path
    if target.is_dir():
        if base is not None:
            raise click.UsageError("--base is for a FILE; a run has its base in its recipe")
        certificate = verify_run(target)
    else:
        certificate = verify_file(target, resolve_base(base) if base else None)
    if as_json:
        click.echo(json.dumps(certificate.as_json(), ensure_ascii=False))
    else:
        click.echo(render_certificate(certificate), nl=False)
    ctx.exit(0 if certificate.passed else 1)
