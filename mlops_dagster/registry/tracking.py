"""MLflow as record and registry: runs, models as versions, and their aliases.

Every call names its tracking address, so nothing here depends on MLflow's global state. A bundle is
logged once: run and version are found again by its digest. What MLflow says is a projection;
decisions read the ledger.
"""

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_dagster.addresses import is_ambiguous, shown_scheme
from mlops_dagster.errors import TrackingRefused
from mlops_dagster.registry.bundle import LoadedModel, SavedBundle, load_bundle
from mlops_dagster.registry.mlflow_calls import mlflow_calls
from mlops_dagster.registry.mlflow_facts import RunFacts, local_path, log_facts
from mlops_dagster.registry.mlflow_model import save_mlflow_model
from mlops_dagster.spec.environment import Environment

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

CHAMPION = "champion"
DIGEST_TAG = "mlops_dagster.bundle_digest"
BUNDLE_FOLDER = "bundle"
# What MLflow keeps its records behind: servers, workspaces, databases.
_SCHEMES = frozenset(
    {"http", "https", "databricks", "databricks-uc", "sqlite", "postgresql", "mysql", "mssql"}
)


@dataclass(frozen=True)
class RegisteredVersion:
    """A version of a model in the registry."""

    model: str
    version: str
    run_id: str
    model_uri: str


def open_tracker(environment: Environment, state_folder: Path) -> "MlflowTracker":
    """Return the tracker of an environment: SQLite and files in its state folder, or a server.

    Nothing is opened or created yet.

    Raises:
        TrackingRefused: The environment variable that holds the server's address is not set, or
            holds something else.
    """
    if environment.tracking == "sqlite":
        database = (state_folder / "mlflow.db").absolute()
        return MlflowTracker(
            f"sqlite:///{database.as_posix()}", artifacts=state_folder.absolute() / "mlartifacts"
        )
    variable = environment.tracking.address_variable
    address = os.environ.get(variable)
    if not address:
        raise TrackingRefused(
            "the address of the MLflow server is not set",
            where=f"environment '{environment.name}'",
            expected=f"the variable {variable}",
            next_step=f"Set {variable}=https://user:password@host",
        )
    if re.split(r"[:+]", address, maxsplit=1)[0] not in _SCHEMES:
        raise TrackingRefused(
            "MLflow cannot be at this address",
            where=f"environment variable {variable}",
            expected="https://host, http://host:port or databricks",
            found=shown_scheme(address),
            next_step="Correct the variable",
        )
    if is_ambiguous(address):
        # Its client would take a piece of the password for a host or path, and log it.
        raise TrackingRefused(
            "the address of the MLflow server cannot be read",
            where=f"environment variable {variable}",
            expected="https://user:password@host",
            next_step="Write @ / ? # ; inside the password as %40 %2F %3F %23 %3B",
        )
    return MlflowTracker(address)


