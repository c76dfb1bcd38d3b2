"""The REPL's state, and what each input does: a question goes to both models, a line starting with / is a command."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...assistant.answer import FAST, Policy, check_candidates
from ...assistant.prepare import PreparedDatabase, prepare
from ...core.errors import DataError, SqlLlamaError
from ...databases.url import parse_url
from ...engines.engine import Adaptable, Engine
from ...sql.ddl.parse import parse_ddl
from .answers import Side, start_answers
from .input import takes_ddl
from .screen import Screen

STOP_SECONDS = 0.5  # how long a stopped answer may take to end before the prompt comes back without it
CLOSE_SECONDS = 10.0  # how long the program waits at its end for one that is still in a decoding step

HELP = """\
Type a question; every question stands alone. Both answers are run read-only when a database is open.
  /db FILE        open a database: its schema is shown to the models, queries are run on it
  /schema [FILE]  take CREATE TABLE statements from FILE, or typed or pasted after it, up to a line ; or an empty line
  /tables         list the tables and columns that the models are shown
  /base on|off    ask the base model too, or the tuned one alone
  /adapter [NAME] list the adapters over the base, or answer with another one; a LORA.gguf is loaded first
  /history        list the questions asked so far
  /help           this list
  /quit           leave, as Ctrl-D does
Alt-Enter or a backslash at the end of a line starts a new line. Ctrl-C stops an answer."""


@dataclass(frozen=True)
class Source:
    """What questions are about: a database, or (with `prepared.url` empty) only a schema."""

    name: str
    prepared: PreparedDatabase

    def __str__(self) -> str:
        tables = self.prepared.schema.tables
        columns = sum(len(table.columns) for table in tables)
        return f"{self.name}: {_count(len(tables), 'table')}, {_count(columns, 'column')}"


def open_database(url: str) -> Source:
    """Read a database's schema and cells; raises DataError when it is missing or none, or has no table."""
    return Source(parse_url(url).name, prepare(url))


def take_ddl(ddl: str, name: str = "schema") -> Source:
    """Take CREATE TABLE statements; raises DataError when there are none."""
    if not ddl.strip():
        raise DataError("no schema was given", fix="/schema, then CREATE TABLE statements, then an empty line")
    return Source(name, PreparedDatabase("", parse_ddl(ddl), {}))


def read_ddl(path: Path) -> Source:
    """Take CREATE TABLE statements from a file; raises DataError when it cannot be read or has none."""
    try:
        text = path.expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8 text"
        raise DataError(f"{path}: cannot be read ({why})", fix="give a file of CREATE TABLE statements") from None
    return take_ddl(text, path.name)


