"""Encoding as a part of the model: from numbers and texts with nulls to what a family fits."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

# HistGradientBoosting puts at most 255 categories into its bins; the rarest share one code.
MAXIMUM_CATEGORIES = 254
# One column a category: more would make linear models slow and unstable.
MAXIMUM_ONE_HOT = 50
MISSING = "(missing)"


def for_trees(numeric: list[str], categorical: list[str]) -> "BaseEstimator":
    """Return numbers as they are, categories as codes; unknown ones NaN, null a category."""
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OrdinalEncoder

    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=MAXIMUM_CATEGORIES,
    )
    return ColumnTransformer(
        [("numeric", "passthrough", numeric), ("categorical", _filled(codes), categorical)]
    )


def for_linear(numeric: list[str], categorical: list[str]) -> "BaseEstimator":
    """Return numbers filled by their median, with an indicator, and scaled; categories one-hot."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    scaled = Pipeline(
        [
            # A column can be all null in one fold of the calibration.
            (
                "fill",
                SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
            ),
            ("scale", StandardScaler()),
        ]
    )
    columns = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=MAXIMUM_ONE_HOT, sparse_output=False
    )
    return ColumnTransformer(
        [("numeric", scaled, numeric), ("categorical", _filled(columns), categorical)]
    )


def _filled(encoder: "BaseEstimator") -> "Pipeline":
    """Make null a category, be it None or NaN: encoders tell the two apart, frames mix them."""
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline

    fill = {"strategy": "constant", "fill_value": MISSING, "keep_empty_features": True}
    return Pipeline(
        [
            # In this order: the other one refuses NaN.
            ("nan", SimpleImputer(missing_values=np.nan, **fill)),
            ("none", SimpleImputer(missing_values=None, **fill)),
            ("encode", encoder),
        ]
    )
