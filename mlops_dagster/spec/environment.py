"""What users write about an environment: where Spark, tables, tracking, state and alerts are."""

from enum import Enum
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from mlops_dagster.spec.base import (
    ChoiceError,
    FromText,
    Memory,
    MemorySize,
    Name,
    Severity,
    SpecModel,
    SpecVersion,
    Text,
)
from mlops_dagster.spec.connections import CatalogName, Connection, VariableName

LOCAL_CATALOG = "spark_catalog"
# Spark refuses to start with less than 450 MB, and Java keeps up to a ninth of a heap aside.
LEAST_HEAP_MEGABYTES = 512


def _starts(memory: Memory) -> Memory:
    if memory.megabytes < LEAST_HEAP_MEGABYTES:
        raise ValueError(f"at least '{LEAST_HEAP_MEGABYTES} MB', without which Spark cannot start")
    return memory


HeapSize = Annotated[MemorySize, AfterValidator(_starts)]


class LocalEngine(SpecModel):
    """A Spark Connect server of our own on this machine, started on demand."""

    kind: Literal["local"]
    memory: HeapSize = Memory(megabytes=2048)
    idle_stop_minutes: Annotated[float, Field(gt=0)] = 10
    session_timeout_seconds: Annotated[int, Field(ge=5)] = 3600


class RemoteEngine(SpecModel):
    """A Spark Connect server that somebody else runs; a variable holds its address and token."""

    kind: Literal["remote"]
    address_variable: VariableName = "SPARK_REMOTE"


class DatabricksEngine(SpecModel):
    """A Databricks cluster or serverless compute through Databricks Connect."""

    kind: Literal["databricks"]
    host_variable: VariableName = "DATABRICKS_HOST"
    token_variable: VariableName = "DATABRICKS_TOKEN"  # noqa: S105 - a name, no token
    cluster_id: Text | None = Field(default=None, description="none: serverless")


Engine = Annotated[LocalEngine | RemoteEngine | DatabricksEngine, Field(discriminator="kind")]


class PathTables(SpecModel):
    """Tables are folders below a warehouse folder."""

    kind: Literal["paths"]
    warehouse: Text


class CatalogTables(SpecModel):
    """Tables are names in a catalog; `schema` may use `{use_case}` and `{layer}`."""

    kind: Literal["catalog"]
    catalog: CatalogName
    schema_template: Annotated[str, Field(alias="schema")]


Tables = Annotated[PathTables | CatalogTables, Field(discriminator="kind")]


class TrackingServer(SpecModel):
    """An MLflow server by address; the variable holds it, with credentials if any."""

    address_variable: VariableName = "MLFLOW_TRACKING_URI"


class StateDatabase(SpecModel):
    """A PostgreSQL database by SQLAlchemy address in an environment variable."""

    address_variable: VariableName


def _sqlite_or_mapping(value: object) -> object:
    if value == "sqlite" or isinstance(value, (dict, TrackingServer, StateDatabase)):
        return value
    raise ChoiceError("'sqlite' or a mapping with the key address_variable", ("sqlite",))


def _store_form(value: object) -> str:
    return "sqlite" if value == "sqlite" else "address"


Tracking = Annotated[
    Annotated[Literal["sqlite"], Tag("sqlite")] | Annotated[TrackingServer, Tag("address")],
    Discriminator(_store_form),
    BeforeValidator(_sqlite_or_mapping),
]
State = Annotated[
    Annotated[Literal["sqlite"], Tag("sqlite")] | Annotated[StateDatabase, Tag("address")],
    Discriminator(_store_form),
    BeforeValidator(_sqlite_or_mapping),
]


class Webhook(SpecModel):
    """A web address that takes alerts as JSON; the variable holds it, for it is a secret."""

    address_variable: VariableName = "ALERT_WEBHOOK"
    at_least: Annotated[Severity, FromText] = Severity.INFO
    timeout_seconds: Annotated[float, Field(gt=0, le=30)] = 5
    tries: Annotated[int, Field(ge=1, le=5)] = 3


class WebhookChannel(SpecModel):
    """A channel that posts to a web address."""

    webhook: Webhook


def _log_or_webhook(value: object) -> object:
    if value == "log" or isinstance(value, (dict, WebhookChannel)):
        return value
    raise ChoiceError("'log' or a mapping with the key webhook", ("log", "webhook"))


def _channel_form(value: object) -> str:
    return "log" if value == "log" else "posts"


AlertChannel = Annotated[
    Annotated[Literal["log"], Tag("log")] | Annotated[WebhookChannel, Tag("posts")],
    Discriminator(_channel_form),
    BeforeValidator(_log_or_webhook),
]


class Alerts(SpecModel):
    """Where alerts go."""

    channels: list[AlertChannel] = Field(default=["log"])


class AlibiDetector(str, Enum):
    """A detector of alibi-detect."""

    KS = "alibi_ks"
    CHI_SQUARE = "alibi_chi_square"
    CLASSIFIER = "alibi_classifier"


class Automation(SpecModel):
    """Which automation runs without being switched on by hand."""

    schedules: bool = True
    sensors: bool = True


class Scoring(SpecModel):
    """Where windows are scored and profiled."""

    client_rows: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=50_000,
        description="up to so many rows of a window are scored and profiled by the run itself",
    )


class Environment(SpecModel):
    """`environments/<name>.yaml`. Relative paths are below the project's root."""

    spec_version: SpecVersion
    name: Name
    engine: Engine
    landing: Text
    tables: Tables
    connections: dict[Name, Connection] = Field(
        default_factory=dict, description="what the `source` of tables may name"
    )
    tracking: Tracking = "sqlite"
    state: State = "sqlite"
    alerts: Alerts = Alerts()
    automation: Automation = Automation()
    scoring: Scoring = Scoring()
    use_cases: list[Name] | None = Field(default=None, description="none: all")
    production: bool = False
    detectors: list[Annotated[AlibiDetector, FromText]] = Field(default_factory=list)
    accept_bsl: bool = Field(
        default=False, description="alibi-detect's licence allows the use in this environment"
    )
