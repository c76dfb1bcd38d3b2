"""A model of the Hugging Face Hub to a local folder; what can go wrong on the way is one line with its fix."""

from pathlib import Path
from typing import Any

from ..core.errors import DataError, SqlLlamaError
from .folder import check_folder
from .package import PACKAGE

HUB_FILES = ("*.json", "*.safetensors", "tokenizer.model", "*.jinja", "LICENSE*")


def hub_folder(model: str, revision: str) -> Path:
    """Download a revision of a model from the Hub, or find it in the Hub's cache, and return its folder.

    Raises SqlLlamaError when it cannot be downloaded, DataError when it is not in the layout that is read here.
    """
    from huggingface_hub import constants, errors, snapshot_download

    name = f"{model} (revision {revision})"
    try:
        folder = Path(snapshot_download(model, revision=revision, allow_patterns=list(HUB_FILES)))
    except errors.GatedRepoError:
        raise SqlLlamaError(
            f"{model}: the Hub gives this model only to people who accepted its licence",
            fix=f"accept it on the page of {model}, then set HF_TOKEN to your token",
        ) from None
    except errors.RevisionNotFoundError:
        raise SqlLlamaError(f"{name}: the model has no such revision", fix="set base.revision") from None
    except errors.RepositoryNotFoundError:
        raise SqlLlamaError(
            f"{model}: no such folder, and no such model on the Hub",
            fix="check base.model; a private model needs HF_TOKEN",
        ) from None
    except errors.LocalEntryNotFoundError as error:
        if isinstance(error.__cause__, errors.HfHubHTTPError):
            raise _refused(name, error.__cause__) from None
        why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else "the Hub cannot be reached"
        raise SqlLlamaError(
            f"{name}: not on this machine, and {why}",
            fix=f"connect to the network, or set base.model to a folder or to package:{PACKAGE}",
        ) from None
    except errors.HfHubHTTPError as error:
        raise _refused(name, error) from None
    except (errors.HFValidationError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SqlLlamaError(
            f"{name}: cannot be downloaded ({reason})", fix="try again, or set base.model to a folder"
        ) from None
    try:
        check_folder(folder)
    except DataError as error:
        fix = "set base.model or base.revision to one with config.json, a tokenizer and safetensors weights"
        raise DataError(f"{name}: {error.message}", fix=fix) from None
    return folder


def _refused(name: str, error: Any) -> SqlLlamaError:
    """The error for a Hub that answers, and does not give the model; `error` is its HfHubHTTPError."""
    status = error.response.status_code
    if status in (401, 403):
        return SqlLlamaError(
            f"{name}: the Hub refuses your token (HTTP {status})",
            fix="set HF_TOKEN to a token that is valid and may read this model",
        )
    return SqlLlamaError(
        f"{name}: cannot be downloaded (the Hub answers HTTP {status})", fix="try again, or set base.model to a folder"
    )
