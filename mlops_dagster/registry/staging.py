"""Staging tests of a registered version: in a clean process, before it may take charge."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Loading a model of the largest allowed size and scoring a few rows takes seconds.
TIMEOUT_SECONDS = 300

# What a Python process needs to start; nothing that could hold a secret.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV")


@dataclass(frozen=True)
class StagingResult:
    """Whether a version passed, and what each test found."""

    passed: bool
    details: Mapping[str, str]

    @property
    def problem(self) -> str:
        """What the failed tests found; empty when all passed."""
        fine = {"load": "as registered", "golden_rows": "as when trained"}
        if self.passed:
            return ""
        return "; ".join(
            f"{name}: {text}"
            for name, text in self.details.items()
            if name in ("load", "golden_rows", "odd_rows", "process") and text != fine.get(name)
        )


def run_staging_tests(folder: Path, bundle_digest: str) -> StagingResult:
    """Test a bundle in a child process that shares neither memory nor environment with this one.

    A child that crashes, hangs or prints something else has failed the tests.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own module, run by this Python
            [
                *(sys.executable, "-I", "-m", "mlops_dagster.registry.staging_child"),
                *(str(folder), bundle_digest),
            ],
            check=False,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        )
    except subprocess.TimeoutExpired:
        return StagingResult(False, {"process": f"no answer within {TIMEOUT_SECONDS} s"})
    try:
        found = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        last = done.stderr.strip().splitlines()[-1:] or ["nothing printed"]
        return StagingResult(False, {"process": f"exit code {done.returncode}: {last[0]}"})
    passed = found.pop("passed") == "true"
    return StagingResult(passed, {name: str(text) for name, text in found.items() if text})
