"""An engine with prepared answers: for tests, and to see the REPL without a model."""

import re
import time
from collections.abc import Generator, Mapping, Sequence

from ..core.records import Answer, Message

CONTEXT = 4096  # tokens, each taken for four characters


class ScriptedEngine:
    """Answers by question: the text after the prompt's last `Question:`, else the last message as a whole.

    `seconds` pass before each piece; a question that is not in the script gets `otherwise`.
    """

    def __init__(
        self,
        answers: Mapping[str, str],
        *,
        name: str = "scripted",
        otherwise: str = "I do not know.",
        seconds: float = 0.0,
        num_ctx: int = CONTEXT,
    ) -> None:
        self.name = name
        self.answers = answers
        self.otherwise = otherwise
        self.seconds = seconds
        self.num_ctx = num_ctx
        self.chats: list[tuple[Message, ...]] = []
        self.closed = False

    @property
    def facts(self) -> Mapping[str, object]:
        """See engines.engine.Engine."""
        return {"architecture": "script"}

    @property
    def identity(self) -> str:
        """See engines.engine.Engine."""
        return self.name

    def fits(self, chat: Sequence[Message], *, max_tokens: int = 256) -> bool:
        """Tell whether the chat and an answer of `max_tokens` fit, four characters a token."""
        return sum(len(message.content) for message in chat) // 4 + max_tokens <= self.num_ctx

    def stream(self, chat: Sequence[Message], *, max_tokens: int = 256) -> Generator[str, None, Answer]:
        """See engines.engine.Engine. A token is a word with the blanks before it."""
        started = time.monotonic()
        self.chats.append(tuple(chat))
        text = self.answers.get(question_of(chat), self.otherwise)
        pieces = re.findall(r"\s*\S+|\s+\Z", text)
        for piece in pieces[:max_tokens]:
            time.sleep(self.seconds)
            yield piece
        answer = "".join(pieces[:max_tokens])
        return Answer(answer, len(pieces[:max_tokens]), time.monotonic() - started, len(pieces) <= max_tokens)

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True


def question_of(chat: Sequence[Message]) -> str:
    """Return the question in a prompt of prompts/messages.py.

    >>> question_of([Message("user", "Question: How many?\\nt.a int\\nQuestion: How many?")])
    'How many?'
    """
    return chat[-1].content.rpartition("Question: ")[2].strip()
