"""Which columns of each weight matrix matter for the user's own questions: llama.cpp's importance matrix.

A quantizer that knows how large the inputs of a matrix are rounds the columns with large inputs more carefully. So the
tuned model reads prompts with their right answers, and for each matrix the squares of its inputs are summed per column.
The file is laid out as llama.cpp's own llama-imatrix writes it (tools/imatrix/imatrix.cpp), so llama-quantize reads it.
As there, only the matrices of the layers are in it: the embedding is looked up, not multiplied, and the output matrix
is kept in more bits anyway. Not covered: the expert matrices of mixture-of-experts models.
"""

import ctypes
import struct
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.errors import DataError, SqlLlamaError
from ...core.files import atomic
from ...core.progress import progress
from ...core.records import Message
from ...models.gguf_header import check_gguf

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHATS = 16  # prompts that are enough: those of 4 give nearly the matrix of 32, see docs/export.md
PASS = 256  # tokens of one pass; their logits have to fit the memory too
SUMS, COUNTS = ".in_sum2", ".counts"
KEYS = ("imatrix.datasets", "imatrix.chunk_count", "imatrix.chunk_size")


def importance(gguf: Path, chats: Sequence[tuple[Sequence[Message], str]], out: Path, *, threads: int = 0) -> Path:
    """Write `out`, the importance matrix of the model in `gguf` (F16 or Q8_0) over prompts and their right answers.

    `threads` 0 is all cores. Raises DataError when there are no chats or the model's numbers are not finite,
    SqlLlamaError when a chat is longer than the model's context.
    """
    from ...engines.engine import fitting
    from ...engines.llamacpp import load_llamacpp

    if not chats:
        raise DataError(f"{gguf}: no prompts for an importance matrix", fix="give it pairs, or export without one")
    engine = load_llamacpp(gguf, num_ctx=2**31 - 1, threads=threads or None)
    try:
        texts = [
            fitting(engine.name, engine.prompt_tokens(chat) + engine.tokenize(answer), engine.num_ctx)
            for chat, answer in chats
        ]
        collector = _Collector()
        with progress("gathering the importance matrix", sum(map(len, texts)), "tokens") as advance:
            for read in _read(engine.model.handle, gguf, texts, collector, engine.threads):
                advance(read)
    finally:
        engine.close()
    collector.check(gguf)
    _write(out, collector, texts)
    return out


def read_importance(path: Path) -> "Mapping[str, NDArray[np.float32]]":
    """Return the mean square of each column's input, by tensor name, as llama-quantize computes it from the file.

    Arrays are (columns,); (experts * columns,) where a tensor holds several matrices. Raises DataError for a file that
    is broken, or no importance matrix in GGUF.
    """
    import numpy as np
    from gguf import GGMLQuantizationType, GGUFReader

    def bad(problem: str) -> DataError:
        return DataError(
            f"{path}: not a usable importance matrix: {problem}", fix="make it again with sql-llama export"
        )

    facts = check_gguf(path, model=False)
    if facts.get("general.type") != "imatrix":
        raise bad(f"its general.type is {facts.get('general.type')!r}, not 'imatrix'")
    for key, kind in zip(KEYS, (list, int, int), strict=True):
        if not isinstance(facts.get(key), kind):
            raise bad(f"no {key}" if key not in facts else f"{key} is {facts[key]!r}")
    tensors: dict[str, NDArray[np.float32]] = {}
    for tensor in GGUFReader(path).tensors:
        if tensor.tensor_type != GGMLQuantizationType.F32:
            raise bad(f"{tensor.name} is {tensor.tensor_type.name}, not F32")
        tensors[tensor.name] = np.array(tensor.data, dtype=np.float32).reshape(-1)
    means: dict[str, NDArray[np.float32]] = {}
    for name in sorted({name.removesuffix(SUMS).removesuffix(COUNTS) for name in tensors}):
        sums, counts = tensors.get(name + SUMS), tensors.get(name + COUNTS)
        if sums is None or counts is None:
            raise bad(f"{name} has no sums or no counts")
        if sums.size % counts.size:
            raise bad(f"{name} has {sums.size} sums and {counts.size} counts")
        if not (np.isfinite(sums).all() and np.isfinite(counts).all() and (sums >= 0).all() and (counts >= 0).all()):
            raise bad(f"{name} has numbers that cannot be sums of squares")
        rows = sums.reshape(counts.size, -1)
        # a matrix without inputs: every column alike
        means[name] = np.where(counts[:, None] > 0, rows / np.maximum(counts, 1)[:, None], 1).reshape(-1)
    if not means:
        raise bad("it is empty")
    return means


