"""A GGUF file says nearly what the merged model says; one with a layer missing, or of other weights, does not."""

import math
from pathlib import Path

import numpy as np
import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.records import Example
from sql_llama.data.pairs import write_pairs
from sql_llama.engines.llamacpp import load_llamacpp
from sql_llama.export.certificate.answers import answers
from sql_llama.export.certificate.divergence import divergence, divergence_of_file
from sql_llama.export.certificate.reference import Reference, reference
from sql_llama.export.convert.convert import convert
from sql_llama.export.convert.quantize import quantize
from sql_llama.export.merge.merge import merge
from sql_llama.modelfiles.templates import family
from sql_llama.models.tokens import Answered
from sql_llama.sql.ddl.parse import parse_ddl
from tokenizers import Tokenizer


@pytest.fixture(scope="module")
def asked(tiny_base: Path) -> tuple[Answered, ...]:
    return answers(tiny_base, family("chatml"), count=6)


@pytest.fixture(scope="module")
def merged(tiny_base: Path, tiny_adapter: Path, asked: tuple[Answered, ...]) -> Reference:
    return reference(tiny_base, merge(tiny_base, tiny_adapter), asked)


@pytest.fixture(scope="module")
def file(tiny_base: Path, tiny_adapter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    return convert(tiny_base, out, family("chatml"), merge(tiny_base, tiny_adapter))


def test_float16_is_nearly_the_merged_model(merged: Reference, file: Path) -> None:
    found = divergence_of_file(merged, file, threads=1)
    assert 0 <= found.kl < 1e-4 and found.kl_error < 1e-4
    assert found.top1 > 0.98
    assert found.perplexity == pytest.approx(found.reference_perplexity, rel=0.01)
    assert found.tokens == len(merged.log_probabilities) == sum(len(item.ids) - item.prompt for item in merged.answers)


def test_fewer_bits_are_farther_off(merged: Reference, file: Path, tmp_path: Path) -> None:
    kl = [divergence_of_file(merged, quantize(file, tmp_path / f"{t}.gguf", t), threads=1).kl for t in ("Q8_0", "Q4_0")]
    assert divergence_of_file(merged, file, threads=1).kl < kl[0] < kl[1]


def test_the_untuned_base_is_far_off(merged: Reference, tiny_base: Path, tmp_path: Path) -> None:
    found = divergence_of_file(merged, convert(tiny_base, tmp_path / "base.gguf", family("chatml")), threads=1)
    assert found.kl > 0.05 and found.kl > 5 * found.kl_error


def test_the_numbers_are_those_of_their_definitions(file: Path, tiny_base: Path, asked: tuple[Answered, ...]) -> None:
    """Against a reference that finds every token as probable as any other."""
    rows = sum(len(item.ids) - item.prompt for item in asked)
    engine = load_llamacpp(file, threads=1)
    try:
        size = engine.vocabulary
        flat = Reference(asked, np.full((rows, size), -math.log(size), np.float16))
        even = float(flat.log_probabilities[0, 0])  # as float16 has it
        found = divergence(flat, engine)
        logits = np.concatenate(list(engine.answer_logits([(item.ids, item.prompt) for item in asked]))).astype(
            np.float64
        )
    finally:
        engine.close()
    own = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    right = np.concatenate([item.ids[item.prompt :] for item in asked])
    assert found.kl == pytest.approx(math.exp(even) * (even - own).sum(axis=1).mean(), rel=1e-5)
    assert found.perplexity == pytest.approx(math.exp(-own[np.arange(rows), right].mean()), rel=1e-5)
    assert found.reference_perplexity == pytest.approx(math.exp(-even), rel=1e-6)


def test_another_vocabulary_is_one_line(merged: Reference, file: Path) -> None:
    smaller = Reference(merged.answers, merged.log_probabilities[:, :-1])
    with pytest.raises(DataError, match=r"tiny\.gguf: \d+ tokens, not \d+"):
        divergence_of_file(smaller, file, threads=1)


def test_questions_come_from_the_run_and_then_from_ours(tiny_base: Path, tmp_path: Path) -> None:
    pairs = [Example(f"How many of {n}?", f"SELECT {n}", parse_ddl("CREATE TABLE t (a INT)")) for n in range(30)]
    write_pairs(tmp_path / "valid.jsonl", pairs[:3])
    tokenizer = Tokenizer.from_file(str(tiny_base / "tokenizer.json"))

    def said(found: tuple[Answered, ...]) -> list[str]:
        return [tokenizer.decode(item.ids[item.prompt :], skip_special_tokens=False) for item in found]

    mixed = said(answers(tiny_base, family("chatml"), tmp_path / "valid.jsonl", 5))
    assert sorted(mixed[:3]) == [f"SELECT {n}<|im_end|>" for n in range(3)]
    assert mixed[3] == "SELECT count(*) FROM pets<|im_end|>"
    write_pairs(tmp_path / "valid.jsonl", pairs)
    chosen = said(answers(tiny_base, family("chatml"), tmp_path / "valid.jsonl", 5))
    assert len(set(chosen)) == 5 and "SELECT 0<|im_end|>" not in chosen[:1]
    assert said(answers(tiny_base, family("chatml"), tmp_path / "nothing.jsonl"))[:1] == mixed[3:4]
    assert len(answers(tiny_base, family("chatml"))) == 20