class MlflowTracker:
    """One MLflow tracking store and registry.

    Every method raises TrackingUnavailable when MLflow does not answer, soon instead of after
    minutes, and TrackingRefused when it answers with a refusal.

    Args:
        uri: Address of a server, or `sqlite:///<file>`.
        artifacts: Folder of the artifacts; None lets the server decide.
    """

    def __init__(self, uri: str, *, artifacts: Path | None = None) -> None:
        self.uri = uri
        self.artifacts = artifacts
        self._connected: MlflowClient | None = None

    def log_training(self, bundle: SavedBundle, facts: RunFacts) -> RegisteredVersion:
        """Log a bundle as a run and register it as a version; a second time it is only found.

        Raises:
            ModelRefused: The bundle on disk is not what it was when written.
        """
        with mlflow_calls(self.uri):
            known = self._version_of(bundle.info.model, bundle.digest)
            if known is not None:
                return known
            loaded = load_bundle(bundle.folder, expected_digest=bundle.digest)
            run_id = self._run_of(bundle)
            log_facts(self._client, run_id, facts)
            self._client.log_artifacts(run_id, str(bundle.folder), BUNDLE_FOLDER)
            model_uri, model_id = self._log_model(run_id, loaded)
            self._client.set_terminated(run_id, "FINISHED")
            return self._register(bundle, run_id=run_id, model_uri=model_uri, model_id=model_id)

    def log_rejected(self, bundle: SavedBundle, facts: RunFacts) -> str:
        """Log a bundle that its gates keep out of the registry as a run, and return the run's id.

        It stands beside the others in MLflow and is no version; a second time it is only found.
        """
        with mlflow_calls(self.uri):
            run_id = self._run_of(bundle)
            if self._client.get_run(run_id).info.status != "FINISHED":
                log_facts(self._client, run_id, facts)
                self._client.log_artifacts(run_id, str(bundle.folder), BUNDLE_FOLDER)
                self._client.set_terminated(run_id, "FINISHED")
            return run_id

    def find_version(self, model: str, bundle_digest: str) -> RegisteredVersion | None:
        """Return the version that holds a bundle, or None; looking creates nothing."""
        if self._is_missing():
            return None
        with mlflow_calls(self.uri):
            return self._version_of(model, bundle_digest)

    def download_bundle(self, model: str, version: str, folder: Path) -> Path:
        """Return the folder of a version's bundle: where artifacts lie, or fetched into `folder`.

        Whoever loads it compares the digest with the ledger's.
        """
        with mlflow_calls(self.uri):
            found = self._client.get_model_version(model, version)
            if found.status != "READY":
                raise TrackingRefused(
                    "the version is not ready",
                    where=f"{model} version {version}",
                    expected="READY",
                    found=found.status,
                )
            run = self._client.get_run(str(found.run_id))
            local = local_path(run.info.artifact_uri or "")
            if local is not None:
                return local / BUNDLE_FOLDER
            folder.mkdir(parents=True, exist_ok=True)
            return Path(
                self._client.download_artifacts(run.info.run_id, BUNDLE_FOLDER, str(folder))
            )

    def set_alias(self, model: str, version: str | None, alias: str = CHAMPION) -> None:
        """Let an alias show a version, or no version."""
        with mlflow_calls(self.uri):
            if version is not None:
                self._client.set_registered_model_alias(model, alias, version)
            elif self.alias_version(model, alias) is not None:
                self._client.delete_registered_model_alias(model, alias)

    def alias_version(self, model: str, alias: str = CHAMPION) -> str | None:
        """Return the version that an alias shows, or None; looking creates nothing."""
        if self._is_missing():
            return None
        with mlflow_calls(self.uri):
            from mlflow.exceptions import MlflowException

            try:
                found = self._client.get_registered_model(model)
            except MlflowException as error:
                if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                    return None
                raise
            version = found.aliases.get(alias)
            return None if version is None else str(version)

    @property
    def _client(self) -> "MlflowClient":
        if self._connected is None:
            from mlflow.tracking import MlflowClient

            if self.artifacts is not None:
                self.artifacts.mkdir(parents=True, exist_ok=True)
            self._connected = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
        return self._connected

    def _is_missing(self) -> bool:
        file = self.uri.removeprefix("sqlite:///")
        return self.uri.startswith("sqlite:///") and not Path(file).exists()

    def _version_of(self, model: str, bundle_digest: str) -> RegisteredVersion | None:
        found = [
            version
            for version in self._versions(model)
            if version.tags.get(DIGEST_TAG) == bundle_digest and version.status == "READY"
        ]
        if not found:
            return None
        # Two processes that logged one bundle at once both settle on the lower number.
        first = min(found, key=lambda version: int(version.version))
        return RegisteredVersion(model, str(first.version), str(first.run_id), str(first.source))

    def _versions(self, model: str) -> list["ModelVersion"]:
        found: list[ModelVersion] = []
        token: str | None = None
        while True:
            page = self._client.search_model_versions(f"name = '{model}'", page_token=token)
            found.extend(page)
            token = page.token
            if not token:
                return found

    def _run_of(self, bundle: SavedBundle) -> str:
        experiment = self._client.get_experiment_by_name(bundle.info.model)
        if experiment is None:
            place = None if self.artifacts is None else (self.artifacts / bundle.info.model)
            experiment_id = self._client.create_experiment(
                bundle.info.model, None if place is None else place.as_uri()
            )
        else:
            experiment_id = experiment.experiment_id
        known = self._client.search_runs(
            [experiment_id], f"tags.`{DIGEST_TAG}` = '{bundle.digest}'", max_results=1
        )
        if known:
            return str(known[0].info.run_id)
        run = self._client.create_run(
            experiment_id,
            tags={DIGEST_TAG: bundle.digest},
            run_name=f"{bundle.info.cutoff_window} {bundle.digest[:8]}",
        )
        return str(run.info.run_id)

    def _log_model(self, run_id: str, loaded: LoadedModel) -> tuple[str, str]:
        from mlflow.entities.logged_model_status import LoggedModelStatus

        run = self._client.get_run(run_id)
        logged = self._client.create_logged_model(
            run.info.experiment_id,
            name="model",
            source_run_id=run_id,
            tags={DIGEST_TAG: loaded.digest},
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model"
            save_mlflow_model(loaded, path, run_id=run_id, model_id=str(logged.model_id))
            self._client.log_model_artifacts(logged.model_id, str(path))
        self._client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
        # A local registry resolves `models:/` through MLflow's global address, which is not ours.
        source = logged.model_uri if self.artifacts is None else logged.artifact_location
        return str(source), str(logged.model_id)

    def _register(
        self, bundle: SavedBundle, *, run_id: str, model_uri: str, model_id: str
    ) -> RegisteredVersion:
        from mlflow.exceptions import MlflowException

        info = bundle.info
        try:
            self._client.create_registered_model(info.model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        self._client.create_model_version(
            info.model,
            source=model_uri,
            run_id=run_id,
            model_id=model_id,
            tags={DIGEST_TAG: bundle.digest, "mlops_dagster.cutoff_window": info.cutoff_window},
        )
        registered = self._version_of(info.model, bundle.digest)
        if registered is None:
            raise TrackingRefused(
                "the version was created but is not ready",
                where=f"{info.model}, run {run_id}",
                next_step="Look at the registry; making the call again finds or makes it",
            )
        return registered