def _read(
    model: Any, gguf: Path, texts: Sequence[Sequence[int]], collector: "_Collector", threads: int
) -> Iterator[int]:
    """Let the model read each text from its start while `collector` listens; yields the tokens of each pass."""
    import llama_cpp

    from ...engines.decoding import fill

    params = llama_cpp.llama_context_default_params()
    params.n_ctx = max(map(len, texts))
    params.n_batch = params.n_ubatch = PASS
    params.n_threads = params.n_threads_batch = threads
    params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED  # as engines/decoding.py: repeats bit by bit
    params.no_perf = True
    params.cb_eval = listen = llama_cpp.ggml_backend_sched_eval_callback(collector.listen)
    context = llama_cpp.llama_init_from_model(model, params)
    if not context:
        raise SqlLlamaError(f"{gguf}: no room for {params.n_ctx} tokens of context", fix="close other programs")
    batch = llama_cpp.llama_batch_init(PASS, 0, 1)
    try:
        for text in texts:
            llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
            for start in range(0, len(text), PASS):
                part = text[start : start + PASS]
                fill(
                    batch, part, start
                )  # logits of all tokens: else the last layer's matrices see only the tokens that have logits
                code = llama_cpp.llama_decode(context, batch)
                if collector.problem is not None:
                    raise collector.problem
                if code:
                    raise SqlLlamaError(f"{gguf}: llama.cpp failed to read a prompt (code {code})")
                yield len(part)
    finally:
        llama_cpp.llama_batch_free(batch)
        llama_cpp.llama_free(context)
        del listen  # llama.cpp held a pointer to it until here


class _Collector:
    """Sums of squares per column and counts of rows, by tensor name; listens to every step of llama.cpp's graph."""

    def __init__(self) -> None:
        self.sums: dict[str, NDArray[np.float64]] = {}
        self.counts: dict[str, int] = {}
        self.problem: BaseException | None = None
        self._ggml = _Ggml()

    def listen(self, tensor: int, asking: bool, _: object) -> bool:
        """Called before each step (wanted?) and after each wanted one (go on?); an exception cannot pass through C."""
        try:
            return self.problem is None and self._step(tensor, asking)
        except BaseException as problem:
            self.problem = problem
            return False

    def _step(self, tensor: int, asking: bool) -> bool:
        ggml = self._ggml
        if ggml.name(tensor) == b"result_norm":  # all layers are done: the output matrix need not be multiplied
            return asking
        if ggml.operation(tensor) != b"MUL_MAT":
            return False
        weight, inputs = ggml.sources(tensor)
        name = ggml.name(weight)
        if b"#" in name:  # a copy on another device: DEVICE#name#number
            name = name.split(b"#")[1]
        if not name.startswith(b"blk.") or ggml.dimensions(weight) != 2:
            return False
        if not asking:
            self._add(name.decode(), ggml.rows_of(inputs))
        return True

    def _add(self, name: str, rows: "NDArray[np.float32]") -> None:
        import numpy as np

        sums = np.einsum("ij,ij->j", rows, rows)
        if name in self.sums:
            self.sums[name] += sums
        else:
            self.sums[name] = sums.astype(np.float64)
        self.counts[name] = self.counts.get(name, 0) + len(rows)

    def check(self, gguf: Path) -> None:
        """Raise SqlLlamaError when no product was seen, DataError for numbers that are not finite."""
        import numpy as np

        if not self.sums:
            raise SqlLlamaError(f"{gguf}: llama.cpp multiplied no matrix of a layer", fix="sql-llama doctor")
        for name, sums in self.sums.items():
            if not np.isfinite(sums).all():
                raise DataError(f"{gguf}: the inputs of {name} are not finite", fix="train again")


