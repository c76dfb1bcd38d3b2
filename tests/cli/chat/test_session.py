"""The REPL, read as whole transcripts: what is typed and everything that is then on the screen."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from .transcript import CATS, Scripted, transcript


def test_both_answers_are_run_and_compared(pets: Path) -> None:
    base = Scripted("base-Q4_K_M", {"How many cats?": f"Sure!\n```sql\n{CATS}\n```\nThat counts them."})
    tuned = Scripted("tuned-Q4_K_M", {"How many cats?": "SELECT count(*) AS cats FROM pets WHERE pets.kind = 'cat'"})
    assert transcript("How many cats?\n/quit\nnever read\n", tuned, base, pets) == (
        "base:  base-Q4_K_M\n"
        "tuned: tuned-Q4_K_M\n"
        "pets.sqlite: 2 tables, 8 columns\n"
        "/help lists the commands, Ctrl-D leaves.\n"
        "\n"
        "> How many cats?\n"
        "base (base-Q4_K_M): 1 row, 0.5 s, many tokens/s\n"
        "SELECT count(*) FROM pets WHERE pets.kind = 'cat'\n"
        "count(*)\n"
        "2\n"
        "\n"
        "tuned (tuned-Q4_K_M): 1 row, 0.5 s, many tokens/s\n"
        "SELECT count(*) AS cats FROM pets WHERE pets.kind = 'cat'\n"
        "cats\n"
        "2\n"
        "\n"
        "Both return the same.\n"
        "\n"
        "> /quit\n"
    )


def asked(answer: str, database: Path | None, base: str | None = None) -> str:
    """The transcript of one question `Q`, without the greeting."""
    engine = None if base is None else Scripted("b", {"Q": base})
    return transcript("Q\n", Scripted("t", {"Q": answer}), engine, database).partition("> Q\n")[2]


def test_rows_that_differ_are_said_to_differ(pets: Path) -> None:
    assert asked(CATS, pets, base="SELECT count(*) FROM pets").endswith("\nThe results differ.\n\n")


def test_the_order_of_rows_counts_only_where_both_ask_for_one(pets: Path) -> None:
    up, down = "SELECT name FROM pets ORDER BY name", "SELECT name FROM pets ORDER BY name DESC"
    assert asked(up, pets, base=down).endswith("\nThe results differ.\n\n")
    assert asked(up, pets, base="SELECT name FROM pets").endswith("\nBoth return the same.\n\n")


def test_rows_are_laid_out_in_columns(pets: Path) -> None:
    assert asked("SELECT name, weight, owner_id FROM pets", pets) == (
        "tuned (t): 3 rows, 0.5 s, many tokens/s\n"
        "SELECT name, weight, owner_id FROM pets\n"
        "name  weight  owner_id\n"
        "Rex   20.5    1\n"
        "Tom   4       1\n"
        "Kit   3.5     2\n\n\n"
    )


def test_a_query_that_fails_shows_what_the_database_said(pets: Path) -> None:
    assert asked("SELECT colour FROM pets", pets) == (
        "tuned (t): 0.5 s, many tokens/s\nSELECT colour FROM pets\nno such column: colour\n\n\n"
    )


def test_names_that_were_put_in_quotes_are_said_to_be(pets: Path) -> None:
    said = transcript("?\n", Scripted("tuned.gguf", {"?": 'SELECT count(*) FROM "PETS"'}), database=pets)
    assert "names quoted" not in said
    with closing(sqlite3.connect(pets)) as connection:
        connection.execute('CREATE TABLE "order" (id INT)')
    said = transcript("?\n", Scripted("tuned.gguf", {"?": "SELECT count(*) FROM order"}), database=pets)
    assert 'SELECT count(*) FROM "order"\n' in said and "1 row, 0.5 s, many tokens/s, names quoted" in said


def test_an_answer_in_prose_is_shown_as_it_is(pets: Path) -> None:
    assert "\nI do not know\n\nthat.\n".replace("\n\n", "\n") in asked("I do not know\n\nthat.", pets)


@pytest.mark.parametrize(
    "attack", ["DELETE FROM pets", "DROP TABLE pets", "SELECT 1; DELETE FROM pets", "PRAGMA user_version = 7"]
)
def test_nothing_is_ever_written(attack: str, pets: Path) -> None:
    before = pets.read_bytes()
    asked(attack, pets)
    assert pets.read_bytes() == before


def test_long_results_are_cut_and_say_so(pets: Path) -> None:
    said = asked("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i FROM n", pets)
    assert "more than 1000 rows, 10 shown" in said
    assert said.splitlines()[-3] == "10"


def test_odd_cells_stay_on_their_line(pets: Path) -> None:
    said = asked("SELECT NULL, x'00ff', 'a' || char(10) || 'b', char(27) || '[2J', 1.0 / 3, printf('%060d', 1)", pets)
    assert said.splitlines()[3].split("  ")[:1] == ["NULL"]
    for shown in ("<2 bytes>", "a b", "\ufffd[2J", "0.3333333333", "0" * 37 + "..."):
        assert shown in said
    assert "\x1b" not in said


def test_a_model_cannot_move_the_cursor(pets: Path) -> None:
    assert "\x1b" not in asked("\x1b[2J\x1b]0;title\x07 SELECT 1", pets)


def test_one_model_may_fail_while_the_other_answers(pets: Path) -> None:
    said = asked(CATS, pets, base="FAIL")
    assert "base (b): failed\nFAIL\nb: the prompt has 5000 tokens, the context holds 4096 (ask less)\n" in said
    assert "count(*)\n2\n" in said


def test_tables_that_do_not_fit_are_left_out_and_named(pets: Path) -> None:
    tuned = Scripted("t", {"Which cities?": "SELECT count(*) FROM owners"})
    tuned.num_ctx = 256 + 60
    said = transcript("Which cities?\n", tuned, None, pets)
    assert "> Which cities?\nSkipped tables, so that the prompt fits the context: pets\ntuned (t): 1 row" in said


def test_an_empty_question_is_ignored(pets: Path) -> None:
    said = transcript("\n   \n\n", Scripted("t", {}), None, pets)
    assert said.endswith("/help lists the commands, Ctrl-D leaves.\n\n")


def test_a_question_over_several_lines_is_one_question(pets: Path) -> None:
    tuned = Scripted("t", {"How many cats?": CATS})
    assert "\n> How many\n. cats?\ntuned (t): 1 row" in transcript("How many\\\ncats?\n", tuned, None, pets)


def test_without_a_database_a_schema_is_asked_for() -> None:
    assert transcript("Q\n", Scripted("t", {})) == (
        "tuned: t\n"
        "No schema yet: /db FILE opens a database, /schema takes DDL.\n"
        "/help lists the commands, Ctrl-D leaves.\n"
        "\n"
        "> Q\n"
        "Error: nothing to ask about yet\n"
        "Fix: /db FILE, or /schema and CREATE TABLE statements\n"
    )


@pytest.mark.parametrize("end", [";", ""])
def test_a_typed_schema_is_asked_about_and_nothing_is_run(end: str) -> None:
    typed = (
        f"/schema\nCREATE TABLE pets (id INTEGER PRIMARY KEY,\nname TEXT, owner_id INT REFERENCES owners(id));\n"
        f"CREATE TABLE owners (id INTEGER PRIMARY KEY)\n{end}\n/tables\nQ\n"
    )
    said = transcript(typed, Scripted("t", {"Q": CATS}))
    assert said.endswith(
        "schema: 2 tables, 4 columns\n"
        "> /tables\n"
        "pets(id int, name text, owner_id int)\n"
        "owners(id int)\n"
        "pets.owner_id -> owners.id\n"
        "> Q\n"
        "tuned (t): 0.5 s, many tokens/s\n"
        f"{CATS}\n\n\n"
    )


def test_pasted_ddl_needs_no_command() -> None:
    assert "schema: 1 table, 1 column\n" in transcript("CREATE TABLE a (b int);\n;\n", Scripted("t", {}))


def test_a_schema_can_be_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "shop.sql").write_text("CREATE TABLE a (b int); CREATE TABLE c (d text);")
    said = transcript(f"/schema {tmp_path / 'shop.sql'}\n", Scripted("t", {}))
    assert said.endswith("shop.sql: 2 tables, 2 columns\n")


def test_a_database_can_be_opened_later(pets: Path) -> None:
    said = transcript(f"/db {pets}\nQ\n", Scripted("t", {"Q": CATS}))
    assert "pets.sqlite: 2 tables, 8 columns\n> Q\n" in said
    assert "count(*)\n2\n" in said


def test_the_base_can_be_switched_off_and_on(pets: Path) -> None:
    said = transcript("/base off\nQ\n/base on\nQ\n", Scripted("t", {"Q": CATS}), Scripted("b", {"Q": CATS}), pets)
    off, on = said.split("> Q\n")[1:]
    assert "base (b)" not in off
    assert "base (b)" in on


def test_history_lists_the_questions(pets: Path) -> None:
    said = transcript("Q\nR\n/history\n", Scripted("t", {"Q": CATS, "R": CATS}), None, pets)
    assert said.endswith("> /history\n  1  Q\n  2  R\n")


def test_help_names_every_command() -> None:
    said = transcript("/help\n", Scripted("t", {}))
    assert all(
        name in said
        for name in ("/db", "/schema", "/tables", "/base", "/adapter", "/history", "/help", "/quit", "Ctrl-C")
    )


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("/nosuch", "/nosuch: unknown command or wrong argument"),
        ("/base maybe", "/base maybe: unknown command or wrong argument"),
        ("/base on", "the base model is not loaded"),
        ("/adapter", "t: has no adapter to change"),
        ("/tables", "nothing to ask about yet"),
        ("/db nosuch.sqlite", "nosuch.sqlite: no such database"),
        (f"/db {__file__}", f"{__file__}: not a SQLite database"),
        ("/schema nosuch.sql", "nosuch.sql: cannot be read (No such file or directory)"),
        ("/schema\n;", "no schema was given"),
        ("/schema\nSELECT 1\n;", "the schema creates no table"),
    ],
)
def test_a_mistake_costs_one_line_and_not_the_session(typed: str, error: str) -> None:
    said = transcript(f"{typed}\n/help\n", Scripted("t", {}))
    assert f"\nError: {error}\nFix: " in said
    assert "/quit" in said


def test_both_models_are_freed_at_the_end(pets: Path) -> None:
    tuned, base = Scripted("t", {}), Scripted("b", {})
    transcript("/quit\n", tuned, base, pets)
    assert tuned.closed
    assert base.closed
