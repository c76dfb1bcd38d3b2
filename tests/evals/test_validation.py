"""Validation questions: rows are made for the schemas of pairs, and answers are judged by running them."""

from sql_llama.core.records import Column, Example, ForeignKey, Schema, Table
from sql_llama.evals.validation import validation_exam

SHOPS = Schema(
    (
        Table("shops", (Column("id", "int", primary_key=True), Column("city", "text"))),
        Table("sales", (Column("shop_id", "int"), Column("amount", "real"), Column("day", "date"))),
    ),
    (ForeignKey("sales", "shop_id", "shops", "id"),),
    "shops",
)
ODD = Schema((Table("order", (Column("group by", "text"), Column("n", "int"))),), (), "odd")
PAIRS = [
    Example("How many shops are there?", "SELECT count(*) FROM shops", SHOPS, database="shops"),
    Example("Shops in Oslo?", "SELECT shops.id FROM shops WHERE shops.city = 'Oslo'", SHOPS, database="shops"),
    Example("All groups?", 'SELECT "order"."group by" FROM "order" WHERE "order".n > 3', ODD, database="odd"),
    Example(
        "Sold per city?",
        "SELECT shops.city, sum(sales.amount) FROM sales JOIN shops ON sales.shop_id = shops.id GROUP BY shops.city",
        SHOPS,
        database="shops",
    ),
]


def test_the_reference_queries_are_right_and_their_neighbours_are_not() -> None:
    exam = validation_exam(PAIRS, 10)
    assert list(exam.examples) == PAIRS
    assert exam.right([pair.sql for pair in PAIRS]) == (True,) * 4
    wrong = [
        "SELECT count(*) FROM sales",
        "SELECT shops.id FROM shops WHERE shops.city = 'Rome'",
        'SELECT "order"."group by" FROM "order" WHERE "order".n > 30',
        "SELECT shops.city, max(sales.amount) FROM sales JOIN shops ON sales.shop_id = shops.id GROUP BY shops.city",
    ]
    assert exam.right(wrong) == (False,) * 4


def test_answers_are_read_as_those_of_eval() -> None:
    """In prose, without the quotes that a name needs, with a statement that writes, or empty."""
    exam = validation_exam(PAIRS[:3], 10)
    assert exam.right(["```sql\nSELECT COUNT(*) FROM shops;\n```", "DELETE FROM shops", ""]) == (True, False, False)
    unquoted = 'SELECT order."group by" FROM order WHERE order.n > 3'
    assert exam.right(["", "", unquoted]) == (False, False, True)


def test_a_pair_without_rows_makes_room_for_the_next() -> None:
    never = Example("Nothing?", "SELECT shops.id FROM shops WHERE 1 = 2", SHOPS, database="shops")
    exam = validation_exam([never, *PAIRS], 2)
    assert len(exam.examples) == 2
    assert set(exam.examples) <= {never, *PAIRS} and PAIRS[0] in exam.examples
    assert validation_exam([], 5).right([]) == ()


def test_the_same_pairs_make_the_same_exam() -> None:
    assert validation_exam(PAIRS, 3) == validation_exam(PAIRS, 3)
