"""A certificate passes for a file that is asked what it was trained on, and says what is wrong with another."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sql_llama.core.errors import DataError, SqlLlamaError, UnknownFamily
from sql_llama.engines.ollama import server_version
from sql_llama.export.certificate.answers import answers
from sql_llama.export.certificate.certificate import Certificate, render_certificate, write_certificate
from sql_llama.export.certificate.certify import certify, certify_ollama
from sql_llama.export.certificate.closeness import closeness_of_file
from sql_llama.export.certificate.probes import probes
from sql_llama.export.certificate.reference import Reference, reference
from sql_llama.export.convert.convert import convert
from sql_llama.export.merge.merge import merge
from sql_llama.export.register import register
from sql_llama.modelfiles.modelfile import modelfile
from sql_llama.modelfiles.templates import Family, family
from sql_llama.models.gguf_header import check_gguf, read_gguf
from sql_llama.train.start import starter

if TYPE_CHECKING:
    from conftest import OllamaServer


def verdicts(certificate: Certificate) -> dict[str, str]:
    return {check.name: check.verdict for check in certificate.checks}


def failing(certificate: Certificate) -> list[str]:
    return [check.name for check in certificate.checks if check.verdict == "fail"]


@pytest.fixture
def stopping(tiny_stopping_base: Path, tmp_path: Path) -> Path:
    return convert(tiny_stopping_base, tmp_path / "x.gguf", family("chatml"))


@pytest.fixture(scope="module")
def stopping_reference(tiny_stopping_base: Path) -> Reference:
    asked = answers(tiny_stopping_base, family("chatml"), count=4)
    return reference(tiny_stopping_base, merge(tiny_stopping_base, None), asked)


@pytest.fixture(scope="module")
def lively_reference(tiny_base: Path) -> Reference:
    """Of a model that says something, where the stopping one says but its end."""
    return reference(tiny_base, merge(tiny_base, None), answers(tiny_base, family("chatml"), count=4))


def test_there_are_fifty_different_prompts() -> None:
    assert len(set(probes())) == len(probes()) == 50


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
    skipped = [check.name for check in certificate.checks if check.verdict == "skipped"]
    assert skipped == ["vocabulary", "tokens", "divergence"]


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


# --- spoilt files: each is a good one that something happened to


def rewritten(path: Path, **changes: Any) -> Path:
    """The file with other metadata (`eos_token_id`, `tokens`, ... of tokenizer.ggml, or `chat_template`)."""
    from gguf import GGUFReader, GGUFWriter

    reader = GGUFReader(path)
    out = path.with_name("spoilt.gguf")
    writer = GGUFWriter(out, "llama")
    for key, field in reader.fields.items():
        short = key.removeprefix("tokenizer.ggml.").removeprefix("tokenizer.")
        if key.startswith("GGUF.") or key == "general.architecture":
            continue
        value = changes.get(short, field.contents())
        kind, sub = field.types[0], field.types[-1] if len(field.types) > 1 else None
        writer.add_key_value(key, value, kind, sub_type=sub)
    writer.add_string("sql_llama.family", family("chatml").name)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


def overwritten(path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """The file with other weights: `change` gets each tensor's name and bytes."""
    out = path.with_name("spoilt.gguf")
    shutil.copyfile(path, out)
    with out.open("r+b") as file:
        for tensor in read_gguf(path).tensors:
            file.seek(tensor.offset)
            data = change(tensor.name, file.read(tensor.bytes))
            file.seek(tensor.offset)
            file.write(data)
    return out


def test_rewriting_alone_spoils_nothing(stopping: Path, tiny_stopping_base: Path) -> None:
    assert certify(rewritten(stopping), tiny_stopping_base, threads=1).passed


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


