"""Schemas from DDL text of any dialect, and DDL text from schemas.

One reader for SQLite, PostgreSQL, MySQL, SQL Server and Oracle: it knows the few words that every CREATE TABLE is made
of, and passes over the many that one dialect adds. A parser of each dialect refuses a whole dump for one such word.
"""

import re
from collections.abc import Sequence

from ...core.errors import DataError
from ...core.records import Column, ForeignKey, Schema, Table
from ..names import fold
from ..types import simple_type
from .changes import FIX, Draft, Known, change, drop, rename_tables
from .render import render_ddl
from .tokens import MARK, Token, closing, items, name_at, names_in, statements, without_rows, written
from .views import view_tables
from .virtual import virtual_table

FENCE = re.compile(r"^[ \t]*```\w*[ \t]*$", re.MULTILINE)
LONGEST_DDL = 5_000_000  # characters

MODIFIERS = frozenset(
    "OR REPLACE GLOBAL LOCAL TEMP TEMPORARY UNLOGGED FOREIGN EXTERNAL TRANSIENT PRIVATE CACHED MEMORY VOLATILE "
    "MULTISET SET COLUMN ROW RECURSIVE "
    "ALGORITHM UNDEFINED MERGE TEMPTABLE DEFINER CURRENT_USER SQL SECURITY INVOKER @".split()
)
"""Words that may stand between CREATE and TABLE or VIEW."""
AFTER_TYPE = frozenset(
    "NOT NULL PRIMARY UNIQUE KEY DEFAULT CHECK REFERENCES COLLATE CONSTRAINT GENERATED AS AUTO_INCREMENT AUTOINCREMENT "
    "IDENTITY COMMENT ON CHARACTER CHARSET ENCODE COMPRESSION STORAGE SPARSE ROWGUIDCOL MASKED ENABLE DISABLE VISIBLE "
    "INVISIBLE VIRTUAL STORED PERSISTED ZEROFILL FOREIGN DEFERRABLE INITIALLY OPTIONS SRID USING FORMAT".split()
)
"""Words that end the type of a column."""
INDEXES = ("KEY", "INDEX", "FULLTEXT", "SPATIAL")
CHANGES = ("RENAME", "CHANGE", "DROP")
OTHER_CHANGES = (*CHANGES, "ALTER", "MODIFY", "SET", "OWNER", "ENABLE", "DISABLE")
PLAIN_TYPES = ("int", "integer", "real", "text", "date", "boolean", "varchar")
TYPES = {
    **dict.fromkeys(("dec", "fixed", "float4", "float8"), "real"),
    **dict.fromkeys(("smallserial", "serial2", "serial4", "serial8"), "int"),
    **dict.fromkeys(("daterange", "int4range", "int8range", "tsrange", "tstzrange", "numrange"), "text"),
}
"""Types that `simple_type` takes for something else."""


def parse_ddl(ddl: str, name: str = "") -> Schema:
    """Return the schema that CREATE, ALTER and DROP of tables and views describe; the rest is passed over.

    Tables are called by their last name: `mine.seam` is `seam`. One that is created twice has the columns of both.
    Raises DataError when the text cannot be read or creates no table.
    """
    if len(ddl) > LONGEST_DDL:
        raise DataError(f"the schema is too long ({len(ddl)} characters)", fix=f"{FIX} of at most {LONGEST_DDL}")
    known = Known()
    for statement in statements(FENCE.sub("", without_rows(ddl))):
        _read(statement, known)
    for name_of in known.shadows:
        known.tables.pop(name_of, None)
    made = [
        Table(draft.name, tuple(Column(name, kind, key in keys) for key, (name, kind) in draft.columns.items()))
        for draft, keys in ((draft, set(draft.primary)) for draft in known.tables.values())
        if draft.columns
    ]
    if not made:
        raise DataError("the schema creates no table", fix=FIX)
    schema = Schema(tuple(made), tuple(_keys(known.tables)), name)
    if known.queries:
        seen = view_tables(render_ddl(schema), list(known.queries.values()), {fold(table.name) for table in made})
        schema = Schema((*schema.tables, *seen), schema.foreign_keys, name)
    return schema


