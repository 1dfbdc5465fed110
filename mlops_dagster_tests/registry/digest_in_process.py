"""Run as a process of its own: trains the model of each recipe and prints its file's digest."""

import hashlib

from mlops_dagster.registry.model_file import model_bytes
from mlops_dagster_tests.registry.worlds import RECIPES, trained


def main() -> None:
    """Print one digest a line."""
    for recipe in RECIPES:
        data = model_bytes(trained(recipe).fitted.estimator)
        print(hashlib.sha256(data).hexdigest())


if __name__ == "__main__":
    main()
