"""Poisoned model folders: each holds something that would touch a file; none is loaded or run."""

import hashlib
import io
import json
import os
import pickle
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import skops.io
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from mlops_dagster.errors import ModelRefused
from mlops_dagster.registry.bundle import load_bundle
from mlops_dagster.registry.manifest import MANIFEST, MODEL_FILE
from mlops_dagster.spec.models import Task
from mlops_dagster_tests.registry.worlds import Recipe, saved

RIDGE = Recipe("ridge", Task.REGRESSION)


class Touches:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.mark}",)


class Remembered(Ridge):  # type: ignore[misc]
    """A class of nobody's list that leaves a mark when its state is set."""

    def __setstate__(self, state: Mapping[str, object]) -> None:
        Path(str(state["mark"])).touch()


def a_pickle(mark: Path) -> bytes:
    return pickle.dumps(Touches(mark))


def a_packed_pickle(mark: Path) -> bytes:
    return zlib.compress(a_pickle(mark))


def a_function_of_the_system(mark: Path) -> bytes:
    model = Ridge().fit([[0.0], [1.0]], [0.0, 1.0])
    model.coef_ = {"command": f"touch {mark}", "run": os.system}
    return bytes(skops.io.dumps(model))


def a_step_that_calls(mark: Path) -> bytes:
    step = FunctionTransformer(os.system, kw_args={"command": f"touch {mark}"})
    return bytes(skops.io.dumps(Pipeline([("run", step)])))


def a_class_of_nobody(mark: Path) -> bytes:
    model = Remembered().fit([[0.0], [1.0]], [0.0, 1.0])
    model.mark = str(mark)
    return bytes(skops.io.dumps(model))


def a_pickle_inside_an_archive(mark: Path) -> bytes:
    schema = {
        "__class__": "object",
        "__module__": "builtins",
        "__loader__": "ObjectNode",
        "__reduce__": {"args": [f"touch {mark}"]},
        "content": {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"},
    }
    return an_archive({"schema.json": json.dumps(schema).encode(), "0.pkl": a_pickle(mark)})


def another_family(mark: Path) -> bytes:
    return bytes(skops.io.dumps(LogisticRegression().fit([[0.0], [1.0]], [0, 1])))


def names_that_leave_the_archive(mark: Path) -> bytes:
    return an_archive({"schema.json": b"{}", f"../../../../../..{mark}": b"x"})


def an_archive(members: Mapping[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


MODEL_FILES = [
    a_pickle,
    a_packed_pickle,
    a_function_of_the_system,
    a_step_that_calls,
    a_class_of_nobody,
    a_pickle_inside_an_archive,
    another_family,
    names_that_leave_the_archive,
]


@pytest.mark.parametrize("make", MODEL_FILES)
def test_a_poisoned_model_file_is_refused_even_under_its_own_digest(
    tmp_path: Path, make: Callable[[Path], bytes]
) -> None:
    mark = tmp_path / "mark"
    folder = saved(tmp_path / "bundle", RIDGE).folder
    digest = replaced(folder, {MODEL_FILE: make(mark)})
    mark.unlink(missing_ok=True)
    with pytest.raises(ModelRefused):
        load_bundle(folder, expected_digest=digest)
    assert not mark.exists()


_CODE = "import pathlib\npathlib.Path({mark!r}).touch()\n"
_MLMODEL = """\
flavors:
  python_function:
    loader_module: evil
    code: code
    python_model: ../../python_model.pkl
  sklearn:
    pickled_model: ../../model.pkl
    skops_trusted_types: ['*']
"""
FILES: Mapping[str, Callable[[Path], dict[str, bytes]]] = {
    "code": lambda mark: {"evil.py": _CODE.format(mark=str(mark)).encode()},
    "a startup file": lambda mark: {"sitecustomize.py": _CODE.format(mark=str(mark)).encode()},
    "a loader module": lambda mark: {"MLmodel": _MLMODEL.encode()},
    "a pickle beside": lambda mark: {"python_model.pkl": a_pickle(mark)},
    "golden rows that are a pickle": lambda mark: {"golden.json": a_pickle(mark)},
    "a baseline that is a pickle": lambda mark: {"baseline.json": a_pickle(mark)},
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("listed", [False, True])
def test_files_beside_a_model_are_refused_or_never_run(
    tmp_path: Path, name: str, listed: bool
) -> None:
    mark = tmp_path / "mark"
    written = saved(tmp_path / "bundle", RIDGE)
    digest = written.digest
    if listed and name != "a loader module":
        digest = replaced(written.folder, FILES[name](mark))
        loaded = load_bundle(written.folder, expected_digest=digest)
        assert set(FILES[name](mark)) <= set(loaded.files)
    else:
        # MLflow's own description has a name that no manifest can list.
        for file, data in FILES[name](mark).items():
            (written.folder / file).write_bytes(data)
        if listed:
            digest = replaced(written.folder, FILES[name](mark))
        with pytest.raises(ModelRefused):
            load_bundle(written.folder, expected_digest=digest)
    assert not mark.exists()


def test_the_payloads_run_where_a_loader_allows_it(tmp_path: Path) -> None:
    pickle.loads(a_pickle(tmp_path / "pickle"))
    assert (tmp_path / "pickle").exists()
    pickle.loads(zlib.decompress(a_packed_pickle(tmp_path / "packed")))
    assert (tmp_path / "packed").exists()
    mark = tmp_path / "skops"
    data = a_class_of_nobody(mark)
    mark.unlink(missing_ok=True)
    skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
    assert mark.exists()


def replaced(folder: Path, files: Mapping[str, bytes]) -> str:
    """Put files into a bundle and its manifest, as one who may write both; return its digest."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    for name, data in files.items():
        (folder / name).write_bytes(data)
        manifest["files"][name] = {
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
        }
    text = json.dumps(manifest).encode()
    (folder / MANIFEST).write_bytes(text)
    return hashlib.sha256(text).hexdigest()
