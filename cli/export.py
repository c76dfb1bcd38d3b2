"""`sql-llama export`: an adapter to the files that people run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..export.export import Exported
    from ..export.plan import Options


@click.command("export")
@click.argument("run", required=False, type=click.Path(readable=False, path_type=Path))
@click.option("--base", metavar="DIR", help="Base of an adapter from elsewhere: a folder or a model's name.")
@click.option(
    "--adapter", type=click.Path(readable=False, path_type=Path), metavar="DIR", help="PEFT folder of that adapter."
)
@click.option("--out", type=click.Path(readable=False, path_type=Path), metavar="DIR", help="New folder for its files.")
@click.option(
    "--ground",
    type=click.Choice(["auto", "base", "nf4"]),
    default="auto",
    show_default=True,
    help="With --adapter: merge it into the base's 16-bit weights (base), into the base rounded to NF4 and back, which "
    "QLoRA trained over (nf4), or into the better of both (auto).",
)
@click.option(
    "--quant",
    "quants",
    multiple=True,
    metavar="TYPE",
    help="GGUF type such as Q4_K_M, or auto for the smallest that is as good as the largest. Can be given several "
    "times: the Modelfile uses the first.",
)
@click.option(
    "--imatrix",
    type=click.Path(readable=False, path_type=Path),
    metavar="FILE",
    help="An importance matrix of llama.cpp (GGUF), instead of one from the run's own prompts.",
)
@click.option("--no-imatrix", is_flag=True, help="Quantize without an importance matrix.")
@click.option(
    "--tensor-type",
    "overrides",
    multiple=True,
    metavar="PATTERN=TYPE",
    help="Type of the tensors whose names match a pattern, such as ffn_down=Q6_K. Can be given several times.",
)
@click.option("--merged", is_flag=True, help="Also write the merged model as a Hugging Face folder.")
@click.option("--adapter-gguf", is_flag=True, help="Also write the adapter alone as a GGUF file.")
@click.option("--schema-from", metavar="DB", default="", help="Write the schema of this database into the Modelfile.")
@click.option(
    "--examples",
    type=click.IntRange(0, 20),
    default=0,
    show_default=True,
    help="How many answered questions a conversation in Ollama begins with.",
)
@click.option(
    "--llama-cpp",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="A llama.cpp checkout, to convert bases that sql-llama does not know.",
)
@click.option("--verify/--no-verify", default=True, show_default=True, help="Check the file and write the certificate.")
@click.option(
    "--gate/--no-gate",
    default=True,
    show_default=True,
    help="Stop when the model answers no better than its base, or worse than the adapter that training started from.",
)
def command(
    run: Path | None, base: str | None, adapter: Path | None, out: Path | None, ground: str, gate: bool, **given: Any
) -> None:
    """Export RUN, by default the newest run: merge, convert, quantize, check, compare with the base, give to Ollama.

    An export that was stopped goes on where it was; finished steps are not repeated.
    """
    from ..evals.export_gated import export_gated, judges
    from ..export.export import export_adapter
    from ..models.base import resolve_base

    options = _options(**given)
    if base is not None or adapter is not None or out is not None:
        if run is not None or base is None or adapter is None or out is None:
            raise click.UsageError("give either RUN, or all of --base, --adapter and --out")
        exported = export_adapter(resolve_base(base), adapter, out, options, judges(gate), merge_base=ground)
    else:
        if ground != "auto":
            raise click.UsageError("--ground is for --adapter; for a run, set export.ground in its recipe")
        exported = export_gated(run, options, gate=gate)
    _print(exported, gate)


def _options(*, imatrix: Path | None, no_imatrix: bool, overrides: tuple[str, ...], **given: Any) -> "Options":
    """The options as the export takes them; the rest has the same names there."""
    from ..export.plan import Options

    if imatrix is not None and no_imatrix:
        raise click.UsageError("give either --imatrix or --no-imatrix")
    patterns = dict(_pattern_and_type(text) for text in overrides)
    return Options(imatrix=imatrix, importance=not no_imatrix, overrides=patterns, **given)


def _pattern_and_type(text: str) -> tuple[str, str]:
    pattern, sign, kind = text.rpartition("=")
    if not sign or not pattern or not kind:
        raise click.UsageError(f"--tensor-type {text}: not PATTERN=TYPE, such as ffn_down=Q6_K")
    return pattern, kind


def _print(exported: "Exported", gate: bool) -> None:
    for path in exported.gguf:
        click.echo(f"{path}: {path.stat().st_size / 2**20:.0f} MiB")
    for path in (exported.modelfile, *exported.extras):
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
    click.echo(f"Next: ollama run {exported.ollama}" if exported.ollama else "Next: sql-llama chat")
