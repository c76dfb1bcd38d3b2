"""What the model is shown."""

import doctest

from sql_llama.core.records import Column, Hint, Schema, Table
from sql_llama.prompts import messages as prompt
from sql_llama.prompts.messages import messages

PETS = Schema((Table("Pets", (Column("Name", "text", samples=("Rex",)), Column("Age", "int"))),))


def test_examples() -> None:
    assert doctest.testmod(prompt).failed == 0


def test_question_stands_before_and_after_the_schema() -> None:
    system, user = messages(PETS, "How  old\nis Rex?", hints=[Hint("Pets", "Name", "Rex")])
    assert system.content == "You answer questions about a database with one SQLite query."
    assert user.content == (
        "Question: How old is Rex?\npets.name text ['Rex']\npets.age int\n"
        "values: pets.name = 'Rex'\nQuestion: How old is Rex?"
    )
