"""Random small databases and random queries over them, by a small grammar that writes as people do."""

import random
import sqlite3
from dataclasses import dataclass, field

NAMES = (
    "name", "Age", "city_id", "score", "Full Name", "order", "group", "date", "índice", "x", "value", "desc", "total",
    "Key", "id", "a-b", "select", "count", "rowid2", "end",
)  # fmt: skip
TABLES = ("people", "City", "orders", "Line Item", "t1", "T2", "index", "table", "log")
TEXTS = (
    "",
    "Ann",
    "ann",
    "it's",
    'say "hi"',
    "a  b",
    " x ",
    "İß",
    "10",
    "9",
    "name",
    "NULL",
    "50%",
    "a_b",
    "--",
    "/*",
    "NOT a IN (1)",
)
VALUES = (None, None, 0, 1, 1, 2, 3, -1, 10, 2.5, 0.1, 1e20, *TEXTS, "2020-01-05", "2021-12-31")
CASTS = tuple("INT TEXT REAL varchar(3) NUMERIC BLOB BIGINT DECIMAL(3,1) BOOLEAN FLOAT CHAR DATE Datetime".split())
FUNCTIONS = tuple("length UPPER lower ABS trim typeof hex quote round ltrim unicode date datetime julianday".split())
OF_TWO = tuple("coalesce IFNULL nullif max min instr trim".split())
TYPES = ("INT", "INTEGER", "REAL", "TEXT", "VARCHAR(20)", "DATE", "NUMERIC", "")


@dataclass
class Made:
    """Tables with their columns, and the statements that make them."""

    tables: dict[str, list[str]] = field(default_factory=dict)
    ddl: list[str] = field(default_factory=list)
    rows: list[tuple[str, list[list[object]]]] = field(default_factory=list)

    def open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        for statement in self.ddl:
            connection.execute(statement)
        for table, rows in self.rows:
            marks = ", ".join("?" * len(self.tables[table]))
            connection.executemany(f"INSERT INTO {quoted(table)} VALUES ({marks})", rows)
        return connection


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def random_database(rng: random.Random) -> Made:
    made = Made()
    for table in rng.sample(TABLES, rng.randint(1, 3)):
        columns = rng.sample(NAMES, rng.randint(1, 4))
        made.tables[table] = columns
        listed = ", ".join(f"{quoted(column)} {rng.choice(TYPES)}" for column in columns)
        made.ddl.append(f"CREATE TABLE {quoted(table)} ({listed})")
        made.rows.append((table, [[rng.choice(VALUES) for _ in columns] for _ in range(rng.randint(0, 6))]))
    return made


@dataclass(frozen=True)
class Known:
    """A column that an expression may name: its table's alias or name, and itself."""

    table: str
    column: str


