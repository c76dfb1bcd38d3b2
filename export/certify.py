"""Prove that the shipped file is asked what the model was trained on, and that it stops: certificate.json and .md.

A tuned model that is good in training and bad in Ollama was nearly always given other tokens: another template, a BOS
token twice or never, another tokenizer. So the same chats go through every runtime that is here and the ids are
compared.
"""

import datetime
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .._version import __version__
from ..core.errors import DataError
from ..core.files import sha256, write_json, write_text
from ..core.gguf_file import check_gguf
from ..core.progress import progress
from ..core.records import Message
from ..modelfiles.templates import FAMILIES, Family, family, render_chat
from .probes import probes, stop_probes
from .register import counted_by_ollama, rendered_by_ollama

if TYPE_CHECKING:
    from ..engines.llamacpp import LlamaCpp

COUNTED = 5  # prompts that Ollama is really asked
LONGEST_ANSWER = 256  # tokens
SHOWN = 3  # failures that a check keeps
CERTIFICATE_VERSION = 1

Verdict = Literal["pass", "fail", "skipped"]


@dataclass(frozen=True)
class Check:
    """One line of a certificate."""

    name: str
    verdict: Verdict
    said: str
    failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Certificate:
    """What was checked about one GGUF file; it passes when no check failed."""

    file: str
    sha256: str
    bytes: int
    family: str
    checks: tuple[Check, ...]
    versions: dict[str, str] = field(default_factory=dict)
    made: str = ""

    @property
    def passed(self) -> bool:
        return all(check.verdict != "fail" for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        return {
            "certificate_version": CERTIFICATE_VERSION,
            "verdict": "pass" if self.passed else "fail",
            **asdict(self),
        }


def certify(gguf: Path, base: Path | None, *, threads: int | None = None) -> Certificate:
    """Check one GGUF file against the Hugging Face folder `base` (None: what needs it is skipped).

    Raises DataError for a file that is broken or whose chat template is not one of ours.
    """
    from ..engines.llamacpp import load_llamacpp

    metadata = check_gguf(gguf)
    chat_family = family_of(gguf, metadata)
    chats = probes()
    engine = load_llamacpp(gguf, threads=threads)
    try:
        checks = (
            _template(chats, chat_family, base),
            _tokens(chats, chat_family, base, engine),
            _bos(chats, chat_family, metadata, engine),
            _stops(stop_probes(), engine),
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
    )


def family_of(gguf: Path, metadata: dict[str, Any]) -> Family:
    """The family whose template the file carries; raises DataError when it is none of ours."""
    for name in FAMILIES:
        if metadata.get("tokenizer.chat_template") == family(name).jinja:
            return family(name)
    raise DataError(f"{gguf}: carries no chat template of sql-llama", fix="make it with sql-llama export")


def _check(name: str, failures: Sequence[str], total: int, what: str) -> Check:
    verdict: Verdict = "fail" if failures else "pass"
    return Check(name, verdict, f"{total - len(failures)} of {total} {what}", tuple(failures[:SHOWN]))


def _template(chats: Sequence[Sequence[Message]], chat_family: Family, base: Path | None) -> Check:
    """Hugging Face renders the embedded template to the text that training used."""
    if base is None:
        return Check("template", "skipped", "no Hugging Face folder to compare with")
    tokenizer = _tokenizer(base)
    failures = []
    for chat in chats:
        conversation = [{"role": message.role, "content": message.content} for message in chat]
        theirs = tokenizer.apply_chat_template(
            conversation, chat_template=chat_family.jinja, add_generation_prompt=True, tokenize=False
        )
        if theirs != render_chat(chat_family.jinja, chat):
            failures.append(_asked(chat))
    return _check("template", failures, len(chats), "prompts are rendered alike by Hugging Face")


def _tokens(chats: Sequence[Sequence[Message]], chat_family: Family, base: Path | None, engine: "LlamaCpp") -> Check:
    """Hugging Face and llama.cpp make the same ids of a prompt."""
    if base is None:
        return Check("tokens", "skipped", "no Hugging Face folder to compare with")
    tokenizer = _tokenizer(base)
    bos = tokenizer.bos_token if chat_family.bos else ""
    failures = []
    for chat in chats:
        theirs = tokenizer(bos + render_chat(chat_family.jinja, chat), add_special_tokens=False)["input_ids"]
        if engine.prompt_tokens(chat) != theirs:
            failures.append(_asked(chat))
    return _check("tokens", failures, len(chats), "prompts have the same token ids in Hugging Face and llama.cpp")


def _bos(
    chats: Sequence[Sequence[Message]], chat_family: Family, metadata: dict[str, Any], engine: "LlamaCpp"
) -> Check:
    """The prompt starts with one BOS token where the family has one, and with none where it has not.

    ChatML's messages begin with the very token that SmolLM2 calls BOS, so what is counted is what stands before them.
    """
    wanted = 1 if chat_family.bos else 0
    said = bool(metadata.get("tokenizer.ggml.add_bos_token", False))
    failures = [] if said == chat_family.bos else [f"add_bos_token is {said}"]
    for chat in chats:
        ids = engine.prompt_tokens(chat)
        bare = engine.tokenize(render_chat(chat_family.jinja, chat))
        if len(ids) - len(bare) != wanted or ids[wanted:] != bare:
            failures.append(_asked(chat))
    return _check("bos", failures, len(chats), f"prompts have {wanted or 'no'} BOS token before them")


def _stops(asked: Sequence[Sequence[Message]], engine: "LlamaCpp") -> Check:
    """The model ends its answer by itself."""
    with progress("checking that the model stops", len(asked), "answers") as advance:
        answers = list(engine.answer_many(asked, max_tokens=LONGEST_ANSWER, advance=advance))
    failures = [_asked(chat) for chat, answer in zip(asked, answers, strict=True) if not answer.stopped]
    return _check("stops", failures, len(asked), f"answers end by themselves within {LONGEST_ANSWER} tokens")


def certify_ollama(certificate: Certificate, gguf: Path, model: str, version: str, host: str = "") -> Certificate:
    """Add what the Ollama server makes of the same chats to a certificate; `model` is the name that `gguf` has there.

    The server tells the text that it renders, and how many tokens the model was given. Where both are as in llama.cpp,
    whose tokenizer it runs, the ids are too, and no BOS token was added or lost.
    """
    from ..engines.llamacpp import load_llamacpp

    chats = probes()
    chat_family = family(certificate.family)
    texts = rendered_by_ollama(model, chats, host)
    pairs = zip(chats, texts, strict=True)
    failures = [_asked(chat) for chat, text in pairs if text != render_chat(chat_family.jinja, chat)]
    rendered = _check("ollama", failures, len(chats), f"prompts are rendered alike by Ollama {version}")
    few = chats[:: len(chats) // COUNTED][:COUNTED]
    engine = load_llamacpp(gguf)
    try:
        wanted = [len(engine.prompt_tokens(chat)) for chat in few]
    finally:
        engine.close()
    counts = counted_by_ollama(model, few, host)
    failures = [
        f"{_asked(chat)}: {count} tokens, not {right}"
        for chat, count, right in zip(few, counts, wanted, strict=True)
        if count != right
    ]
    counted = _check("ollama tokens", failures, len(few), "prompts have as many tokens in Ollama as in llama.cpp")
    return replace(
        certificate,
        checks=(*certificate.checks, rendered, counted),
        versions={**certificate.versions, "ollama": version},
    )


def write_certificate(certificate: Certificate, folder: Path) -> tuple[Path, Path]:
    """Write certificate.json and certificate.md into `folder`."""
    paths = folder / "certificate.json", folder / "certificate.md"
    write_json(paths[0], certificate.as_json())
    write_text(paths[1], render_certificate(certificate))
    return paths


def render_certificate(certificate: Certificate) -> str:
    """The certificate as Markdown."""
    lines = [
        f"# Certificate of {certificate.file}: {'pass' if certificate.passed else 'FAIL'}",
        "",
        "| check | verdict | what was seen |",
        "| --- | --- | --- |",
    ]
    for check in certificate.checks:
        seen = check.said + "".join(f"<br>not: {json.dumps(item, ensure_ascii=False)}" for item in check.failures)
        lines.append(f"| {check.name} | {check.verdict} | {seen} |")
    lines += [
        "",
        f"sha256 `{certificate.sha256}`, {certificate.bytes} bytes, template family {certificate.family}.",
        "",
    ]
    lines += [
        ", ".join(f"{name} {version}" for name, version in certificate.versions.items()) + f"; {certificate.made}"
    ]
    return "\n".join(lines) + "\n"


def _asked(chat: Sequence[Message]) -> str:
    return chat[-1].content.splitlines()[0][:80]


def _tokenizer(base: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(base)


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    names = ("llama-cpp-python", "transformers", "tokenizers", "gguf")
    return {"sql-llama": __version__, "python": platform.python_version(), **{name: version(name) for name in names}}