def test_a_zeroed_layer_is_noticed(tiny_base: Path, lively_reference: Reference, tmp_path: Path) -> None:
    path = convert(tiny_base, tmp_path / "x.gguf", family("chatml"))
    spoilt = overwritten(path, lambda name, data: bytes(len(data)) if name.startswith("blk.1.") else data)
    assert failing(certify(spoilt, tiny_base, reference=lively_reference, threads=1)) == [
        "stops",  # as this base always does
        "weights",
        "divergence",
    ]


def test_a_bias_may_be_all_zeros(tiny_stopping_base: Path, tmp_path: Path) -> None:
    """As it is in a Llama with attention_bias whose training began with none and changed the matrices alone."""
    import torch
    from safetensors.torch import load_file, save_file

    base = shutil.copytree(tiny_stopping_base, tmp_path / "base")
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "attention_bias": True}))
    tensors = load_file(base / "model.safetensors")
    matrices = {name: tensor for name, tensor in tensors.items() if ".self_attn." in name}
    zeros = {name.replace("weight", "bias"): torch.zeros(len(tensor)) for name, tensor in matrices.items()}
    save_file({**tensors, **zeros}, base / "model.safetensors", metadata={"format": "pt"})
    path = convert(base, tmp_path / "x.gguf", family("chatml"))
    assert "blk.0.attn_q.bias" in {tensor.name for tensor in read_gguf(path).tensors}
    assert certify(path, base, threads=1).passed


def test_a_value_that_is_not_a_number_is_noticed(stopping: Path, stopping_reference: Reference) -> None:
    spoilt = overwritten(stopping, lambda name, data: b"\0\x7e" + data[2:] if name == "output.weight" else data)
    certificate = certify(spoilt, None, reference=stopping_reference, threads=1)
    assert {"weights", "divergence"} <= set(failing(certificate))
    assert "output.weight has values that are not finite" in render_certificate(certificate)


def test_queries_that_were_not_put_in_order_are_noticed(
    tiny_base: Path, lively_reference: Reference, tmp_path: Path
) -> None:
    """q and k as Hugging Face orders their rows, where llama.cpp wants them otherwise: nothing else shows it."""
    import numpy as np

    def undone(name: str, data: bytes) -> bytes:
        heads = 4 if ".attn_q." in name else 2 if ".attn_k." in name else 0
        if not heads:
            return data
        rows = np.frombuffer(data, np.float16).reshape(heads, -1, 2, 64)
        return rows.swapaxes(1, 2).tobytes()

    path = convert(tiny_base, tmp_path / "x.gguf", family("chatml"))
    assert failing(certify(path, tiny_base, reference=lively_reference, threads=1)) == ["stops"]
    spoilt = overwritten(path, undone)
    assert failing(certify(spoilt, tiny_base, reference=lively_reference, threads=1)) == ["stops", "divergence"]


def test_another_adapter_is_noticed(tiny_base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    """The file of the untuned base, in the place of the tuned one."""
    tuned = reference(tiny_base, merge(tiny_base, tiny_adapter), answers(tiny_base, family("chatml"), count=4))
    path = convert(tiny_base, tmp_path / "x.gguf", family("chatml"))
    assert "divergence" in failing(certify(path, tiny_base, reference=tuned, threads=1))


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


# --- the real thing


@pytest.mark.base
def test_the_starter_is_near_and_spoilt_it_is_not(starter_run: Path, real_base: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    shutil.copyfile(next((starter_run / "gguf").glob("*.gguf")), path)
    asked = answers(real_base, family("chatml"), count=6)
    merged = reference(real_base, merge(real_base, starter(), merge_base="nf4", dtype="bfloat16"), asked)
    good = closeness_of_file(path, merged)
    assert good.verdict == "pass", good
    assert good.numbers["top1"] > 0.9 and good.numbers["perplexity"] < 3
    zeroed = overwritten(path, lambda name, data: bytes(len(data)) if name.startswith("blk.0.") else data)
    assert closeness_of_file(zeroed, merged).verdict == "fail"
