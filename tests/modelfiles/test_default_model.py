"""The model that is asked when nobody names one."""

from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.run import create_run
from sql_llama.core.settings import settings
from sql_llama.modelfiles.default_model import default_model


def test_the_default_model_is_the_one_that_the_newest_modelfile_names(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run has been exported"):
        default_model()
    run = create_run(settings().runs / "2026-01-01-x", "x", "")
    with pytest.raises(DataError, match="no run has been exported"):
        default_model()
    run.gguf.mkdir()
    for quant in ("Q8_0", "Q4_K_M"):
        (run.gguf / f"x-{quant}.gguf").touch()
    (run.path / "Modelfile").write_text("FROM ./gguf/x-Q8_0.gguf\nPARAMETER temperature 0\n")
    assert default_model() == run.gguf / "x-Q8_0.gguf"
    create_run(settings().runs / "2026-01-02-y", "y", "")
    assert default_model() == run.gguf / "x-Q8_0.gguf"
