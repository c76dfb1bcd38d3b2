"""Read the golden files that stand beside the tests: named cases of a query and what has to come of it."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet

LABEL = re.compile(r"-- (\w+):(?: (.*))?")


@dataclass(frozen=True)
class Case:
    """One case of a golden file. `place`: file and line, for the message of a test that fails; `parts`: by label."""

    name: str
    place: str
    parts: dict[str, Any]

    def __getitem__(self, label: str) -> Any:
        return self.parts[label]


def golden(file: Path, *labels: str) -> list[ParameterSet]:
    """The cases of a .sql or .toml file with these parts each, for `pytest.mark.parametrize("case", ...)`.

    The name of a case becomes its pytest id. Raises ValueError, with file and line, for a case that has other parts or
    the name of another case, so that a slip in a golden file is not a case that tests nothing.
    """
    cases = list(_sql_cases(file) if file.suffix == ".sql" else _toml_cases(file))
    names: set[str] = set()
    for case in cases:
        if set(case.parts) != set(labels):
            raise ValueError(f"{case.place}: {case.name!r} has the parts {sorted(case.parts)}, not {sorted(labels)}")
        if case.name in names:
            raise ValueError(f"{case.place}: a second case is called {case.name!r}")
        names.add(case.name)
    if not cases:
        raise ValueError(f"{file.name}: no cases")
    return [pytest.param(case, id=case.name) for case in cases]


def _sql_cases(file: Path) -> Iterator[Case]:
    """The cases of a .sql file: `-- case: NAME`, then parts as `-- LABEL: text` or `-- LABEL:` and the lines below."""
    name, place, label = "", "", ""
    parts: dict[str, str] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), 1):
        match = LABEL.fullmatch(line)
        if match and match[1] == "case":
            if name:
                yield Case(name, place, _trimmed(parts))
            name, place, label, parts = match[2] or "", f"{file.name}:{number}", "", {}
            if not name:
                raise ValueError(f"{place}: a case without a name")
        elif match and name:
            label = match[1]
            if label in parts:
                raise ValueError(f"{file.name}:{number}: {name!r} has {label!r} twice")
            parts[label] = match[2] or ""
        elif label:
            parts[label] += "\n" + line
        elif name and line:
            raise ValueError(f"{file.name}:{number}: a line that belongs to no part")
    if name:
        yield Case(name, place, _trimmed(parts))


def _trimmed(parts: dict[str, str]) -> dict[str, str]:
    """The texts without the line break after their label and the empty lines before the next one."""
    return {label: text.removeprefix("\n").rstrip("\n") for label, text in parts.items()}


def _toml_cases(file: Path) -> Iterator[Case]:
    """The cases of a .toml file: its tables `[[case]]` with a `name` and the parts."""
    for number, row in enumerate(tomllib.loads(file.read_text(encoding="utf-8"))["case"], 1):
        parts = dict(row)
        yield Case(parts.pop("name", ""), f"{file.name}, case {number}", parts)
