"""The audit of golds: what it suspects, and what it leaves alone."""

import pytest
from sql_llama.data.prepare.audit import audit
from sql_llama.sql.ddl.parse import parse_ddl

SCHEMA = parse_ddl(
    "CREATE TABLE singer (singer_id INT PRIMARY KEY, name TEXT, country TEXT, age INT, net_worth INT, birth_date DATE)"
)


def marks(question: str, sql: str) -> tuple[str, ...]:
    return audit(question, sql, SCHEMA, lambda text: None)


@pytest.mark.parametrize(
    "question, shown",
    [
        ("How old is the youngest singer?", "age"),
        ("Which nations do singers come from?", "country"),
        ("When was Ann born?", "birth_date"),
        ("Who is the oldest?", "name"),
        ("Show the ids of all singers.", "singer_id"),
        ("Tell me everything about singers.", "net_worth"),
        ("How rich are they? Show the worth.", "net_worth"),
    ],
)
def test_a_column_that_the_question_means_is_named(question: str, shown: str) -> None:
    assert marks(question, f"SELECT singer.{shown} FROM singer") == ()


@pytest.mark.parametrize("shown", ["country", "net_worth", "age"])
def test_a_column_that_nothing_in_the_question_means_is_marked(shown: str) -> None:
    assert marks("Who sings best?", f"SELECT singer.name, singer.{shown} FROM singer") == ("unnamed-column",)


def test_a_limit_between_equal_rows_is_a_tie_and_no_rows_are_empty() -> None:
    sql = "SELECT singer.name FROM singer ORDER BY singer.age DESC LIMIT 1"
    answers = {
        sql: [("Ann",)],
        "SELECT singer.age FROM singer ORDER BY singer.age DESC LIMIT 1 OFFSET 0": [(50,)],
        "SELECT singer.age FROM singer ORDER BY singer.age DESC LIMIT 1 OFFSET 1": [(50,)],
    }
    assert audit("Who is the oldest?", sql, SCHEMA, answers.get) == ("tie",)
    answers["SELECT singer.age FROM singer ORDER BY singer.age DESC LIMIT 1 OFFSET 1"] = [(49,)]
    assert audit("Who is the oldest?", sql, SCHEMA, answers.get) == ()
    shown = "SELECT singer.name FROM singer ORDER BY singer.age DESC LIMIT 1 OFFSET {}"
    answers["SELECT singer.age FROM singer ORDER BY singer.age DESC LIMIT 1 OFFSET 1"] = [(50,)]
    assert (
        audit("Who is the oldest?", sql, SCHEMA, {**answers, **{shown.format(n): [("Ann",)] for n in (0, 1)}}.get) == ()
    )


def test_a_query_without_rows_is_suspected_where_its_table_has_some() -> None:
    sql, any_row = "SELECT singer.name FROM singer WHERE singer.age > 99", "SELECT 1 FROM singer LIMIT 1"
    assert audit("Who?", sql, SCHEMA, {sql: [], any_row: [(1,)]}.get) == ("empty",)
    assert audit("Who?", sql, SCHEMA, {sql: [], any_row: []}.get) == ()


SHORT = parse_ddl("CREATE TABLE hall (lat REAL, long REAL, acc_bal INT, gtype TEXT, stuid INT, dphone TEXT, sex TEXT)")


@pytest.mark.parametrize(
    "question, shown",
    [
        ("Its latitude and longitude?", "lat"),
        ("Its account balance?", "acc_bal"),
        ("What types are there?", "gtype"),
        ("Which students?", "stuid"),
        ("Give the phones.", "dphone"),
        ("How many are male and how many female?", "sex"),
    ],
)
def test_a_column_may_be_called_in_short(question: str, shown: str) -> None:
    assert audit(question, f"SELECT hall.{shown} FROM hall", SHORT, lambda text: None) == ()


def test_a_name_of_which_only_a_part_is_short_for_a_word_is_marked() -> None:
    said = audit("Its latitude?", "SELECT hall.acc_bal FROM hall", SHORT, lambda text: None)
    assert said == ("unnamed-column",)
