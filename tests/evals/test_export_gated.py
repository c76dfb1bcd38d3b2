"""An export as a Python program makes it."""

from pathlib import Path

import pytest
import sql_llama
from sql_llama.core.errors import SqlLlamaError
from sql_llama.core.run import create_run
from sql_llama.core.settings import settings


def test_without_a_run_there_is_nothing_to_export(tmp_path: Path) -> None:
    with pytest.raises(SqlLlamaError, match="no runs yet"):
        sql_llama.export_run()
    with pytest.raises(SqlLlamaError, match="not a run directory"):
        sql_llama.export_run(tmp_path / "nothing")


def test_a_run_that_is_not_trained_is_not_exported(tmp_path: Path) -> None:
    from sql_llama.core.read_recipe import read_recipe

    recipe, text = read_recipe("laptop")
    create_run(settings().runs / "2026-01-01-laptop", recipe.name, text)
    with pytest.raises(SqlLlamaError, match="not trained"):
        sql_llama.export_run(gate=False)
