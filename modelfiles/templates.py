"""Chat template families: for each one Jinja template and its Go twin, which say the same byte for byte.

Neither holds a date (prompts must not change from day to day) nor the text of a BOS token (the runtime adds the token
where the family has one; text and token together would be two). Every literal stands inside an expression, so that no
engine's treatment of blanks around tags matters.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..core.errors import DataError, RecipeError
from ..core.records import Message

if TYPE_CHECKING:
    import jinja2


Name = Literal["chatml", "llama3"]


@dataclass(frozen=True)
class Family:
    """One family of chat models: `jinja` for Hugging Face and the GGUF, `go` for Ollama's TEMPLATE.

    `end_of_turn` is the token that ends an answer, `bos` whether the runtime puts a BOS token before the prompt.
    """

    name: Name
    jinja: str
    go: str
    end_of_turn: str
    stops: tuple[str, ...]
    bos: bool


# name: end of turn, every text that ends an answer, BOS before the prompt
_KNOWN: dict[Name, tuple[str, tuple[str, ...], bool]] = {
    "chatml": ("<|im_end|>", ("<|im_end|>", "<|endoftext|>"), False),
    "llama3": ("<|eot_id|>", ("<|eot_id|>", "<|end_of_text|>"), True),
}

FAMILIES = tuple(_KNOWN)


@cache
def family(name: str) -> Family:
    """The family of that name; raises RecipeError when there is none."""
    known = next((family for family in _KNOWN if family == name), None)
    if known is None:
        raise RecipeError(f"{name}: no such template family", fix=f"one of {', '.join(FAMILIES)}")
    end_of_turn, stops, bos = _KNOWN[known]
    return Family(known, _read(f"{name}.jinja"), _read(f"{name}.gotmpl"), end_of_turn, stops, bos)


def family_of(base: Path) -> Family:
    """The family whose end-of-turn token a model folder's tokenizer knows; raises DataError when it is none."""
    try:
        text = (base / "tokenizer.json").read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{base}: no tokenizer.json ({error})", fix="give a folder in Hugging Face layout") from None
    for name in FAMILIES:
        if f'"{family(name).end_of_turn}"' in text:
            return family(name)
    raise DataError(f"{base}: its tokenizer fits no template family", fix=f"use a base of {' or '.join(FAMILIES)}")


def _read(name: str) -> str:
    return resources.files("sql_llama.modelfiles").joinpath(name).read_text(encoding="utf-8").rstrip("\n")


def render_chat(
    template: str,
    chat: Sequence[Message],
    *,
    add_generation_prompt: bool = True,
    bos_token: str = "",
    eos_token: str = "",
) -> str:
    """The text of a chat under a Jinja template, rendered in a sandbox with what Hugging Face offers to templates.

    Templates also come out of other people's GGUF files: one that is broken, or refuses the chat, is a DataError.

    >>> print(render_chat(family("chatml").jinja, [Message("user", "Hi")]))
    <|im_start|>user
    Hi<|im_end|>
    <|im_start|>assistant
    <BLANKLINE>
    """
    from jinja2 import TemplateError

    try:
        return _compiled(template).render(
            messages=[{"role": message.role, "content": message.content} for message in chat],
            add_generation_prompt=add_generation_prompt,
            bos_token=bos_token,
            eos_token=eos_token,
        )
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        raise DataError(
            f"the chat template cannot be used: {error}", fix="use a model with a plain chat template"
        ) from None


@lru_cache(maxsize=16)
def _compiled(template: str) -> "jinja2.Template":
    """Compile with the options and functions of transformers' `apply_chat_template`."""
    import datetime

    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    def tojson(value: Any, ensure_ascii: bool = False, indent: int | None = None) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda form: datetime.datetime.now().strftime(form)
    return environment.from_string(template)
