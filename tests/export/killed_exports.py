"""Run exports that kill -9 ends at the stages that are named: BASE ADAPTER OUT QUANT... -- STAGE...; a script.

A stage such as `convert_all:1` is the second call of that function. The processes are forked from one that has
imported torch, since the imports take longer than an export of a tiny model.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import llama_cpp
import torch
from sql_llama.export import export, gguf_files
from sql_llama.export.plan import Options
from transformers import AutoTokenizer, LlamaForCausalLM

LOADED = (llama_cpp, torch, AutoTokenizer, LlamaForCausalLM)


def export_until(stage: str, base: Path, adapter: Path, out: Path, options: Options) -> None:
    """Export in a process that ends before it does this stage. Raises SystemExit when it came to its end."""
    process = os.fork()
    if process:
        _, status = os.waitpid(process, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            raise SystemExit(f"not killed at {stage}")
        return
    name, _, calls = stage.partition(":")
    left = int(calls or 0)
    module = gguf_files if hasattr(gguf_files, name) else export
    original = getattr(module, name)

    def killed(*args: Any, **named: Any) -> Any:
        nonlocal left
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return original(*args, **named)

    setattr(module, name, killed)
    export.export_adapter(base, adapter, out, options, merge_base="base")
    os._exit(0)


if __name__ == "__main__":
    paths, quants = [Path(path) for path in sys.argv[1:4]], sys.argv[4 : sys.argv.index("--")]
    for stage in sys.argv[sys.argv.index("--") + 1 :]:
        export_until(stage, *paths, Options(quants=quants))
