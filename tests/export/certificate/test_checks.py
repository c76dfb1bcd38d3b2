"""A template, a vocabulary or a BOS that is not the base's is noticed."""

import json
import shutil
from pathlib import Path

from sql_llama.export.certificate.certificate import render_certificate
from sql_llama.export.certificate.certify import certify
from sql_llama.export.convert.convert import convert
from sql_llama.modelfiles.templates import Family, family
from sql_llama.models.gguf_header import check_gguf

from .spoilt import failing, rewritten


def test_another_tokenizer_fails(stopping: Path, tiny_stopping_base: Path, tmp_path: Path) -> None:
    """The known trap: digits that stay together."""
    folder = tmp_path / "base"
    shutil.copytree(tiny_stopping_base, folder)
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["pre_tokenizer"] = tokenizer["pre_tokenizer"]["pretokenizers"][1]
    number = tokenizer["model"]["vocab"]
    tokenizer["model"]["merges"].insert(0, ["1", "9"])
    number["19"] = len(number)
    path.write_text(json.dumps(tokenizer))
    checks = {check.name: check for check in certify(stopping, folder, threads=1).checks}
    assert checks["tokens"].verdict == "fail"
    assert any("19" in failure for failure in checks["tokens"].failures)


def test_a_wrong_bos_flag_fails(tiny_stopping_base: Path, tmp_path: Path) -> None:
    chatml = family("chatml")
    wrong = Family(chatml.name, chatml.jinja, chatml.go, chatml.end_of_turn, chatml.stops, bos=True)
    path = convert(tiny_stopping_base, tmp_path / "x.gguf", wrong)
    assert check_gguf(path)["tokenizer.ggml.add_bos_token"] is True
    checks = {check.name: check for check in certify(path, tiny_stopping_base, threads=1).checks}
    assert checks["bos"].verdict == "fail"
    assert "add_bos_token is True" in checks["bos"].failures


def test_a_tokenizer_that_hugging_face_cannot_load_is_no_comparison_and_said(
    stopping: Path, tiny_stopping_base: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_stopping_base, tmp_path / "base")
    model = {"type": "BPE", "vocab": {"a": 0}, "merges": [], "unk_token": "<unk>"}  # which it has not
    (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": [], "model": model}))
    checks = {check.name: check for check in certify(stopping, folder, threads=1).checks}
    for name in ("vocabulary", "tokens"):
        assert checks[name].verdict == "skipped"
        assert checks[name].said.startswith(f"{folder}: its tokenizer cannot be loaded (")
    assert checks["template"].said == "50 of 50 prompts are rendered as in training here"


def test_a_template_that_loses_the_system_prompt_is_noticed(stopping: Path, tiny_stopping_base: Path) -> None:
    template = family("chatml").jinja.replace("for message in messages", "for message in messages[1:]")
    assert template != family("chatml").jinja
    certificate = certify(rewritten(stopping, chat_template=template), tiny_stopping_base, threads=1)
    assert {"template", "tokens"} <= set(failing(certificate)) <= {"template", "tokens", "stops"}
    assert "the system message is lost" in render_certificate(certificate)


def test_two_tokens_swapped_are_noticed(stopping: Path, tiny_stopping_base: Path) -> None:
    """Two of the last, which may well be in no prompt."""
    tokens = list(check_gguf(stopping)["tokenizer.ggml.tokens"])
    tokens[310], tokens[311] = tokens[311], tokens[310]
    certificate = certify(rewritten(stopping, tokens=tokens), tiny_stopping_base, threads=1)
    assert "vocabulary" in failing(certificate)
    assert f"id 310 is {tokens[310]!r}, not {tokens[311]!r}" in next(
        check.failures for check in certificate.checks if check.name == "vocabulary"
    )
