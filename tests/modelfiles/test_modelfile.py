"""The Modelfile's text: every value comes out of Ollama's reader as it went in, or is refused."""

import pytest
from sql_llama.core.errors import DataError
from sql_llama.modelfiles.modelfile import modelfile, num_ctx_for
from sql_llama.modelfiles.templates import FAMILIES, family
from sql_llama.prompts.messages import SYSTEM_PROMPT


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


def test_examples_are_messages_that_a_conversation_begins_with() -> None:
    text = modelfile("x.gguf", family("chatml"), examples=[("How many pets?", "SELECT COUNT(*) FROM pets")])
    assert 'MESSAGE user """How many pets?"""\nMESSAGE assistant """SELECT COUNT(*) FROM pets"""\n' in text


def test_a_schema_goes_into_the_template_where_no_text_can_break_out() -> None:
    text = modelfile("x.gguf", family("plain"), schema='pets."a b" text [\'}}"""\n\\ \u200b\']')
    assert '{{- $schema := "\\npets.\\"a b\\" text [\'}}\\"\\"\\"\\n\\\\ \\U0000200b\']\\nQuestion: " -}}\n' in text
    assert f'SYSTEM """{SYSTEM_PROMPT}"""' in text


def test_an_answer_leaves_room_for_the_prompt() -> None:
    assert "PARAMETER num_predict 128\n" in modelfile("x.gguf", family("chatml"), num_ctx=256)


@pytest.mark.parametrize(
    ("longest", "most", "context"),
    [(1, 8192, 2048), (1024, 8192, 2048), (1025, 8192, 3072), (4000, 8192, 8192), (9000, 8192, 8192), (300, 512, 512)],
)
def test_the_context_is_twice_the_longest_pair_within_reason(longest: int, most: int, context: int) -> None:
    assert num_ctx_for(longest, most) == context


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('ends a line with """\nand goes on', 'a line ends with """'),
        ('so does """ \t\r\nthis', 'a line ends with """'),
        ("nul \0", r"drops the character U\+0000"),
        ("zero\u200bwidth", r"drops the character U\+200B"),
        ("no\u00a0break", r"drops the character U\+00A0"),
    ],
)
def test_a_text_that_would_come_out_otherwise_is_refused(text: str, reason: str) -> None:
    for values in ({"license": text}, {"system": text}, {"examples": [("q", text)]}):
        with pytest.raises(DataError, match=rf"a Modelfile cannot hold .*{reason}") as caught:
            modelfile("x.gguf", family("chatml"), **values)  # type: ignore[arg-type]
        assert caught.value.fix


@pytest.mark.parametrize("path", ["", " x.gguf", "x\nSYSTEM evil", '"a.gguf"', "x.gguf\r", "a\u200b.gguf"])
def test_a_path_that_would_be_read_otherwise_is_refused(path: str) -> None:
    with pytest.raises(DataError, match="a Modelfile cannot hold"):
        modelfile(path, family("chatml"))
