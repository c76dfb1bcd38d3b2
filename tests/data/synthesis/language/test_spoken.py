"""The examples in the docstrings of the language, and what a sentence is made of."""

import doctest
import random

import pytest
from sql_llama.data.synthesis.language import naming, nouns, spoken
from sql_llama.data.synthesis.language.spoken import opening, sentence, value_words


@pytest.mark.parametrize("module", [naming, nouns, spoken], ids=lambda module: module.__name__.rpartition(".")[2])
def test_the_examples_of_the_docstrings_hold(module) -> None:  # type: ignore[no-untyped-def]
    result = doctest.testmod(module)
    assert result.failed == 0 and result.attempted > 0


def test_a_noun_phrase_becomes_a_question_in_many_ways() -> None:
    rng = random.Random(1)
    questions = {opening("names of all singers", rng) for _ in range(300)}
    assert {"What are the names of all singers?", "List the names of all singers."} <= questions
    assert len(questions) > 20
    assert not any("What is the names" in question for question in questions)


def test_the_verb_agrees_with_what_is_asked_for() -> None:
    rng = random.Random(1)
    questions = {opening("difference between the highest and the lowest price", rng) for _ in range(100)}
    assert any(question.startswith("What is ") for question in questions)
    assert not any(question.startswith("What are ") for question in questions)


def test_a_finished_sentence_has_single_blanks_and_no_word_twice() -> None:
    finished = {sentence("show  the the names of of singers.", random.Random(seed)).lower() for seed in range(50)}
    assert finished == {"show the names of singers.", "show the names of singers"}


def test_a_cell_is_bare_quoted_or_in_lower_case_and_a_large_number_may_have_commas() -> None:
    rng = random.Random(1)
    assert {value_words("Rome", rng) for _ in range(300)} == {"Rome", '"Rome"', "'Rome'", "rome"}
    assert {value_words(25000, rng) for _ in range(100)} == {"25000", "25,000"}
    assert {value_words(250, rng) for _ in range(100)} == {"250"}
