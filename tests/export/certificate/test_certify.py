"""A certificate passes for a file that is asked what it was trained on, and says what is wrong with another."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sql_llama.core.errors import DataError, SqlLlamaError, UnknownFamily
from sql_llama.engines.ollama import server_version
from sql_llama.export.certificate.certificate import (
    Certificate,
    read_certificate,
    render_certificate,
    write_certificate,
)
from sql_llama.export.certificate.certify import certify, certify_ollama
from sql_llama.export.certificate.reference import Reference
from sql_llama.export.convert.convert import convert
from sql_llama.export.register import register
from sql_llama.modelfiles.templates import Family, family

from .spoilt import failing, rewritten, verdicts

if TYPE_CHECKING:
    from conftest import OllamaServer


def test_a_good_file_passes(
    stopping: Path, tiny_stopping_base: Path, stopping_reference: Reference, tmp_path: Path
) -> None:
    certificate = certify(stopping, tiny_stopping_base, reference=stopping_reference, threads=1)
    assert certificate.passed
    names = ("template", "vocabulary", "tokens", "bos", "ends", "stops", "weights", "divergence")
    assert verdicts(certificate) == dict.fromkeys(names, "pass")
    said = {check.name: check.said for check in certificate.checks}
    assert [said[name][:8] for name in ("template", "tokens", "bos", "stops")] == ["50 of 50"] * 3 + ["20 of 20"]
    assert said["ends"] == "<|im_end|> ends an answer in the file, llama.cpp, Hugging Face"
    assert re.match(
        r"F16: KL \S+ ± \S+ from the merged model \(at most 0\.001\), same best token 100", said["divergence"]
    )
    paths = write_certificate(certificate, tmp_path)
    told = json.loads(paths[0].read_text())
    assert told["verdict"] == "pass"
    assert told["bytes"] == stopping.stat().st_size
    assert paths[1].read_text().startswith("# Certificate of x.gguf: pass\n")


def test_a_file_that_never_stops_fails(tiny_base: Path, tmp_path: Path) -> None:
    path = convert(tiny_base, tmp_path / "x.gguf", family("chatml"))
    certificate = certify(path, tiny_base, threads=1)
    assert not certificate.passed
    assert failing(certificate) == ["stops"]
    assert "FAIL" in render_certificate(certificate)


def test_llama_3_has_exactly_one_bos(tiny_llama3: Path, tmp_path: Path) -> None:
    path = convert(tiny_llama3, tmp_path / "x.gguf", family("llama3"))
    seen = verdicts(certify(path, tiny_llama3, threads=1))
    assert (seen["tokens"], seen["bos"]) == ("pass", "pass")


def test_without_a_hugging_face_folder_the_comparison_is_skipped_and_said(stopping: Path) -> None:
    certificate = certify(stopping, None, threads=1)
    assert certificate.passed
    skipped = [check.name for check in certificate.checks if check.verdict == "skipped"]
    assert skipped == ["vocabulary", "tokens", "divergence"]


def test_a_file_of_someone_else_is_refused(tiny_stopping_base: Path, tmp_path: Path) -> None:
    chatml = family("chatml")
    other: Any = Family("chatml", "{{ messages }}", chatml.go, chatml.end_of_turn, chatml.stops, chatml.bos)
    path = convert(tiny_stopping_base, tmp_path / "x.gguf", other)
    with pytest.raises(UnknownFamily, match="no chat template of sql-llama"):
        certify(path, None)


def test_a_truncated_file_is_refused(stopping: Path) -> None:
    stopping.write_bytes(stopping.read_bytes()[:-1000])
    with pytest.raises(DataError, match="truncated"):
        certify(stopping, None)


def test_rewriting_alone_spoils_nothing(stopping: Path, tiny_stopping_base: Path) -> None:
    assert certify(rewritten(stopping), tiny_stopping_base, threads=1).passed


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
    with pytest.raises(SqlLlamaError, match="not-there: Ollama has no such model"):
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


def test_a_certificate_is_read_back_also_one_of_version_2(
    stopping: Path, tiny_stopping_base: Path, tmp_path: Path
) -> None:
    certificate = certify(stopping, tiny_stopping_base, threads=1)
    path, page = write_certificate(certificate, tmp_path)
    assert read_certificate(path) == certificate
    assert set(certificate.contents) == {"tensors", "metadata"}
    assert all(digest in page.read_text() for digest in certificate.contents.values())
    facts = json.loads(path.read_text())
    del facts["contents"]
    path.write_text(json.dumps({**facts, "certificate_version": 2}))
    assert read_certificate(path) == replace(certificate, contents={})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "no such certificate"),
        ("", "not a certificate of sql-llama"),
        ("[]", "not a certificate of sql-llama"),
        ('{"certificate_version": 3}', "not a certificate of sql-llama"),
        ('{"certificate_version": 3, "verdict": "pass", "checks": [{}]}', "not a certificate of sql-llama"),
        ('{"certificate_version": 4, "verdict": "pass", "checks": [{}]}', "made by a newer sql-llama"),
    ],
)
def test_what_is_no_certificate_is_one_line(text: str | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=says) as caught:
        read_certificate(path)
    assert "\n" not in caught.value.message and caught.value.fix
