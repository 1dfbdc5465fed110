"""Spark as a resource: one Connect session a run, made when a step first needs it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from dagster_pyspark import PySparkResource
from pydantic import ConfigDict, Field, PrivateAttr

from mlops_dagster.resources.workspace import cached_workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from mlops_dagster.engine.connect import Engine


class SparkResource(PySparkResource):
    """The environment's Spark engine. Ops typed on `PySparkResource` run on it unchanged.

    The session speaks Spark Connect, so there is no `spark_context`. Nothing starts before a step
    asks for a session; at the end of the run it is released, and a local server that nobody uses
    stops by itself.
    """

    model_config = ConfigDict(extra="forbid")

    spark_config: dict[str, str] = Field(default_factory=dict)
    root: str
    environment: str

    _engine: "Engine | None" = PrivateAttr(default=None)
    _owner: int = PrivateAttr(default=0)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Start nothing: the parent class would make a session for runs that never use one."""

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Release the session at the end of the run."""
        if self._engine is not None and self._owner == os.getpid():
            self._engine.close()
        self._engine = None

    @property
    def engine(self) -> "Engine":
        """The engine of the environment, opened on first use in this process."""
        if self._engine is None or self._owner != os.getpid():
            from mlops_dagster.engine.connect import open_engine

            workspace = cached_workspace(Path(self.root), self.environment)
            self._engine = open_engine(workspace.environment, workspace.state_folder)
            self._owner = os.getpid()
        return self._engine

    @contextmanager
    def step(self, name: str) -> "Iterator[SparkSession]":
        """Hand a session to a step; afterwards its views are gone and failures are typed."""
        with self.engine.step(name) as session:
            for key, value in self.spark_config.items():
                session.conf.set(key, value)
            yield session

    @property
    def spark_session(self) -> "SparkSession":
        """The session of this run."""
        return self.engine.session()
