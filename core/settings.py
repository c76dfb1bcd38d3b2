"""Settings of this machine, from the environment (`SQL_LLAMA_*`) or a `.env` file: where things are kept."""

from functools import lru_cache
from pathlib import Path

from platformdirs import user_cache_path
from pydantic_settings import BaseSettings, SettingsConfigDict


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
