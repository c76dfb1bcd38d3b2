"""Prove that a file is the model that was trained, is asked what that was trained on, and stops: its certificate.

A tuned model that is good in training and bad in Ollama was nearly always given other tokens: another template, a BOS
token twice or never, another tokenizer. So the same chats go through every runtime that is here and the ids are
compared. Weights spoilt on the way show in what the file says at the tokens of known answers.
"""

import datetime
import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..._version import __version__
from ...core.errors import DataError
from ...core.files import sha256, write_json, write_text
from ...core.progress import progress
from ...core.records import Message
from ...modelfiles.templates import FAMILIES, Family, family, render_chat
from ...models.folder import fingerprint
from ...models.gguf_header import Gguf, read_gguf
from ...models.tokens import chat_tokens, read_tokenizer
from ..register import counted_by_ollama, rendered_by_ollama
from .divergence import divergence
from .end_tokens import ends
from .probes import probes, stop_probes
from .provenance import prompt_hash
from .reference import Reference

if TYPE_CHECKING:
    from ...engines.llamacpp import LlamaCpp

COUNTED = 5  # prompts that Ollama is really asked
LONGEST_ANSWER = 256  # tokens
SHOWN = 3  # failures that a check keeps
CERTIFICATE_VERSION = 2

Verdict = Literal["pass", "fail", "skipped"]

# Mean KL in nats that a file may be from the merged model, by its type or the bits of its type: three times and more
# what the starter (SmolLM2-135M) measures: F16 0.000002, Q8_0 0.0005, Q6_K 0.002, Q5_K_M 0.007, Q4_K_M 0.015, Q4_0
# 0.045, Q3_K_M 0.043, Q2_K 0.07. The Q4_K_M with one layer of its thirty zeroed measures 0.07 to 14.
LIMITS = {16: 0.001, 8: 0.005, 6: 0.02, 5: 0.03, 4: 0.05, 3: 0.15, 2: 0.3, 1: 0.6}
COARSE = {"Q4_0": 0.15, "Q4_1": 0.15, "Q5_0": 0.06, "Q5_1": 0.06}
EXPONENTS = {"F32": ("<u4", 0x7F800000), "F16": ("<u2", 0x7C00), "BF16": ("<u2", 0x7F80)}


