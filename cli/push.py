"""`sql-llama push`: publish a run on the Hugging Face Hub or in an Ollama registry."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..publish.model_card import Kind
    from ..publish.push import Pushed


@click.command("push")
@click.argument("run", type=click.Path(readable=False, path_type=Path))
@click.option("--gguf", is_flag=True, help="The GGUF files, the Modelfile and the certificate; this is the default.")
@click.option("--adapter-only", is_flag=True, help="The LoRA adapter alone.")
@click.option("--merged", is_flag=True, help="The merged model in 16 bits, which export --merged wrote.")
@click.option(
    "--to",
    metavar="OWNER/NAME",
    default="",
    help="Repository on the Hub; by default HF_USERNAME and the name of the model (with -GGUF or -adapter).",
)
@click.option("--private", is_flag=True, help="Make the repository private; one that is public is refused.")
@click.option(
    "--ollama",
    metavar="NAMESPACE/NAME",
    default="",
    help="Let the running Ollama server push the model to ollama.com under this name, and nothing to the Hub unless "
    "--to is given too. http://HOST:PORT/NAMESPACE/NAME is a registry of your own.",
)
@click.option("--dry-run", is_flag=True, help="Show the files and the model card, and send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: repository, files, card, notes, sent.")
def command(
    run: Path,
    gguf: bool,
    adapter_only: bool,
    merged: bool,
    to: str,
    private: bool,
    ollama: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Publish an exported RUN with a model card on the Hugging Face Hub.

    The token is that of HF_TOKEN or of `hf auth login`. All files come in one commit, so that a push that is stopped
    changes nothing, and pushing again goes on. No path of this machine and no token is in what is sent.
    """
    from ..core.run import Run
    from ..publish.push import push

    if gguf + adapter_only + merged > 1:
        raise click.UsageError("give one of --gguf, --adapter-only and --merged")
    if private and ollama and not to:
        raise click.UsageError("--private is for a repository on the Hub: give --to too")
    kind: Kind = "adapter" if adapter_only else "merged" if merged else "gguf"
    pushed = push(Run(run), kind, to=to, ollama=ollama, private=private, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps(pushed.as_json(), ensure_ascii=False))
    else:
        _print(pushed, dry_run)


def _print(pushed: "Pushed", dry_run: bool) -> None:
    if pushed.package is not None:
        if dry_run:
            click.echo(pushed.package.card)
        for item in pushed.package.items:
            click.echo(f"{item.path}: {item.bytes:,} bytes")
        for note in pushed.package.notes:
            click.echo(note)
    if dry_run:
        places = [pushed.repository, *([f"ollama:{pushed.ollama_to}"] if pushed.ollama_to else [])]
        click.echo(f"Nothing was sent. It would go to {' and '.join(filter(None, places))}")
        return
    if pushed.sent is not None:
        if pushed.sent.left:
            click.echo(f"Still there from before: {', '.join(pushed.sent.left)}")
        state = "Pushed to" if pushed.sent.changed else "Nothing has changed in"
        click.echo(f"{state} {pushed.sent.url}")
    if pushed.ollama_to:
        click.echo(f"Pushed by Ollama to {pushed.ollama_to}")