def _read(statement: list[Token], known: Known) -> None:
    words = [token.word for token in statement[:20]]
    if words[0] == "ALTER" and words[1:2] == ["TABLE"]:
        _alter(statement, known)
    elif words[0] == "DROP" and words[1:2] in (["TABLE"], ["VIEW"]):
        drop(statement, known)
    elif words[:2] == ["RENAME", "TABLE"]:
        rename_tables(statement, known)
    elif words[0] == "CREATE":
        _create(statement, words, known)


def _create(statement: list[Token], words: list[str], known: Known) -> None:
    place = next((n for n, word in enumerate(words) if n and word and word not in MODIFIERS), 0)
    what = words[place]
    at = place + 1 + 3 * (words[place + 1 : place + 4] == ["IF", "NOT", "EXISTS"])
    if what == "VIEW":
        low = fold(name_at(statement, at)[1])
        if "REPLACE" in words[:place] or low not in known.queries:
            known.queries[low] = statement[place + 1 :]
    elif what in ("TYPE", "DOMAIN"):
        _, called, at = name_at(statement, place + 1)
        based = what == "DOMAIN" or words[at : at + 1] == ["FROM"]
        at += words[at : at + 1] in (["AS"], ["FROM"])
        known.types[fold(called)] = _type(statement[at:], known.types) if based else "text"
    elif what == "TABLE":
        _create_table(statement, at, known)
    elif words[place : place + 2] == ["VIRTUAL", "TABLE"]:
        virtual = virtual_table(statement, place + 2)
        if virtual is not None:
            known.tables[fold(virtual[0].name)] = virtual[0]
            known.shadows |= virtual[1]


def _create_table(statement: list[Token], at: int, known: Known) -> None:
    """Read what stands after CREATE TABLE: columns, another table's columns, or a query."""
    begin = at
    owner, called, at = name_at(statement, at)
    if not called or fold(called).startswith("sqlite_"):  # SQLite's own, which nobody can create
        return
    inside = [token.word for token in statement[at + 1 : at + 4]]
    asks = inside[:1] == ["SELECT"] or (inside[:1] == ["WITH"] and inside[2:] == ["AS"])
    opens = statement[at : at + 1] == [(MARK, "(")]
    first = statement[at].word if at < len(statement) else ""
    if first in ("AS", "SELECT") or (opens and asks):
        query = _query(statement[at + (first == "AS") :])
        known.queries[fold(called)] = [*statement[begin:at], Token("word", "AS"), *query]
    elif first == "LIKE":
        table = known.tables.setdefault(fold(called), Draft(called, fold(owner)))
        _copy(known.copied(name_at(statement, at + 1)[1]), table)
    elif opens:
        end = closing(statement, at)
        if end < 0:
            raise DataError(f"the schema cannot be parsed: the brackets of {called} are not closed", fix=FIX)
        table = known.tables.setdefault(fold(called), Draft(called, fold(owner)))
        if table.owner != fold(owner):
            raise DataError(f"the schema has two tables called {called}", fix="give one of them another name")
        after = [token.word for token in statement[end + 1 : end + 2]]
        if after == ["INHERITS"]:
            for part in items(statement[end + 3 : max(closing(statement, end + 2), end + 3)]):
                _copy(known.copied(name_at(part, 0)[1]), table)
        _body(items(statement[at + 1 : end]), table, known)
        if after == ["AS"] and any(token.word == "SELECT" for token in statement[end + 1 :]):
            raise DataError(f"the schema makes {called} of columns and of a query", fix=FIX)


def _query(of: list[Token]) -> list[Token]:
    """A query as SQLite has it in a view: not in brackets, without PostgreSQL's WITH NO DATA."""
    ending = [token.word for token in of[-3:]]
    if ending[-2:] == ["WITH", "DATA"] or ending == ["WITH", "NO", "DATA"]:
        of = of[: -2 if ending[-2] == "WITH" else -3]
    while of and of[0] == (MARK, "(") and closing(of, 0) == len(of) - 1:
        of = of[1:-1]
    return of