class Writer:
    """Writes queries over a database. Keywords, quotes, blanks and comments vary."""

    def __init__(self, made: Made, rng: random.Random) -> None:
        self.made, self.rng = made, rng
        self.depth = 0
        self.aliases = 0

    def one(self, *choices: str) -> str:
        return self.rng.choice(choices)

    def often(self, chance: float) -> bool:
        return self.rng.random() < chance

    def word(self, keyword: str) -> str:
        return self.rng.choice((keyword, keyword, keyword.lower(), keyword.title()))

    def name(self, name: str) -> str:
        """A name as somebody may write it."""
        low = name
        if self.often(0.2):
            low = self.one(name.lower(), name.upper()) if name.isascii() else name
        plain = name.isascii() and name.isidentifier() and name.lower() not in RESERVED
        kinds = [f'"{low}"', f"`{low}`", f"[{low}]"] + [low] * (9 if plain else 0)
        return self.rng.choice(kinds)

    def text(self, value: str) -> str:
        if self.often(0.15) and '"' not in value and value not in ("", "name"):
            return f'"{value}"'
        return "'" + value.replace("'", "''") + "'"

    def literal(self) -> str:
        value = self.rng.choice(VALUES)
        if isinstance(value, str):
            return self.text(value)
        return "NULL" if value is None else repr(value)

    def column(self, known: list[Known]) -> str:
        chosen = self.rng.choice(known)
        alone = [one for one in known if one.column.lower() == chosen.column.lower()]
        if len(alone) == 1 and self.often(0.6):
            return self.name(chosen.column)
        return f"{self.name(chosen.table)}.{self.name(chosen.column)}"

    def expression(self, known: list[Known], depth: int = 2) -> str:
        if depth == 0 or self.often(0.5):
            return self.literal() if self.often(0.3) else self.column(known)
        inner = lambda: self.expression(known, depth - 1)  # noqa: E731
        kind = self.rng.randrange(14)
        if kind < 4:
            return f"{inner()} {self.one('+', '-', '*', '/', '%', '||', '&', '|', '<<')} {inner()}"
        if kind == 4:
            return f"({inner()})"
        if kind == 5:
            return f"{self.word('CAST')}({inner()} {self.word('AS')} {self.rng.choice(CASTS)})"
        if kind == 6:
            otherwise = f" {self.word('ELSE')} {inner()}" if self.often(0.6) else ""
            case = f"{self.word('CASE')} {self.word('WHEN')} {self.condition(known, 1)}"
            return f"{case} {self.word('THEN')} {inner()}{otherwise} {self.word('END')}"
        if kind == 7:
            return f"CASE {inner()} WHEN {inner()} THEN {inner()} END"
        if kind == 8:
            return f"{self.rng.choice(FUNCTIONS)}({inner()})"
        if kind == 9:
            return f"{self.rng.choice(OF_TWO)}({inner()}, {inner()})"
        if kind == 10:
            return f"{self.one('-', '+', '~', '- -')}{inner()}" if self.often(0.5) else f"substr({inner()}, 1, 2)"
        if kind == 11:
            return f"{self.one('strftime', 'STRFTIME')}('%Y-%m', {inner()})"
        if kind == 12:
            return f"{self.one('iif', 'IIF')}({self.condition(known, 1)}, {inner()}, {inner()})"
        return f"{inner()} {self.one('=', '<', 'IS', '<>')} {inner()}"

    def condition(self, known: list[Known], depth: int = 2) -> str:
        inner = lambda: self.condition(known, depth - 1)  # noqa: E731
        side = lambda: self.expression(known, 1)  # noqa: E731
        kind = self.rng.randrange(14) if depth else self.rng.randrange(8)
        if kind < 3:
            return f"{side()} {self.one('=', '==', '<', '>', '<=', '>=', '!=', '<>', 'IS', 'IS NOT', 'is')} {side()}"
        if kind == 3:
            return f"{side()} {self.one('IS NULL', 'is not null', 'NOTNULL', 'ISNULL', 'NOT NULL')}"
        negated = self.one("", "", "NOT ", "not ")
        if kind == 4:
            return f"{side()} {negated}{self.word('LIKE')} {self.text(self.one('a%', '%n%', '_', '50!%', 'A_N', '%'))}"
        if kind == 5:
            return f"{side()} {negated}{self.word('IN')} ({', '.join(side() for _ in range(self.rng.randint(1, 3)))})"
        if kind == 6:
            return f"{side()} {negated}{self.word('BETWEEN')} {side()} {self.word('AND')} {side()}"
        if kind == 7:
            return f"{self.word('NOT')} {side()} {self.one('=', '<', 'IS', 'IN (1, 2) =', 'LIKE')} {side()}"
        if kind < 11:
            return f"{inner()} {self.one('AND', 'OR', 'and', 'or')} {inner()}"
        if kind == 11:
            return f"{self.word('NOT')} ({inner()})"
        if self.depth < 2 and kind == 12:
            return f"{side()} {negated}{self.word('IN')} ({self.select(1, known)})"
        if self.depth < 2:
            return f"{negated}{self.word('EXISTS')} ({self.select(1, known)})"
        return f"({inner()})"

    def source(self) -> tuple[str, list[Known]]:
        """A table or a sub-query, with its alias, and what it shows."""
        if self.depth < 2 and self.often(0.15):
            self.aliases += 1
            alias = f"s{self.aliases}"
            columns = [f"c{n}" for n in range(self.rng.randint(1, 2))]
            inner = self.select(len(columns), [], columns)
            return f"({inner}) {self.one('AS ', '')}{alias}", [Known(alias, column) for column in columns]
        table = self.rng.choice(list(self.made.tables))
        # inner queries have the aliases of outer ones too, and some are called as another table or a column
        alias = self.rng.choice((table, table, "T1", "t2", "T3", self.one("a", "b", "x", "name", "people", "City")))
        given = "" if alias == table else f"{self.one(' AS ', ' as ', ' ')}{self.name(alias)}"
        return f"{self.name(table)}{given}", [Known(alias, column) for column in self.made.tables[table]]

    def sources(self) -> tuple[str, list[Known]]:
        text, known = self.source()
        for _ in range(self.rng.choice((0, 0, 1, 1, 2))):
            more, others = self.source()
            if {one.table.lower() for one in known} & {one.table.lower() for one in others}:
                continue
            known = known + others
            kind = self.one("JOIN", "join", "INNER JOIN", "LEFT JOIN", "left outer join", ",", "CROSS JOIN")
            shared = {one.column for one in known} & {one.column for one in others}
            if len(shared) == 1 and self.often(0.2):
                text += f" {self.one('NATURAL JOIN', 'natural left join')} {more}"
                continue
            if shared and self.often(0.2):
                text += f" {self.one('JOIN', 'LEFT JOIN')} {more} {self.word('USING')} ({self.name(min(shared))})"
                continue
            on = "" if kind == "," or self.often(0.1) else f" {self.word('ON')} {self.condition(known, 1)}"
            text += f" {kind} {more}{on}"
        return text, known

    def select(self, width: int, outer: list[Known], names: list[str] | None = None) -> str:
        """A SELECT of so many columns; `outer` are those of the queries around it, `names` the aliases it gives."""
        self.depth += 1
        source, own = self.sources()
        taken = {one.table.lower() for one in own}
        around = [one for one in outer if one.table.lower() not in taken]
        known = own + (around if self.often(0.7) else [])
        where = f" {self.word('WHERE')} {self.condition(known)}" if self.often(0.6) else ""
        grouped = self.often(0.3)
        if grouped:
            keys = [self.column(own) for _ in range(self.rng.randint(1, 2))]
            shown = [self.rng.choice((*keys, self.aggregate(own))) for _ in range(width)]
            having = (
                f" {self.word('HAVING')} {self.aggregate(own)} {self.one('>', '=', '<')} {self.literal()}"
                if self.often(0.4)
                else ""
            )
            tail = f" {self.word('GROUP BY')} {', '.join(keys)}{having}"
            order = [self.rng.choice((*keys, self.aggregate(own)))]
        elif self.often(0.2):
            shown, tail, order = [self.aggregate(own) for _ in range(width)], "", []
        else:
            shown, tail = [self.expression(known) for _ in range(width)], ""
            order = [self.expression(own) for _ in range(self.rng.randint(1, 2))]
        listed = shown
        if names or self.often(0.2):
            given = names or [f"{self.one('n', 'Total', 'x')}{n}" for n in range(width)]
            if not names and self.often(0.5):  # names that columns have too
                given = self.rng.sample([*NAMES, *(one.column for one in own)], width)
            listed = [
                f"{item} {self.one('AS', 'as')} {self.name(name)}" for item, name in zip(shown, given, strict=True)
            ]
            if order and self.often(0.5):
                order = [self.name(self.rng.choice(given))]
        distinct = self.one("", "", "", "DISTINCT ", "distinct ")
        text = f"{self.word('SELECT')} {distinct}{', '.join(listed)} {self.word('FROM')} {source}{where}{tail}"
        if self.depth == 1 and order and not distinct and self.often(0.5):
            every = [str(n) for n in range(1, width + 1)]
            ways = [key + self.one("", " DESC", " asc", " COLLATE NOCASE") for key in [*order, *every]]
            text += f" {self.word('ORDER BY')} {', '.join(ways)}"
            text += (
                f" {self.word('LIMIT')} {self.rng.randint(0, 4)}{self.one('', ' OFFSET 1')}" if self.often(0.6) else ""
            )
        self.depth -= 1
        return text

    def aggregate(self, known: list[Known]) -> str:
        if self.often(0.3):
            return self.one("COUNT(*)", "count(*)", "Count( * )")
        name = self.one("COUNT", "sum", "Avg", "MAX", "min", "total", "count")
        return f"{name}({self.one('', '', 'DISTINCT ')}{self.column(known)})"

    def query(self) -> str:
        width = self.rng.randint(1, 3)
        text = self.select(width, [])
        if self.often(0.1):
            text = f"SELECT * FROM ({text})"
        elif self.often(0.1):
            columns = [f"c{n}" for n in range(width)]
            inner, name = self.select(width, [], columns), self.one("w", "people", "City", "W x")
            text = f"{self.word('WITH')} {quoted(name)} AS ({inner}) {self.over(name, columns)}"
        elif self.often(0.1):
            source, known = self.sources()
            star = self.one("*", f"{self.name(known[0].table)}.*")
            text = f"SELECT {star} FROM {source} WHERE {self.condition(known)}"
        elif self.often(0.1):
            (table,) = self.rng.sample(list(self.made.tables), 1)
            known = [Known(table, column) for column in self.made.tables[table]]
            window = self.one("ROW_NUMBER()", "rank()", f"sum({self.column(known)})", f"lag({self.column(known)}, 1)")
            by = f"{self.word('PARTITION BY')} {self.column(known)} " if self.often(0.5) else ""
            shown = f"{self.column(known)}, {window} OVER ({by}ORDER BY {self.column(known)}, rowid)"
            text = f"SELECT {shown} FROM {self.name(table)}"
        elif self.often(0.2):
            self.depth = 1
            first, second = self.select(width, []), self.select(width, [])
            text = f"{first} {self.one('UNION', 'union all', 'EXCEPT', 'INTERSECT')} {second}"
        return self.spaced(text)

    def over(self, name: str, columns: list[str]) -> str:
        """A query over what WITH gives."""
        known = [Known(name, column) for column in columns]
        return f"SELECT {self.expression(known)} FROM {quoted(name)} WHERE {self.condition(known)}"

    def simple(self) -> str:
        """A query of the kind that most public sets have: one table, AND-ed comparisons with values."""
        table = self.rng.choice(list(self.made.tables))
        columns = self.made.tables[table]
        shown = ", ".join(self.name(self.rng.choice(columns)) for _ in range(self.rng.randint(1, 2)))
        if self.often(0.4):
            what = self.one("*", self.name(self.rng.choice(columns)))
            shown = f"{self.one('COUNT', 'max', 'Min', 'SUM', 'avg')}({what})"
        compared = [
            f"{self.name(self.rng.choice(columns))} {self.one('=', '<', '>', '<=', '>=', '<>', '!=')} {self.compared()}"
            for _ in range(self.rng.randint(0, 3))
        ]
        where = f" {self.word('WHERE')} " + f" {self.word('AND')} ".join(compared) if compared else ""
        return self.spaced(f"{self.word('SELECT')} {shown} {self.word('FROM')} {self.name(table)}{where}")

    def compared(self) -> str:
        """A value as sloppy sets write it: a number as a text, a text in double quotes that may be a name."""
        value = self.rng.choice([*TEXTS, *NAMES, *TABLES, "rowid", "1", "007", "1.50", "1e3", "-1", "0x10"])
        if self.often(0.3):
            return self.one("1", "007", "1.50", "10", "1e3", "0x10", "-1", "99999999999999999999", ".5", "2.")
        if self.often(0.5) and value:
            return '"' + value.replace('"', '""') + '"'
        return "'" + value.replace("'", "''") + "'"

    def spaced(self, text: str) -> str:
        if self.often(0.2):
            text = text.replace(" FROM ", self.one("  FROM ", "\nFROM\t", " /* of */ FROM ", " -- here\n FROM "), 1)
        return text + self.one("", "", ";", " ; ", "\n")


RESERVED = frozenset("order group select table index desc end".split())
