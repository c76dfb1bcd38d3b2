"""From a question to its answer: prompt, generate, extract, check, run, choose.

`ask`, `chat` and `eval` all go this way and differ in nothing but their Policy. Each step is a function of its own.
"""

import contextlib
import re
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..core.errors import QueryError, RecipeError
from ..core.records import Answer, ResultSet, Schema
from ..databases.database import open_database
from ..databases.mend import mend
from ..databases.requote import requote, understood
from ..engines.engine import Engine, SeveralAnswers
from ..engines.engine import answer as whole_answer
from ..prompts.budget import Prompt, fitting_prompt
from ..prompts.hints import find_hints
from ..sql.extract import extract_sql
from ..sql.guard import check, one_statement
from ..sql.guard_servers import checked
from .notes import notes
from .prepare import PreparedDatabase

Step = Literal["reading", "writing", "choosing", "running"]
"""What a model is doing: reading the prompt, writing the first answer, writing others, or its query is running."""
Returned = Callable[[PreparedDatabase, str], int | None]
"""Runs a query and says how many rows it returned; None where it was refused or failed."""


@dataclass(frozen=True)
class Policy:
    """How a question is answered."""

    candidates: int = 1
    """Answers that the model gives; of several the first is taken whose query runs and returns rows."""
    max_tokens: int = 256
    """Length of an answer in tokens; the longest reference query of Spider has 190."""
    query_seconds: float = 10.0
    """Time that one query may take."""
    max_rows: int = 1000
    """Rows of a result that are read."""
    runs: Literal["always", "to choose"] = "always"
    """Whether the query is run, or only where one of several has to be chosen."""
    repair: bool = False
    """Whether a query that the database does not understand is mended without the model (sql/repair.py)."""
    when_none_runs: Literal["first", "no query"] = "first"
    """Of several answers of which none runs: the most probable one with its error, or none at all."""


FAST = Policy(repair=True)
"""One answer, mended where it is not understood: how `ask` and `chat` answer a person."""
BEST = Policy(repair=True, candidates=8)
"""Eight answers, each mended; the first is taken that returns rows."""
POLICIES = {"fast": FAST, "best": BEST}
EVALUATION = Policy(query_seconds=30.0, max_rows=100_000, runs="to choose")
"""How `eval` asks: the model alone. Reference query and answer are then run by the judge, within the same limits."""


@dataclass(frozen=True)
class Candidate:
    """One answer of a model, and the query in it.

    `requoted`: names are written as the schema has them. `repaired`: what was mended, in words.
    """

    answer: Answer
    sql: str
    requoted: bool = False
    repaired: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reply:
    """The answer to a question.

    `sql` was taken out of `text`, the model's own words; `result` holds its rows, or `error` says why there are none.
    `seconds` and `tokens` are those of the generation. `dropped`: tables that the model was not shown. `requoted`:
    names in `sql` are in quotes that the model left out, or spelled as the schema spells them. `repaired`: what was
    mended in it, in words. `notes`: what a person should know beside it. The answer is number `chosen`, from 0, of
    `candidates`.
    """

    sql: str
    result: ResultSet | None
    error: str
    seconds: float
    tokens: int
    text: str
    dropped: tuple[str, ...] = ()
    requoted: bool = False
    candidates: tuple[Candidate, ...] = ()
    chosen: int = 0
    repaired: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def confidence(self) -> float | None:
        """Return the probability that the model gave `sql`, in all its candidates together; None where it is unknown.

        It is the model's own, not calibrated: higher is more often right, but 0.9 does not mean nine of ten.
        """
        known = [c.answer.confidence for c in self.candidates if c.sql == self.sql and c.answer.confidence is not None]
        return min(1.0, sum(known)) if known else None

    @property
    def helps(self) -> tuple[str, ...]:
        """What was used beside the model's first words: any of requote, repair, candidates."""
        used = {"requote": self.requoted, "repair": self.repaired, "candidates": len(self.candidates) > 1}
        return tuple(name for name, value in used.items() if value)


def answer(engine: Engine, database: PreparedDatabase, question: str, policy: Policy = FAST) -> Reply:
    """Answer one question.

    A query that is refused or fails is a Reply with `error`. Raises SqlLlamaError when the engine fails, when the
    prompt does not fit its context, and when it cannot give several candidates.
    """
    several = check_candidates(engine, policy)
    if own := own_query(database, question, policy):
        return own
    prompt = prompt_for(database, question, engine, policy)
    if several:
        answers = next(several.candidates([prompt.chat], beams=policy.candidates, max_tokens=policy.max_tokens))
    else:
        answers = [whole_answer(engine, prompt.chat, max_tokens=policy.max_tokens)]
    return _noted(reply_to(database, prompt, answers, policy), question)


