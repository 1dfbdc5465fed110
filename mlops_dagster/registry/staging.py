"""Staging tests of a registered version: in a clean process, before it may take charge."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

# Loading a model of the largest allowed size and scoring a few rows takes seconds.
TIMEOUT_SECONDS = 300

# What a Python process needs to start. Not HOME: files with secrets lie below it.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


class StagingTest(BaseModel):
    """One test: whether it passed and what it found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    passed: bool
    found: str


class StagingResult(BaseModel):
    """What the tests of a version found, and what was measured without being judged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tests: tuple[StagingTest, ...]
    measured: Mapping[str, str] = {}

    @property
    def passed(self) -> bool:
        """Whether there were tests and all of them passed."""
        return bool(self.tests) and all(test.passed for test in self.tests)

    @property
    def problem(self) -> str:
        """What the failed tests found; empty when all passed."""
        return "; ".join(f"{test.name}: {test.found}" for test in self.tests if not test.passed)

    @property
    def details(self) -> Mapping[str, str]:
        """Findings and measurements by name, for events and metadata."""
        return {**{test.name: test.found for test in self.tests}, **self.measured}


def run_staging_tests(
    folder: Path, bundle_digest: str, *, timeout_seconds: float = TIMEOUT_SECONDS
) -> StagingResult:
    """Test a bundle in a child process that shares neither memory nor environment with this one.

    It loads the bundle against its digest, predicts the golden rows and compares, predicts rows
    that no training saw, and measures size and latency. A child that crashes, hangs or prints
    something else has failed.

    Args:
        folder: The bundle.
        bundle_digest: Its digest, from the ledger.
        timeout_seconds: How long the child may take.
    """
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    with tempfile.TemporaryDirectory() as home:
        try:
            done = subprocess.run(  # noqa: S603 - our own module, run by this Python
                [
                    *(sys.executable, "-I", "-m", "mlops_dagster.registry.staging_child"),
                    *(str(folder.absolute()), bundle_digest),
                ],
                check=False,
                capture_output=True,
                text=True,
                timeout=timeout_seconds,
                cwd=home,
                env={**environment, "HOME": home, "TMPDIR": home},
            )
        except subprocess.TimeoutExpired:
            return _failed(f"no answer within {timeout_seconds:g} s")
    try:
        return StagingResult.model_validate_json(done.stdout)
    except ValidationError:
        last = done.stderr.strip().splitlines()[-1:] or ["nothing on its error output"]
        return _failed(f"it ended with code {done.returncode}: {last[0][:500]}")


def _failed(found: str) -> StagingResult:
    return StagingResult(tests=(StagingTest(name="process", passed=False, found=found),))
