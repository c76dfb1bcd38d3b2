"""A certificate passes for a file that is asked what it was trained on, and says what is wrong with another."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sql_llama.core.errors import DataError, SqlLlamaError
from sql_llama.core.gguf_file import check_gguf
from sql_llama.engines.ollama import server_version
from sql_llama.export.certify import Certificate, certify, certify_ollama, render_certificate, write_certificate
from sql_llama.export.convert import convert
from sql_llama.export.probes import probes
from sql_llama.export.register import register
from sql_llama.modelfiles.templates import Family, family

if TYPE_CHECKING:
    from conftest import OllamaServer


def verdicts(certificate: Certificate) -> dict[str, str]:
    return {check.name: check.verdict for check in certificate.checks}


@pytest.fixture
def stopping(tiny_stopping_base: Path, tmp_path: Path) -> Path:
    return convert(tiny_stopping_base, tmp_path / "x.gguf", family("chatml"))


def test_there_are_fifty_different_prompts() -> None:
    assert len(set(probes())) == len(probes()) == 50


def test_a_good_file_passes(stopping: Path, tiny_stopping_base: Path, tmp_path: Path) -> None:
    certificate = certify(stopping, tiny_stopping_base, threads=1)
    assert certificate.passed
    assert verdicts(certificate) == dict.fromkeys(("template", "tokens", "bos", "stops"), "pass")
    assert [check.said[:8] for check in certificate.checks] == ["50 of 50", "50 of 50", "50 of 50", "20 of 20"]
    paths = write_certificate(certificate, tmp_path)
    told = json.loads(paths[0].read_text())
    assert told["verdict"] == "pass"
    assert told["bytes"] == stopping.stat().st_size
    assert paths[1].read_text().startswith("# Certificate of x.gguf: pass\n")


def test_a_file_that_never_stops_fails(tiny_base: Path, tmp_path: Path) -> None:
    path = convert(tiny_base, tmp_path / "x.gguf", family("chatml"))
    certificate = certify(path, tiny_base, threads=1)
    assert not certificate.passed
    assert verdicts(certificate) == {"template": "pass", "tokens": "pass", "bos": "pass", "stops": "fail"}
    assert "FAIL" in render_certificate(certificate)


def test_llama_3_has_exactly_one_bos(tiny_llama3: Path, tmp_path: Path) -> None:
    path = convert(tiny_llama3, tmp_path / "x.gguf", family("llama3"))
    seen = verdicts(certify(path, tiny_llama3, threads=1))
    assert (seen["tokens"], seen["bos"]) == ("pass", "pass")


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


def test_without_a_hugging_face_folder_the_comparison_is_skipped_and_said(stopping: Path) -> None:
    certificate = certify(stopping, None, threads=1)
    assert certificate.passed
    assert verdicts(certificate) == {"template": "skipped", "tokens": "skipped", "bos": "pass", "stops": "pass"}


def test_a_file_with_another_template_is_refused(tiny_stopping_base: Path, tmp_path: Path) -> None:
    chatml = family("chatml")
    other: Any = Family("chatml", chatml.jinja + " ", chatml.go, chatml.end_of_turn, chatml.stops, chatml.bos)
    path = convert(tiny_stopping_base, tmp_path / "x.gguf", other)
    with pytest.raises(DataError, match="no chat template of sql-llama"):
        certify(path, None)


def test_a_truncated_file_is_refused(stopping: Path) -> None:
    stopping.write_bytes(stopping.read_bytes()[:-1000])
    with pytest.raises(DataError, match="truncated"):
        certify(stopping, None)


def test_no_server_is_no_version() -> None:
    assert server_version() is None


@pytest.mark.ollama
def test_a_real_ollama_is_asked_the_same(stopping: Path, ollama_server: "OllamaServer") -> None:
    version = server_version(ollama_server.host)
    assert version == ollama_server.version
    chatml = family("chatml")
    register(stopping, "tiny", chatml, num_ctx=2048, license="Apache-2.0", host=ollama_server.host)
    register(stopping, "tiny", chatml, num_ctx=2048, host=ollama_server.host)  # again, its blob is there
    certificate = certify_ollama(certify(stopping, None, threads=1), stopping, "tiny", version, ollama_server.host)
    assert [check.verdict for check in certificate.checks[-2:]] == ["pass", "pass"], certificate.checks[-2:]
    assert certificate.versions["ollama"] == version


@pytest.mark.ollama
def test_a_broken_file_never_reaches_ollama_and_a_refusal_is_one_clear_line(
    stopping: Path, tmp_path: Path, ollama_server: "OllamaServer"
) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF\3\0\0\0" + b"\xff" * 100)  # Ollama 0.24 would end on it
    with pytest.raises(DataError, match="not a usable GGUF file"):
        register(path, "broken", family("chatml"), host=ollama_server.host)
    with pytest.raises(SqlLlamaError, match=r"x\.gguf: Ollama refuses it"):
        register(stopping, "no such/na me", family("chatml"), host=ollama_server.host)
    certificate = Certificate("x.gguf", "", 0, "chatml", ())
    with pytest.raises(SqlLlamaError, match="not-there: Ollama does not answer"):
        certify_ollama(certificate, stopping, "not-there", "", ollama_server.host)
    assert server_version(ollama_server.host) == ollama_server.version


@pytest.mark.ollama
def test_llama_3_gets_one_bos_from_a_real_ollama(
    tiny_llama3: Path, tmp_path: Path, ollama_server: "OllamaServer"
) -> None:
    path = convert(tiny_llama3, tmp_path / "x.gguf", family("llama3"))
    register(path, "tiny3", family("llama3"), num_ctx=2048, host=ollama_server.host)
    certificate = certify_ollama(certify(path, None, threads=1), path, "tiny3", "", ollama_server.host)
    assert [check.verdict for check in certificate.checks[-2:]] == ["pass", "pass"], certificate.checks[-2:]