def stream(
    engine: Engine,
    database: PreparedDatabase,
    question: str,
    policy: Policy = FAST,
    *,
    on_step: Callable[[Step], None] = lambda step: None,
    stop: threading.Event | None = None,
) -> Generator[str, None, Reply]:
    """Answer like `answer`, and yield the pieces of the first answer as they come; the generator returns the Reply.

    Where the policy wants several, the most probable one is written first, to be watched, and then all of them are
    searched for. Some pieces are empty, so that a caller can stop early by closing the generator. A set `stop` ends
    the search too.
    """
    several = check_candidates(engine, policy)
    if own := own_query(database, question, policy):
        yield own.sql
        return own
    prompt = prompt_for(database, question, engine, policy)
    on_step("reading")
    with contextlib.closing(engine.stream(prompt.chat, max_tokens=policy.max_tokens)) as pieces:
        first = yield from _watched(pieces, on_step)
    answers = [first]
    if several:
        on_step("choosing")
        search = several.candidates([prompt.chat], beams=policy.candidates, max_tokens=policy.max_tokens, stop=stop)
        answers = next(search, [])
        yield ""  # where a stopped search has left nothing, the caller closes this generator here
    on_step("running")
    return _noted(reply_to(database, prompt, answers or [first], policy), question)


def _watched(pieces: Generator[str, None, Answer], on_step: Callable[[Step], None]) -> Generator[str, None, Answer]:
    writing = False
    while True:
        try:
            piece = next(pieces)
        except StopIteration as end:
            whole: Answer = end.value
            return whole
        if piece and not writing:
            writing = True
            on_step("writing")
        yield piece


def answer_many(
    engine: Engine,
    questions: Iterable[tuple[PreparedDatabase, str] | None],
    policy: Policy,
    returned: Returned | None = None,
) -> Iterator[Reply]:
    """Answer many questions, in their order, as many at a time as the engine likes.

    One that is None, or whose prompt does not fit the context, gets an empty answer. `returned` runs the queries of
    candidates elsewhere, in a process of its own for instance.
    """
    several = check_candidates(engine, policy) or (engine if isinstance(engine, SeveralAnswers) else None)
    prompts: list[tuple[PreparedDatabase, Prompt] | None] = []
    for question in questions:
        prompt = prompt_for(*question, engine, policy) if question else None
        fits = prompt is not None and engine.fits(prompt.chat, max_tokens=1)
        prompts.append((question[0], prompt) if question and prompt and fits else None)
    chats = [item[1].chat for item in prompts if item]
    if several:
        answers = several.candidates(chats, beams=policy.candidates, max_tokens=policy.max_tokens)
    else:
        answers = ([whole_answer(engine, chat, max_tokens=policy.max_tokens)] for chat in chats)
    for item in prompts:
        if item is None:
            yield Reply("", None, "", 0.0, 0, "", candidates=(Candidate(Answer(""), ""),))
        else:
            yield reply_to(*item, next(answers), policy, returned)


def check_candidates(engine: Engine, policy: Policy) -> SeveralAnswers | None:
    """Return the engine where the policy wants several answers of it; raises RecipeError when it gives one only."""
    if policy.candidates == 1:
        return None
    if not isinstance(engine, SeveralAnswers):
        raise RecipeError(
            f"{engine.name}: this engine gives one answer only, not {policy.candidates}",
            fix="give a GGUF file or a model folder, or ask for one answer",
        )
    return engine


def own_query(database: PreparedDatabase, question: str, policy: Policy) -> Reply | None:
    """Return the reply to a question that is a query itself, which is run as it is; None for one in words."""
    sql = one_statement(question.strip())
    if not re.match(r"(?:select|with)\b", sql, re.IGNORECASE) or not is_query(sql, database):
        return None
    result = _outcome(database, sql, policy) if database.url and policy.runs == "always" else None
    rows = result if isinstance(result, ResultSet) else None
    error = str(result) if isinstance(result, QueryError) else ""
    return Reply(sql, rows, error, 0.0, 0, sql, notes=("Your own query was run as it is.", *notes("", rows)))


