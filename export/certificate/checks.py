"""The checks of a certificate: template, vocabulary, token ids, BOS, end of turn, stopping, weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.errors import DataError
from ...core.progress import progress
from ...core.records import Message
from ...modelfiles.templates import Family, render_chat
from ...models.gguf_header import Gguf
from ...models.tokens import chat_tokens
from .certificate import Check, Verdict
from .end_tokens import end_token_problems

if TYPE_CHECKING:
    from ...engines.llamacpp import LlamaCpp

LONGEST_ANSWER = 256  # tokens
SHOWN = 3  # failures that a check keeps
# numpy's name of a value of each type, and the bits of its exponent
EXPONENTS = {"F32": ("<u4", 0x7F800000), "F16": ("<u2", 0x7C00), "BF16": ("<u2", 0x7F80)}


def count_failures(name: str, failures: Sequence[str], total: int, what: str) -> Check:
    """Return a check that passes without failures; it says of how many in `total` holds `what`."""
    verdict: Verdict = "fail" if failures else "pass"
    return Check(name, verdict, f"{total - len(failures)} of {total} {what}", tuple(failures[:SHOWN]))


def check_template(
    chats: Sequence[Sequence[Message]], chat_family: Family, metadata: Mapping[str, Any], tokenizer: Any
) -> Check:
    """Check that the file's template renders every chat as in training, here and in Hugging Face."""
    embedded = metadata["tokenizer.chat_template"]
    failures = []
    for chat in chats:
        text = render_chat(chat_family.jinja, chat)
        rendered = [_rendered(embedded, chat)]
        if tokenizer is not None:
            conversation = [{"role": message.role, "content": message.content} for message in chat]
            rendered.append(
                tokenizer.apply_chat_template(
                    conversation, chat_template=embedded, add_generation_prompt=True, tokenize=False
                )
            )
        if any(other != text for other in rendered):
            lost = [message.role for message in chat if any(message.content not in other for other in rendered)]
            failures.append(f"{question_of(chat)}: the {lost[0]} message is lost" if lost else question_of(chat))
    by = " here and by Hugging Face" if tokenizer is not None else " here"
    return count_failures("template", failures, len(chats), f"prompts are rendered as in training{by}")


def _rendered(template: str, chat: Sequence[Message]) -> str:
    try:
        return render_chat(template, chat)
    except DataError as error:
        return error.message


def check_vocabulary(metadata: Mapping[str, Any], tokenizer: Any, why: str) -> Check:
    """Check that every id has the same text in Hugging Face and in the file."""
    if tokenizer is None:
        return Check("vocabulary", "skipped", why)
    in_file: Sequence[str] = metadata.get("tokenizer.ggml.tokens", [])
    expected = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    failures = [
        f"id {number} is {text!r}, not {other!r}"
        for number, (text, other) in enumerate(zip(in_file, expected, strict=False))
        if text != other and other is not None
    ]
    if len(in_file) < len(expected):
        failures.append(f"{len(in_file)} tokens, not {len(expected)}")
    return count_failures(
        "vocabulary", failures, len(expected), "ids have the same text in Hugging Face and in the file"
    )


def check_tokens(
    chats: Sequence[Sequence[Message]], chat_family: Family, tokenizer: Any, why: str, engine: "LlamaCpp"
) -> Check:
    """Check that Hugging Face and llama.cpp make the same token ids of every prompt."""
    if tokenizer is None:
        return Check("tokens", "skipped", why)
    try:
        failures = [
            question_of(chat)
            for chat in chats
            if engine.prompt_tokens(chat) != chat_tokens(chat, tokenizer, chat_family)
        ]
    except DataError as error:  # the tokenizer lacks the BOS token
        return Check("tokens", "fail", error.message)
    return count_failures(
        "tokens", failures, len(chats), "prompts have the same token ids in Hugging Face and llama.cpp"
    )


def check_bos(
    chats: Sequence[Sequence[Message]], chat_family: Family, metadata: dict[str, Any], engine: "LlamaCpp"
) -> Check:
    """Check that a prompt begins with one BOS token where the family has one, and with none elsewhere.

    ChatML's messages begin with the very token that SmolLM2 calls BOS, so the tokens before the text are counted.
    """
    expected = 1 if chat_family.bos else 0
    adds_bos = bool(metadata.get("tokenizer.ggml.add_bos_token", False))
    failures = [] if adds_bos == chat_family.bos else [f"add_bos_token is {adds_bos}"]
    for chat in chats:
        ids = engine.prompt_tokens(chat)
        bare = engine.tokenize(engine.render(chat))
        if len(ids) - len(bare) != expected or ids[expected:] != bare:
            failures.append(question_of(chat))
    return count_failures("bos", failures, len(chats), f"prompts have {expected or 'no'} BOS token before them")


def check_end_of_turn(
    metadata: dict[str, Any], chat_family: Family, engine: "LlamaCpp", base: Path | None, modelfile: str | None
) -> Check:
    """Check that every place that can end an answer names the same tokens."""
    wrong = end_token_problems(metadata, chat_family, engine, base, modelfile)
    places = ["the file", "llama.cpp", *(["Hugging Face"] if base else []), *(["the Modelfile"] if modelfile else [])]
    text = f"{chat_family.end_of_turn} ends an answer in {', '.join(places)}"
    return Check("ends", "fail" if wrong else "pass", "end tokens differ" if wrong else text, tuple(wrong))


def check_stops(chats: Sequence[Sequence[Message]], engine: "LlamaCpp") -> Check:
    """Check that the model ends its answers by itself."""
    with progress("checking that answers end", len(chats), "answers") as advance:
        answers = list(engine.answer_many(chats, max_tokens=LONGEST_ANSWER, advance=advance))
    failures = [question_of(chat) for chat, answer in zip(chats, answers, strict=True) if not answer.stopped]
    return count_failures("stops", failures, len(chats), f"answers end within {LONGEST_ANSWER} tokens")


def check_weights(gguf: Path, header: Gguf) -> Check:
    """Check that no tensor but a bias is all zeros, and that those of floats hold finite numbers only."""
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
    return count_failures("weights", failures, len(header.tensors), "tensors hold finite values that are not all zero")


def question_of(chat: Sequence[Message]) -> str:
    """Return the first line of the last message: what a failure is named by."""
    return chat[-1].content.splitlines()[0][:80]
