"""Passwords of servers: from the environment or asked for without echo, kept in memory only, never shown."""

import getpass
import os
import sys
from collections.abc import Callable
from typing import TypeVar

from .url import DatabaseUrl

T = TypeVar("T")
VARIABLE = "SQL_LLAMA_DB_PASSWORD"
_asked: dict[str, str] = {}  # by URL, for this process


def password_for(url: DatabaseUrl) -> str | None:
    """Return the password that was asked for before, or that of the environment; None where there is none."""
    return _asked.get(url.text) or os.environ.get(VARIABLE)


def with_password(
    url: DatabaseUrl, connect: Callable[[], T], connect_with: Callable[[str], T], wants_one: Callable[[Exception], bool]
) -> T:
    """Connect; where the server wants another password and a person is there, ask once and connect with that."""
    try:
        return connect()
    except Exception as error:
        if not wants_one(error) or not sys.stdin.isatty():
            raise
        password = getpass.getpass(f"Password for {url.shown}: ")
        opened = connect_with(password)
        _asked[url.text] = password
        return opened
