"""What checking costs: `python -m benchmarks.quality [--rows 10000000] [--peers]`.

A table of 20 columns is read from Delta and written to Delta again, plainly; then by the same
server as a table with 40 rules about rows (counts, routes, reasons, quarantine, publication), with
the same rules where one may stop the batch (so all is counted before anything is written), with 10
statistics and 5 rules about keys beside that, and with 26 more rules about rows; these once more
without the server's limit to the methods that Spark generates. Each run writes a new table. Medians
of alternating runs.

With --peers the same rows and rules go through Databricks DQX (split, both parts written) and Great
Expectations (validation; it splits nothing), each in an environment of its own, on Spark in its own
process with the same heap; `plain` there is the same rows read and written by that Spark.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from time import perf_counter

from pyspark.sql import SparkSession

from benchmarks import checked_rows
from benchmarks.checked_rows import COLUMNS, RULES, AtMost, Matches, NotNull, OneOf, Rule, Within
from benchmarks.record import ROOT, append_result
from mlops_dagster.data.build import TableBuilt, build_table
from mlops_dagster.engine.connect import open_engine
from mlops_dagster.engine.files import EngineFiles
from mlops_dagster.engine.server import stop_server
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.state.store import open_store
from mlops_dagster.tables.locations import Locations

RUNS = 3
PEER_RUNS = 2
HEAP_MEGABYTES = 4096
AS_OF = datetime(2026, 1, 1, tzinfo=timezone.utc)
PEERS = {
    "dqx": ("databricks-labs-dqx==0.17.0", "pyspark==4.1.*"),
    "great_expectations": ("great-expectations==1.24.1", "pyspark==4.1.*"),
}
STATISTICS = (
    "mean(price) between 400 and 600",
    "stddev(price) between 100 and 500",
    "max(price) <= 1000",
    "min(weight) >= 0",
    "mean(rate) between 0.4 and 0.6",
    "sum(items) > 0",
    "share(returned) between 0.05 and 0.15",
    "null_rate(paid) <= 0.01",
    "skewness(width) between -1 and 1",
    "count_if(country = 'DE') > 0",
)
KEYS = (
    "{unique: id}",
    "{unique: [id, customer]}",
    "{unique: [customer, sold_at, id]}",
    "{rule: 'mean(price) > 0', by: country, on_fail: record}",
    "{rule: 'row_count > 0', by: country, on_fail: record}",
)
USE_CASE = """\
spec_version: 1
name: bench
tables:
  bronze.source: {files: source/}
"""
TABLE = """\
  silver.{name}:
    inputs: {{source: bronze.source}}
    rules: {rules}
"""
# The rules' tables, of which each run writes one of its own.
KINDS = ("rows", "staged", "keys", "many", "unsplit")
METHOD_LIMIT = "spark.sql.codegen.hugeMethodLimit"
# Spark's own: the most that Java loads, of which it compiles no more than 8,000 bytes.
UNLIMITED = "65535"


def main() -> None:
    """Measure, print, append the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--peers", action="store_true", help="measure DQX and Great Expectations")
    arguments = parser.parse_args()
    rows: int = arguments.rows
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        try:
            result = {"rows": rows, **_ours(root, rows)}
        finally:
            stop_server(EngineFiles.of(root / "state"), force=True)
        print(json.dumps(result), flush=True)
        if arguments.peers:
            for peer, packages in PEERS.items():
                result[peer] = _peer(root, peer, packages)
    for name, value in result.items():
        print(f"{name:28} {value}")
    append_result("quality", result)


