"""What every engine offers: one chat in, pieces of text out."""

import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ..core.errors import SqlLlamaError
from ..core.records import Answer, Message


class Engine(Protocol):
    """A loaded model. Greedy: the same chat gives the same answer."""

    name: str

    @property
    def facts(self) -> Mapping[str, Any]:
        """What a model card says: bytes, quantization, architecture, parameters, as far as known."""
        ...

    @property
    def identity(self) -> str:
        """Changes when the model does: answers of another identity are not kept."""
        ...

    def stream(self, chat: Sequence[Message], *, max_tokens: int = 256) -> Generator[str, None, Answer]:
        """Yield the pieces of the answer as they are decoded; the generator's return value is the whole Answer.

        Closing the generator early stops the decoding. Raises SqlLlamaError when the chat does not fit the context.
        """
        ...

    def fits(self, chat: Sequence[Message], *, max_tokens: int = 256) -> bool:
        """Tell whether the chat and an answer of `max_tokens` fit the context."""
        ...

    def close(self) -> None:
        """Give back memory; the engine cannot be used afterwards."""
        ...


@runtime_checkable
class SeveralAnswers(Protocol):
    """An engine that answers many chats, each with its most probable answers."""

    def candidates(
        self,
        chats: Sequence[Sequence[Message]],
        *,
        beams: int = 1,
        max_tokens: int = 256,
        stop: threading.Event | None = None,
    ) -> Iterator[list[Answer]]:
        """Yield for each chat, in their order, up to `beams` answers, the most probable first.

        After `stop` was set, an engine may give fewer answers or none.
        """
        ...


@runtime_checkable
class Adaptable(Protocol):
    """An engine that holds one base with several LoRA adapters, of which one at most is in use."""

    @property
    def adapters(self) -> Mapping[str, Path]:
        """The files of the loaded adapters by their names."""
        ...

    @property
    def adapter(self) -> str:
        """The name of the adapter in use, empty for the bare base."""
        ...

    def add_adapter(self, path: Path) -> None:
        """Load a LoRA GGUF under the name of its file, and use it."""
        ...

    def use(self, adapter: str) -> None:
        """Answer with this adapter, or with the bare base where the name is empty."""
        ...


def fitting(name: str, prompt: list[int], num_ctx: int) -> list[int]:
    """Return the prompt's token ids; raises SqlLlamaError when they leave no room for an answer in the context."""
    if len(prompt) >= num_ctx:
        raise SqlLlamaError(
            f"{name}: the prompt has {len(prompt)} tokens, the context holds {num_ctx}", fix="ask about fewer tables"
        )
    return prompt


def answer(engine: Engine, chat: Sequence[Message], *, max_tokens: int = 256) -> Answer:
    """Return the whole answer at once."""
    pieces = engine.stream(chat, max_tokens=max_tokens)
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            result: Answer = end.value
            return result
