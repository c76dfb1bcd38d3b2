"""Write docs/recipes.md from the fields of core/recipe.py; with --check, say whether it is stale."""

import ast
import dataclasses
import sys
import typing
from pathlib import Path

from sql_llama.core import recipe as module
from sql_llama.core.files import write_text
from sql_llama.core.recipe import LIMITS, Recipe, read_recipe, recipe_names

PAGE = Path(__file__).parent / "recipes.md"
TABLE = "| Key | Type | Default | Meaning |\n|---|---|---|---|"
INTRODUCTION = """\
# Recipes

<!-- Made by `make docs` from core/recipe.py; do not edit. -->

A recipe is one TOML file that says everything about one fine-tune. `sql-llama train NAME` takes one of the recipes
below; `sql-llama train my.toml` takes a file of yours; `--set section.key=value` changes a value for one run. An
unknown key, a wrong type and an impossible value are refused with file, line and key. The run directory keeps the
recipe as it was used, with every value written out.

## The recipes that come with sql-llama
"""


def generate() -> str:
    """The page as it should be."""
    parts = [INTRODUCTION]
    for name in recipe_names():
        recipe, _ = read_recipe(name)
        parts.append(f"- [`{name}`](../recipes/{name}.toml): {recipe.description or 'no description'}")
    docs = _field_docs()
    top = [item for item in dataclasses.fields(Recipe) if not dataclasses.is_dataclass(_hints(Recipe)[item.name])]
    parts.append("\n## Keys\n\nAt the top of the file: " + ", ".join(f"`{item.name}`" for item in top) + ".")
    for section in dataclasses.fields(Recipe):
        kind = _hints(Recipe)[section.name]
        if not dataclasses.is_dataclass(kind):
            continue
        said = (kind.__doc__ or "").partition(": ")[2]
        parts.append(f"\n### [{section.name}]\n\n{said[:1].upper()}{said[1:]}\n\n{TABLE}")
        for item in dataclasses.fields(kind):
            key = f"{section.name}.{item.name}"
            limits = f" ({LIMITS[key][0]:,.10g} to {LIMITS[key][1]:,.10g})" if key in LIMITS else ""
            default = "needed" if item.default is dataclasses.MISSING else f"`{module._toml(item.default)}`"
            kinds = _type_name(_hints(typing.cast(type, kind))[item.name])
            parts.append(f"| `{item.name}` | {kinds}{limits} | {default} | {docs[(kind.__name__, item.name)]} |")  # type: ignore[union-attr]
    return "\n".join(parts) + "\n"


def _hints(kind: type) -> dict[str, typing.Any]:
    return typing.get_type_hints(kind)


def _type_name(hint: typing.Any) -> str:
    if typing.get_origin(hint) is typing.Literal:
        return " or ".join(f"`{value}`" for value in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return "list of texts"
    return {int: "whole number", float: "number", bool: "true or false", str: "text"}[hint]


def _field_docs() -> dict[tuple[str, str], str]:
    """The text under each field, by class and field; Python drops it, so it is read from the source."""
    docs = {}
    for kind in ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body:
        if not isinstance(kind, ast.ClassDef):
            continue
        for field, doc in zip(kind.body, kind.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(doc, ast.Expr):
                text = ast.literal_eval(doc.value)
                docs[(kind.name, field.target.id)] = " ".join(str(text).split()).replace("|", "\\|")
    return docs


def main() -> None:
    page = generate()
    if "--check" not in sys.argv:
        write_text(PAGE, page)
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page:
        sys.exit("docs/recipes.md is stale (make docs)")


if __name__ == "__main__":
    main()