def _ours(root: Path, rows: int) -> dict[str, object]:
    _write_project(root)
    workspace = load_workspace(root, "bench")
    locations = Locations(workspace.environment, root)
    store = open_store(root / "events.db")
    engine = open_engine(workspace.environment, root / "state")
    session = engine.session()

    def build(name: str) -> TableBuilt:
        return build_table(
            session,
            workspace=workspace,
            table=workspace.table(TableRef.parse(f"bench.{name}")),
            window=STATIC,
            as_of=AS_OF,
            store=store,
            locations=locations,
            run_id="bench",
            force=True,
        )

    source = locations.of(TableRef.parse("bench.bronze.source"))

    def plain(run: int) -> None:
        source.read(session).write.format("delta").save(str(root / f"plain_{run}"))

    limit = session.conf.get(METHOD_LIMIT)

    def check(kind: str, run: int) -> None:
        session.conf.set(METHOD_LIMIT, UNLIMITED if kind == "unsplit" else limit)
        built = build(f"silver.{kind}_{run}")
        session.conf.set(METHOD_LIMIT, limit)
        assert built.rows_in == rows == built.valid + built.quarantined
        share = built.quarantined / rows
        assert abs(share - checked_rows.FAULTY_SHARE) < 0.001, built.quarantined

    def client_megabytes() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

    def deliver(count: int) -> None:
        _make_rows(session, root / "landing" / "source", count)
        build("bronze.source")

    deliver(rows // 10)
    for kind in KINDS:
        build(f"silver.{kind}_0")
    plain(0)
    client_before = client_megabytes()
    deliver(rows)
    seconds = _medians({"plain": plain, **{kind: partial(check, kind) for kind in KINDS}})
    engine.close()
    return {
        **{f"{name}_seconds": round(value, 1) for name, value in seconds.items()},
        **{f"{kind}_ratio": round(seconds[kind] / seconds["plain"], 2) for kind in KINDS},
        "client_megabytes_at_a_tenth": client_before,
        "client_megabytes": client_megabytes(),
    }


def _write_project(root: Path) -> None:
    rules = [_text(rule) for rule in RULES]
    wider = [
        _text(Within(rule.column, rule.low - by, rule.high + by))
        for by in (2, 3)
        for rule in RULES
        if isinstance(rule, Within)
    ]
    by_kind = {
        "rows": rules,
        "staged": [f"{{rule: {rules[0]}, on_fail: stop}}", *rules[1:]],
        "keys": [*rules, *STATISTICS, *KEYS],
        "many": [*rules, *wider],
        "unsplit": [*rules, *wider],
    }
    tables = {f"{kind}_{run}": by_kind[kind] for kind in KINDS for run in range(RUNS + 1)}
    files = {
        "project.yaml": "spec_version: 1\nname: bench\n",
        "environments/bench.yaml": (
            "spec_version: 1\nname: bench\n"
            f"engine: {{kind: local, memory: {HEAP_MEGABYTES // 1024} GB}}\n"
            "landing: landing\ntables: {kind: paths, warehouse: warehouse}\n"
        ),
        "use_cases/bench/use_case.yaml": USE_CASE
        + "".join(TABLE.format(name=name, rules=_listed(rules)) for name, rules in tables.items()),
        **{f"use_cases/bench/silver/{name}.sql": "SELECT * FROM source\n" for name in tables},
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def _listed(rules: list[str]) -> str:
    return "".join(
        f"\n      - {rule if rule.startswith('{') else json.dumps(rule)}" for rule in rules
    )


def _text(rule: Rule) -> str:
    match rule:
        case NotNull(column):
            return f"{column} is not null"
        case Within(column, low, high):
            return f"{column} between {low} and {high}"
        case OneOf(column, values):
            return f"{column} in ({', '.join(repr(value) for value in values)})"
        case Matches(column, pattern):
            return f"{column} rlike '{pattern}'"
        case AtMost(column, other, factor):
            return f"{column} <= {factor} * {other}"


def _make_rows(session: SparkSession, folder: Path, rows: int) -> None:
    session.range(rows).selectExpr(
        *(f"{made} AS {name}" for name, made in COLUMNS.items())
    ).write.mode("overwrite").parquet(str(folder))


def _medians(timed: dict[str, Callable[[int], None]]) -> dict[str, float]:
    found: dict[str, list[float]] = {name: [] for name in timed}
    for run in range(1, RUNS + 1):
        for name, call in timed.items():
            started = perf_counter()
            call(run)
            found[name].append(perf_counter() - started)
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def _peer(root: Path, peer: str, packages: tuple[str, ...]) -> dict[str, object]:
    """Run a peer's program on the rows that ours was measured on; it prints its result as JSON."""
    venv = root / peer
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(venv)], check=True)
    python = str(venv / "bin" / "python")
    install = [*uv, "pip", "install", "--quiet", "--python", python]
    subprocess.run([*install, *packages, "pandas", "setuptools"], check=True)
    program = ["-m", f"benchmarks.peers.{peer}"]
    done = subprocess.run(
        [python, *program, str(root / "landing" / "source"), str(HEAP_MEGABYTES), str(PEER_RUNS)],
        cwd=ROOT,
        # A session of Connect leaves variables behind that would make theirs one too.
        env={name: value for name, value in os.environ.items() if not name.startswith("SPARK_")},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return {"packages": list(packages), **found}


if __name__ == "__main__":
    main()
