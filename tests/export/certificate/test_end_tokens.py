"""File, template, Modelfile and base end an answer with the same token."""

from pathlib import Path

from sql_llama.export.certificate.certificate import render_certificate
from sql_llama.export.certificate.certify import certify
from sql_llama.modelfiles.modelfile import modelfile
from sql_llama.modelfiles.templates import family
from sql_llama.models.gguf_header import check_gguf

from .spoilt import failing, rewritten


def test_a_wrong_end_token_is_noticed(stopping: Path, tiny_stopping_base: Path) -> None:
    tokens = check_gguf(stopping)["tokenizer.ggml.tokens"]
    start = rewritten(stopping, eos_token_id=tokens.index("<|im_start|>"))
    checks = {check.name: check for check in certify(start, tiny_stopping_base, threads=1).checks}
    assert checks["ends"].verdict == "fail"
    assert "the file ends a turn with <|im_start|>, the template with <|im_end|>" in checks["ends"].failures
    word = certify(rewritten(stopping, eos_token_id=300), None, threads=1)
    assert "ends" in failing(word)
    assert "an ordinary token" in render_certificate(word)


def test_a_modelfile_with_other_stops_is_noticed(stopping: Path, tiny_stopping_base: Path, tmp_path: Path) -> None:
    beside = tmp_path / "Modelfile"
    beside.write_text(modelfile("./x.gguf", family("chatml")))
    assert "ends" not in failing(certify(stopping, tiny_stopping_base, modelfile=beside, threads=1))
    beside.write_text(beside.read_text().replace('PARAMETER stop "<|endoftext|>"\n', ""))
    certificate = certify(stopping, tiny_stopping_base, modelfile=beside, threads=1)
    assert failing(certificate) == ["ends"]
    assert r"the Modelfile stops at <\|im_end\|>, the template at <\|im_end\|>, <\|endoftext\|>" in render_certificate(
        certificate
    )
