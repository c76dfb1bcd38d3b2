"""The commands that check a change agree: Makefile, .ci/run, the workflow for forks, and the markers of slow tests."""

import os
import re
import tomllib
from pathlib import Path

import yaml  # which transformers needs

from .conftest import REAL

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
RUN = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")


def make_targets(text: str) -> set[str]:
    """What `make` is called with, but for settings such as RECIPE=laptop."""
    calls = re.findall(r"\bmake((?: [\w-]+)+)(?= |$)", text, re.MULTILINE)
    return {target for call in calls for target in call.split()}


def test_slow_tests_are_left_out_by_make_test_and_run_by_ci() -> None:
    markers = {marker.partition(":")[0] for marker in PROJECT["tool"]["pytest"]["ini_options"]["markers"]}
    left_out = re.search(r"^TESTS \?= (.*)$", MAKEFILE, re.MULTILINE)
    run = re.search(r'TESTS="(.*)"$', RUN, re.MULTILINE)
    assert left_out and set(left_out[1].split(" and ")) == {f"not {name}" for name in markers}
    assert run and set(run[1].split(" or ")) == markers == set(REAL)


def test_the_workflow_runs_commands_that_exist() -> None:
    commands = re.findall(r"^\s*- run: (.*)$", WORKFLOW, re.MULTILINE)
    scripts = {word for command in commands for word in command.split() if word.startswith(".ci/")}
    targets = {target for command in commands for target in make_targets(command.split(" PYTHON=")[0])}
    assert scripts == {".ci/run"} and targets == {"test"}
    for script in scripts:
        assert os.access(ROOT / script, os.X_OK), script
    for target in targets:
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target
    for setting in re.findall(r" ([A-Z]+)=", " ".join(commands)):
        assert re.search(rf"^{setting} \?=", MAKEFILE, re.MULTILINE), setting


def test_every_job_of_the_workflow_ends_and_every_step_does_one_thing() -> None:
    workflow = yaml.safe_load(WORKFLOW)
    assert set(workflow["jobs"]) == {"everything", "fast"}
    assert set(workflow[True]) == {"push", "pull_request"}  # YAML 1.1 reads the key `on` as true
    for job in workflow["jobs"].values():
        assert job["runs-on"] and job["timeout-minutes"] <= 120
        assert all(("uses" in step) != ("run" in step) for step in job["steps"])
        assert job["steps"][0]["uses"].startswith("actions/checkout@")


def test_the_workflow_tests_every_python_that_is_supported_and_macos() -> None:
    low, below = re.findall(r"3\.(\d+)", PROJECT["project"]["requires-python"])
    supported = {f"3.{minor}" for minor in range(int(low), int(below))}
    tested = re.findall(r'os: (\w+)-latest, python: "(3\.\d+)"', WORKFLOW)
    assert {python for system, python in tested if system == "ubuntu"} == supported
    assert "macos" in {system for system, _ in tested} and {python for _, python in tested} <= supported


def test_the_workflow_keys_its_caches_on_files_that_exist() -> None:
    keyed = {name for names in re.findall(r"hashFiles\((.*?)\)", WORKFLOW) for name in re.findall(r"'(.*?)'", names)}
    pinned = set(re.findall(r"^ +(\S*constraints\S*\.txt)$", WORKFLOW, re.MULTILINE))
    assert keyed and pinned
    for name in keyed | pinned:
        assert list(ROOT.glob(name)), name


def test_ci_run_calls_targets_of_the_makefile() -> None:
    targets = make_targets(re.sub(r"#.*|\"make[^\"]*\"", "", RUN))
    assert {"setup", "ollama", "check", "test", "dist", "finetune", "export"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target
