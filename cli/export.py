"""`sql-llama export`: an adapter to the files that ship."""

from pathlib import Path

import click


@click.command("export")
@click.argument("run", required=False, type=click.Path(readable=False, path_type=Path))
@click.option("--base", metavar="DIR", help="Base of an adapter that no run made: a folder or a model's name.")
@click.option(
    "--adapter", type=click.Path(readable=False, path_type=Path), metavar="DIR", help="PEFT folder of that adapter."
)
@click.option("--out", type=click.Path(readable=False, path_type=Path), metavar="DIR", help="Where its files go.")
@click.option(
    "--ground",
    type=click.Choice(["auto", "base", "nf4"]),
    default="auto",
    show_default=True,
    help="With --adapter: merge into the 16-bit base, into its NF4 copy (QLoRA trained over it), or the better one.",
)
@click.option(
    "--quant",
    "quants",
    multiple=True,
    metavar="TYPE",
    help="GGUF type such as Q4_K_M, or auto: the smallest that is as good; may be given again, the first ships.",
)
@click.option(
    "--imatrix",
    type=click.Path(readable=False, path_type=Path),
    metavar="FILE",
    help="llama.cpp's importance matrix (GGUF), instead of one from the run's own prompts.",
)
@click.option("--no-imatrix", is_flag=True, help="Round without an importance matrix.")
@click.option(
    "--tensor-type",
    "overrides",
    multiple=True,
    metavar="PATTERN=TYPE",
    help="Type of the tensors whose names a pattern finds, such as ffn_down=Q6_K; may be given again.",
)
@click.option("--merged", is_flag=True, help="Also write the merged model as a Hugging Face folder.")
@click.option("--adapter-gguf", is_flag=True, help="Also write the adapter alone as a GGUF file.")
@click.option("--schema-from", metavar="DB", default="", help="Put this database's schema into the Modelfile.")
@click.option(
    "--examples",
    type=click.IntRange(0, 20),
    default=0,
    show_default=True,
    help="Answered questions that a conversation in Ollama begins with.",
)
@click.option(
    "--llama-cpp",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="A llama.cpp checkout, whose converter takes bases that ours does not know.",
)
@click.option("--verify/--no-verify", default=True, show_default=True, help="Make the certificate.")
@click.option(
    "--gate/--no-gate",
    default=True,
    show_default=True,
    help="Stop a model no better than its base, or worse than its start.",
)
def command(
    run: Path | None,
    base: str | None,
    adapter: Path | None,
    out: Path | None,
    ground: str,
    quants: tuple[str, ...],
    imatrix: Path | None,
    no_imatrix: bool,
    overrides: tuple[str, ...],
    merged: bool,
    adapter_gguf: bool,
    schema_from: str,
    examples: int,
    llama_cpp: Path | None,
    verify: bool,
    gate: bool,
) -> None:
    """Export RUN (the latest by default): merge, convert, quantize, certify, compare with its base, hand it to Ollama.

    An export that was killed goes on; what is done is not done again.
    """
    from ..core.recipe import read_recipe
    from ..core.run import Run, latest_run
    from ..evals.pick import pick_ground, pick_quant
    from ..evals.shipped import shipped
    from ..export.export import export_adapter, export_run
    from ..export.job import Judges, Options
    from ..models.base import resolve_base

    if imatrix is not None and no_imatrix:
        raise click.UsageError("give either --imatrix or --no-imatrix")
    options = Options(
        quants=quants,
        verify=verify,
        importance=not no_imatrix,
        imatrix=imatrix,
        overrides=dict(_pair(text) for text in overrides),
        merged=merged,
        adapter_gguf=adapter_gguf,
        schema_from=schema_from,
        examples=examples,
        llama_cpp=llama_cpp,
    )
    judges = Judges(gate=shipped, ground=pick_ground, quant=pick_quant) if gate else Judges()
    if base is not None or adapter is not None or out is not None:
        if run is not None or base is None or adapter is None or out is None:
            raise click.UsageError("give either RUN, or all of --base, --adapter and --out")
        exported = export_adapter(resolve_base(base), adapter, out, options, judges, ground=ground)
    else:
        if ground != "auto":
            raise click.UsageError("--ground is for --adapter; that of a run is export.ground in its recipe")
        chosen = Run(run) if run is not None else latest_run()
        chosen.manifest()
        recipe, _ = read_recipe(str(chosen.recipe_path))
        exported = export_run(chosen, recipe, options, judges)
    for path in exported.gguf:
        click.echo(f"{path}: {path.stat().st_size / 2**20:.0f} MiB")
    for path in (exported.modelfile, *exported.more):
        click.echo(str(path))
    if exported.certificate:
        for check in exported.certificate.checks:
            click.echo(f"{check.verdict} {check.name}: {check.said}")
    for line in exported.gate:
        click.echo(line)
    if gate:
        click.echo(f"Every answer: {exported.modelfile.parent / 'evals' / 'report.html'}")
    for note in exported.notes:
        click.echo(note)
    if exported.ollama:
        click.echo(f"Next: ollama run {exported.ollama}")
    else:
        click.echo("Next: sql-llama chat")


def _pair(text: str) -> tuple[str, str]:
    pattern, sign, kind = text.rpartition("=")
    if not sign or not pattern or not kind:
        raise click.UsageError(f"--tensor-type {text}: not PATTERN=TYPE, such as ffn_down=Q6_K")
    return pattern, kind
