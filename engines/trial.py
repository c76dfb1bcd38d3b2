"""What the child process of engines/native.py runs: one answer of llama.cpp, or one product of torch and bitsandbytes.

python -m sql_llama.engines.trial llama.cpp
python -m sql_llama.engines.trial training
"""

import sys
import tempfile
from pathlib import Path

EMBEDDING, FEED_FORWARD, HEADS = 256, 512, 4
# One type for each matrix, so that every kind of product is computed that a file of an export can have. Bytes of a
# block, values in it, and the bytes of the block that are 16-bit scales.
BLOCKS = {
    "Q4_0": (18, 32, [0]),
    "Q4_1": (20, 32, [0, 2]),
    "Q5_0": (22, 32, [0]),
    "Q8_0": (34, 32, [0]),
    "Q4_K": (144, 256, [0, 2]),
    "Q5_K": (176, 256, [0, 2]),
    "Q6_K": (210, 256, [208]),
}
MATRICES = {
    "attn_q": ("Q4_K", EMBEDDING, EMBEDDING),
    "attn_k": ("Q8_0", EMBEDDING, EMBEDDING),
    "attn_v": ("Q6_K", EMBEDDING, EMBEDDING),
    "attn_output": ("Q4_0", EMBEDDING, EMBEDDING),
    "ffn_gate": ("Q5_K", FEED_FORWARD, EMBEDDING),
    "ffn_up": ("Q4_1", FEED_FORWARD, EMBEDDING),
    "ffn_down": ("Q5_0", EMBEDDING, FEED_FORWARD),
}


def write_tiny_gguf(path: Path) -> None:
    """Write a Llama of one layer with random weights, whose tokens are the 256 bytes."""
    import gguf
    import numpy as np

    random = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(512)
    writer.add_embedding_length(EMBEDDING)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("llama")
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    writer.add_token_types([*kinds, *[gguf.TokenType.BYTE] * 256])
    writer.add_chat_template("{{ messages[-1].content }}")

    writer.add_tensor("token_embd.weight", random.normal(size=(len(tokens), EMBEDDING)).astype(np.float16))
    writer.add_tensor("output.weight", random.normal(size=(len(tokens), EMBEDDING)).astype(np.float16))
    for norm in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{norm}.weight", np.ones(EMBEDDING, np.float32))
    for name, (kind, rows, columns) in MATRICES.items():
        size, values, scales = BLOCKS[kind]
        blocks = random.integers(0, 256, size=(rows, columns // values, size), dtype=np.uint8)
        for place in scales:  # random bytes could make an infinite scale
            blocks[:, :, place : place + 2] = np.array([0.001], np.float16).view(np.uint8)
        kind_id = gguf.GGMLQuantizationType[kind]
        writer.add_tensor(f"blk.0.{name}.weight", blocks.reshape(rows, -1), raw_dtype=kind_id)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def try_llamacpp() -> None:
    """Read a prompt in one pass and write two tokens; prints what llama.cpp was compiled for."""
    import llama_cpp

    from ..core.records import Message
    from .llamacpp import open_gguf

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.gguf"
        write_tiny_gguf(path)
        engine = open_gguf(path, num_ctx=256)
        for _ in engine.stream([Message("user", "SELECT count(*) FROM singer; " * 4)], max_tokens=2):
            pass
        engine.close()
    print(llama_cpp.llama_print_system_info().decode(errors="replace"))


def try_training() -> None:
    """Multiply in the type that training computes in, and round weights to NF4 and back, where training does it."""
    import torch
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    from .huggingface import compute_dtype

    device = "cuda" if torch.cuda.is_available() else "cpu"
    weights = torch.ones(256, 256, dtype=compute_dtype(), device=device)
    packed, state = quantize_4bit(weights, blocksize=64, compress_statistics=True, quant_type="nf4")
    print((dequantize_4bit(packed, state) @ weights).sum().item())


if __name__ == "__main__":
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash here is an expected result, not worth a core dump
    {"llama.cpp": try_llamacpp, "training": try_training}[sys.argv[1]]()
