"""What users write about a model, from its rows to its retraining."""

from enum import Enum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from mlops_dagster.spec.base import (
    ZERO_TIME,
    AnyDuration,
    ChoiceError,
    Column,
    Confirmation,
    Expression,
    FromText,
    Name,
    Owner,
    RunBudget,
    SpecModel,
    Text,
    TimeSpan,
    WindowCount,
)
from mlops_dagster.windows import Duration, DurationUnit


class Task(str, Enum):
    """What a model predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


class Rows(SpecModel):
    """Which rows are predicted: one prediction a row of `table`, made `ahead` of its event_time."""

    table: Expression
    ahead: TimeSpan = ZERO_TIME


class LabelMatch(str, Enum):
    """How a label finds its row: by key and event time, or by key among the events after it."""

    ROW = "row"
    KEY = "key"


class Label(SpecModel):
    """The truth, joined to the rows by the label table's key."""

    table: Expression
    column: Column
    match: Annotated[LabelMatch, FromText] = Field(
        default=LabelMatch.ROW,
        description=(
            "row: the label has the event time of its row; key: it is the newest of its key from "
            "the row's event time up to `within` later"
        ),
    )
    within: AnyDuration = Field(
        default=ZERO_TIME, description="no label this long after event_time: there will be none"
    )
    known_at: Column | None = Field(
        default=None, description="when this label became known, if not the row's"
    )


class HistGradientBoosting(SpecModel):
    """scikit-learn's histogram gradient boosting."""

    family: Literal["hist_gradient_boosting"]
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    max_iter: Annotated[int, Field(ge=1, le=5000)] = 100
    max_leaf_nodes: Annotated[int, Field(ge=2, le=4096)] = 31
    min_samples_leaf: Annotated[int, Field(ge=1)] = 20
    l2_regularization: Annotated[float, Field(ge=0)] = 0.0
    class_weight: Literal["none", "balanced"] = "none"


class LightGbm(SpecModel):
    """LightGBM's gradient boosting."""

    family: Literal["lightgbm"]
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    n_estimators: Annotated[int, Field(ge=1, le=5000)] = 100
    num_leaves: Annotated[int, Field(ge=2, le=4096)] = 31
    min_child_samples: Annotated[int, Field(ge=1)] = 20
    reg_lambda: Annotated[float, Field(ge=0)] = 0.0
    class_weight: Literal["none", "balanced"] = "none"


class Ridge(SpecModel):
    """Linear least squares with an L2 penalty; regression only."""

    family: Literal["ridge"]
    alpha: Annotated[float, Field(ge=0)] = 1.0


class LogisticRegression(SpecModel):
    """Logistic regression with an L2 penalty; classification only. `c` is the inverse penalty."""

    family: Literal["logistic_regression"]
    c: Annotated[float, Field(gt=0)] = 1.0
    class_weight: Literal["none", "balanced"] = "none"


class HookEstimator(SpecModel):
    """An @estimator of hooks.py."""

    family: Literal["hook"]
    hook: Name


Estimator = Annotated[
    HistGradientBoosting | LightGbm | Ridge | LogisticRegression | HookEstimator,
    Field(discriminator="family"),
]


class Holdout(SpecModel):
    """Rows kept from fitting, for evaluation and as the drift baseline: one of four forms."""

    by: Literal["day"] | None = None
    every: Annotated[int, Field(ge=2, le=100)] | None = None
    last: WindowCount | None = None
    share: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None, description="share of rows, chosen by a hash of their content"
    )
    group: Column | None = Field(
        default=None,
        description="with share: a column of the rows; those of one value are on one side",
    )


class Calibration(str, Enum):
    """How scores become probabilities; classification only."""

    NONE = "none"
    ISOTONIC = "isotonic"
    SIGMOID = "sigmoid"


