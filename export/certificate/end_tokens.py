"""Whether every place that can end an answer names the same tokens: tokenizer, file, llama.cpp, Modelfile."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...engines.llamacpp import LlamaCpp
from ...modelfiles.templates import Family

STOP = re.compile(r'^PARAMETER stop "(.*)"$', re.MULTILINE)
DECLARED = ("eos", "eot", "eom")


def end_token_problems(
    metadata: dict[str, Any], chat_family: Family, engine: LlamaCpp, base: Path | None, modelfile: str | None
) -> list[str]:
    """Return what is wrong with a file's end tokens, a line each; nothing when all is well.

    `base` is the Hugging Face folder, `modelfile` the text that ships beside the file, each where there is one.
    """
    from gguf import TokenType

    tokens: Sequence[str] = metadata.get("tokenizer.ggml.tokens", [])
    types: Sequence[int] = metadata.get("tokenizer.ggml.token_type", [])
    declared = {name: _text(tokens, metadata.get(f"tokenizer.ggml.{name}_token_id")) for name in DECLARED}
    eos_ids = engine.end_tokens()
    wrong = []
    if chat_family.end_of_turn not in (declared["eos"], declared["eot"]):
        token = declared["eot"] or declared["eos"]
        wrong.append(f"the file ends a turn with {token or 'nothing'}, the template with {chat_family.end_of_turn}")
    for stop in chat_family.stops:
        if stop in tokens and tokens.index(stop) not in eos_ids:
            wrong.append(f"llama.cpp does not end an answer at {stop}")
    known = {*chat_family.stops, *(_end_tokens_of_base(base, tokens) if base else ())}
    for name, token in declared.items():
        # without the base, a control token beside the end of turn may be the base's own end of text
        if token and token not in known and (base or name == "eos"):
            wrong.append(f"the file's {name} token is {token}, which does not end a turn in training")
    ordinary = [number for number in eos_ids if number < len(types) and types[number] == TokenType.NORMAL]
    wrong += [f"llama.cpp ends an answer at {_text(tokens, number)}, an ordinary token" for number in ordinary[:3]]
    if modelfile is not None and set(STOP.findall(modelfile)) != set(chat_family.stops):
        stops = ", ".join(STOP.findall(modelfile)) or "nowhere"
        wrong.append(f"the Modelfile stops at {stops}, the template at {', '.join(chat_family.stops)}")
    return wrong


def _text(tokens: Sequence[str], number: object) -> str:
    return tokens[number] if isinstance(number, int) and 0 <= number < len(tokens) else ""


def _end_tokens_of_base(base: Path, tokens: Sequence[str]) -> set[str]:
    """The end tokens that a model folder names: its tokenizer's, its config's, its generation_config's."""
    texts: set[str] = set()
    for file in ("tokenizer_config.json", "config.json", "generation_config.json"):
        try:
            facts = json.loads((base / file).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        eos = facts.get("eos_token")
        texts.add(eos.get("content", "") if isinstance(eos, dict) else eos or "")
        numbers = facts.get("eos_token_id")
        texts |= {_text(tokens, number) for number in (numbers if isinstance(numbers, list) else [numbers])}
    return texts - {""}
