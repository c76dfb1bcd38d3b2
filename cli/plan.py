"""`sql-llama plan`: what a recipe will take, before anything is downloaded."""

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..train.estimate import Estimate

GIB = 2**30


@click.command("plan")
@click.argument("recipe")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    help="Change one value of the recipe. Can be given several times.",
)
@click.option(
    "--gpu", default="", metavar="NAME", help="The card, such as t4, l4, a100 or h100, or cpu; else this one."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(recipe: str, overrides: tuple[str, ...], gpu: str, as_json: bool) -> None:
    """Estimate what training RECIPE takes: memory by part, the fastest batch that fits, disk and time.

    Needs no weights and no network: the shape of the base comes from its folder or from the recipe's [shape].
    """
    from dataclasses import asdict

    from ..core.read_recipe import read_recipe
    from ..train.estimate import estimate

    parsed, _ = read_recipe(recipe, overrides)
    plan = estimate(parsed, gpu.lower())
    if as_json:
        facts = asdict(plan)
        memory = facts.pop("memory")
        click.echo(json.dumps({**facts, "vram_bytes": {**memory, "total": plan.memory.total}}))
        return
    click.echo(f"{parsed.name} on {plan.device}")
    for name, text in _lines(plan):
        click.echo(f"{name:<8}  {text}")
    if not plan.fits:
        fewer = max(64, parsed.train.max_tokens // 2)
        click.echo(
            f"It does not fit. Ways out: --set train.max_tokens={fewer}, a smaller base, or a card with more memory."
        )
    elif parsed.train.batch and parsed.train.checkpointing != plan.checkpointing:
        has, wanted = (str(value).lower() for value in (parsed.train.checkpointing, plan.checkpointing))
        reason = "faster" if parsed.train.checkpointing else "to fit"
        click.echo(f"The recipe has train.checkpointing = {has}; {reason}: --set train.checkpointing={wanted}")


def _lines(plan: "Estimate") -> list[tuple[str, str]]:
    """The estimate in words, a line for each subject."""
    from dataclasses import asdict

    trained = f"{plan.trainable / 1e6:.1f} million trained ({plan.trainable / plan.parameters:.1%})"
    parts = ", ".join(f"{name} {bytes / GIB:.1f}" for name, bytes in asdict(plan.memory).items())
    passes = f"{plan.micro_batch} row{'s' if plan.micro_batch > 1 else ''} a pass"
    again = "with checkpointing" if plan.checkpointing else "without checkpointing"
    work = f"{plan.pairs:,} pairs an epoch, {plan.tokens / 1e6:.1f} million tokens in all"
    return [
        ("base", f"{plan.parameters / 1e9:.2f} billion parameters, {trained}"),
        ("memory", f"{plan.memory.total / GIB:.1f} GiB of {plan.free / GIB:.1f}: {parts}"),
        ("batch", f"{plan.batch} pairs a step, {passes}, {again}"),
        ("host", f"{plan.host_bytes / GIB:.0f} GiB of memory, {plan.disk_bytes / GIB:.0f} GiB of disk"),
        ("time", f"about {_words(plan.seconds)} for {work}"),
        ("assumed", "; ".join(plan.assumed)),
    ]


def _words(seconds: float) -> str:
    """A length of time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
