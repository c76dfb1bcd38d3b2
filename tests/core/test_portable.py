"""Which recipes train the same rows in the same order."""

import pytest
from sql_llama.core.portable import first_difference, same_training

RECIPE = """
name = "mine"
[base]
model = "/content/base"
[data]
db = "/content/shop.sqlite"
pairs = ["/content/a.csv", "/content/b.csv"]
source = [{path = "/content/spider", layout = "spider"}]
seed = 1
[train]
start = "/content/adapter"
batch = 32
micro_batch = 4
dtype = "float16"
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('model = "/content/base"', 'model = "models/Llama-3.2-1B"'),
        ("/content/", "/kaggle/input/"),
        ("micro_batch = 4", "micro_batch = 0\nparallel = 'fsdp'\ncompile = true\nreport_to = ['wandb']"),
        ('dtype = "float16"', 'dtype = "auto"'),
        ('start = "/content/adapter"', 'start = "/kaggle/input/other-folder"'),
    ],
)
def test_paths_and_devices_may_differ(old: str, new: str) -> None:
    assert same_training(RECIPE, RECIPE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("batch = 32", "batch = 16"),
        ("seed = 1", "seed = 2"),
        ("shop.sqlite", "school.sqlite"),
        ('["/content/a.csv", "/content/b.csv"]', '["/content/b.csv", "/content/a.csv"]'),
        ("/content/spider", "/content/bird"),
        ('start = "/content/adapter"', 'start = "base"'),
        ('name = "mine"', 'name = "yours"'),
    ],
)
def test_what_decides_on_the_rows_may_not_differ(old: str, new: str) -> None:
    assert not same_training(RECIPE, RECIPE.replace(old, new, 1))


def test_the_first_difference_is_named() -> None:
    assert first_difference(RECIPE, RECIPE.replace("batch = 32", "batch = 16")) == ("train.batch", 32, 16)
    assert first_difference(RECIPE, RECIPE.replace("seed = 1\n", "")) == ("data.seed", 1, None)
    assert first_difference(RECIPE, RECIPE.replace('"mine"', '"yours"')) == ("name", "mine", "yours")
    assert first_difference(RECIPE, RECIPE.replace("micro_batch = 4", "micro_batch = 1"))[0] == ""
