"""alibi-detect's drift detectors on bounded samples: advice beside our own verdicts, never in them.

alibi-detect is an optional extra under the Business Source License 1.1, which grants non-production
use. It is imported only inside these calls and its licence is named in every result; a production
environment that names a detector without having accepted the licence is refused when it is loaded.
"""

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Protocol

from mlops_dagster.errors import MonitoringError
from mlops_dagster.monitoring.grid import ColumnKind
from mlops_dagster.monitoring.payload import Payload
from mlops_dagster.spec.environment import AlibiDetector
from mlops_dagster.workers.profile import category_text

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

# Both detectors are linear in rows; beyond this a sample says the same at a higher price.
SAMPLE_ROWS = 10_000
MINIMUM_VALUES = 50
FALSE_DISCOVERY_RATE = 0.05
# What stands for the column where a detector looks at all of them.
ALL_COLUMNS = "(all)"


class Advice(Payload):
    """What one detector says about one column, or all together; `reason` when it said nothing."""

    column: str
    detector: str
    statistic: float | None = None
    p_value: float | None = None
    q_value: float | None = None
    drifted: bool = False
    reason: str | None = None


class DetectorReport(Payload):
    """Advice on all columns, or why there is none.

    The p-values take rows as independent, as the detectors do: on rows of the same days they are
    too small, which is one reason why they are advice and not a verdict.
    """

    detectors: str
    licence: str | None = None
    rows_reference: int = 0
    rows_window: int = 0
    advice: tuple[Advice, ...] = ()
    text: str


class Detector(Protocol):
    """A two-sample test of one column."""

    name: str

    def test(
        self, reference: "NDArray[np.generic]", window: "NDArray[np.generic]"
    ) -> tuple[float, float]:
        """Return statistic and p-value; both arrays are one-dimensional and without missing."""


def advise(
    reference: "pd.DataFrame",
    window: "pd.DataFrame",
    *,
    columns: Sequence[tuple[str, ColumnKind]],
    detectors: Sequence[AlibiDetector] = tuple(AlibiDetector),
) -> DetectorReport:
    """Ask alibi-detect about each column of two bounded samples; says so when it is not installed.

    Missing values are left out of a column before its test, since one NaN silences the detectors.

    Args:
        reference: At most SAMPLE_ROWS rows of the model's hold-out.
        window: At most SAMPLE_ROWS rows of the window.
        columns: Name and kind of each column.
        detectors: Which of them to ask.

    Raises:
        MonitoringError: A sample is larger than the bound.
    """
    try:
        found = version("alibi-detect")
    except PackageNotFoundError:
        text = "alibi-detect is not installed; `pip install mlops-dagster[alibi]` adds its advice"
        return DetectorReport(detectors="alibi-detect", text=text)
    for what, sample in (("reference", reference), ("window", window)):
        if len(sample) > SAMPLE_ROWS:
            raise MonitoringError(
                f"the {what} sample is too large for the detectors",
                expected=f"at most {SAMPLE_ROWS:,} rows",
                found=f"{len(sample):,}",
                next_step="Draw one with monitoring.detectors.sample_rows.",
            )
    asked = [(name, kind) for name, kind in columns if _DETECTORS[kind][0] in detectors]
    with _quietly():
        answers = [_ask(reference, window, name, kind) for name, kind in asked]
        if AlibiDetector.CLASSIFIER in detectors:
            answers.append(ask_classifier(reference, window, columns))
    advice = _corrected(answers)
    drifted = [a.column for a in advice if a.drifted]
    return DetectorReport(
        detectors=f"alibi-detect {found}",
        licence="Business Source License 1.1: non-production use; advisory here",
        rows_reference=len(reference),
        rows_window=len(window),
        advice=advice,
        text=f"alibi-detect sees drift in {len(drifted)} of {len(advice)} tests"
        + (f": {', '.join(drifted[:5])}" if drifted else ""),
    )


def sample_rows(frame: "DataFrame", *, by: Sequence[str], rows: int = SAMPLE_ROWS) -> "DataFrame":
    """Return at most `rows` rows with the smallest hash of their key: equal rows, equal sample.

    Costs one scan; no more than `rows` rows of a partition are kept.
    """
    from pyspark.sql import functions as F

    from mlops_dagster.engine.identifiers import quote

    keys = [F.col(quote(name)) for name in by]
    return frame.orderBy(F.xxhash64(*keys), *keys).limit(rows)


class _KolmogorovSmirnov:
    name = "KSDrift"

    def test(
        self, reference: "NDArray[np.generic]", window: "NDArray[np.generic]"
    ) -> tuple[float, float]:
        """Return statistic and p-value of numbers."""
        from alibi_detect.cd import KSDrift

        detector = KSDrift(reference[:, None], p_val=FALSE_DISCOVERY_RATE)
        return _answer(detector.predict(window[:, None], drift_type="feature"))


class _ChiSquared:
    name = "ChiSquareDrift"

    def test(
        self, reference: "NDArray[np.generic]", window: "NDArray[np.generic]"
    ) -> tuple[float, float]:
        """Return statistic and p-value of categories."""
        from alibi_detect.cd import ChiSquareDrift

        values = sorted({*reference.tolist(), *window.tolist()})
        detector = ChiSquareDrift(
            reference[:, None], p_val=FALSE_DISCOVERY_RATE, categories_per_feature={0: values}
        )
        return _answer(detector.predict(window[:, None], drift_type="feature"))


