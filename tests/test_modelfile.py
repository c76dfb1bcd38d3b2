"""The Modelfile says everything that Ollama would otherwise guess, and nothing that its grammar cannot hold."""

import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.prompt import SYSTEM_PROMPT
from sql_llama.modelfiles.modelfile import modelfile
from sql_llama.modelfiles.templates import FAMILIES, family


def test_a_modelfile_reads_so() -> None:
    chatml = family("chatml")
    assert modelfile("./gguf/x-Q4_K_M.gguf", chatml, num_ctx=2048, license="Apache-2.0") == (
        f'FROM ./gguf/x-Q4_K_M.gguf\nTEMPLATE """{chatml.go}"""\nSYSTEM """{SYSTEM_PROMPT}"""\n'
        'PARAMETER stop "<|im_end|>"\nPARAMETER stop "<|endoftext|>"\nPARAMETER temperature 0\n'
        'PARAMETER repeat_penalty 1\nPARAMETER num_ctx 2048\nPARAMETER num_predict 512\nLICENSE """Apache-2.0"""\n'
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_can_be_written(name: str) -> None:
    assert f'TEMPLATE """{family(name).go}"""' in modelfile("x.gguf", family(name))


def test_an_answer_leaves_room_for_the_prompt() -> None:
    assert "PARAMETER num_predict 128\n" in modelfile("x.gguf", family("chatml"), num_ctx=256)


@pytest.mark.parametrize("text", ['say """ twice', 'ends with "', "nul \0"])
def test_a_text_that_would_end_early_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="cannot hold this text"):
        modelfile("x.gguf", family("chatml"), license=text)
    with pytest.raises(DataError, match="cannot hold this text"):
        modelfile("x.gguf", family("chatml"), system=text)


@pytest.mark.parametrize("path", ["", " x.gguf", "x\nSYSTEM evil", 'a"b.gguf'])
def test_a_path_that_would_be_read_otherwise_is_refused(path: str) -> None:
    with pytest.raises(DataError, match="cannot hold this path"):
        modelfile(path, family("chatml"))