@dataclass(frozen=True)
class Check:
    """One line of a certificate; `numbers` are what `said` says, for a program."""

    name: str
    verdict: Verdict
    said: str
    failures: tuple[str, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Certificate:
    """What was checked about one GGUF file; it passes when no check failed. `hashes` are of all that it was made of."""

    file: str
    sha256: str
    bytes: int
    family: str
    checks: tuple[Check, ...]
    versions: dict[str, str] = field(default_factory=dict)
    made: str = ""
    hashes: dict[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return all(check.verdict != "fail" for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        return {
            "certificate_version": CERTIFICATE_VERSION,
            "verdict": "pass" if self.passed else "fail",
            **asdict(self),
        }


def certify(
    gguf: Path,
    base: Path | None,
    *,
    reference: Reference | None = None,
    modelfile: Path | None = None,
    tokenizer: Path | None = None,
    threads: int | None = None,
) -> Certificate:
    """Check one GGUF file against the Hugging Face folder `base` and what the merged model says (`reference`).

    `modelfile` ships beside it; `tokenizer` is the folder that has it, by default the base's. What needs a thing that
    is None is skipped, and says so. Raises DataError for a file that is broken, or of which nobody knows the chat
    family.
    """
    from ...engines.llamacpp import load_llamacpp

    header = read_gguf(gguf)
    metadata = header.metadata
    chat_family = family_of(gguf, metadata)
    chats = probes()
    theirs, why = _tokenizer(tokenizer or base)
    beside = modelfile.read_text(encoding="utf-8") if modelfile is not None and modelfile.is_file() else None
    engine = load_llamacpp(gguf, threads=threads)
    try:
        checks = (
            _template(chats, chat_family, metadata, theirs),
            _vocabulary(metadata, theirs, why),
            _tokens(chats, chat_family, theirs, why, engine),
            _bos(chats, chat_family, metadata, engine),
            _ends(metadata, chat_family, engine, base, beside),
            _stops(stop_probes(), engine),
            _weights(gguf, header),
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
    )


def family_of(gguf: Path, metadata: Mapping[str, Any]) -> Family:
    """The family whose template the file carries; of a template that was changed, the one it was made for.

    That is what its provenance says, else whose end of turn it ends with. Raises DataError when it is none of ours.
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
    raise DataError(f"{gguf}: carries no chat template of sql-llama", fix="make it with sql-llama export")


def _check(name: str, failures: Sequence[str], total: int, what: str) -> Check:
    verdict: Verdict = "fail" if failures else "pass"
    return Check(name, verdict, f"{total - len(failures)} of {total} {what}", tuple(failures[:SHOWN]))


def _template(
    chats: Sequence[Sequence[Message]], chat_family: Family, metadata: Mapping[str, Any], tokenizer: Any
) -> Check:
    """The embedded template makes the text that training used, here and in Hugging Face."""
    embedded = metadata["tokenizer.chat_template"]
    failures = []
    for chat in chats:
        wanted = render_chat(chat_family.jinja, chat)
        found = [_rendered(embedded, chat)]
        if tokenizer is not None:
            conversation = [{"role": message.role, "content": message.content} for message in chat]
            found.append(
                tokenizer.apply_chat_template(
                    conversation, chat_template=embedded, add_generation_prompt=True, tokenize=False
                )
            )
        if any(text != wanted for text in found):
            lost = [message.role for message in chat if any(message.content not in text for text in found)]
            failures.append(f"{_asked(chat)}: the {lost[0]} message is lost" if lost else _asked(chat))
    by = " here and by Hugging Face" if tokenizer is not None else " here"
    return _check("template", failures, len(chats), f"prompts are rendered as in training{by}")


def _rendered(template: str, chat: Sequence[Message]) -> str:
    try:
        return render_chat(template, chat)
    except DataError as error:
        return error.message


def _vocabulary(metadata: Mapping[str, Any], tokenizer: Any, why: str) -> Check:
    """Every id has the same text in Hugging Face and in the file."""
    if tokenizer is None:
        return Check("vocabulary", "skipped", why)
    mine: Sequence[str] = metadata.get("tokenizer.ggml.tokens", [])
    theirs = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    failures = [
        f"id {number} is {own!r}, not {other!r}"
        for number, (own, other) in enumerate(zip(mine, theirs, strict=False))
        if own != other and other is not None
    ]
    if len(mine) < len(theirs):
        failures.append(f"{len(mine)} tokens, not {len(theirs)}")
    return _check("vocabulary", failures, len(theirs), "ids have the same text in Hugging Face and in the file")


def _tokens(
    chats: Sequence[Sequence[Message]], chat_family: Family, tokenizer: Any, why: str, engine: "LlamaCpp"
) -> Check:
    """Hugging Face and llama.cpp make the same ids of a prompt."""
    if tokenizer is None:
        return Check("tokens", "skipped", why)
    try:
        failures = [
            _asked(chat) for chat in chats if engine.prompt_tokens(chat) != chat_tokens(chat, tokenizer, chat_family)
        ]
    except DataError as error:  # the tokenizer lacks the BOS token
        return Check("tokens", "fail", error.message)
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
        bare = engine.tokenize(engine.render(chat))
        if len(ids) - len(bare) != wanted or ids[wanted:] != bare:
            failures.append(_asked(chat))
    return _check("bos", failures, len(chats), f"prompts have {wanted or 'no'} BOS token before them")


def _ends(
    metadata: dict[str, Any], chat_family: Family, engine: "LlamaCpp", base: Path | None, modelfile: str | None
) -> Check:
    """The end of a turn is the same everywhere."""
    wrong = ends(metadata, chat_family, engine, base, modelfile)
    places = ["the file", "llama.cpp", *(["Hugging Face"] if base else []), *(["the Modelfile"] if modelfile else [])]
    said = f"{chat_family.end_of_turn} ends an answer in {', '.join(places)}"
    return Check("ends", "fail" if wrong else "pass", "ends differ" if wrong else said, tuple(wrong))


def _stops(asked: Sequence[Sequence[Message]], engine: "LlamaCpp") -> Check:
    """The model ends its answer by itself."""
    with progress("checking that the model stops", len(asked), "answers") as advance:
        answers = list(engine.answer_many(asked, max_tokens=LONGEST_ANSWER, advance=advance))
    failures = [_asked(chat) for chat, answer in zip(asked, answers, strict=True) if not answer.stopped]
    return _check("stops", failures, len(asked), f"answers end by themselves within {LONGEST_ANSWER} tokens")


def _weights(gguf: Path, header: Gguf) -> Check:
    """No tensor is all zeros but a bias, which may be, and those that are not quantized hold numbers only."""
    import numpy as np

    failures = []
    for tensor in header.tensors:
        data = np.memmap(gguf, np.uint8, "r", tensor.offset, (tensor.bytes,))
        if not data.any():
            if not tensor.name.endswith(".bias"):
                failures.append(f"{tensor.name} is all zeros")
        elif tensor.kind in EXPONENTS:
            form, exponent = EXPONENTS[tensor.kind]
            if ((data.view(form) & exponent) == exponent).any():  # all bits set: infinite, or not a number
                failures.append(f"{tensor.name} has values that are not finite")
    return _check("weights", failures, len(header.tensors), "tensors hold finite values that are not all zero")


def closeness(file: "Path | LlamaCpp", metadata: Mapping[str, Any], reference: Reference | None) -> Check:
    """The file says what the merged model says, as nearly as its type can."""
    if reference is None:
        return Check("divergence", "skipped", "no merged model to compare with")
    kind, limit = kl_limit(metadata)
    try:
        found = divergence(reference, file)
    except DataError as error:
        return Check("divergence", "fail", error.message)
    numbers = {**asdict(found), "limit": limit}
    said = (
        f"{kind}: KL {found.kl:.2g} ± {found.kl_error:.1g} from the merged model (at most {limit:g}), same best token "
        f"{found.top1:.1%}, perplexity {found.perplexity:.4g} for {found.reference_perplexity:.4g}, "
        f"{found.tokens} answer tokens"
    )
    # what is not a number is not within any limit
    return Check("divergence", "pass" if found.kl <= limit else "fail", said, (), numbers)


def kl_limit(metadata: Mapping[str, Any]) -> tuple[str, float]:
    """A file's type, such as Q4_K_M, and the mean KL that it may have."""
    import re

    import llama_cpp

    prefix, number = "LLAMA_FTYPE_", metadata.get("general.file_type", 0)
    names = [name for name in dir(llama_cpp) if name.startswith(prefix) and getattr(llama_cpp, name) == number]
    kind = names[0].removeprefix(prefix).removeprefix("MOSTLY_").removeprefix("ALL_") if names else "unknown type"
    bits = re.search(r"\d+", kind)
    return kind, COARSE.get(kind, LIMITS.get(min(int(bits[0]), 16) if bits else 16, LIMITS[16]))


def certify_ollama(certificate: Certificate, gguf: Path, model: str, version: str, host: str = "") -> Certificate:
    """Add what the Ollama server makes of the same chats to a certificate; `model` is the name that `gguf` has there.

    The server tells the text that it renders, and how many tokens the model was given. Where both are as in llama.cpp,
    whose tokenizer it runs, the ids are too, and no BOS token was added or lost.
    """
    from ...engines.llamacpp import load_llamacpp

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
        seen = seen.replace("|", "\\|")  # of tokens such as <|im_end|>: a bar ends a cell
        lines.append(f"| {check.name} | {check.verdict} | {seen} |")
    lines += [
        "",
        f"sha256 `{certificate.sha256}`, {certificate.bytes} bytes, template family {certificate.family}.",
        "",
    ]
    lines += [f"{name} `{digest}`  " for name, digest in certificate.hashes.items()]
    lines += [""] if certificate.hashes else []
    lines += [
        ", ".join(f"{name} {version}" for name, version in certificate.versions.items()) + f"; {certificate.made}"
    ]
    return "\n".join(lines) + "\n"


def _asked(chat: Sequence[Message]) -> str:
    return chat[-1].content.splitlines()[0][:80]


def _tokenizer(folder: Path | None) -> tuple[Any, str]:
    """What Hugging Face has to compare with; or None, and why: not every base that can be exported can be loaded."""
    if folder is None:
        return None, "no Hugging Face folder to compare with"
    try:
        return read_tokenizer(folder), ""
    except DataError as error:
        return None, error.message


def _hashes(metadata: Mapping[str, Any], base: Path | None) -> dict[str, str]:
    """Of what the file says it was made from, and of what it was compared with."""
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
