"""The cells of a baseline: where a column is cut, and how noisy its shares are in the reference."""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mlops_dagster.monitoring.dependence import Dependence
from mlops_dagster.monitoring.payload import Payload
from mlops_dagster.workers.profile import CategoryCells, NumericCells, SliceValues, hash_cell

ColumnKind = Literal["numeric", "categorical"]
ColumnRole = Literal["feature", "prediction"]

# Values of a categorical column that are known by name; beyond it, unseen mass cannot be told
# (identifiers).
KNOWN_VALUES = 20_000

# Cells for the known values without a cell of their own. A hash is chosen without looking at
# counts, so equal data stays equal in it, which a "top N" of a long tail does not: those N were
# picked for being high in the reference.
HASH_CELLS = 32

# With more values than cells a value needs this many rows for its own cell: its count is then known
# to 5 %.
ROWS_FOR_OWN_CELL = 400


class NumericGrid(Payload):
    """Cells of a numeric column: edges[i-1] < x <= edges[i]; the outer two are out of range."""

    kind: Literal["numeric"] = "numeric"
    name: str
    role: ColumnRole
    edges: tuple[float, ...]
    pivot: float
    varies_within_groups: bool
    dependence: Dependence

    @property
    def cells(self) -> NumericCells:
        """The cells in the form that workers count on."""
        return NumericCells(self.name, self.edges, self.pivot)


class CategoryGrid(Payload):
    """Cells of a categorical column: own values, hash cells for `rest`, a last one for the unseen.

    `expected_unseen` is the mass of values that occurred in one group only, so what a new group
    brings unseen on equal data (the Good-Turing estimate, by group); `unseen_spread` its standard
    deviation between groups.
    """

    kind: Literal["categorical"] = "categorical"
    name: str
    role: ColumnRole
    values: tuple[str, ...]
    rest: tuple[str, ...]
    complete: bool
    varies_within_groups: bool
    expected_unseen: float
    unseen_spread: float
    dependence: Dependence

    @property
    def cells(self) -> CategoryCells:
        """The cells in the form that workers count on."""
        known = {value: number for number, value in enumerate(self.values)}
        hashed = HASH_CELLS if self.rest else 0
        known.update({value: hash_cell(value, len(self.values), hashed) for value in self.rest})
        return CategoryCells(self.name, known, len(self.values), hashed, self.complete)

    def cell_name(self, index: int) -> str:
        """Return how a cell is called in texts."""
        if index < len(self.values):
            return self.values[index]
        return "(unseen)" if index == self.cells.size - 1 else f"(other {index - len(self.values)})"


ColumnGrid = Annotated[NumericGrid | CategoryGrid, Field(discriminator="kind")]


class SliceGrid(Payload):
    """A column whose most frequent reference values are counted apart."""

    name: str
    values: tuple[str, ...]

    @property
    def cells(self) -> SliceValues:
        """The slice in the form that workers count on."""
        return SliceValues(self.name, self.values)


class Grid(Payload):
    """All cells of a baseline."""

    columns: tuple[ColumnGrid, ...]
    slices: tuple[SliceGrid, ...] = ()

    @property
    def digest(self) -> str:
        """A hash of the grid; profiles can only be added or compared when theirs are equal."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


def quantile_edges(values: NDArray[np.float64], cells: int) -> tuple[float, ...]:
    """Return sorted edges that cut finite values into `cells` parts of about equal mass.

    A value with more than 1/cells of the mass gets a cell of its own; the first edge lies just
    below the minimum and the last is the maximum, so the outer cells hold what the reference never
    held. Empty for no values.
    """
    if not len(values):
        return ()
    distinct, counts = np.unique(values, return_counts=True)
    heavy = distinct[counts > len(values) / cells]
    at = np.quantile(values, np.arange(1, cells) / cells, method="inverted_cdf")
    with np.errstate(over="ignore"):
        below = np.nextafter(np.concatenate([heavy, distinct[:1]]), -np.inf)
    edges = np.unique(np.concatenate([at, heavy, below, distinct[-1:]]))
    return tuple(float(edge) for edge in edges[np.isfinite(edges)])


def own_values(ranked: Sequence[tuple[str, int]], top: int) -> tuple[str, ...]:
    """Return the values that get their own cell, from values with counts in falling order."""
    if len(ranked) <= top:
        return tuple(value for value, _ in ranked)
    return tuple(value for value, count in ranked[:top] if count >= ROWS_FOR_OWN_CELL)
