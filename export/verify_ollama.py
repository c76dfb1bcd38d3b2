"""Certify what an Ollama server runs: its own file against the certificate, its settings against the Modelfile.

Where tensors, metadata, template, parameters, the rendered text and the numbers of tokens are those of the certified
file, only rounding can make an answer differ (docs/design.md).
"""

import contextlib
import datetime
from dataclasses import dataclass, replace
from pathlib import Path

from ..core.errors import NotExported, SqlLlamaError
from ..core.files import sha256
from ..core.read_recipe import read_recipe
from ..core.run import Run, list_runs
from ..engines.ollama import server_version
from ..engines.ollama_http import NoOllama, server_url
from ..modelfiles.read_modelfile import Modelfile, read_modelfile
from .certificate.certificate import Certificate, Check, Verdict, read_certificate
from .certificate.certify import certify_ollama
from .certificate.checks import count_failures
from .certificate.contents import Contents, contents
from .served import Served, served

NO_FILE = "the server's file cannot be read from here: run this on the server's machine, with OLLAMA_MODELS set"
OLD = "the certificate is of an older version and the certified file is gone: sql-llama export RUN makes a new one"


@dataclass(frozen=True)
class _Claim:
    """A certificate, the file that it is about where that is still beside it, and the Modelfile beside it."""

    path: Path
    certificate: Certificate
    gguf: Path | None
    modelfile: Modelfile | None

    def contents(self) -> dict[str, str]:
        """Return the hashes of tensors and metadata; of an old certificate those of its file, {} where it is gone."""
        if self.certificate.contents:
            return self.certificate.contents
        if self.gguf is not None and sha256(self.gguf) == self.certificate.sha256:
            return contents(self.gguf).as_json()
        return {}


def verify_ollama(model: str, certificate: Path | None = None, host: str = "") -> Certificate:
    """Return the certificate of a model as the server runs it.

    It is compared with `certificate`, a certificate.json with the Modelfile beside it; by default with that of the run
    that exported a model of this name. Raises SqlLlamaError when no server answers or it has no such model, NotExported
    when no run has that name.
    """
    version = server_version(host)
    if version is None:
        url = server_url(host)
        raise NoOllama(
            f"no Ollama server answers at {url}", fix="start it with `ollama serve`, or set OLLAMA_HOST", reason=""
        )
    has = served(model, host)
    found = contents(has.file) if has.file is not None else None
    claim = _claim(certificate) if certificate is not None else _claim_of_a_run(model, found)
    result = Certificate(
        model,
        has.digest,
        has.file.stat().st_size if has.file is not None else 0,
        claim.certificate.family,
        (_certified(claim), _blob(has), *_same_contents(claim, found, has), _modelfile(claim, has)),
        {**claim.certificate.versions, "ollama": version},
        datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        claim.certificate.hashes,
        found.as_json() if found is not None else {},
    )
    runnable = has.file or claim.gguf
    if runnable is None:
        skipped = (Check(name, "skipped", NO_FILE) for name in ("ollama", "ollama tokens"))
        return replace(result, checks=(*result.checks, *skipped))
    return certify_ollama(result, runnable, model, version, host)


def compare_served(run: Run, model: str, host: str = "") -> tuple[Check, ...]:
    """Compare a model of the server with a run's certificate and Modelfile, as `verify_ollama` does; ask it nothing.

    Raises DataError when the run has no certificate, and what `served` raises.
    """
    claim = _claim(run.path / "certificate.json")
    has = served(model, host)
    found = contents(has.file) if has.file is not None else None
    return (_certified(claim), _blob(has), *_same_contents(claim, found, has), _modelfile(claim, has))


def _claim(path: Path) -> _Claim:
    folder = path.parent
    certificate = read_certificate(path)
    modelfile = read_modelfile(folder / "Modelfile") if (folder / "Modelfile").is_file() else None
    places = [folder / certificate.file, folder / "gguf" / certificate.file]
    return _Claim(path, certificate, next((place for place in places if place.is_file()), None), modelfile)


