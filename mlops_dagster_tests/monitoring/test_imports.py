"""What sensors and lists import stays light."""

import subprocess
import sys

HEAVY = ("numpy", "pandas", "scipy", "pyarrow", "pyspark", "sklearn", "mlflow", "alibi_detect")


def test_decisions_and_their_events_import_no_heavy_package() -> None:
    program = (
        "import sys, mlops_dagster.monitoring.policy, mlops_dagster.monitoring.events\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"
