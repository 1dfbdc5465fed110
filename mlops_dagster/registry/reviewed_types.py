"""Which types a stored model may hold, by family: each was read and has its reason here.

skops constructs an object of each type that a model file names and fills its attributes. It trusts
every estimator of scikit-learn and every numpy and scipy function on its own; this list is
narrower: a type that the family's pipelines do not need is refused, whatever skops thinks of it.
The lists were taken from models of each family and task written with scikit-learn 1.9, skops 0.16
and LightGBM 4.7; tests/registry prove that they suffice.
"""

from collections.abc import Mapping
from typing import Final

# Values without behaviour: constructed from JSON or from .npy files that are read without pickle.
_PLAIN: Final = frozenset(
    {
        "builtins.bool",
        "builtins.dict",
        "builtins.float",
        "builtins.int",
        "builtins.list",
        "builtins.set",
        "builtins.slice",
        "builtins.str",
        "builtins.tuple",
        "numpy.bool",
        "numpy.bool_",
        "numpy.dtype",
        "numpy.float32",
        "numpy.float64",
        "numpy.int32",
        "numpy.int64",
        "numpy.ndarray",
        "numpy.str_",
        "numpy.uint8",
        "numpy.uint64",
    }
)

# The frame of every model: these hold other estimators and learned arrays, and call only what they
# hold.
_PIPELINE: Final = frozenset(
    {
        "sklearn.compose._column_transformer.ColumnTransformer",
        "sklearn.impute._base.MissingIndicator",
        "sklearn.impute._base.SimpleImputer",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing._encoders.OneHotEncoder",
        "sklearn.preprocessing._encoders.OrdinalEncoder",
        # What "passthrough" becomes when a ColumnTransformer is fitted. It calls its attribute
        # `func`, which can be no function but check_array below, because no other one is on any
        # list.
        "sklearn.preprocessing._function_transformer.FunctionTransformer",
        # Holds the class labels.
        "sklearn.preprocessing._label.LabelEncoder",
    }
)

# Maps from scores to probabilities: a table to interpolate in, or two numbers.
_CALIBRATION: Final = frozenset(
    {
        "sklearn.calibration.CalibratedClassifierCV",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.frozen._frozen.FrozenEstimator",
        "sklearn.isotonic.IsotonicRegression",
    }
)

_HIST_GRADIENT_BOOSTING: Final = frozenset(
    {
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
        # Arrays of bin edges.
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        # An array of tree nodes that compiled code follows without looking at bounds: skops leaves
        # it untrusted for that. tree_bounds.py looks at every index before the model is used.
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        # Loss and link functions: formulas without state, or with the number of classes.
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn._loss._loss.CyHalfMultinomialLoss",
        "sklearn._loss._loss.CyHalfSquaredError",
        "sklearn._loss.link.HalfLogitLink",
        "sklearn._loss.link.IdentityLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn._loss.loss.HalfSquaredError",
        # The state of the random numbers that sampled the bin edges.
        "numpy.random.PCG64",
        "numpy.random._generator.Generator",
        "numpy.random._pcg64.PCG64",
        # With categorical features the model checks its input by partial(check_array, ...): that
        # one function is listed and no other, so a partial has nothing else to call.
        "functools.partial",
        "sklearn.utils.validation.check_array",
    }
)

_LIGHTGBM: Final = frozenset(
    {
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRegressor",
        # Holds the model as LightGBM's text and parses it when constructed. The parser is native
        # code: the digest of the bundle, compared before, says that the text is the one our
        # training wrote.
        "lightgbm.basic.Booster",
        # The scores of the last iteration: nested dictionaries.
        "collections.OrderedDict",
        "collections.defaultdict",
    }
)

_RIDGE: Final = frozenset({"sklearn.linear_model._ridge.Ridge"})
_LOGISTIC: Final = frozenset({"sklearn.linear_model._logistic.LogisticRegression"})

# What only estimators of hooks.py use, beside what skops itself trusts.
_HOOK: Final = frozenset(
    {
        # Nodes of decision trees and forests, followed unchecked as well: see tree_bounds.py.
        "sklearn.tree._tree.Tree",
        # Formulas.
        "sklearn._loss.loss.HalfTweedieLoss",
        "sklearn._loss.loss.HalfTweedieLossIdentity",
    }
)

_COMMON: Final = _PLAIN | _PIPELINE | _CALIBRATION

REVIEWED: Final[Mapping[str, frozenset[str]]] = {
    "hist_gradient_boosting": _COMMON | _HIST_GRADIENT_BOOSTING,
    "lightgbm": _COMMON | _LIGHTGBM,
    "ridge": _COMMON | _RIDGE,
    "logistic_regression": _COMMON | _LOGISTIC,
}

HOOK_FAMILY: Final = "hook"


def reviewed_types(family: str) -> frozenset[str]:
    """Return the full names of the types that a model of this family may hold.

    An estimator from hooks.py may be any of scikit-learn's own, so for `hook` this is the union of
    all lists and the caller adds what skops itself trusts; a class defined in hooks.py is never on
    it.
    """
    if family == HOOK_FAMILY:
        return _HOOK.union(*REVIEWED.values())
    return REVIEWED.get(family, frozenset())
