"""Certify a file: it is the model that was trained, gets the prompts of the training, and ends its answers.

A tuned model that is good in training and bad in Ollama nearly always got other tokens: another template, a BOS token
twice or never, another tokenizer. So the same chats go through every runtime that is there, and the token ids are
compared. Damage to the weights shows in the predictions at the tokens of known answers.
"""

import datetime
import hashlib
import platform
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..._version import __version__
from ...core.errors import DataError, UnknownFamily
from ...core.files import sha256
from ...engines.ollama import prompt_token_counts, rendered_prompts
from ...modelfiles.templates import FAMILIES, Family, family, render_chat
from ...models.folder import fingerprint
from ...models.gguf_header import read_gguf
from ...models.tokens import read_tokenizer
from .certificate import Certificate
from .checks import (
    check_bos,
    check_end_of_turn,
    check_stops,
    check_template,
    check_tokens,
    check_vocabulary,
    check_weights,
    count_failures,
    question_of,
)
from .closeness import closeness
from .contents import contents
from .probes import probes, stop_probes
from .provenance import prompt_hash
from .reference import Reference

COUNTED = 5  # prompts whose tokens Ollama counts


def certify(
    gguf: Path,
    base: Path | None,
    *,
    reference: Reference | None = None,
    modelfile: Path | None = None,
    tokenizer: Path | None = None,
    threads: int | None = None,
) -> Certificate:
    """Check one GGUF file against the Hugging Face folder `base` and the predictions of the merged model, `reference`.

    `modelfile` is the Modelfile beside it; `tokenizer` is the folder with the tokenizer, by default the base. A check
    that needs something which is None is skipped. Raises DataError for a broken file, UnknownFamily for one whose chat
    template is not ours.
    """
    from ...engines.llamacpp import load_llamacpp

    header = read_gguf(gguf)
    metadata = header.metadata
    chat_family = family_in_file(gguf, metadata)
    chats = probes()
    tokenizer_of_base, reason = _tokenizer(tokenizer or base)
    beside = modelfile.read_text(encoding="utf-8") if modelfile is not None and modelfile.is_file() else None
    engine = load_llamacpp(gguf, threads=threads)
    try:
        checks = (
            check_template(chats, chat_family, metadata, tokenizer_of_base),
            check_vocabulary(metadata, tokenizer_of_base, reason),
            check_tokens(chats, chat_family, tokenizer_of_base, reason, engine),
            check_bos(chats, chat_family, metadata, engine),
            check_end_of_turn(metadata, chat_family, engine, base, beside),
            check_stops(stop_probes(), engine),
            check_weights(gguf, header),
            closeness(engine, metadata, reference),
        )
    finally:
        engine.close()
    return Certificate(
        gguf.name,
        sha256(gguf),
        gguf.stat().st_size,
        chat_family.name,
        checks,
        _versions(),
        datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        _hashes(metadata, base),
        contents(gguf).as_json(),
    )


def family_in_file(gguf: Path, metadata: Mapping[str, Any]) -> Family:
    """Return the family whose template the file carries; of a template that was changed, the one it was made for.

    That is the family in its provenance, else the one with the same end of turn. Raises UnknownFamily for others.
    """
    template = metadata.get("tokenizer.chat_template")
    for name in FAMILIES:
        if template == family(name).jinja:
            return family(name)
    if metadata.get("sql_llama.family") in FAMILIES:
        return family(metadata["sql_llama.family"])
    for name in FAMILIES:
        if family(name).end_of_turn in str(template) and "sql_llama.version" in metadata:
            return family(name)
    raise UnknownFamily(f"{gguf}: carries no chat template of sql-llama", fix="make it with sql-llama export")


def certify_ollama(certificate: Certificate, gguf: Path, model: str, version: str, host: str = "") -> Certificate:
    """Return the certificate with two checks of a running Ollama server, where `gguf` has the name `model`.

    The server gives the text that it renders, and the number of tokens of a prompt. Where both are as in llama.cpp,
    whose tokenizer it runs, the ids are the same too, and no BOS token was added or lost. Raises SqlLlamaError when the
    server refuses or goes away.
    """
    from ...engines.llamacpp import load_llamacpp

    chats = probes()
    chat_family = family(certificate.family)
    texts = rendered_prompts(model, chats, host)
    pairs = zip(chats, texts, strict=True)
    failures = [question_of(chat) for chat, text in pairs if text != render_chat(chat_family.jinja, chat)]
    rendered = count_failures("ollama", failures, len(chats), f"prompts are rendered alike by Ollama {version}")
    few = chats[:: len(chats) // COUNTED][:COUNTED]
    engine = load_llamacpp(gguf)
    try:
        expected = [len(engine.prompt_tokens(chat)) for chat in few]
    finally:
        engine.close()
    counts = prompt_token_counts(model, few, host)
    failures = [
        f"{question_of(chat)}: {count} tokens, not {right}"
        for chat, count, right in zip(few, counts, expected, strict=True)
        if count != right
    ]
    counted = count_failures(
        "ollama tokens", failures, len(few), "prompts have as many tokens in Ollama as in llama.cpp"
    )
    return replace(
        certificate,
        checks=(*certificate.checks, rendered, counted),
        versions={**certificate.versions, "ollama": version},
    )


def _tokenizer(folder: Path | None) -> tuple[Any, str]:
    """The tokenizer in Hugging Face, or None with the reason: some bases can be exported and not loaded there."""
    if folder is None:
        return None, "no Hugging Face folder to compare with"
    try:
        return read_tokenizer(folder), ""
    except DataError as error:
        return None, error.message


def _hashes(metadata: Mapping[str, Any], base: Path | None) -> dict[str, str]:
    """Hashes of what the file says it was made from, and of what it was compared with."""
    stated = {
        key.removeprefix("sql_llama.").removesuffix(".sha256"): str(value)
        for key, value in metadata.items()
        if key.startswith("sql_llama.") and key.endswith(".sha256")
    }
    template = hashlib.sha256(str(metadata.get("tokenizer.chat_template")).encode()).hexdigest()
    return {**stated, "prompt": prompt_hash(), "template": template, **({"base": fingerprint(base)} if base else {})}


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    names = ("llama-cpp-python", "transformers", "tokenizers", "gguf")
    return {"sql-llama": __version__, "python": platform.python_version(), **{name: version(name) for name in names}}
