"""Advice of alibi-detect: with it, without it, and what its licence allows."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from scipy import stats

from mlops_dagster.errors import MonitoringError
from mlops_dagster.monitoring.detectors import SAMPLE_ROWS, advise, sample_rows
from mlops_dagster.monitoring.grid import ColumnKind
from mlops_dagster.spec.environment import AlibiDetector

COLUMNS: list[tuple[str, ColumnKind]] = [
    ("x", "numeric"),
    ("y", "numeric"),
    ("c", "categorical"),
    ("few", "numeric"),
]


def sample(seed: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "x": rng.normal(shift, 1, 500),
            "y": rng.normal(size=500),
            "c": rng.choice(["a", "b", "c"], 500),
            "few": np.nan,
        }
    )
    frame.loc[0, ["x", "c"]] = None
    return frame


def test_the_detectors_see_what_scipy_sees_and_a_missing_value_silences_nothing() -> None:
    pytest.importorskip("alibi_detect")
    reference, window = sample(0), sample(1, shift=0.5)
    window["c"] = window["c"].replace({"c": "new"})
    report = advise(
        reference,
        window,
        columns=COLUMNS,
        detectors=[AlibiDetector.KS, AlibiDetector.CHI_SQUARE],
    )
    x, y, c, few = report.advice
    expected = stats.ks_2samp(reference["x"].dropna(), window["x"].dropna(), method="asymp")
    assert x.statistic == pytest.approx(expected.statistic, rel=1e-5)
    assert x.p_value == pytest.approx(expected.pvalue, rel=1e-4)
    assert (x.drifted, y.drifted, c.drifted) == (True, False, True)
    assert (few.drifted, few.reason) == (False, "0 values, at least 50 are needed")
    assert report.licence is not None
    assert "non-production use; advisory" in report.licence
    assert report.text == "alibi-detect sees drift in 2 of 4 tests: x, c"


def test_only_the_detectors_that_were_asked_for_answer() -> None:
    pytest.importorskip("alibi_detect")
    asked = [AlibiDetector.CHI_SQUARE]
    report = advise(sample(0), sample(1), columns=COLUMNS, detectors=asked)
    assert [(told.column, told.detector) for told in report.advice] == [("c", "ChiSquareDrift")]


def joint(seed: int, sign: float) -> pd.DataFrame:
    """Return two standard normal columns with a correlation of 0.9 times the sign."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=1500)
    y = sign * 0.9 * x + np.sqrt(1 - 0.81) * rng.normal(size=1500)
    category = pd.Series(rng.choice(["a", "b"], 1500)).where(rng.random(1500) < 0.9)
    return pd.DataFrame({"x": x, "y": y, "c": category})


def test_the_classifier_sees_what_no_column_shows_alone() -> None:
    pytest.importorskip("alibi_detect")
    report = advise(joint(0, 1), joint(1, -1), columns=COLUMNS[:3])
    assert {told.column for told in report.advice if told.drifted} == {"(all)"}
    same = advise(joint(0, 1), joint(1, 1), columns=COLUMNS[:3])
    assert not any(told.drifted for told in same.advice)


def test_the_same_samples_get_the_same_advice_and_the_global_generator_is_left_alone() -> None:
    pytest.importorskip("alibi_detect")
    np.random.seed(3)
    expected = np.random.random()
    np.random.seed(3)
    first = advise(joint(0, 1), joint(1, 1), columns=COLUMNS[:3])
    assert np.random.random() == expected
    np.random.seed(4)
    assert advise(joint(0, 1), joint(1, 1), columns=COLUMNS[:3]) == first


def test_the_libraries_beneath_say_nothing_on_the_console() -> None:
    pytest.importorskip("alibi_detect")
    program = """
import sys
import numpy as np, pandas as pd
from mlops_dagster.monitoring.detectors import advise
frames = [pd.DataFrame({"x": np.random.default_rng(s).normal(size=10_000)}) for s in (0, 1)]
print(len(advise(*frames, columns=[("x", "numeric")]).advice), "transformers" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("2 True\n", "")


def test_a_sample_above_the_bound_is_refused() -> None:
    pytest.importorskip("alibi_detect")
    large = pd.DataFrame({"x": np.zeros(SAMPLE_ROWS + 1)})
    with pytest.raises(MonitoringError, match=r"window sample is too large.*at most 10,000 rows"):
        advise(large[:100], large, columns=[("x", "numeric")])


def test_without_the_extra_the_report_says_how_to_get_it() -> None:
    program = """
import importlib.metadata, sys
real = importlib.metadata.version
def version(name):
    if name == "alibi-detect":
        raise importlib.metadata.PackageNotFoundError(name)
    return real(name)
importlib.metadata.version = version
sys.modules["alibi_detect"] = None
import pandas as pd
from mlops_dagster.monitoring.detectors import advise
print(advise(pd.DataFrame(), pd.DataFrame(), columns=[]).text)
"""
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)  # noqa: PLW1510
    assert out.stdout.startswith("alibi-detect is not installed"), out.stderr


def test_a_sample_is_the_same_whatever_the_partitions(spark: SparkSession) -> None:
    frame = spark.range(200).withColumnRenamed("id", "odd `key")
    one = sample_rows(frame.coalesce(1), by=["odd `key"], rows=20).collect()
    many = sample_rows(frame.repartition(4), by=["odd `key"], rows=20).collect()
    assert one == many
    assert len(one) == 20