class ChatSession:
    """One conversation: two engines (`base` may be None), what is asked about, and what was asked."""

    def __init__(
        self,
        screen: Screen,
        tuned: Engine,
        base: Engine | None,
        source: Source | None,
        policy: Policy = FAST,
    ) -> None:
        """Raises RecipeError when the policy wants several candidates of an engine that gives one only."""
        for engine in (tuned, base):
            if engine is not None:
                check_candidates(engine, policy)
        self.screen = screen
        self.policy = policy
        self.tuned = tuned
        self.base = base
        self.with_base = base is not None
        self.source = source
        self.questions: list[str] = []
        self._sides: list[Side] = []

    def status(self) -> str:
        """Return one line: the database or schema, and the models that answer."""
        return f"{self.source or 'no schema yet'} | {'base and tuned' if self.with_base else 'tuned'} | /help"

    def welcome(self) -> None:
        """Say who answers and about what."""
        if self.base is not None:
            self.screen.say(f"base:  {self.base.name}")
        self.screen.say(f"tuned: {self.tuned.name}")
        if isinstance(self.tuned, Adaptable) and len(self.tuned.adapters) > 1:
            self.screen.say(f"{len(self.tuned.adapters)} adapters: {', '.join(self.tuned.adapters)} (/adapter NAME)")
        self.screen.say(
            f"{self.source}" if self.source else "No schema yet: /db FILE opens a database, /schema takes DDL."
        )
        self.screen.say("/help lists the commands, Ctrl-D leaves.\n")

    def handle(self, text: str) -> bool:
        """Answer one input or carry out one command; False when it was the last."""
        text = text.strip()
        try:
            if takes_ddl(text):
                self._use(take_ddl(text.removeprefix("/schema")))
            elif text.startswith("/"):
                return self._command(*text.split(maxsplit=1))
            elif text:
                self._ask(text)
        except SqlLlamaError as error:
            self.screen.complain(error.message, error.fix)
        return True

    def _command(self, name: str, argument: str = "") -> bool:
        match name, argument.strip():
            case (("/quit" | "/exit" | "/q"), ""):
                return False
            case "/help", "":
                self.screen.say(HELP)
            case "/db", file if file:
                self._use(open_database(file))
            case "/schema", file:  # without a file it is DDL and does not come here
                self._use(read_ddl(Path(file)))
            case "/tables", "":
                self._list_tables()
            case "/base", ("on" | "off") as switch:
                self._switch_base(switch == "on")
            case "/adapter", adapter:
                self._adapter(adapter)
            case "/history", "":
                for number, question in enumerate(self.questions, 1):
                    self.screen.say(f"{number:3}  {question}")
            case _:
                self.screen.complain(
                    f"{name} {argument}".strip() + ": unknown command or wrong argument", "/help lists the commands"
                )
        return True

    def _use(self, source: Source) -> None:
        self.source = source
        self.screen.say(str(source))

    def _list_tables(self) -> None:
        if self.source is None:
            raise _no_source()
        for table in self.source.prepared.schema.tables:
            columns = (f"{column.name} {column.type}" for column in table.columns)
            self.screen.say(f"{table.name}({', '.join(columns)})")
        for key in self.source.prepared.schema.foreign_keys:
            self.screen.say(f"{key.table}.{key.column} -> {key.ref_table}.{key.ref_column}")

    def _switch_base(self, on: bool) -> None:
        if on and self.base is None:
            raise DataError("the base model is not loaded", fix="leave, and start sql-llama chat without --no-base")
        self.with_base = on
        self.screen.say("Base and tuned model answer." if on else "Only the tuned model answers.")

    def _adapter(self, name: str) -> None:
        tuned = self.tuned
        if not isinstance(tuned, Adaptable) or not tuned.adapters:
            raise DataError(
                f"{tuned.name}: has no adapter to change", fix="leave, and start with --model BASE.gguf+LORA.gguf"
            )
        if not name:
            for adapter in tuned.adapters:
                self.screen.say(f"{'*' if adapter == tuned.adapter else ' '} {adapter}")
            return
        self.wait()
        if name in tuned.adapters:
            tuned.use(name)
        else:
            path = Path(name).expanduser()
            if not path.is_file():
                raise DataError(f"{name}: no such adapter", fix="/adapter lists those that are there")
            tuned.add_adapter(path)
        self.screen.say(f"tuned: {tuned.name}")

    def _ask(self, question: str) -> None:
        if self.source is None:
            raise _no_source()
        self.questions.append(question)
        self.wait()
        sides = [Side("base", self.base)] if self.base is not None and self.with_base else []
        sides.append(Side("tuned", self.tuned))
        stop = threading.Event()
        self._sides = sides
        try:
            start_answers(sides, self.source.prepared, question, self.policy, stop)
            self.screen.follow(sides)
        except KeyboardInterrupt:
            stop.set()
            if not self.screen.live:
                raise
            self.wait(STOP_SECONDS)
        dropped = sorted({name for side in sides if side.reply for name in side.reply.dropped})
        if dropped:
            self.screen.say(f"Skipped tables, so that the prompt fits the context: {', '.join(dropped)}")
        self.screen.show(sides)
        self.screen.say(f"{agreement(sides)}\n".lstrip("\n"))

    def close(self) -> None:
        """Free both models, but never under a thread that still decodes."""
        self.wait(CLOSE_SECONDS)
        if all(side.ended.is_set() for side in self._sides):
            self.tuned.close()
            if self.base is not None:
                self.base.close()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until no engine is busy with a stopped answer."""
        for side in self._sides:
            side.ended.wait(seconds)


def agreement(sides: Iterable[Side]) -> str:
    """Tell whether two answers that ran return the same; empty when there is nothing to compare."""
    from ...sql.compare import orders, same_result

    replies = [side.reply for side in sides if side.reply]
    pairs = [(reply.sql, reply.result) for reply in replies if reply.result is not None]
    if len(pairs) != 2:
        return ""
    (base_sql, base), (tuned_sql, tuned) = pairs
    if base.truncated and tuned.truncated:
        return "Too many rows to compare."
    same = same_result(tuned, base, orders(tuned_sql) and orders(base_sql))
    return "Both return the same." if same else "The results differ."


def _no_source() -> DataError:
    return DataError("nothing to ask about yet", fix="/db FILE, or /schema and CREATE TABLE statements")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
