"""What a local Spark Connect server is started with."""

import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from mlops_dagster.engine.files import EngineFiles
from mlops_dagster.engine.java import JVM_OPTIONS, Java
from mlops_dagster.errors import EngineConfigurationError
from mlops_dagster.spec.environment import LocalEngine

DELTA_VERSION = "4.4.0"
DELTA_PACKAGE = f"io.delta:delta-spark_4.1_2.13:{DELTA_VERSION}"
# For machines that cannot reach a repository: a folder with Delta's jars.
JARS_VARIABLE = "MLOPS_DAGSTER_DELTA_JARS"

# Delta asks for these and pyspark's own jars have them, mostly newer; 130 MB less to fetch.
_IN_PYSPARK_ALREADY = (
    "org.apache.hadoop:hadoop-client-runtime",
    "org.apache.hadoop:hadoop-client-api",
    "org.apache.parquet:parquet-hadoop",
    "org.apache.parquet:parquet-column",
    "org.apache.parquet:parquet-common",
    "org.apache.parquet:parquet-encoding",
    "org.apache.parquet:parquet-format-structures",
    "org.apache.parquet:parquet-jackson",
    "org.apache.logging.log4j:log4j-api",
    "org.apache.logging.log4j:log4j-core",
    "org.apache.logging.log4j:log4j-slf4j2-impl",
    "org.slf4j:slf4j-api",
    "org.xerial.snappy:snappy-java",
    "com.github.luben:zstd-jni",
    "io.airlift:aircompressor",
    "com.fasterxml.jackson.core:jackson-core",
    "com.fasterxml.jackson.core:jackson-databind",
    "com.fasterxml.jackson.core:jackson-annotations",
    "com.google.code.findbugs:jsr305",
    "org.locationtech.jts:jts-core",
)

_SPARK_SETTINGS: dict[str, str] = {
    "spark.master": "local[*]",
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.connect.grpc.binding.address": "127.0.0.1",
    # The server picks a free port itself and logs it: nobody can take it in between.
    "spark.connect.grpc.binding.port": "0",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    # Windows of a laptop's size: 200 shuffle tasks and 50 snapshot tasks cost more than they bring.
    "spark.sql.shuffle.partitions": "4",
    "spark.databricks.delta.snapshotPartitions": "2",
    # HotSpot never compiles a longer method, and many columns and rules make one: beyond this Spark
    # does without it. A table of 66 rules takes half the time (benchmarks.quality).
    "spark.sql.codegen.hugeMethodLimit": "8000",
    "spark.jars.packages": DELTA_PACKAGE,
    "spark.jars.excludes": ",".join(_IN_PYSPARK_ALREADY),
}


@dataclass(frozen=True)
class ServerSettings:
    """Everything that makes one server different from another; equal settings share a server."""

    heap_megabytes: int
    idle_stop_minutes: float
    session_timeout_seconds: int
    python: str
    versions: str

    @classmethod
    def of(cls, engine: LocalEngine) -> "ServerSettings":
        """Return the settings of an environment's local engine under the installed versions."""
        return cls(
            heap_megabytes=engine.memory.megabytes,
            idle_stop_minutes=engine.idle_stop_minutes,
            session_timeout_seconds=engine.session_timeout_seconds,
            python=sys.executable,
            versions=f"pyspark {version('pyspark')}, delta {DELTA_VERSION}",
        )

    @classmethod
    def from_json(cls, text: str) -> "ServerSettings":
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """Return the settings as one line without secrets."""
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def fingerprint(self) -> str:
        """Digest of the settings and of everything fixed that a server is started with."""
        fixed = json.dumps([_SPARK_SETTINGS, JVM_OPTIONS], sort_keys=True)
        return hashlib.sha256((self.to_json() + fixed).encode()).hexdigest()[:16]

    def spark_settings(self, files: EngineFiles) -> dict[str, str]:
        """Return the Spark configuration of the server.

        Raises:
            EngineConfigurationError: The folder that should hold Delta's jars lacks them.
        """
        sweep_seconds = max(1, min(30, self.session_timeout_seconds // 4))
        settings = {
            **_SPARK_SETTINGS,
            # Not as a URI: Spark would make folders named with its %20.
            "spark.sql.warehouse.dir": str(files.warehouse),
            "spark.local.dir": str(files.temporary),
            "spark.connect.session.manager.defaultSessionTimeout": (
                f"{self.session_timeout_seconds}s"
            ),
            "spark.connect.session.manager.maintenanceInterval": f"{sweep_seconds}s",
        }
        folder = os.environ.get(JARS_VARIABLE)
        if folder:
            for name in ("spark.jars.packages", "spark.jars.excludes"):
                del settings[name]
            settings["spark.jars"] = ",".join(_jars_of(Path(folder)))
        return settings


def server_command(
    *, settings: ServerSettings, files: EngineFiles, java: Java, trust_options: list[str]
) -> list[str]:
    """Return the program and arguments that start the server; no secret is among them.

    Spark's own `spark-submit` script asks for a JDK module that the wheel's Java lacks, so `java`
    is started directly.
    """
    configuration = [
        text
        for name, value in settings.spark_settings(files).items()
        for text in ("--conf", f"{name}={value}")
    ]
    return [
        str(java.program),
        "-cp",
        str(_spark_home() / "jars" / "*"),
        f"-Xmx{settings.heap_megabytes}m",
        *JVM_OPTIONS,
        *trust_options,
        f"-Djava.io.tmpdir={files.temporary}",
        "org.apache.spark.deploy.SparkSubmit",
        *configuration,
        "--class",
        "org.apache.spark.sql.connect.service.SparkConnectServer",
        "spark-internal",
    ]


def server_environment(*, settings: ServerSettings, token: str) -> dict[str, str]:
    """Return the environment of the server: ours, without other Spark settings, with the token.

    Workers must find the pyspark of this Python, and the block manager must bind loopback.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SPARK_", "PYSPARK_"))
    }
    return inherited | {
        "SPARK_HOME": str(_spark_home()),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_CONNECT_AUTHENTICATE_TOKEN": token,
        "PYSPARK_PYTHON": settings.python,
        # Each of its many threads would keep a heap of its own outside Java's.
        "MALLOC_ARENA_MAX": "2",
    }


def delta_jars_present() -> bool:
    """Tell whether Delta's jars are already on this machine."""
    if os.environ.get(JARS_VARIABLE):
        return True
    name = f"*delta-spark_4.1_2.13-{DELTA_VERSION}.jar"
    return any(Path.home().glob(f".ivy2*/jars/{name}"))


def _jars_of(folder: Path) -> list[str]:
    """Return the jars of a folder, which must hold Delta's: Spark would start without them."""
    jars = sorted(str(jar) for jar in folder.glob("*.jar"))
    missing = [
        name
        for name in ("delta-spark_4.1_2.13", "delta-storage")
        if not list(folder.glob(f"*{name}-{DELTA_VERSION}.jar"))
    ]
    if missing:
        raise EngineConfigurationError(
            "The folder of Delta's jars lacks some of them",
            where=f"{JARS_VARIABLE}={folder}",
            expected=", ".join(f"{name}-{DELTA_VERSION}.jar" for name in missing),
            found=f"{len(jars)} other jars" if jars else "no jar",
            next_step=f"Put the jars of {DELTA_PACKAGE} and what it needs there",
        )
    return jars


def _spark_home() -> Path:
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("pyspark")
    return Path(spec.origin).parent
