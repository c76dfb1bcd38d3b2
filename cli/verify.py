"""`sql-llama verify`: check an exported run or a GGUF file again."""

import json
from pathlib import Path

import click

OLLAMA = "ollama:"


@click.command("verify")
@click.argument("target", metavar="[RUN|FILE.gguf|ollama:NAME]", required=False)
@click.option("--base", metavar="DIR", help="For a FILE: the Hugging Face folder of the base to compare it with.")
@click.option(
    "--certificate",
    "certified",
    type=click.Path(readable=False, path_type=Path),
    metavar="FILE",
    help="For ollama:NAME: the certificate.json that came with the model, with its Modelfile beside it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the certificate as one JSON object.")
@click.pass_context
def command(ctx: click.Context, target: str | None, base: str | None, certified: Path | None, as_json: bool) -> None:
    """Check that a model file is the one that was trained, and that it is prompted as in training.

    By default the file of the newest exported run. The exit code is 1 when a check fails. A FILE that is not in its run
    directory is compared with the base that it names, if that is on this machine, or with --base. Its weights are only
    compared where its adapter is there too.

    ollama:NAME is a model of the running Ollama server: its own file is compared with the certificate of the run that
    exported it, its template and parameters with the Modelfile, and its prompts with those of the training.
    """
    from ..core.run import newest_exported_run
    from ..export.certificate.certificate import render_certificate
    from ..export.verify import verify_file, verify_run
    from ..export.verify_ollama import verify_ollama
    from ..models.base import resolve_base

    place = Path(target) if target else newest_exported_run().path
    ollama = (target or "").startswith(OLLAMA)
    if base is not None and (ollama or place.is_dir()):
        raise click.UsageError("--base is for a FILE.gguf")
    if certified is not None and not ollama:
        raise click.UsageError("--certificate is for ollama:NAME")
    if ollama:
        certificate = verify_ollama((target or "").removeprefix(OLLAMA), certified)
    elif place.is_dir():
        certificate = verify_run(place)
    else:
        certificate = verify_file(place, resolve_base(base) if base else None)
    if as_json:
        click.echo(json.dumps(certificate.as_json(), ensure_ascii=False))
    else:
        click.echo(render_certificate(certificate), nl=False)
    ctx.exit(0 if certificate.passed else 1)