_DETECTORS: dict[ColumnKind, tuple[AlibiDetector, Detector]] = {
    "numeric": (AlibiDetector.KS, _KolmogorovSmirnov()),
    "categorical": (AlibiDetector.CHI_SQUARE, _ChiSquared()),
}


def _ask(reference: "pd.DataFrame", window: "pd.DataFrame", name: str, kind: ColumnKind) -> Advice:
    _, detector = _DETECTORS[kind]
    before, now = (column_values(frame, name, kind) for frame in (reference, window))
    fewest = min(len(before), len(now))
    if fewest < MINIMUM_VALUES:
        reason = f"{fewest} values, at least {MINIMUM_VALUES} are needed"
        return Advice(column=name, detector=detector.name, reason=reason)
    if kind == "categorical" and len({*before.tolist(), *now.tolist()}) < 2:
        return Advice(column=name, detector=detector.name, reason="a single value")
    statistic, p_value = detector.test(before, now)
    return Advice(column=name, detector=detector.name, statistic=statistic, p_value=p_value)


def column_values(frame: "pd.DataFrame", name: str, kind: ColumnKind) -> "NDArray[np.generic]":
    """Return a column's values that are not missing, categories as their texts."""
    import numpy as np

    present = frame[name].dropna()
    if kind == "numeric":
        return present.to_numpy(dtype=np.float64)
    return np.array([category_text(value) for value in present], dtype=object)


def ask_classifier(
    reference: "pd.DataFrame", window: "pd.DataFrame", columns: Sequence[tuple[str, ColumnKind]]
) -> Advice:
    """Ask whether boosted trees can tell rows of the window from those of the reference.

    Trees are fitted on three quarters of the rows; the test compares their probabilities on the
    rest. Categories are numbered in their order; missing values stay missing.
    """
    name = "ClassifierDrift"
    fewest = min(len(reference), len(window))
    if fewest < MINIMUM_VALUES:
        reason = f"{fewest} rows, at least {MINIMUM_VALUES} are needed"
        return Advice(column=ALL_COLUMNS, detector=name, reason=reason)
    from alibi_detect.cd import ClassifierDrift
    from sklearn.ensemble import HistGradientBoostingClassifier

    before, now = _matrices(reference, window, columns)
    trees = HistGradientBoostingClassifier(
        max_iter=50, max_leaf_nodes=15, min_samples_leaf=20, random_state=0
    )
    detector = ClassifierDrift(before, trees, backend="sklearn", p_val=FALSE_DISCOVERY_RATE)
    with _seeded_global_generator():
        data = detector.predict(now)["data"]
    return Advice(
        column=ALL_COLUMNS,
        detector=name,
        statistic=float(data["distance"]),
        p_value=float(data["p_val"]),
    )


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep the libraries' advice off the console; what the detectors say is in the report.

    Importing alibi-detect imports transformers, which tells that no deep-learning library is there;
    the classifier tells of a parameter it sets itself; SciPy tells that a sample of this size has
    no exact p-value.
    """
    variable, logger = "TRANSFORMERS_NO_ADVISORY_WARNINGS", logging.getLogger("alibi_detect")
    before, level = os.environ.get(variable), logger.level
    os.environ[variable] = "1"
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "ks_2samp: Exact calculation", RuntimeWarning)
            yield
    finally:
        logger.setLevel(level)
        os.environ.pop(variable)
        if before is not None:
            os.environ[variable] = before


@contextmanager
def _seeded_global_generator() -> Iterator[None]:
    """Seed NumPy's global generator for a block and put its state back afterwards.

    alibi-detect draws its held-out rows from that generator; its own `seed` reaches only folds, and
    with folds its p-values are too small (10 % of them under 0.05 on equal distributions).
    """
    import numpy as np

    state = np.random.get_state()
    np.random.seed(0)
    try:
        yield
    finally:
        np.random.set_state(state)


def _matrices(
    reference: "pd.DataFrame", window: "pd.DataFrame", columns: Sequence[tuple[str, ColumnKind]]
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """Return both samples as numbers, shape (rows, columns)."""
    import numpy as np
    import pandas as pd

    both = pd.concat([reference, window], ignore_index=True)
    numbers = []
    for name, kind in columns:
        if kind == "numeric":
            numbers.append(both[name].to_numpy(dtype=np.float64, na_value=np.nan))
            continue
        texts = both[name].map(category_text, na_action="ignore")
        codes = pd.Categorical(texts).codes.astype(np.float64)
        numbers.append(np.where(codes < 0, np.nan, codes))
    matrix = np.column_stack(numbers)
    return matrix[: len(reference)], matrix[len(reference) :]


def _answer(prediction: dict[str, dict[str, "NDArray[np.float32]"]]) -> tuple[float, float]:
    data = prediction["data"]
    return float(data["distance"][0]), float(data["p_val"][0])


def _corrected(answers: Sequence[Advice]) -> tuple[Advice, ...]:
    from mlops_dagster.monitoring.significance import q_values

    asked = [a.p_value for a in answers if a.p_value is not None]
    found = iter(q_values(asked))
    advice: list[Advice] = []
    for answer in answers:
        if answer.p_value is None:
            advice.append(answer)
            continue
        q_value = next(found)
        drifted = q_value <= FALSE_DISCOVERY_RATE
        advice.append(answer.model_copy(update={"q_value": q_value, "drifted": drifted}))
    return tuple(advice)