def _copy(of: Draft, table: Draft) -> None:
    """Give a table the columns of another one, as LIKE and INHERITS do; keys stay where they are."""
    for key, column in of.columns.items():
        table.columns.setdefault(key, column)


def _alter(statement: list[Token], known: Known) -> None:
    """ALTER TABLE: columns and keys are added, as dumps write keys, columns and tables renamed and dropped."""
    at = 2
    while at < len(statement) and statement[at].word in ("ONLY", "IF", "EXISTS"):
        at += 1
    _, called, at = name_at(statement, at)
    table = known.tables.get(fold(called))
    actions = items(statement[at:])
    if table is None:
        if fold(called) in known.queries and any(action[0].word in CHANGES for action in actions):
            raise DataError(f"the schema changes {called}, which a query makes", fix=FIX)
        return
    doing = ""
    for action in actions:
        if action[0].word == "WITH" and len(action) > 2:  # SQL Server: WITH CHECK ADD
            action = action[2:]
        verb = action[0].word
        if verb == "ADD":
            doing = "ADD"
            action = action[1:]
            if action and action[0].word == "COLUMN":
                action = action[1:]
            if [token.word for token in action[:3]] == ["IF", "NOT", "EXISTS"]:
                action = action[3:]
        elif verb in OTHER_CHANGES:
            doing = verb if verb in CHANGES else ""
        elif doing == "DROP":  # SQL Server: DROP COLUMN a, b
            action = [Token("word", "DROP"), *action]
        if doing == "ADD" and action:
            inner = action[0] == (MARK, "(") and closing(action, 0) == len(action) - 1  # Oracle: ADD (a INT, b INT)
            _body(items(action[1:-1]) if inner else [action], table, known)
        elif doing and len(action) > 1:
            change(action, table, known)
            if [token.word for token in action[:2]] == ["DROP", "CONSTRAINT"]:
                doing = ""


def _body(parts: Sequence[Sequence[Token]], table: Draft, known: Known) -> None:
    """Read columns and keys into the table. What may be an index is read last, when its columns are known."""
    sure = [part for part in parts if part[0].word not in INDEXES]
    unsure = [part for part in parts if part[0].word in INDEXES]
    before = len(table.columns)
    for part in sure:
        _part(part, table, known)
    between = len(table.columns)
    for part in unsure:
        _part(part, table, known)
    if before < between < len(table.columns):  # columns stand in the order in which they are written
        order = {fold(written(parts[n][0])): n for n in reversed(range(len(parts)))}  # the first of each name
        table.columns = dict(sorted(table.columns.items(), key=lambda item: order.get(item[0], -1)))


def _part(part: Sequence[Token], table: Draft, known: Known) -> None:
    """Read one part of a CREATE TABLE's bracket: a key, another constraint or index, or a column."""
    named = part[0].word == "CONSTRAINT"
    part = _unnamed(part)
    lead, second = part[0].word, part[1].word if len(part) > 1 else ""
    opened = next((n for n, token in enumerate(part) if token == (MARK, "(")), 0)
    if lead == "PRIMARY" and second == "KEY" and opened:
        table.primary = [fold(name) for name in names_in(part, opened)]
    elif lead == "FOREIGN" and second == "KEY" and opened:
        at = next((n for n, token in enumerate(part) if token.word == "REFERENCES"), len(part))
        _refer(table, names_in(part, opened), part, at + 1)
    elif not named and lead == "LIKE" and second.lower() not in PLAIN_TYPES:
        _copy(known.copied(name_at(part, 1)[1]), table)  # `like text` is a column, as little as people want one
    elif not (named or _is_constraint(part, opened, table)):
        _column(part, table, known.types)


def _unnamed(part: Sequence[Token]) -> Sequence[Token]:
    """A constraint without `CONSTRAINT name`, which MySQL lets stand without the name."""
    if part[0].word != "CONSTRAINT" or len(part) < 2:
        return part
    named = part[1].word not in ("PRIMARY", "FOREIGN", "UNIQUE", "CHECK")
    return part[2:] if named and len(part) > 2 else part[1:]


