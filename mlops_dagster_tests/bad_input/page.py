"""docs/bad_input.md, made from the corpora: `python -m mlops_dagster_tests.bad_input.page`."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from mlops_dagster_tests.bad_input.file_faults import FILE_FAULTS, FileFault
from mlops_dagster_tests.bad_input.store_faults import STORE_FAULTS
from mlops_dagster_tests.bad_input.training_faults import TRAINING_FAULTS
from mlops_dagster_tests.hostile.payloads import PAYLOADS
from mlops_dagster_tests.hostile.test_models import FILES, MODEL_FILES
from mlops_dagster_tests.hostile.test_names import HTML, KEYS
from mlops_dagster_tests.rules.test_grammar import REFUSED as REFUSED_RULES
from mlops_dagster_tests.rules.test_select import HOSTILE as HOSTILE_SELECTS
from mlops_dagster_tests.rules.test_select import REFUSED_FILES as REFUSED_SELECTS

PAGE = Path(__file__).parents[2] / "docs" / "bad_input.md"


_TABLE = re.compile(r"(<!-- table (\w+) -->\n)(.*?)(?=<!-- end -->)", flags=re.DOTALL)


def page(text: str) -> str:
    """Return the page's text with each of its tables made anew."""
    return _TABLE.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}\n", text)


def files() -> str:
    """Return what becomes of each fault of a file, and how many there are."""
    refused = sum(fault.says is not None for fault in FILE_FAULTS)
    rows = table(("delivered", "what happens", "what to do"), file_rows())
    count = f"{len(FILE_FAULTS)} faults: {refused} refused, {len(FILE_FAULTS) - refused} published."
    return f"{rows}\n\n{count}"


def training() -> str:
    """Return what becomes of each fault of a training set."""
    return table(("training set", "what happens", "what to do"), training_rows())


def stores() -> str:
    """Return what is said of each fault of a store."""
    return table(("place", "error", "what to do"), store_rows())


def hostile() -> str:
    """Return how many payloads there are of each kind."""
    rows = table(("what is tried", "payloads", "executed"), hostile_rows())
    selects = len(REFUSED_SELECTS) + len(HOSTILE_SELECTS)
    return f"{rows}\n\nBeside them {len(REFUSED_RULES)} rules and {selects} SQL files are refused."


TABLES = {"files": files, "training": training, "stores": stores, "hostile": hostile}


def file_rows() -> Iterable[Sequence[str]]:
    """Return a row a fault of files."""
    for fault in FILE_FAULTS:
        yield fault.name, _outcome(fault), fault.cure


def training_rows() -> Iterable[Sequence[str]]:
    """Return a row a fault of training sets."""
    for fault in TRAINING_FAULTS:
        yield fault.name, "a model" if fault.says is None else f"`{fault.says}`", fault.cure


def store_rows() -> Iterable[Sequence[str]]:
    """Return a row a fault of stores."""
    for fault in STORE_FAULTS:
        yield fault.name, f"`{fault.error.__name__}`: `{fault.says}`", fault.cure


def hostile_rows() -> Iterable[Sequence[str]]:
    """Return a row a kind of attack."""
    counts = Counter(payload.kind for payload in PAYLOADS)
    counts["keys of windows"] = 2 * len(KEYS)
    counts["poisoned model files"] = len(MODEL_FILES)
    counts["files beside a model"] = 2 * len(FILES)
    counts["HTML and markdown in data"] = len(HTML)
    for kind, count in counts.items():
        yield kind, str(count), "0"
    yield "all", str(sum(counts.values())), "0"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _outcome(fault: FileFault) -> str:
    if fault.says is not None:
        return f"refused: `{fault.says.replace('{table}', '...')}`"
    assert fault.rows is not None
    rows_in, valid, quarantined = fault.rows
    if rows_in == 0:
        return "an empty window is published"
    told = f"{valid} of {rows_in} records are published"
    if quarantined:
        told += f", {quarantined} in quarantine"
    return told + (f" ({', '.join(f'`{rule}`' for rule in fault.rules)})" if fault.rules else "")


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), encoding="utf-8")
