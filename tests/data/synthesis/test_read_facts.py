"""The facts of a small shop: what each column is, what people call it, and how the tables hang together."""

import sqlite3
from pathlib import Path

import pytest
from sql_llama.data.synthesis.facts import Entity, Facts, Field
from sql_llama.data.synthesis.read_facts import read_facts
from sql_llama.databases.introspect import introspect

SHOP = """
CREATE TABLE customers (customer_id INTEGER PRIMARY KEY, fname TEXT, lname TEXT, city TEXT, joined_on DATE);
CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, price REAL, has_discount INTEGER, in_stock INTEGER);
CREATE TABLE orders (order_id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers, status TEXT, note TEXT);
CREATE TABLE order_products (order_id INTEGER REFERENCES orders, product_id INTEGER REFERENCES products);
CREATE TABLE staff (id INTEGER PRIMARY KEY, name TEXT, boss_id INTEGER REFERENCES staff (id));
CREATE TABLE drafts (id INTEGER PRIMARY KEY, name TEXT);
"""


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    path = tmp_path_factory.mktemp("shop") / "shop.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(SHOP)
        for n in range(1, 13):
            city = ["Rome", "Oslo"][n % 2]
            connection.execute(
                "INSERT INTO customers VALUES (?, ?, ?, ?, ?)", (n, f"Ann{n}", "Lee", city, f"2020-01-{n:02}")
            )
            connection.execute("INSERT INTO products VALUES (?, ?, ?, ?, ?)", (n, f"Lamp {n}", n + 0.5, n % 2, n * 3))
            connection.execute(
                "INSERT INTO orders VALUES (?, ?, ?, ?)", (n, n, ["open", "paid"][n % 2], None if n == 1 else "x" * 80)
            )
            connection.execute("INSERT INTO order_products VALUES (?, ?)", (n, n))
            connection.execute("INSERT INTO staff VALUES (?, ?, ?)", (n, f"Bo {n}", None if n == 1 else 1))
    connection.close()
    return read_facts(str(path), introspect(str(path), "shop"))


def entity(facts: Facts, name: str) -> Entity:
    return next(entity for entity in facts.entities if entity.name == name)


def field(facts: Facts, table: str, name: str) -> Field:
    return next(field for field in entity(facts, table).fields if field.name == name)


def test_tables_without_rows_are_left_out(facts: Facts) -> None:
    assert {entity.name for entity in facts.entities} == {"customers", "products", "orders", "order_products", "staff"}


@pytest.mark.parametrize(
    ("table", "column", "role", "noun"),
    [
        ("customers", "customer_id", "key", "id"),
        ("customers", "fname", "name", "first name"),
        ("customers", "city", "group", "city"),
        ("customers", "joined_on", "date", "joining date"),
        ("products", "name", "name", "name"),
        ("products", "price", "number", "price"),
        ("products", "has_discount", "flag", "discount status"),
        ("products", "in_stock", "number", "number in stock"),
        ("orders", "customer_id", "key", "customer id"),
        ("orders", "status", "group", "status"),
        ("orders", "note", "prose", "note"),
    ],
)
def test_each_column_has_a_role_and_a_noun(facts: Facts, table: str, column: str, role: str, noun: str) -> None:
    assert (field(facts, table, column).role, field(facts, table, column).nouns[0]) == (role, noun)


def test_a_row_is_known_by_its_name_or_by_first_and_last_name(facts: Facts) -> None:
    titles = {entity.name: [field.name for field in entity.title] for entity in facts.entities}
    assert titles["customers"] == ["fname", "lname"]
    assert titles["products"] == ["name"]
    assert titles["orders"] == []
    assert field(facts, "products", "name").titles and not field(facts, "customers", "fname").titles


def test_people_are_told_from_things(facts: Facts) -> None:
    assert {entity.name for entity in facts.entities if entity.person} == {"customers", "staff"}


def test_a_table_of_keys_alone_is_only_passed_through(facts: Facts) -> None:
    assert not entity(facts, "order_products").spoken
    assert {(a.parent.name, b.parent.name) for a, b in facts.links} == {("orders", "products"), ("products", "orders")}


def test_a_history_of_keys_alone_is_no_link_where_a_key_says_more(tmp_path: Path) -> None:
    """`The employees of the job` are those who have it now."""
    path = tmp_path / "staff.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "CREATE TABLE jobs (id INTEGER PRIMARY KEY, title TEXT);"
            "CREATE TABLE employees (id INTEGER PRIMARY KEY, name TEXT, job_id INTEGER REFERENCES jobs);"
            "CREATE TABLE clubs (id INTEGER PRIMARY KEY, name TEXT);"
            "CREATE TABLE history (job_id INTEGER REFERENCES jobs, employee_id INTEGER REFERENCES employees,"
            " club_id INTEGER REFERENCES clubs);"
            "INSERT INTO jobs VALUES (1, 'Cook'); INSERT INTO employees VALUES (1, 'Ann', 1);"
            "INSERT INTO clubs VALUES (1, 'Chess'); INSERT INTO history VALUES (1, 1, 1);"
        )
    connection.close()
    links = read_facts(str(path), introspect(str(path))).links
    between = {frozenset((a.parent.name, b.parent.name)) for a, b in links}
    assert between == {frozenset(("jobs", "clubs")), frozenset(("employees", "clubs"))}


def test_a_table_that_refers_to_itself_names_the_other_row(facts: Facts) -> None:
    (edge,) = facts.self_edges
    assert (edge.child.name, edge.nouns) == ("staff", ("boss",))


def test_cells_and_nulls_are_those_of_the_rows(facts: Facts) -> None:
    city = field(facts, "customers", "city")
    assert sorted(city.cells) == ["Oslo", "Rome"] and set(city.frequent) == {"Oslo", "Rome"} and not city.nulls
    assert field(facts, "orders", "note").nulls
    assert field(facts, "products", "price").cells and not field(facts, "products", "price").whole