def _is_constraint(part: Sequence[Token], opened: int, table: Draft) -> bool:
    """Whether the part is a constraint or an index, and no column that is called `check`, `key` or `index`."""
    lead, second = part[0].word, part[1].word if len(part) > 1 else ""
    if lead in ("UNIQUE", "CHECK", "EXCLUDE") and opened:
        return lead == "UNIQUE" or opened == 1 or second in ("NOT", "USING")
    if (lead, second) in (("PERIOD", "FOR"), ("SUPPLEMENTAL", "LOG")):
        return True
    if lead == "PROJECTION" and opened == 2:  # ClickHouse; `projection varchar(20)` is a column
        return part[3].word in ("SELECT", "WITH")
    if lead == "INDEX" and any(token.word == "TYPE" for token in part[3:]):  # ClickHouse: INDEX i a TYPE minmax
        return True
    if lead in ("KEY", "INDEX", "FULLTEXT", "SPATIAL") and opened:
        inside = part[opened + 1]
        # `key varchar(20)` is a column, `key by_name (name(20))` an index
        return inside == (MARK, "(") or (inside.kind in ("word", "name") and fold(inside.text) in table.columns)
    return False


def _column(part: Sequence[Token], table: Draft, types: dict[str, str]) -> None:
    name = written(part[0])
    if not name or (part[0].kind == "word" and name.isdigit()):
        raise DataError(f"the schema cannot be parsed: {part[0].text} is not a column", fix=FIX)
    spelt, kind = table.columns.get(fold(name), (name, "text"))
    own_type = _type(part[1:], types)
    table.columns[fold(name)] = (spelt, own_type if kind == "text" else kind)
    depth, before = 0, ""
    for place, token in enumerate(part):
        if token.kind == MARK:
            depth += {"(": 1, ")": -1}.get(token.text, 0)
        elif place and not depth and token.word == "REFERENCES":
            _refer(table, [name], part, place + 1)
        elif place and not depth and token.word == "KEY" and before not in ("UNIQUE", "FOREIGN"):
            table.primary.append(fold(name))  # MySQL says KEY alone too
        before = token.word


def _refer(table: Draft, columns: list[str], part: Sequence[Token], at: int) -> None:
    """Note what stands after REFERENCES: the other table and its columns, none where it names none."""
    _, called, at = name_at(part, at)
    if called:
        named = names_in(part, at) if at < len(part) and part[at] == (MARK, "(") else []
        table.references.append((columns, called, named))


def _keys(tables: dict[str, Draft]) -> list[ForeignKey]:
    """Foreign keys between columns that exist; one that names no columns means the primary key, in its order."""
    keys: list[ForeignKey] = []
    for table in tables.values():
        for columns, called, named in table.references:
            other = tables.get(fold(called))
            if other is None:
                continue
            targets = [fold(name) for name in named] or other.primary
            own = [fold(name) for name in columns]
            pairs = list(zip(own, targets, strict=False))
            if len(own) == len(targets) and all(a in table.columns and b in other.columns for a, b in pairs):
                keys += [ForeignKey(table.name, table.columns[a][0], other.name, other.columns[b][0]) for a, b in pairs]
    return list(dict.fromkeys(keys))


def _type(of: Sequence[Token], types: dict[str, str]) -> str:
    """One of int, real, date, bool, text for the tokens that begin with a type, which may be none."""
    words: list[str] = []
    scale = False
    for place, token in enumerate(of):
        if token == (MARK, "("):
            inside = items(of[place + 1 : max(closing(of, place), place)])
            scale = len(inside) == 2 and inside[1][0].text not in ("0", "-")
            after = of[max(closing(of, place), place) + 1 :]
            if after and after[0].kind == "square":
                return "text"
            break
        if token.kind == "square" and (words or place):
            return "text"  # an array
        if token.kind == MARK and token.text == ".":
            words.clear()  # the type's own name comes after its schema's
            continue
        if token.kind in (MARK, "text") or (token.word in AFTER_TYPE and (words or token.word != "CHARACTER")):
            break
        words.append(fold(token.text))
    declared = " ".join(words)
    if "array" in words:
        return "text"
    if declared == "number" and scale:
        return "real"
    return types.get(declared) or TYPES.get(declared) or simple_type(declared)
