"""What every bench needs: a copy of the project to work in, and a dated line for its result."""

import json
import os
import shutil
from pathlib import Path

from mlops_dagster.clock import utc_now

ROOT = Path(__file__).parents[1]


def copy_project(root: Path) -> Path:
    """Copy the examples' project, with the landing folder if it has been filled; return `root`."""
    root.mkdir(exist_ok=True)
    for name in ("use_cases", "environments"):
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / "project.yaml", root / "project.yaml")
    if (ROOT / "landing").exists():
        shutil.copytree(ROOT / "landing", root / "landing")
    return root


def append_result(bench: str, result: dict[str, object]) -> None:
    """Append a result with its instant and the machine's load to benchmarks/results/."""
    dated = {
        "at": utc_now().isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        **result,
    }
    path = ROOT / "benchmarks" / "results" / f"{bench}.jsonl"
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(dated) + "\n")