def is_query(text: str, database: PreparedDatabase) -> bool:
    """Tell whether a text is a query in the database's own dialect."""
    if database.dialect == "sqlite":
        return understood(text, database.schema)
    try:
        return bool(checked(text, database.dialect)) and bool(re.search(r"\bfrom\b|\d|\(", text, re.IGNORECASE))
    except QueryError:
        return False


def policy_for(engine: Engine, name: str, candidates: int | None) -> Policy:
    """Return the policy of that name in POLICIES, with another number of candidates where one is given.

    An engine that gives one answer only gives one with `best` too; asked for a number, it is refused later.
    """
    policy = POLICIES[name]
    if candidates is not None:
        return replace(policy, candidates=candidates)
    return policy if isinstance(engine, SeveralAnswers) else replace(policy, candidates=1)


def prompt_for(database: PreparedDatabase, question: str, engine: Engine, policy: Policy = FAST) -> Prompt:
    """Return the prompt for one question, with as many tables as fit the engine's context beside an answer."""
    return fitting_prompt(
        database.schema,
        question,
        find_hints(question, database.cells),
        lambda chat: engine.fits(chat, max_tokens=policy.max_tokens),
    )


def reply_to(
    database: PreparedDatabase,
    prompt: Prompt,
    answers: Sequence[Answer],
    policy: Policy,
    returned: Returned | None = None,
) -> Reply:
    """Return the best of one or more answers, its query run where the policy says so."""
    candidates = tuple(candidate(text, database, repair=policy.repair) for text in answers)
    outcomes: dict[str, ResultSet | QueryError] = {}

    def outcome(sql: str) -> ResultSet | QueryError:
        if sql not in outcomes:
            outcomes[sql] = _outcome(database, sql, policy)
        return outcomes[sql]

    def count(sql: str) -> int | None:
        if returned is not None:
            return returned(database, sql)
        result = outcome(sql)
        return len(result.rows) if isinstance(result, ResultSet) else None

    runs = bool(database.url)
    chosen = choose(count(item.sql) for item in candidates) if runs and len(candidates) > 1 else 0
    best = candidates[max(chosen, 0)]
    last = outcome(best.sql) if runs and policy.runs == "always" else None
    sql = best.sql if chosen >= 0 or policy.when_none_runs == "first" else ""
    return Reply(
        sql,
        last if isinstance(last, ResultSet) else None,
        str(last) if isinstance(last, QueryError) else "",
        best.answer.seconds,
        best.answer.tokens,
        best.answer.text,
        prompt.dropped,
        best.requoted,
        candidates,
        max(chosen, 0),
        best.repaired,
    )


def _noted(reply: Reply, question: str) -> Reply:
    return replace(reply, notes=notes(question, reply.result))


def candidate(text: Answer, database: PreparedDatabase, *, repair: bool = False) -> Candidate:
    """Return the query in an answer, with names as the database has them, mended where `repair` says so."""
    sql, requoted = query_in(text.text, database.schema)
    mended = mend(sql, database.schema) if repair else None
    if mended is not None:
        return Candidate(text, database.rewrite(mended.sql), requoted, mended.changes)
    return Candidate(text, database.rewrite(sql), requoted)


def query_in(text: str, schema: Schema) -> tuple[str, bool]:
    """Return the query in a model's text, with names as the schema has them, and whether that changed it."""
    written = extract_sql(text)
    sql = requote(written, schema)
    return sql, sql != written


def choose(returned: Iterable[int | None]) -> int:
    """Return which of several queries to take, by the rows that each returned (None: it does not run).

    The first that returns rows, else the first that runs; -1 where none runs. None after it is looked at.

    >>> choose([None, 0, 3, 5]), choose([None, 0]), choose([None, None])
    (2, 1, -1)
    """
    first_that_runs = -1
    for place, rows in enumerate(returned):
        if rows:
            return place
        if rows is not None and first_that_runs < 0:
            first_that_runs = place
    return first_that_runs


def _outcome(database: PreparedDatabase, sql: str, policy: Policy) -> ResultSet | QueryError:
    """What the database says to a query: rows, or why there are none."""
    try:
        if database.dialect == "sqlite":
            check(sql)  # the other engines' own query() checks
        with contextlib.closing(open_database(database.url)) as opened:
            return opened.query(sql, timeout=policy.query_seconds, max_rows=policy.max_rows)
    except QueryError as error:
        return error
