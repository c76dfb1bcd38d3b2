"""Settings of this machine, from the environment (`SQL_LLAMA_*`) or a `.env` file: where things are kept."""

import os
from functools import lru_cache
from pathlib import Path

from platformdirs import user_cache_path
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from .errors import DataError


class Settings(BaseSettings):
    """Each field can be set as SQL_LLAMA_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="SQL_LLAMA_", env_file=".env", extra="ignore")

    cache: Path = user_cache_path("sql-llama")
    """Folder for what can be made again: the unpacked base model, quantized bases, databases for evaluation."""
    runs: Path = Path("runs")
    """Folder that holds the run directories."""
    ollama_host: str = ""
    """Address of the Ollama server; empty: OLLAMA_HOST, else Ollama's own default."""


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings, read once per process."""
    return Settings()


class Secrets(BaseSettings):
    """Names that other libraries read from the environment, and that may stand in `.env` too."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", hide_input_in_errors=True)

    hf_token: SecretStr | None = None
    """Token of the Hugging Face Hub: for gated and private models, and to publish."""
    hf_username: SecretStr | None = None
    """Owner of the repositories that are published."""
    hf_home: SecretStr | None = None
    """Folder of downloaded models and data sets."""
    hf_hub_cache: SecretStr | None = None
    """Folder of downloaded models alone."""
    wandb_api_key: SecretStr | None = None
    """Key of Weights & Biases."""


def use_dotenv() -> None:
    """Put the known names of `.env` in the working directory into the environment, which goes before the file.

    Only these names are taken: a `.env` of another project must not change how this process runs. Call it before
    libraries are imported, which read HF_HOME once. Raises DataError for a file that is no UTF-8 text.
    """
    if not Path(".env").is_file():
        return
    try:
        found = Secrets()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.reason if isinstance(error, UnicodeDecodeError) else error.strerror
        raise DataError(f".env: cannot be read ({reason})", fix="save it as UTF-8, as .env.example is") from None
    for name in Secrets.model_fields:
        value: SecretStr | None = getattr(found, name)
        if value is not None and value.get_secret_value():
            os.environ.setdefault(name.upper(), value.get_secret_value())
