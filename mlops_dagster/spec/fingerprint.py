"""Code versions: hashes of what something means, not of how it is written.

Comments, the order of keys, owner, description, tags, freshness and the layout of SQL do not count;
neither do contracts, which the first run writes itself.
"""

import hashlib
import json

from pydantic.main import IncEx

from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.model_drafts import ModelDraft

_LENGTH = 16
# Inputs count as resolved; `export` changes nothing in the table itself.
_RULES_SILENT: dict[str, IncEx | bool] = {"__all__": {"description", "owner", "tags"}}
_TABLE_SILENT: dict[str, IncEx | bool] = {
    "description": True,
    "owner": True,
    "tags": True,
    "export": True,
    "watch": True,
    "lateness": True,
    "freshness": True,
    "inputs": True,
    "rules": _RULES_SILENT,
}
# What comes after training and its gates makes no other model.
_MODEL_SILENT: dict[str, IncEx | bool] = {
    "description": True,
    "owner": True,
    "release": True,
    "predict": True,
    "monitor": True,
    "retrain": True,
}


def fingerprint(value: object) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of plain data; the order of keys does not count.

    Args:
        value: Mappings, lists, texts, numbers, bools and None, as pydantic's JSON mode gives them.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]


def table_version(draft: Draft, until_start: dict[str, bool]) -> str:
    """Return the code version of a table.

    Args:
        draft: The table, resolved without mistakes.
        until_start: For each input, whether it is read until the window's start.
    """
    # Keys that are not given do not count, so that a new kind of rule makes no table stale.
    spec = draft.spec.model_dump(mode="json", exclude=_TABLE_SILENT, exclude_none=True)
    if not draft.spec.forecast:
        del spec["forecast"]
    inputs = {
        name: {
            "table": str(ref),
            "back": str(draft.input_spec(name).back),
            "until_start": until_start[name],
        }
        for name, ref in draft.inputs.items()
    }
    calendar = draft.calendar if draft.windowed else None
    return fingerprint(
        {
            "spec": spec,
            "inputs": inputs,
            "sql": None if draft.sql is None else draft.sql.normalised,
            "hook": None if draft.hook is None else draft.hook.code,
            "windows": None if calendar is None else [calendar.grain.value, calendar.time_zone],
        }
    )


def model_version(model: ModelDraft) -> str:
    """Return the code version of a model: of what its training and its gates are made of."""
    spec = model.spec.model_dump(mode="json", exclude=_MODEL_SILENT)
    hooks = [*model.metric_hooks, *filter(None, [model.estimator_hook])]
    return fingerprint({"spec": spec, "hooks": {hook.name: hook.code for hook in hooks}})
