"""The project's own databases: enough of them, filled, and the same for the same seed."""

import sqlite3
from pathlib import Path

import pytest
from sql_llama.data.synthesis.worlds.worlds import World, blueprints, build_worlds
from sql_llama.databases.introspect import introspect


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> list[World]:
    return build_worlds(tmp_path_factory.mktemp("worlds"))


def count(connection: sqlite3.Connection, table: str, rest: str = "") -> int:
    return int(connection.execute(f'SELECT COUNT(*) FROM "{table}" {rest}').fetchone()[0])


def test_there_are_many_schemas_in_many_domains() -> None:
    found = list(blueprints())
    assert len(found) >= 44
    assert len({world.domain for world in found}) >= 22
    assert len({world.name for world in found}) == len(found)
    assert all(2 <= len(world.tables) <= 7 for world in found)


def test_every_table_has_rows_and_no_row_is_orphaned(worlds: list[World]) -> None:
    for world in worlds:
        connection = sqlite3.connect(world.path)
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            assert 5 <= count(connection, table) <= 220, (world.name, table)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == [], world.name
        connection.close()


def test_some_parents_have_no_children(worlds: list[World]) -> None:
    childless = 0
    for world in worlds:
        connection = sqlite3.connect(world.path)
        for key in introspect(str(world.path)).foreign_keys:
            children = f'SELECT "{key.column}" FROM "{key.table}" WHERE "{key.column}" IS NOT NULL'
            missing = f'WHERE "{key.ref_column}" NOT IN ({children})'
            childless += count(connection, key.ref_table, missing) > 0
        connection.close()
    assert childless > 60


def test_undeclared_keys_are_found_by_introspection(worlds: list[World]) -> None:
    freight = next(world for world in worlds if world.name == "freight")
    keys = {(key.table, key.column, key.ref_table) for key in introspect(str(freight.path)).foreign_keys}
    assert ("shipment", "truck_id", "truck") in keys


def test_names_vary_as_in_strangers_databases(worlds: list[World]) -> None:
    names = {
        column.name for world in worlds for table in introspect(str(world.path)).tables for column in table.columns
    }
    assert {"fname", "customer_id", "courseTitle", "HotelName", "length km", "deptNo", "id"} <= names


def dump(world: World) -> list[str]:
    connection = sqlite3.connect(world.path)
    lines = list(connection.iterdump())
    connection.close()
    return lines


def test_the_seed_decides_the_rows(worlds: list[World], tmp_path: Path) -> None:
    again, other = build_worlds(tmp_path, 1), build_worlds(tmp_path, 2)
    assert dump(again[0]) == dump(worlds[0])
    assert dump(other[0]) != dump(worlds[0])


def test_an_existing_file_is_left_alone(worlds: list[World]) -> None:
    before = [world.path.stat().st_mtime_ns for world in worlds]
    build_worlds(worlds[0].path.parent)
    assert [world.path.stat().st_mtime_ns for world in worlds] == before
