"""A plain export of an adapter, for tests that look at one part of it."""

from pathlib import Path
from typing import Any

from sql_llama.export.export import Exported, export_adapter
from sql_llama.export.plan import Options


def exported(base: Path, adapter: Path, out: Path, *, name: str = "sql-llama", **options: Any) -> Exported:
    plain = Options(**{"importance": False, "verify": False, **options})
    return export_adapter(base, adapter, out, plain, merge_base="base", name=name)