class Train(SpecModel):
    """How a model is trained."""

    history: WindowCount | None = Field(
        default=None, description="windows up to and with the cutoff"
    )
    at_least: WindowCount = Duration(1, DurationUnit.WINDOW)
    estimator: Estimator
    calibrate: Annotated[Calibration, FromText] = Calibration.NONE
    holdout: Holdout
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class Gate(SpecModel):
    """A condition for promotion. A bare text such as `roc_auc >= 0.65` is the short form.

    `at_least`/`at_most` bound the metric on the hold-out (of every value of `slice`, if given);
    `against: champion` compares with the champion on the same rows, better by `better_by` with its
    whole interval.
    """

    metric: Name
    at_least: float | None = None
    at_most: float | None = None
    slice: Column | None = None
    against: Literal["champion"] | None = None
    better_by: float | None = None


class GateText(SpecModel):
    """A gate in the rule language, over metric names."""

    text: Expression


def _gate(value: object) -> object:
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, (dict, Gate, GateText)):
        return value
    raise ValueError("a gate such as 'roc_auc >= 0.65', or a mapping with the key metric")


def _gate_form(value: object) -> str:
    bare = isinstance(value, GateText) or (isinstance(value, dict) and set(value) == {"text"})
    return "text" if bare else "mapping"


GateEntry = Annotated[
    Annotated[Gate, Tag("mapping")] | Annotated[GateText, Tag("text")],
    Discriminator(_gate_form),
    BeforeValidator(_gate, json_schema_input_type=str | Gate),
]


class Release(SpecModel):
    """What stands between registration and promotion."""

    staging_tests: Literal["standard"] = "standard"
    approval: Literal["none"] = "none"


class Predict(SpecModel):
    """When a window's rows are scored: as it opens (a forecast) or when it closed (a replay)."""

    at: Literal["open", "close"] = "close"


class Monitor(SpecModel):
    """What is watched beside the defaults."""

    slices: list[Column] = Field(default_factory=list)


class RetrainReason(str, Enum):
    """What may cause a retraining."""

    DRIFT = "drift"
    QUALITY = "quality"


class RetrainPolicy(SpecModel):
    """When a model is retrained. The field defaults are the documented default policy."""

    when: list[Annotated[RetrainReason, FromText]] = Field(
        default_factory=lambda: [RetrainReason.DRIFT, RetrainReason.QUALITY], min_length=1
    )
    confirm: Confirmation = Field(default="2 of 3 windows", validate_default=True)
    wait: WindowCount = Field(
        default=Duration(2, DurationUnit.WINDOW),
        description="windows between one training and the next",
    )
    at_most: RunBudget = Field(default="4 per 12 windows", validate_default=True)


def _retrain(value: object) -> object:
    if value == "default":
        return {}
    if value == "never" or isinstance(value, (dict, RetrainPolicy)):
        return value
    raise ChoiceError(
        "'default', 'never' or a mapping with the keys when, confirm, wait, at_most",
        ("default", "never"),
    )


def _retrain_form(value: object) -> str:
    return "never" if value == "never" else "policy"


Retrain = Annotated[
    Annotated[RetrainPolicy, Tag("policy")] | Annotated[Literal["never"], Tag("never")],
    Discriminator(_retrain_form),
    BeforeValidator(_retrain, json_schema_input_type=Literal["default", "never"] | RetrainPolicy),
]


def _columns(value: object) -> object:
    if value == "all" or isinstance(value, list):
        return value
    raise ChoiceError("'all' or a list of columns", ("all",))


def _columns_form(value: object) -> str:
    return "list" if isinstance(value, list) else "all"


FeatureColumns = Annotated[
    Annotated[Literal["all"], Tag("all")]
    | Annotated[list[Column], Field(min_length=1), Tag("list")],
    Discriminator(_columns_form),
    BeforeValidator(_columns),
]


class Model(SpecModel):
    """A model of a use case."""

    description: Text | None = None
    owner: Owner | None = None
    task: Annotated[Task, FromText]
    rows: Rows
    label: Label
    features: dict[Expression, FeatureColumns] = Field(min_length=1)
    train: Train
    gates: list[GateEntry] = Field(default_factory=list)
    release: Release = Release()
    predict: Predict = Predict()
    monitor: Monitor = Monitor()
    retrain: Retrain = RetrainPolicy()