class _Ggml:
    """The functions of ggml that describe a tensor; none gives `src`, so its offset is found in a small example."""

    def __init__(self) -> None:
        from llama_cpp._ggml import libggml

        def function(name: str, result: Any, *arguments: Any) -> Any:
            return ctypes.CFUNCTYPE(result, *arguments)((name, libggml))

        pointer, number = ctypes.c_void_p, ctypes.c_int64
        self.name = function("ggml_get_name", ctypes.c_char_p, pointer)
        self.operation = function("ggml_op_desc", ctypes.c_char_p, pointer)
        self.dimensions = function("ggml_n_dims", ctypes.c_int, pointer)
        self._elements = function("ggml_nelements", number, pointer)
        self._rows = function("ggml_nrows", number, pointer)
        self._bytes = function("ggml_nbytes", ctypes.c_size_t, pointer)
        self._contiguous = function("ggml_is_contiguous", ctypes.c_bool, pointer)
        self._get = function("ggml_backend_tensor_get", None, pointer, pointer, ctypes.c_size_t, ctypes.c_size_t)

        class Room(ctypes.Structure):
            _fields_ = (("size", ctypes.c_size_t), ("buffer", pointer), ("no_alloc", ctypes.c_bool))

        new = function("ggml_new_tensor_2d", pointer, pointer, ctypes.c_int, number, number)
        room = function("ggml_init", pointer, Room)(Room(2**16, None, True))
        first, second = new(room, 0, 4, 3), new(room, 0, 4, 2)
        product = function("ggml_mul_mat", pointer, pointer, pointer, pointer)(room, first, second)
        seen = ctypes.string_at(product, function("ggml_tensor_overhead", ctypes.c_size_t)())
        known = self.operation(product) == b"MUL_MAT"
        self._src = seen.find(struct.pack("PP", first, second)) if known else -1
        function("ggml_free", None, pointer)(room)
        if self._src < 0:
            raise SqlLlamaError("this llama.cpp lays out its tensors in an unknown way", fix="sql-llama doctor")

    def sources(self, tensor: int) -> tuple[int, int]:
        """Return the two tensors that a product is made of: weight and input."""
        first, second = struct.unpack("PP", ctypes.string_at(tensor + self._src, struct.calcsize("PP")))
        return first, second

    def rows_of(self, tensor: int) -> "NDArray[np.float32]":
        """Return the numbers of a float32 tensor as a matrix, from whatever device they are on."""
        import numpy as np

        count, rows, size = self._elements(tensor), self._rows(tensor), self._bytes(tensor)
        if size != 4 * count or not self._contiguous(tensor):
            raise SqlLlamaError(f"llama.cpp holds {self.name(tensor).decode()} in a form that cannot be read")
        numbers = np.empty((rows, count // rows), np.float32)
        self._get(tensor, numbers.ctypes.data, 0, size)
        return numbers


def _write(out: Path, collector: _Collector, texts: Sequence[Sequence[int]]) -> None:
    import numpy as np
    from gguf import GGUFWriter

    class Writer(GGUFWriter):  # type: ignore[misc]
        def add_architecture(self) -> None:
            """An importance matrix has none."""

    tokens = sum(map(len, texts))
    digest = sha256(repr([list(text) for text in texts]).encode()).hexdigest()[:12]
    with atomic(out) as temporary:
        writer = Writer(temporary, "")
        try:
            writer.add_type("imatrix")
            writer.add_array(KEYS[0], [f"{len(texts)} SQL prompts with answers, {tokens} tokens, sha256 {digest}"])
            writer.add_uint32(KEYS[1], len(texts))
            writer.add_uint32(KEYS[2], -(-tokens // len(texts)))
            for name in sorted(collector.sums):
                writer.add_tensor(name + SUMS, collector.sums[name].astype(np.float32))
                writer.add_tensor(name + COUNTS, np.array([collector.counts[name]], np.float32))
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
        finally:
            writer.close()
