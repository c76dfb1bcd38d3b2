"""What the model sees of a pair: shuffled and thinned, but never without what the answer needs."""

import random
from collections.abc import Iterator

import pytest
from sql_llama.core.recipe import Data
from sql_llama.core.records import Column, Example, ForeignKey, Hint, Schema, Table
from sql_llama.data.rows import Row, make_row, smallest_row, used_names
from sql_llama.prompts.messages import messages

SCHEMA = Schema(
    (
        Table("Owners", (Column("Id", "int", True), Column("Name", "text"), Column("Home Town", "text"))),
        Table(
            "Pets", (Column("Id", "int", True), Column("owner_id", "int"), Column("kind", "text"), Column("w", "int"))
        ),
        Table("Shops", (Column("Id", "int", True), Column("street", "text"), Column("rent", "real"))),
        Table("Visits", (Column("pet_id", "int"), Column("day", "date"))),
    ),
    (ForeignKey("Pets", "owner_id", "Owners", "Id"), ForeignKey("Visits", "pet_id", "Pets", "Id")),
)
SQL = "SELECT owners.\"home town\" FROM owners JOIN pets ON owners.id = pets.owner_id WHERE pets.kind = 'shops'"
HINTS = (Hint("Pets", "kind", "dog"), Hint("Shops", "street", "Main"))
EXAMPLE = Example("Where do dogs live?", SQL, SCHEMA, HINTS)
PLAIN = Data(as_ddl=0, without_hints=0, drop_tables=0, shuffle=0)


def rows(data: Data, example: Example = EXAMPLE, count: int = 200, others: tuple[Table, ...] = ()) -> Iterator[Row]:
    rng = random.Random(1)
    return (make_row(example, data, rng, others) for _ in range(count))


def shown(row: Row) -> list[str]:
    return row.chat[1].content.splitlines()


def test_with_nothing_left_to_chance_the_row_is_the_prompt_of_an_engine() -> None:
    (row,) = rows(PLAIN, count=1)
    assert row == Row(messages(SCHEMA, EXAMPLE.question, hints=HINTS), SQL)


def test_what_the_answer_needs_is_never_dropped() -> None:
    needed = ['owners."home town" text', "owners.id int pk", "pets.owner_id int", "pets.kind text"]
    sizes = set()
    for row in rows(Data(as_ddl=0, drop_tables=1)):
        assert row.answer == SQL
        assert set(needed) <= set(shown(row)) and "pets.owner_id = owners.id" in shown(row)
        sizes.add(len(shown(row)))
    assert len(sizes) > 5


def test_gold_in_its_own_spelling_keeps_its_tables_too() -> None:
    own = Example("?", 'SELECT T1."Home Town" FROM Owners AS T1 NATURAL JOIN PETS', SCHEMA)
    for row in rows(Data(as_ddl=0, drop_tables=1), own):
        assert 'owners."home town" text' in shown(row) and "pets.id int pk" in shown(row)


def test_spare_tables_and_columns_go_only_in_their_share_of_the_rows() -> None:
    def thinned(share: float) -> int:
        return sum(
            not any("shops." in line for line in shown(row))
            for row in rows(Data(drop_tables=share, as_ddl=0, without_hints=1))
        )

    assert thinned(0) == 0
    assert 0.1 < thinned(0.5) / 200 < 0.4 and 0.3 < thinned(1) / 200 < 0.7


def test_hints_are_of_shown_tables_and_columns_only() -> None:
    seen = set()
    for row in rows(Data(as_ddl=0, without_hints=0, drop_tables=1)):
        (line,) = (line for line in shown(row) if line.startswith("values: "))
        for hint in line.removeprefix("values: ").split("; "):
            assert any(column.startswith(hint.split(" = ")[0] + " ") for column in shown(row))
        seen.add(line)
    assert seen == {"values: pets.kind = 'dog'", "values: pets.kind = 'dog'; shops.street = 'Main'"}


def test_keys_are_of_shown_tables_and_columns_only() -> None:
    for row in rows(Data(as_ddl=0, drop_tables=1, without_hints=1)):
        columns = {line.rsplit(" ", 1)[0].removesuffix(" int") for line in shown(row) if " int" in line}
        for line in shown(row):
            if " = " in line:
                assert all(any(column.startswith(side) for column in columns) for side in line.split(" = "))


@pytest.mark.parametrize("share", [0.0, 0.06, 1.0])
def test_the_shares_of_ddl_and_of_rows_without_hints(share: float) -> None:
    ddl = [row for row in rows(Data(as_ddl=share), count=600) if shown(row)[0].startswith("CREATE TABLE")]
    bare = [
        row for row in rows(Data(as_ddl=0, without_hints=share), count=600) if "values: " not in row.chat[1].content
    ]
    assert abs(len(ddl) / 600 - share) < 0.03 and abs(len(bare) / 600 - share) < 0.03
    for row in ddl:
        assert row.chat[1].content.endswith(";\n\nWhere do dogs live?") and row.answer == SQL


def test_shuffling_changes_the_order_and_nothing_else() -> None:
    (plain,) = rows(PLAIN, count=1)
    orders = set()
    for row in rows(Data(as_ddl=0, without_hints=0, drop_tables=0, shuffle=1)):
        assert sorted(shown(row)) == sorted(shown(plain))
        orders.add(tuple(shown(row)))
    assert len(orders) > 100


def test_a_table_alone_gets_others_beside_it() -> None:
    alone = Example("?", "SELECT shops.rent FROM shops", Schema((SCHEMA.tables[2],)))
    others = (SCHEMA.tables[0], SCHEMA.tables[3], Table("SHOPS", (Column("other", "int"),)))
    beside = [
        {line.split(".")[0] for line in shown(row)[1:-1]}
        for row in rows(Data(as_ddl=0, drop_tables=0), alone, others=others)
    ]
    assert all("shops" in tables for tables in beside)
    assert {len(tables) for tables in beside} == {1, 2, 3}
    assert not any("shops.other" in row.chat[1].content for row in rows(PLAIN, alone, others=others))


def test_the_smallest_row_has_the_tables_of_the_answer() -> None:
    row = smallest_row(EXAMPLE)
    assert {line.split(".")[0] for line in shown(row)[1:-2]} == {"owners", "pets"}
    assert shown(row)[-2] == "values: pets.kind = 'dog'"
    assert smallest_row(Example("?", "SELECT 1", SCHEMA)).chat == messages(SCHEMA, "?")


def test_names_in_texts_are_no_names() -> None:
    assert {"owners", "home town", "pets", "kind"} <= used_names(SQL) and "shops" not in used_names(SQL)
    assert "it" not in used_names("SELECT a.x FROM a WHERE a.x = 'it''s it'")
