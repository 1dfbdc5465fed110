"""The drift report: every number behind every verdict, frozen, with a schema version."""

from typing import Literal

from mlops_dagster.monitoring.grid import ColumnKind, ColumnRole
from mlops_dagster.monitoring.payload import Payload
from mlops_dagster.monitoring.summaries import DriftSeverity, DriftSummary, Fault
from mlops_dagster.monitoring.thresholds import Thresholds

Measure = Literal["ks", "tv", "missing", "unseen"]


class DriftTest(Payload):
    """The answer to one question about one column: has this measure changed.

    Args:
        measure: `ks` (numeric values), `tv` (categories), `missing`, `unseen`.
        effect: Size of the change, the quantity compared with `threshold`: the lower bound of the
            KS distance; total variation and unseen mass beyond what equal data give; points of
            the missing share.
        effect_bound: The largest that the effect can be given the cells; equal where exact.
        threshold: Effect from which it is a warning.
        p_value: Probability of such a change between equal sources, dependence of rows included.
        q_value: False discovery rate at which it would be called real.
        severity: From q-value, effect and importance together.
    """

    measure: Measure
    effect: float
    effect_bound: float
    threshold: float
    p_value: float
    q_value: float
    severity: DriftSeverity


class Distances(Payload):
    """Distances of the values; None where the measure does not fit the kind of column.

    Numeric: KS and Wasserstein-1 lie within low..high; PSI is exact on ten equal-mass groups.
    Categorical: exact on the baseline's cells without the never-seen values.
    """

    ks_low: float | None = None
    ks_high: float | None = None
    wasserstein_low: float | None = None
    wasserstein_high: float | None = None
    wasserstein_per_spread: float | None = None
    psi: float | None = None
    js: float | None = None
    tv: float | None = None
    l_infinity: float | None = None
    chi_squared: float | None = None


class ColumnDrift(Payload):
    """All that is known about one column in one slice (None: all rows).

    Args:
        importance: Share of the model's importance; None when unknown.
        used: Whether the column can move predictions: unknown importance counts as used.
        rows_reference: Rows of the reference; `values_reference` without the missing ones.
        design_effect: Variance of the reference over that of independent rows.
        out_of_range: Share of window values outside the reference's range; None for categories.
        unseen: Share of window values that the reference never held; None for numbers.
        undecided: Why nothing was tested, None when it was.
    """

    column: str
    role: ColumnRole
    kind: ColumnKind
    slice_key: str | None = None
    slice_value: str | None = None
    importance: float | None = None
    used: bool
    rows_reference: int
    rows_window: int
    values_reference: int
    values_window: int
    design_effect: float
    distances: Distances
    missing_reference: float
    missing_window: float
    out_of_range: float | None = None
    unseen: float | None = None
    unseen_examples: tuple[str, ...] = ()
    tests: tuple[DriftTest, ...]
    undecided: str | None = None
    severity: DriftSeverity
    verdict: str


class DriftReport(Payload):
    """The comparison of one window with the baseline of the model in charge.

    `columns` holds all rows first, in the baseline's order, then slices.
    """

    version: Literal[1] = 1
    window: str
    model_version: str
    grid: str
    rows_reference: int
    rows_window: int
    groups_reference: int
    thresholds: Thresholds
    columns: tuple[ColumnDrift, ...]
    faults: tuple[Fault, ...]
    severity: DriftSeverity
    verdict: str

    @property
    def overall(self) -> tuple[ColumnDrift, ...]:
        """The columns over all rows."""
        return tuple(c for c in self.columns if c.slice_key is None)

    @property
    def summary(self) -> DriftSummary:
        """What a decision needs of this report."""
        drifted = [
            c for c in self.overall if c.severity.rank >= DriftSeverity.WARNING.rank and c.used
        ]
        drifted.sort(key=lambda c: (-c.severity.rank, -(c.importance or 0.0), c.column))
        features = [c for c in drifted if c.role == "feature"]
        known = [c.importance for c in features if c.importance is not None]
        relied = sum(known) >= self.thresholds.relied_importance or len(known) < len(features)
        predictions = [c.severity for c in self.overall if c.role == "prediction"]
        moved = max(predictions, key=lambda s: s.rank, default=DriftSeverity.NONE)
        return DriftSummary(
            window=self.window,
            model_version=self.model_version,
            rows=self.rows_window,
            severity=self.severity,
            columns=tuple(c.column for c in features),
            drifted_importance=sum(known) if known else None,
            prediction_severity=moved,
            matters=relied or moved.rank >= DriftSeverity.WARNING.rank,
            faults=self.faults,
            verdict=self.verdict,
        )
