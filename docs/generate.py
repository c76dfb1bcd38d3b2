"""Write docs/recipes.md from the fields of core/recipe.py; with --check, fail if it is stale."""

import sys
import typing
from pathlib import Path

from pydantic.fields import FieldInfo
from sql_llama.core.files import write_text
from sql_llama.core.read_recipe import read_recipe, recipe_names
from sql_llama.core.recipe import Recipe, Source, limits, section_class
from sql_llama.core.render_recipe import toml

PAGE = Path(__file__).parent / "recipes.md"
TABLE = "| Key | Type | Default | Meaning |\n|---|---|---|---|"
INTRODUCTION = """\
# Recipes

<!-- Made by `make docs` from core/recipe.py; do not edit. -->

A recipe is one TOML file that holds all settings of one fine-tune. `sql-llama train NAME` takes one of the recipes
below; `sql-llama train my.toml` takes your own file; `--set section.key=value` changes a value for one run. Unknown
keys, wrong types and values out of range are errors that name the file, the line and the key. The run directory keeps
the recipe as it was used, with every value written out.

## The recipes that come with sql-llama
"""


def generate() -> str:
    """Write the page as it should be."""
    parts = [INTRODUCTION]
    for name in recipe_names():
        recipe, _ = read_recipe(name)
        parts.append(f"- [`{name}`](../recipes/{name}.toml): {recipe.description or 'no description'}")
    top = {name: field for name, field in Recipe.model_fields.items() if section_class(name) is None}
    parts.append(f"\n## Keys\n\n### At the top of the file\n\n{TABLE}")
    parts += [row(name, field) for name, field in top.items()]
    names = list(Recipe.model_fields)
    names.insert(names.index("data") + 1, "data.source")
    for name in names:
        section = section_class(name)
        if section is not None:
            title = (section.__doc__ or "").partition(": ")[2]
            heading = f"[[{name}]]" if name == "data.source" else f"[{name}]"
            parts.append(f"\n### {heading}\n\n{title[:1].upper()}{title[1:]}\n\n{TABLE}")
            parts += [row(key, field) for key, field in section.model_fields.items()]
    return "\n".join(parts) + "\n"


def row(key: str, field: FieldInfo) -> str:
    """Write the line of a table about one key."""
    bounds = limits(field)
    within = f" ({bounds[0]:,.10g} to {bounds[1]:,.10g})" if bounds else ""
    default = "needed" if field.is_required() else f"`{toml(field.get_default(call_default_factory=True))}`"
    meaning = " ".join((field.description or "").split()).replace("|", "\\|")
    return f"| `{key}` | {type_name(field.annotation)}{within} | {default} | {meaning} |"


def type_name(annotation: typing.Any) -> str:
    """Name a type in words."""
    if typing.get_origin(annotation) is typing.Literal:
        return " or ".join(f"`{value}`" for value in typing.get_args(annotation))
    if typing.get_origin(annotation) is tuple:
        return "list of tables" if Source in typing.get_args(annotation) else "list of texts"
    if typing.get_origin(annotation) is dict:
        return "table of texts"
    return {int: "whole number", float: "number", bool: "true or false", str: "text"}[annotation]


def main() -> None:
    """Write the page, or with --check exit with 1 when it is stale."""
    page = generate()
    if "--check" not in sys.argv:
        write_text(PAGE, page)
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page:
        sys.exit("docs/recipes.md is stale (make docs)")


if __name__ == "__main__":
    main()
