# SPDX-License-Identifier: Apache-2.0
"""What the repository hands to its host: workflows whose commands exist, a citation of this version."""

import json
import pathlib
import re
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
PRESETS = json.loads((ROOT / "CMakePresets.json").read_text())
LINT = "{extends: default, rules: {line-length: {max: 180}, document-start: disable, truthy: {check-keys: false}}}"


def steps(workflow):
    """(job, step) of all jobs."""
    for name, job in yaml.safe_load(workflow.read_text())["jobs"].items():
        for step in job["steps"]:
            yield name, job, step


def expansions(text, job):
    """The text with what each row of the job's matrix puts into it."""
    matrix = job.get("strategy", {}).get("matrix", {})
    rows = matrix.get("include") or [{key: value} for key, values in matrix.items() for value in values] or [{}]
    value = r"\$\{\{ matrix\.(\w+)( \|\| matrix\.(\w+))? \}\}"
    return {re.sub(value, lambda found: str(row[found[1] if found[1] in row or not found[3] else found[3]]), text) for row in rows}


def test_yaml_is_well_formed():
    files = [*ROOT.glob(".github/**/*.yml"), ROOT / "CITATION.cff"]
    ran = subprocess.run([sys.executable, "-m", "yamllint", "--strict", "-d", LINT, *map(str, files)], capture_output=True, text=True)
    assert len(files) > 8 and ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_commands_of_workflows_exist(workflow):
    seen = 0
    for name, job, step in steps(workflow):
        for command in expansions(step.get("run", ""), job):
            for path in re.findall(r"(?<![\w/.])((?:scripts|tests|examples|\.ci)/[\w./-]+)", command):
                assert (ROOT / path).exists(), f"{name}: {path}"
                seen += 1
            for target in re.findall(r"^make (\w+)", command, re.M):
                assert target in TARGETS, f"{name}: make {target}"
                seen += 1
            for tool, preset in re.findall(r"\b(cmake|cmake --build|ctest) --preset ([\w-]+)", command):
                kind = {"cmake": "configurePresets", "cmake --build": "buildPresets", "ctest": "testPresets"}[tool]
                assert preset in {each["name"] for each in PRESETS[kind]}, f"{name}: {command}"
                seen += 1
            for option in re.findall(r"scripts/bootstrap((?: --[\w-]+)*)", command):
                assert all(f" {each})" in (ROOT / "scripts/bootstrap").read_text() for each in option.split()), f"{name}: {command}"
    assert seen


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_may_do_little_and_name_what_they_run(workflow):
    assert yaml.safe_load(workflow.read_text())["permissions"] == {"contents": "read"}
    for name, job, step in steps(workflow):
        assert "timeout-minutes" in job, name
        assert set(job.get("permissions", {})) <= {"pages", "id-token"}, name
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", step["uses"]), step["uses"]


def test_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    numbers = re.findall(r"#define SINEW_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", (ROOT / "include/sinew/core/version.hpp").read_text())
    assert citation["version"] == ".".join(numbers)
    assert {"cff-version", "message", "title", "authors", "license"} <= set(citation)