def _claim_of_a_run(model: str, found: Contents | None) -> _Claim:
    """The newest run of this name whose certified file the server has; else the newest one of this name."""
    name = model.rpartition("/")[2].partition(":")[0]
    claims = []
    for run in reversed(list_runs()):
        with contextlib.suppress(SqlLlamaError):
            if _name(run) == name:
                claims.append(_claim(run.path / "certificate.json"))
    if not claims:
        raise NotExported(
            f"ollama:{model}: no certified run here exports a model named {name}",
            fix=f"sql-llama verify ollama:{model} --certificate FILE, the certificate.json that came with the model",
        )
    same = (claim for claim in claims if found is not None and claim.contents() == found.as_json())
    return next(same, claims[0])


def _name(run: Run) -> str:
    recipe, _ = read_recipe(str(run.recipe_path))
    return recipe.export.name


def _certified(claim: _Claim) -> Check:
    verdict: Verdict = "pass" if claim.certificate.passed else "fail"
    passed = "passed" if claim.certificate.passed else "did not pass"
    return Check("certificate", verdict, f"{claim.certificate.file} {passed} its checks ({claim.certificate.made})")


def _blob(has: Served) -> Check:
    """Whether the server's file still has the sha256 that the server knows it by."""
    if has.file is None:
        return Check("file", "skipped", NO_FILE)
    same = sha256(has.file) == has.digest
    said = "is as the server stored it" if same else "has changed since the server stored it"
    return Check("file", "pass" if same else "fail", f"the server's file {said}")


def _same_contents(claim: _Claim, found: Contents | None, has: Served) -> tuple[Check, Check]:
    """Whether tensors and metadata are those of the certified file."""
    expected = claim.contents()
    alike = has.digest == claim.certificate.sha256
    if found is None or not expected:
        why = NO_FILE if found is None else OLD
        said = "the server's file has the sha256 of the certified file"
        both = [Check(name, *(("pass", said) if alike else ("skipped", why))) for name in ("tensors", "metadata")]
        return both[0], both[1]
    file = "the same file" if alike else "the server wrote the file anew"
    got = found.as_json()
    checks = []
    for name, what in (("tensors", f"{found.count} tensors are"), ("metadata", "keys and values are")):
        same = got[name] == expected[name]
        checks.append(
            Check(name, "pass" if same else "fail", f"{what} {'' if same else 'not '}those of the certificate ({file})")
        )
    return checks[0], checks[1]


def _modelfile(claim: _Claim, has: Served) -> Check:
    """Whether the server has the template, system prompt, parameters and messages of the Modelfile."""
    asked = claim.modelfile
    if asked is None:
        return Check("modelfile", "skipped", f"no Modelfile beside {claim.path.name}")
    wrong = [
        name
        for name, ours, theirs in (
            ("template", asked.template, has.template),
            ("system", asked.system, has.system),
            ("messages", asked.messages, has.messages),
        )
        if ours != theirs
    ]
    wrong += [f"{more.partition(' ')[0]} is not in it" for more in has.more]
    names = {**asked.parameters, **has.parameters}
    wrong += [
        f"{name} is {_values(has.parameters.get(name))}, not {_values(asked.parameters.get(name))}"
        for name in names
        if sorted(map(_number, has.parameters.get(name, ()))) != sorted(map(_number, asked.parameters.get(name, ())))
    ]
    what = "values of the Modelfile (template, system, messages, parameters) are the server's"
    return count_failures("modelfile", wrong, 3 + len(names), what)


def _values(values: tuple[str, ...] | None) -> str:
    return ", ".join(values) if values else "not set"


def _number(value: str) -> str:
    """A value so that 1 and 1.0 are the same."""
    try:
        return str(float(value))
    except ValueError:
        return value
