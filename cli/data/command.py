"""`sql-llama data`: the commands about pairs of question and SQL."""

from ..lazy_group import LazyGroup

COMMANDS = {
    "check": "Check files of your own pairs line by line, before any training.",
    "synth": "Make pairs of question and SQL about a database.",
    "prepare": "Read, check and balance the pairs of a recipe, as `train` does, and write a data card.",
}

command = LazyGroup(
    COMMANDS,
    __package__,
    name="data",
    help="Pairs of question and SQL: check your own, make more, prepare all of a recipe.",
)
