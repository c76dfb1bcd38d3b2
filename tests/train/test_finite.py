"""A training that diverges ends with one line, and is not finished."""

from pathlib import Path

import pytest
from sql_llama.core.errors import SqlLlamaError
from sql_llama.core.read_recipe import read_recipe
from sql_llama.core.run import create_run
from sql_llama.train.train import train


def test_a_loss_that_is_no_number_stops_the_training(recipe_file: Path, tmp_path: Path) -> None:
    options = ["train.learning_rate=1", "train.max_grad_norm=0", "train.warmup=0", "lora.alpha=4096", "lora.r=1"]
    recipe, text = read_recipe(str(recipe_file), [*options, "train.max_steps=60", "train.epochs=60"])
    recipe = recipe.model_copy(update={"train": recipe.train.model_copy(update={"learning_rate": 1e30})})
    run = create_run(tmp_path / "run", recipe.name, text)
    with pytest.raises(SqlLlamaError, match=r"the loss is not a number since step \d+") as caught:
        train(recipe, run)
    assert "\n" not in str(caught.value) and "train.learning_rate" in caught.value.fix
    assert not run.adapter.exists() and "train" not in run.manifest()["stages"]
