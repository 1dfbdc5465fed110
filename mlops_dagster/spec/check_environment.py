"""What of an environment can only be checked against the workspace."""

import re
from typing import Literal

from mlops_dagster.spec.connections import DeltaConnection
from mlops_dagster.spec.environment import (
    LOCAL_CATALOG,
    CatalogTables,
    Environment,
    LocalEngine,
    PathTables,
    WebhookChannel,
)
from mlops_dagster.spec.files import WorkspaceFiles
from mlops_dagster.spec.source import Source

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# `abfss://container@account/...` has an `@` of its own. A password may hold any sign.
_CREDENTIALS = re.compile(r"://[^@]*:.*@", re.DOTALL)
_SCHEMA_PLACEHOLDERS = ("use_case", "layer")


def check_environment(files: WorkspaceFiles) -> None:
    """Report what no single key shows: unknown use cases, empty templates, a licence."""
    source = files.environment
    if source is None or source.model is None:
        return
    names = source.model.use_cases or []
    for number, name in enumerate(names):
        if name not in files.use_cases:
            source.report(
                "use_cases",
                number,
                expected="a folder in use_cases/",
                found=f"'{name}'",
                names=files.use_cases,
                nearest_to=name,
            )
        elif name in names[:number]:
            source.report("use_cases", number, problem=f"the use case '{name}' stands twice")
    channels = source.model.alerts.channels
    for number, channel in enumerate(channels):
        if _channel_name(channel) in map(_channel_name, channels[:number]):
            name = _channel_name(channel)
            source.report("alerts", "channels", number, problem=f"the channel {name} stands twice")
    if source.model.detectors and source.model.production and not source.model.accept_bsl:
        source.report(
            "detectors",
            expected="'accept_bsl: true' beside 'production: true', where an agreement with "
            "alibi-detect's owner allows the use, or no detectors",
            found="alibi-detect in production under the Business Source License 1.1, "
            "which grants non-production use only",
        )
    _check_credentials(source, source.model)
    if isinstance(source.model.tables, CatalogTables):
        _check_catalog(source, source.model)
        _check_template(source, source.model.tables.schema_template)


def selected(files: WorkspaceFiles) -> tuple[str, ...]:
    """Return the use cases that the environment runs."""
    source = files.environment
    chosen = source.model.use_cases if source is not None and source.model is not None else None
    return tuple(name for name in files.use_cases if chosen is None or name in chosen)


def _channel_name(channel: Literal["log"] | WebhookChannel) -> str:
    return channel if channel == "log" else f"webhook {channel.webhook.address_variable}"


def _check_credentials(source: Source[Environment], environment: Environment) -> None:
    """Report a password in an address: files are committed, and places of tables are shown."""
    problem = "an address must hold no password; give it to Spark, by its settings or an identity"
    tables = environment.tables
    if isinstance(tables, PathTables) and _CREDENTIALS.search(tables.warehouse):
        source.report("tables", "warehouse", problem=problem)
    if _CREDENTIALS.search(environment.landing):
        source.report("landing", problem=problem)
    for name, connection in environment.connections.items():
        if isinstance(connection, DeltaConnection) and _CREDENTIALS.search(connection.path):
            source.report("connections", name, "path", problem=problem)


def _check_catalog(source: Source[Environment], environment: Environment) -> None:
    tables = environment.tables
    if (
        isinstance(environment.engine, LocalEngine)
        and isinstance(tables, CatalogTables)
        and tables.catalog != LOCAL_CATALOG
    ):
        source.report(
            "tables",
            "catalog",
            expected=f"'{LOCAL_CATALOG}', the catalog of a local engine",
            found=f"'{tables.catalog}'",
        )


def _check_template(source: Source[Environment], template: str) -> None:
    unknown = [name for name in _PLACEHOLDER.findall(template) if name not in _SCHEMA_PLACEHOLDERS]
    if unknown:
        source.report(
            "tables",
            "schema",
            expected="the placeholders '{use_case}' and '{layer}' only",
            found=f"'{{{unknown[0]}}}'",
            names=[f"{{{name}}}" for name in _SCHEMA_PLACEHOLDERS],
            nearest_to=f"{{{unknown[0]}}}",
        )
    elif re.fullmatch(r"[A-Za-z0-9_]+", _PLACEHOLDER.sub("x", template)) is None:
        source.report(
            "tables",
            "schema",
            expected="letters, digits, '_' and the placeholders '{use_case}' and '{layer}'",
            found=f"'{template}'",
        )
