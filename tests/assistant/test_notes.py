"""The notes beside an answer."""

import pytest
from sql_llama.assistant.notes import asks_for_a_change, notes
from sql_llama.core.records import ResultSet


@pytest.mark.parametrize(
    "question",
    [
        "delete all cancelled orders",
        "Please remove the customer Ann",
        "Can you update the price of tea to 3?",
        "I want you to drop the table orders.",
        "Insert a new customer",
        "Now cancel order 7",
    ],
)
def test_a_request_to_change_data_is_recognised(question: str) -> None:
    assert asks_for_a_change(question)
    assert notes(question, None)[0].startswith("Nothing was changed: the database is only read.")


@pytest.mark.parametrize(
    "question",
    [
        "Which orders were deleted?",
        "How many updates were there?",
        "List the customers we removed",
        "Add up the prices of all orders",
        "What did Ann cancel?",
        "",
        "Löschungen im Mai?",
    ],
)
def test_a_question_about_changes_is_none(question: str) -> None:
    assert not asks_for_a_change(question)


def test_an_empty_result_is_said() -> None:
    assert notes("Who?", ResultSet(("a",), ())) == ("The query ran and found no rows.",)
    assert "empty (NULL)" in notes("How much?", ResultSet(("sum",), ((None,),)))[0]
    assert notes("Who?", ResultSet(("a",), (("x",),))) == () == notes("Who?", None)
