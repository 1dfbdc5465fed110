"""Stands in for serverless compute: refuses on the client what serverless refuses on the server.

Serverless compute takes six Spark settings and knows tables by name only. Every request is checked
before it leaves, so a test under these rules proves that the code asks for nothing else.
"""

import re
from collections.abc import Callable, Iterator

import grpc
from google.protobuf.message import Message
from pyspark.sql.connect import proto

ALLOWED_SETTINGS = frozenset(
    {
        "spark.databricks.execution.timeout",
        "spark.sql.ansi.enabled",
        "spark.sql.files.maxPartitionBytes",
        "spark.sql.legacy.timeParserPolicy",
        "spark.sql.session.timeZone",
        "spark.sql.shuffle.partitions",
    }
)

_FORMATS = r"(?:avro|binaryfile|csv|delta|json|orc|parquet|text|xml)"
_PATH_AS_TABLE = re.compile(rf"(?<![\w.`])`?{_FORMATS}`?\s*\.\s*`", re.IGNORECASE)
_PATH_IN_SQL = re.compile(
    r"\bLOCATION\s+['\"]|\b(?:file|dbfs|s3a?|abfss?|gs):/|\bread_files\s*\(", re.IGNORECASE
)
_REFUSED_SQL = re.compile(
    r"^\s*(?:(?:UN)?CACHE\b|CREATE\s+(?:OR\s+REPLACE\s+)?GLOBAL\s+TEMP)", re.IGNORECASE
)
_SET_IN_SQL = re.compile(r"^\s*(?:SET|RESET)\s+(?!CATALOG\b|TIME\s+ZONE\b|VAR)(\S+)", re.IGNORECASE)
_PATH_OPTIONS = frozenset({"path", "paths", "checkpointlocation", "location"})

Call = Callable[[grpc.ClientCallDetails, Message], object]


class RefusedByServerless(Exception):
    """A request asks for what serverless compute does not give."""


class ServerlessRules(
    grpc.UnaryUnaryClientInterceptor,  # type: ignore[misc]
    grpc.UnaryStreamClientInterceptor,  # type: ignore[misc]
):
    """Checks each request of a Spark Connect channel."""

    def intercept_unary_unary(
        self, continuation: Call, client_call_details: grpc.ClientCallDetails, request: Message
    ) -> object:
        """Check a configuration, analysis or interrupt request."""
        refuse(request)
        return continuation(client_call_details, request)

    def intercept_unary_stream(
        self, continuation: Call, client_call_details: grpc.ClientCallDetails, request: Message
    ) -> object:
        """Check a plan that is to be executed."""
        refuse(request)
        return continuation(client_call_details, request)


def refuse(request: Message) -> None:
    """Raise RefusedByServerless when any part of the request asks for something forbidden."""
    for message in _walk(request):
        reason = _reason(message)
        if reason is not None:
            raise RefusedByServerless(reason)


def _walk(message: Message) -> Iterator[Message]:
    yield message
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for child in [value] if isinstance(value, Message) else value:
            yield from _walk(child)


def _reason(message: Message) -> str | None:
    if isinstance(message, proto.ConfigRequest.Operation):
        return _setting_reason(message)
    if isinstance(message, proto.Read.DataSource):
        # A frame built on the client travels as files of the session's own, named by no path.
        return _options_reason(message.options, list(message.paths), f"reading {message.format}")
    if isinstance(message, proto.Read.NamedTable):
        return _table_reason(message.unparsed_identifier)
    if isinstance(message, proto.WriteOperation):
        return _options_reason(
            message.options, [message.path] if message.path else [], "writing"
        ) or _table_reason(message.table.table_name)
    if isinstance(message, proto.WriteOperationV2):
        return _table_reason(message.table_name) or _options_reason(message.options, [], "writing")
    if isinstance(message, proto.WriteStreamOperationStart):
        return _options_reason(message.options, [message.path] if message.path else [], "streaming")
    if isinstance(message, proto.SQL):
        return _sql_reason(message.query)
    if isinstance(message, proto.SqlCommand):
        return _sql_reason(message.sql)
    if isinstance(message, proto.AnalyzePlanRequest.Persist):
        return "caching a DataFrame"
    if isinstance(message, proto.CreateDataFrameViewCommand) and message.is_global:
        return "a global temporary view"
    if isinstance(message, proto.Plan) and message.HasField("compressed_operation"):
        return "a plan so large that it travels compressed and cannot be checked"
    return None


def _setting_reason(operation: proto.ConfigRequest.Operation) -> str | None:
    names = [pair.key for pair in operation.set.pairs] + list(operation.unset.keys)
    refused = sorted(set(names) - ALLOWED_SETTINGS)
    return f"setting {', '.join(refused)}" if refused else None


def _options_reason(options: object, paths: list[str], action: str) -> str | None:
    named = [name for name in dict(options) if name.lower() in _PATH_OPTIONS]  # type: ignore[call-overload]
    if paths or named:
        return f"{action} by path: {', '.join(paths or named)}"
    return None


def _table_reason(name: str) -> str | None:
    return f"a path as a table name: {name}" if _PATH_AS_TABLE.search(name) else None


def _sql_reason(text: str) -> str | None:
    if _PATH_AS_TABLE.search(text) or _PATH_IN_SQL.search(text):
        return f"SQL with a path: {text}"
    if _REFUSED_SQL.search(text):
        return f"SQL that serverless refuses: {text}"
    match = _SET_IN_SQL.match(text)
    if match is not None and match[1].partition("=")[0] not in ALLOWED_SETTINGS:
        return f"setting {match[1]}"
    return None
