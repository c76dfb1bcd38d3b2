"""`sql-llama export`: an adapter to the files that ship."""

from pathlib import Path
from typing import Literal

import click


@click.command("export")
@click.argument("run", required=False, type=click.Path(readable=False, path_type=Path))
@click.option("--base", metavar="DIR", help="Base of an adapter that no run made: a folder or a model's name.")
@click.option(
    "--adapter", type=click.Path(readable=False, path_type=Path), metavar="DIR", help="PEFT folder of that adapter."
)
@click.option("--out", type=click.Path(readable=False, path_type=Path), metavar="DIR", help="Where its files go.")
@click.option("--quant", "quants", multiple=True, metavar="TYPE", help="GGUF type such as Q4_K_M; may be given again.")
@click.option(
    "--ground",
    type=click.Choice(["base", "nf4"]),
    default="nf4",
    show_default=True,
    help="With --adapter: merge into the 16-bit base, or into its NF4 copy that QLoRA trained over.",
)
@click.option("--verify/--no-verify", default=True, show_default=True, help="Make the certificate.")
@click.option("--gate/--no-gate", default=True, show_default=True, help="Stop a model that is no better than its base.")
def command(
    run: Path | None,
    base: str | None,
    adapter: Path | None,
    out: Path | None,
    quants: tuple[str, ...],
    ground: Literal["base", "nf4"],
    verify: bool,
    gate: bool,
) -> None:
    """Export RUN (the latest by default): merge, convert, quantize, certify, compare with its base, hand it to Ollama.

    An export that was killed goes on; what is done is not done again.
    """
    from ..core.base_model import resolve_base
    from ..core.recipe import read_recipe
    from ..core.run import Run, latest_run
    from ..evals.shipped import shipped
    from ..export.export import export_adapter, export_run

    if base is not None or adapter is not None or out is not None:
        if run is not None or base is None or adapter is None or out is None:
            raise click.UsageError("give either RUN, or all of --base, --adapter and --out")
        exported = export_adapter(
            resolve_base(base),
            adapter,
            out,
            quants=quants,
            verify=verify,
            ground=ground,
            gate=shipped if gate else None,
        )
    else:
        chosen = Run(run) if run is not None else latest_run()
        chosen.manifest()
        recipe, _ = read_recipe(str(chosen.recipe_path))
        exported = export_run(chosen, recipe, quants=quants, verify=verify, gate=shipped if gate else None)
    for path in exported.gguf:
        click.echo(f"{path}: {path.stat().st_size / 2**20:.0f} MiB")
    click.echo(str(exported.modelfile))
    if exported.certificate:
        for check in exported.certificate.checks:
            click.echo(f"{check.verdict} {check.name}: {check.said}")
    if gate:
        click.echo(f"pass base: see {exported.modelfile.parent / 'evals' / 'report.md'}")
    for note in exported.notes:
        click.echo(note)
    if exported.ollama:
        click.echo(f"Next: ollama run {exported.ollama}")
    else:
        click.echo("Next: sql-llama chat")
