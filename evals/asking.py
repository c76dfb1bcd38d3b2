"""Ask an engine every question, in order: questions in, an answer and the SQL in it out."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..assistant.ask import MAX_TOKENS, chat_for, prepare
from ..core.errors import DataError
from ..core.records import Answer, Message
from ..databases.unreadable import reason
from ..engines.engine import Engine, SeveralAnswers, answer
from .choose import choose
from .questions.questions import Question


def answers(
    engine: Engine, items: Sequence[Question], beams: int, lost: dict[Path, str]
) -> Iterator[tuple[Answer, str]]:
    """Yield an answer to each question and its SQL, of `beams` candidates the one that `choose` takes.

    The answer is '' where the prompt does not fit, even without unrelated tables. Databases that cannot be read go into
    `lost`, with the reason; nothing is asked about them.
    """
    return choose(items, _candidates(engine, items, beams, lost))


def _candidates(engine: Engine, items: Sequence[Question], beams: int, lost: dict[Path, str]) -> Iterator[list[Answer]]:
    """Answers in order, the best first; one of '' where the prompt does not fit."""
    chats: list[Sequence[Message]] = []
    for item in items:
        chats.append(())
        if item.database not in lost:
            try:
                chats[-1] = chat_for(prepare(str(item.database)), item.asked, engine).chat
            except (DataError, OSError) as error:
                lost[item.database] = reason(error, item.database)
    fits = [bool(chat) and engine.fits(chat, max_tokens=1) for chat in chats]
    candidates = _generated(engine, [chat for chat, fitting in zip(chats, fits, strict=True) if fitting], beams)
    for fitting in fits:
        yield next(candidates) if fitting else [Answer("")]


def _generated(engine: Engine, chats: Sequence[Sequence[Message]], beams: int) -> Iterator[list[Answer]]:
    if isinstance(engine, SeveralAnswers):
        return engine.candidates(chats, beams=beams, max_tokens=MAX_TOKENS)
    return ([answer(engine, chat, max_tokens=MAX_TOKENS)] for chat in chats)
