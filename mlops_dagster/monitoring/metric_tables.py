"""The documented schemas of the metric tables; version 1.

Columns that Databricks data profiling has carry its names and meaning (percentages are 0..100);
`window` is the window's key, as in every table here, instead of a struct of two times.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class MetricColumn:
    """A column of a metric table: name, Spark type, meaning."""

    name: str
    type: str
    text: str


@dataclass(frozen=True)
class MetricTable:
    """A metric table; its slice is a window."""

    name: str
    columns: tuple[MetricColumn, ...]
    version: int = 1

    @property
    def ddl(self) -> str:
        """The columns as Spark DDL."""
        return ", ".join(f"{column.name} {column.type}" for column in self.columns)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names in order."""
        return tuple(column.name for column in self.columns)


_TEST = "struct<statistic: double, pvalue: double>"

_WHERE = (
    MetricColumn("window", "string", "key of the window"),
    MetricColumn("granularity", "string", "length of a window: hour, day, week, month or static"),
    MetricColumn("model", "string", "name of the model"),
    MetricColumn("model_version", "string", "version of the model in charge"),
    MetricColumn("slice_key", "string", "column of the slice; null for all rows"),
    MetricColumn("slice_value", "string", "value of the slice; null for all rows"),
)

PROFILE_METRICS = MetricTable(
    "profile_metrics",
    (
        *_WHERE,
        MetricColumn("log_type", "string", "INPUT: the window, BASELINE: the reference"),
        MetricColumn("column_name", "string", "the column, `:table` for the rows as a whole"),
        MetricColumn("data_type", "string", "numeric or categorical"),
        MetricColumn("count", "bigint", "rows"),
        MetricColumn("num_nulls", "bigint", "null values"),
        MetricColumn("percent_null", "double", "null values, percent of rows"),
        MetricColumn("num_nan", "bigint", "NaN values"),
        MetricColumn("percent_nan", "double", "NaN values, percent of rows"),
        MetricColumn("num_zeros", "bigint", "zeros"),
        MetricColumn("percent_zeros", "double", "zeros, percent of rows"),
        MetricColumn("avg", "double", "mean of the finite values"),
        MetricColumn("min", "double", "smallest finite value"),
        MetricColumn("max", "double", "largest finite value"),
        MetricColumn("stddev", "double", "sample standard deviation of the finite values"),
        MetricColumn("num_infinite", "bigint", "infinities"),
        MetricColumn("num_unseen", "bigint", "values that the reference never held"),
        MetricColumn("cell_counts", "array<bigint>", "values in each cell of the grid"),
        MetricColumn("cell_sums", "array<double>", "sum of the finite values in each cell"),
        MetricColumn("grid", "string", "digest of the cells"),
    ),
)

DRIFT_METRICS = MetricTable(
    "drift_metrics",
    (
        *_WHERE,
        MetricColumn("drift_type", "string", "BASELINE: against the model's hold-out"),
        MetricColumn("column_name", "string", "the column, `:table` for the rows as a whole"),
        MetricColumn("data_type", "string", "numeric or categorical"),
        MetricColumn("count_delta", "bigint", "rows of the window minus rows of the reference"),
        MetricColumn("percent_null_delta", "double", "points of null and NaN together"),
        MetricColumn("avg_delta", "double", "mean of the window minus mean of the reference"),
        MetricColumn("ks_test", _TEST, "lower bound of the KS distance; p of dependent rows"),
        MetricColumn("ks_upper_bound", "double", "upper bound of the KS distance"),
        MetricColumn("wasserstein_distance", "double", "lower bound, values clipped to 5..95 %"),
        MetricColumn("wasserstein_upper_bound", "double", "upper bound of the same"),
        MetricColumn("population_stability_index", "double", "natural logarithm, half a row added"),
        MetricColumn("js_distance", "double", "Jensen-Shannon distance to base 2"),
        MetricColumn("chi_squared_test", _TEST, "Rao-Scott corrected statistic and its p"),
        MetricColumn("tv_distance", "double", "total variation"),
        MetricColumn("l_infinity_distance", "double", "largest difference of shares"),
        MetricColumn("unseen_share", "double", "share of values that the reference never held"),
        MetricColumn("out_of_range_share", "double", "share of values outside its range"),
        MetricColumn("measure", "string", "the deciding test: ks, tv, missing or unseen"),
        MetricColumn("effect", "double", "size of the change in that test"),
        MetricColumn("threshold", "double", "size from which it is a warning"),
        MetricColumn("q_value", "double", "false discovery rate of that test"),
        MetricColumn("design_effect", "double", "variance against independent rows"),
        MetricColumn("importance", "double", "share of the model's importance"),
        MetricColumn("rows_reference", "bigint", "rows of the reference"),
        MetricColumn("rows_window", "bigint", "rows of the window"),
        MetricColumn("severity", "string", "none, info, warning or critical"),
        MetricColumn("fault", "string", "kind of data fault; null if there is none"),
        MetricColumn("verdict", "string", "one sentence"),
    ),
)

QUALITY_METRICS = MetricTable(
    "quality_metrics",
    (
        *_WHERE,
        MetricColumn("metric", "string", "name of the metric"),
        MetricColumn("is_primary", "boolean", "whether it decides about quality"),
        MetricColumn("value", "double", "the metric on the labelled rows"),
        MetricColumn("low", "double", "lower end of its interval"),
        MetricColumn("high", "double", "upper end of its interval"),
        MetricColumn("expected", "double", "the metric on the model's hold-out"),
        MetricColumn("shortfall", "double", "by how much it is worse than expected"),
        MetricColumn("margin", "double", "half-width of the shortfall's interval"),
        MetricColumn("tolerance", "double", "shortfall that is accepted"),
        MetricColumn("labelled_rows", "bigint", "rows behind the metric"),
        MetricColumn("label_count", "bigint", "predictions with a label"),
        MetricColumn("never_count", "bigint", "predictions that will never have a label"),
        MetricColumn("pending_count", "bigint", "predictions whose label may still come"),
        MetricColumn("matured_share", "double", "share of predictions that are decided"),
        MetricColumn("final", "boolean", "whether no label can come any more"),
        MetricColumn("verdict", "string", "as_expected, degraded or undecided"),
        MetricColumn("reason", "string", "why a value or interval is missing"),
    ),
)
