"""A model and a database, opened once and asked many times: the way in for Python programs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from ..core.records import Schema
from ..core.run import newest_exported_run
from ..engines.engine import Engine
from ..engines.load import load
from .answer import FAST, Policy, Reply, answer, stream
from .prepare import prepare


class Assistant:
    """Answers questions about one database with one model. Not for two threads at a time.

    >>> from sql_llama import Assistant
    >>> with Assistant.open("tuned.gguf", "shop.sqlite") as assistant:  # doctest: +SKIP
    ...     reply = assistant.ask("How many orders are there?")
    ...     print(reply.sql, reply.result.rows if reply.result else reply.error)
    """

    def __init__(self, engine: Engine, database: str | Path, policy: Policy = FAST) -> None:
        """`database` is a SQLite file or its URL. Raises DataError when it is missing or cannot be read."""
        self.engine = engine
        self.url = str(database)
        self.policy = policy
        prepare(self.url)

    @classmethod
    def open(cls, model: str | Path | None, database: str | Path, *, policy: Policy = FAST) -> Self:
        """Load a model and read a database.

        `model` is what `sql-llama ask --model` takes: a GGUF file, `BASE.gguf+LORA.gguf`, a model or run folder,
        `ollama:NAME`; None is the newest exported run's. Raises DataError for what is missing or broken.
        """
        prepare(str(database))  # before the model, which takes longer
        return cls(load(str(model or newest_exported_run().shipped())), database, policy)

    @property
    def schema(self) -> Schema:
        """Return the tables and keys that the model is shown; read again when the database has changed."""
        return prepare(self.url).schema

    def ask(
        self, question: str, *, candidates: int | None = None, on_piece: Callable[[str], object] | None = None
    ) -> Reply:
        """Answer one question: the SQL, and its rows or the database's error.

        `candidates` overrides the policy's. `on_piece` gets the model's words as they come. Raises SqlLlamaError when
        the engine fails or the schema does not fit its context, RecipeError when it cannot give several candidates.
        """
        policy = self.policy if candidates is None else replace(self.policy, candidates=candidates)
        if on_piece is None:
            return answer(self.engine, prepare(self.url), question, policy)
        pieces = stream(self.engine, prepare(self.url), question, policy)
        while True:
            try:
                on_piece(next(pieces))
            except StopIteration as end:
                reply: Reply = end.value
                return reply

    def close(self) -> None:
        """Give the model's memory back."""
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
