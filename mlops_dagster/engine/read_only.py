"""A session that only reads: what would change a table is refused before it leaves the client.

This guards against mistakes, as in a notebook on production's tables. Against intent only the
permissions of whoever runs the server help.
"""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import grpc
import sqlglot
from pyspark.sql.connect import proto
from sqlglot import exp

from mlops_dagster.errors import ReadOnlySession

# Everything else that a plan can command writes tables or files, or cannot be judged.
_COMMANDS = frozenset(
    {
        "create_dataframe_view",
        "get_resources_command",
        "ml_command",
        "register_function",
        "register_table_function",
        "remove_cached_remote_relation_command",
        "sql_command",
    }
)
_CATALOG_WRITES = ("create_table", "create_external_table", "recover_partitions")
_LOOKS = re.compile(r"\s*(?:SHOW|DESCRIBE|DESC|EXPLAIN|USE|SET|RESET|TABLE)\b", re.IGNORECASE)


class Message(Protocol):
    """A protobuf message, as far as it is read here."""

    def ListFields(self) -> list[tuple[Any, Any]]:
        """Return the fields that are set, with their descriptors."""
        ...


Call = Callable[[grpc.ClientCallDetails, Message], object]


class SessionGuard(grpc.UnaryStreamClientInterceptor):  # type: ignore[misc]
    """Checks each plan that a session is about to execute."""

    def intercept_unary_stream(
        self, continuation: Call, client_call_details: grpc.ClientCallDetails, request: Message
    ) -> object:
        """Let a plan through that reads.

        Raises:
            ReadOnlySession: It would change something.
        """
        if isinstance(request, proto.ExecutePlanRequest):
            ensure_reads(request.plan)
        return continuation(client_call_details, request)


def ensure_reads(plan: proto.Plan) -> None:
    """Raise unless a plan only reads; temporary views and functions of the session are allowed.

    Raises:
        ReadOnlySession: It writes, or it is a statement that is not known to read.
    """
    reason = _reason(plan)
    if reason is not None:
        raise ReadOnlySession(
            "this session only reads",
            found=reason,
            next_step="Declare a table in the use case, or write from an asset of your own",
        )


def _reason(plan: proto.Plan) -> str | None:
    if plan.HasField("compressed_operation"):
        operation = proto.Plan.CompressedOperation
        is_relation = plan.compressed_operation.op_type == operation.OP_TYPE_RELATION
        return None if is_relation else "a command too large to be checked"
    if plan.HasField("command"):
        kind = plan.command.WhichOneof("command_type") or "an unknown command"
        if kind not in _COMMANDS:
            return kind.replace("_", " ")
        if kind == "ml_command" and plan.command.ml_command.HasField("write"):
            return "writing a model"
    return next(filter(None, map(_part_reason, _walk(plan))), None)


def _walk(message: Message) -> Iterator[Message]:
    yield message
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for child in value if isinstance(value, Sequence) else [value]:
            yield from _walk(child)


def _part_reason(part: Message) -> str | None:
    if isinstance(part, proto.Catalog):
        action = part.WhichOneof("cat_type")
        return f"catalog {action}" if action in _CATALOG_WRITES else None
    if isinstance(part, proto.CreateDataFrameViewCommand) and part.is_global:
        return "a global temporary view"
    text = None
    if isinstance(part, proto.SQL):
        text = part.query
    elif isinstance(part, proto.SqlCommand):
        text = part.sql
    return f"SQL: {text.strip()}" if text and not _is_query(text) else None


def _is_query(text: str) -> bool:
    if _LOOKS.match(text):
        return True
    logger = logging.getLogger("sqlglot")
    level = logger.level
    # It warns of statements that it knows by their first word only; they are refused here.
    logger.setLevel(logging.ERROR)
    try:
        statements = sqlglot.parse(text, dialect="spark")
    except sqlglot.errors.SqlglotError:
        return False
    finally:
        logger.setLevel(level)
    return all(statement is not None and _reads(statement) for statement in statements)


def _reads(statement: exp.Expr) -> bool:
    if isinstance(statement, exp.Create):
        temporary = statement.find(exp.TemporaryProperty) is not None
        return statement.kind == "VIEW" and temporary and statement.find(exp.GlobalProperty) is None
    return isinstance(statement, (exp.Query, exp.Values))
