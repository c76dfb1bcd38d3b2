"""Rows are rounded to every type exactly as the reference rounds them."""

import numpy as np
import pytest
from sql_llama.core.errors import RecipeError
from sql_llama.export.convert.ggml import quantize_rows, row_bytes, type_number


def rounded(kind: str, rows: "np.ndarray", importance: "np.ndarray | None" = None) -> "np.ndarray":
    import torch

    out = np.empty(len(rows) * row_bytes(kind, rows.shape[1]), dtype=np.uint8)
    assert quantize_rows(kind, torch.from_numpy(rows), out, importance)
    return out


def values(seed: int = 0) -> "np.ndarray":
    """Rows of weights' usual size, and the values where rounding goes wrong: ties, zeros, numbers below float16's."""
    rows = np.random.default_rng(seed).standard_normal((64, 256), dtype=np.float32) * 0.02
    rows[1] = 0.0
    rows[2] = np.linspace(-1e-7, 1e-7, 256)
    rows[3] = (np.arange(256) - 128) + 0.5
    rows[4] = 1 + (2 * np.arange(256) + 1) * 2.0**-12  # halfway between two float16
    rows[5] = 65504.0
    rows[6, ::2] = -0.0
    rows[7] = 1e-30
    return rows


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"])
def test_the_types_that_the_gguf_package_writes_are_equal_byte_for_byte(kind: str) -> None:
    from gguf import GGMLQuantizationType, quants

    rows = values()
    theirs = quants.quantize(rows, GGMLQuantizationType[kind])
    np.testing.assert_array_equal(rounded(kind, rows), theirs.view(np.uint8).reshape(-1))


@pytest.mark.parametrize("kind", ["Q2_K", "Q4_K", "Q6_K", "IQ4_XS", "IQ3_S"])
def test_a_matrix_may_be_split_in_any_rows(kind: str) -> None:
    rows = values(1)
    weights = np.linspace(0.1, 2, 256, dtype=np.float32)
    parts = [rounded(kind, rows[start:stop], weights) for start, stop in ((0, 1), (1, 8), (8, 64))]
    np.testing.assert_array_equal(np.concatenate(parts), rounded(kind, rows, weights))


def test_the_importance_of_columns_changes_what_is_kept() -> None:
    rows = values(2)
    weights = np.where(np.arange(256) < 128, 10, 0.1).astype(np.float32)
    assert rounded("Q4_K", rows, weights).tobytes() != rounded("Q4_K", rows).tobytes()


def test_a_scale_that_is_not_finite_is_noticed(capfd: pytest.CaptureFixture[str]) -> None:
    import torch

    out = np.empty(row_bytes("Q8_0", 32), dtype=np.uint8)
    assert not quantize_rows("Q8_0", torch.full((1, 32), 1e30), out)


@pytest.mark.parametrize("kind", ["Q4_X", "I32", "Q8_K", ""])
def test_what_weights_cannot_be_rounded_to_is_refused(kind: str) -> None:
    with pytest.raises(RecipeError, match="not a tensor type"):
        type_number(kind)


def test_the_numbers_are_those_of_the_gguf_package() -> None:
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    for kind in ("F32", "F16", "BF16", "Q4_0", "Q8_0", "Q4_K", "Q6_K", "IQ2_XXS", "TQ2_0", "MXFP4"):
        assert type_number(kind) == GGMLQuantizationType[kind]
        block, size = GGML_QUANT_SIZES[GGMLQuantizationType[kind]]
        assert row_bytes(kind, 4 * block) == 4 * size
