"""Chat template families: for each a Jinja template and a Go template, which render the same bytes.

Neither has a date in it, because prompts must not change from day to day. Neither has the text of a BOS token: the
runtime adds the token where the family has one, and there would be two. Every literal stands inside an expression,
because engines treat blanks around tags differently. None uses a word (`tools`, `tool_call`, `<think>`) from which
Ollama 0.30 and later concludes that a template has tools or thinking: it would then use the Jinja template of the file
and not the Modelfile's.

- `chatml`: SmolLM2, Qwen. `llama3`: Llama 3.x.
- `llama2`: Llama 2 chat and CodeLlama-Instruct. Meta writes a BOS token before every turn; here only the first turn has
  one, the runtime's, and a later turn follows the `</s>` of the answer before it. Training rows have one turn.
- `mistral`: Mistral Instruct, which has no system role: the system message opens the user message that follows it, and
  stays there, so that a conversation's beginning does not change from turn to turn.
- `llama3-base`: the headings of `plain` for Llama 3's completion models, which never saw `<|eot_id|>` and end a text
  with `<|end_of_text|>`. A recipe must name it, since their tokenizer is that of the chat models.
- `plain`: ours, plain headings for completion bases whose only end token is `</s>` (Llama 2, CodeLlama, TinyLlama), and
  for chat models of another format over such a tokenizer, whose own format it does not use.

Where the end of turn is `</s>`, a prompt has no blank at its end, and an answer in a conversation begins with one. A
SentencePiece tokenizer then makes the same tokens as for an answer alone, as in training.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..core.errors import DataError, RecipeError, UnknownFamily
from ..core.records import Message

if TYPE_CHECKING:
    import jinja2


Name = Literal["chatml", "llama3", "llama3-base", "llama2", "mistral", "plain"]


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
    "llama3-base": ("<|end_of_text|>", ("<|end_of_text|>",), True),
    "llama2": ("</s>", ("</s>",), True),
    "mistral": ("</s>", ("</s>",), True),
    "plain": ("</s>", ("</s>",), True),
}

FAMILIES = tuple(_KNOWN)


@cache
def family(name: str) -> Family:
    """Return the family of that name; raises RecipeError when there is none."""
    known = next((known for known in _KNOWN if known == name), None)
    if known is None:
        raise RecipeError(f"{name}: no such template family", fix=f"one of {', '.join(FAMILIES)}")
    end_of_turn, stops, bos = _KNOWN[known]
    return Family(known, _read(f"{name}.jinja"), _read(f"{name}.gotmpl"), end_of_turn, stops, bos)


def family_of(base: Path) -> Family:
    """Return the family of a model folder, by its tokenizer.

    `<|im_end|>` is chatml, `<|eot_id|>` is llama3. Where it has only `</s>`, the model's own chat template decides:
    `<<SYS>>` is llama2, `[INST]` (also as a token) is mistral, anything else, or no template, is plain.
    Raises UnknownFamily for other tokenizers, DataError for a folder without one.
    """
    files = [base / name for name in ("tokenizer.json", "added_tokens.json", "tokenizer.model")]
    try:
        vocabulary = b"".join(file.read_bytes() for file in files if file.exists())
        own = base / "chat_template.jinja"
        template = own.read_text(encoding="utf-8") if own.exists() else _template_in(base / "tokenizer_config.json")
    except (OSError, ValueError) as error:
        raise DataError(f"{base}: its tokenizer cannot be read ({error})", fix="get the model again") from None
    if not vocabulary:
        raise DataError(f"{base}: no tokenizer.json", fix="give a folder in Hugging Face layout")
    if b'"<|im_end|>"' in vocabulary:
        return family("chatml")
    if b'"<|eot_id|>"' in vocabulary:
        return family("llama3")
    if b"</s>" not in vocabulary:
        raise UnknownFamily(
            f"{base}: its tokenizer fits no template family", fix=f"use a base of {' or '.join(FAMILIES)}"
        )
    if "<<SYS>>" in template:
        return family("llama2")
    return family("mistral" if "[INST]" in template or b'"[INST]"' in vocabulary else "plain")


def _template_in(config: Path) -> str:
    """The chat template (or templates) that a tokenizer_config.json holds."""
    facts = json.loads(config.read_text(encoding="utf-8")) if config.exists() else {}
    return str(facts.get("chat_template") or "") if isinstance(facts, dict) else ""


def template_with_schema(chat_family: Family, schema: str) -> str:
    """Return the family's Go template with a schema (of prompts/schema_text.py's render_schema) around each question.

    A user message becomes the same prompt as in training, as `user_message` makes it from a question on one line. A
    message that is a whole prompt already, which begins with `Question: `, stays as it is.
    """
    whole = 'and (ge (len .Content) 10) (eq (slice .Content 0 10) "Question: ")'
    prompt = '{{ "Question: " }}{{ .Content }}{{ $schema }}{{ .Content }}'
    content = f'if or (ne .Role "user") ({whole}) }}}}{{{{ .Content }}}}{{{{ else }}}}{prompt}{{{{ end }}}}'
    text = _go_string(f"\n{schema}\nQuestion: ")
    return f"{{{{- $schema := {text} -}}}}\n" + chat_family.go.replace(".Content }}", content)


def _go_string(text: str) -> str:
    """A Go string literal; what a Modelfile would drop is escaped."""

    def written(char: str) -> str:
        if char == "\n":
            return "\\n"
        if char in '"\\':
            return "\\" + char
        return char if char.isprintable() else f"\\U{ord(char):08x}"

    return '"' + "".join(map(written, text)) + '"'


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
    """Return the text of a chat under a Jinja template, rendered in a sandbox with the functions of Hugging Face.

    Templates also come from other people's GGUF files: raises DataError for one that is broken or refuses the chat.

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
