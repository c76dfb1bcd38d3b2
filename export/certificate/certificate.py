"""What was checked about one GGUF file, as certificate.json and as certificate.md."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ...core.errors import DataError
from ...core.files import write_json, write_text

CERTIFICATE_VERSION = 3  # 2 has no `contents`

Verdict = Literal["pass", "fail", "skipped"]


@dataclass(frozen=True)
class Check:
    """One line of a certificate: `said` is the result in words, `numbers` the same for a program.

    The names are the keys of certificate.json, which scripts read.
    """

    name: str
    verdict: Verdict
    said: str
    failures: tuple[str, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Certificate:
    """The checks of one GGUF file, and the hashes of all that the file was made from.

    `contents` are the hashes of its tensors and of its metadata (contents.py); empty in certificates of version 2.
    """

    file: str
    sha256: str
    bytes: int
    family: str
    checks: tuple[Check, ...]
    versions: dict[str, str] = field(default_factory=dict)
    made: str = ""
    hashes: dict[str, str] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Return whether no check failed; those that were skipped do not count."""
        return all(check.verdict != "fail" for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """Return the content of certificate.json."""
        return {
            "certificate_version": CERTIFICATE_VERSION,
            "verdict": "pass" if self.passed else "fail",
            **asdict(self),
        }


def write_certificate(certificate: Certificate, folder: Path) -> tuple[Path, Path]:
    """Write certificate.json and certificate.md into `folder`, and return their paths."""
    paths = folder / "certificate.json", folder / "certificate.md"
    write_json(paths[0], certificate.as_json())
    write_text(paths[1], render_certificate(certificate))
    return paths


def read_certificate(path: Path) -> Certificate:
    """Read a certificate.json of this or an earlier version; raises DataError when it is missing, broken or newer."""
    fix = "sql-llama export RUN makes one"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        version = int(facts.pop("certificate_version"))
        if version > CERTIFICATE_VERSION:
            raise DataError(f"{path}: of version {version}, made by a newer sql-llama", fix="install the newest one")
        facts.pop("verdict")
        checks = tuple(Check(**{**check, "failures": tuple(check["failures"])}) for check in facts.pop("checks"))
        return Certificate(**facts, checks=checks)
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{path}: no such certificate", fix=fix) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})", fix="check its permissions") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(f"{path}: not a certificate of sql-llama", fix=fix) from None


def render_certificate(certificate: Certificate) -> str:
    """Return the certificate in Markdown."""
    lines = [
        f"# Certificate of {certificate.file}: {'pass' if certificate.passed else 'FAIL'}",
        "",
        "| check | verdict | what was seen |",
        "| --- | --- | --- |",
    ]
    for check in certificate.checks:
        seen = check.said + "".join(f"<br>failed: {json.dumps(item, ensure_ascii=False)}" for item in check.failures)
        seen = seen.replace("|", "\\|")  # of tokens such as <|im_end|>: a bar ends a cell
        lines.append(f"| {check.name} | {check.verdict} | {seen} |")
    lines += [
        "",
        f"sha256 `{certificate.sha256}`, {certificate.bytes} bytes, template family {certificate.family}.",
        "",
    ]
    hashes = {**certificate.contents, **certificate.hashes}
    lines += [f"{name} `{digest}`  " for name, digest in hashes.items()]
    lines += [""] if hashes else []
    lines += [
        ", ".join(f"{name} {version}" for name, version in certificate.versions.items()) + f"; {certificate.made}"
    ]
    return "\n".join(lines) + "\n"
