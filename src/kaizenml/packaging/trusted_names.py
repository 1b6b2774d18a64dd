"""The names that a model file may use, by the loader that builds them; beside public estimators of scikit-learn.

Found by fitting every public estimator (``tests/unit/packaging/test_estimators.py``), and reviewed one by one: none of
them opens a file, imports a module or calls what a file names when it is built or asked to predict.
"""

from __future__ import annotations

from collections.abc import Mapping


def _names(module: str, names: str) -> frozenset[str]:
    return frozenset(f"{module}.{name}" for name in names.split())


_SCALARS = _names(
    "numpy",
    "bool bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 longdouble complex64 "
    "complex128 str_ bytes_ datetime64 timedelta64",
)
_PRIMITIVES = _names("builtins", "int float str bool NoneType list set tuple dict bytes")
_LOSSES = _names(
    "sklearn._loss._loss",
    "CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss CyHalfMultinomialLoss CyHalfPoissonLoss "
    "CyHalfSquaredError CyHalfTweedieLoss CyHalfTweedieLossIdentity CyHuberLoss CyPinballLoss",
) | _names(
    "sklearn.linear_model._sgd_fast", "EpsilonInsensitive Hinge ModifiedHuber SquaredEpsilonInsensitive SquaredHinge"
)
_BOOSTING = (
    _names("sklearn._loss.link", "HalfLogitLink IdentityLink Interval LogLink LogitLink MultinomialLogit")
    | _names(
        "sklearn._loss.loss",
        "AbsoluteError ExponentialLoss HalfBinomialLoss HalfGammaLoss HalfMultinomialLoss HalfPoissonLoss "
        "HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity HuberLoss PinballLoss",
    )
    | _names("sklearn.ensemble._hist_gradient_boosting", "binning._BinMapper predictor.TreePredictor")
)
_KERNELS = _names(
    "sklearn.gaussian_process.kernels",
    "CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Hyperparameter Matern PairwiseKernel "
    "Product RBF RationalQuadratic Sum WhiteKernel",
) | _names("sklearn.gaussian_process._gpc", "_BinaryGaussianProcessClassifierLaplace")
_SEARCHES = (
    _names("sklearn.metrics._scorer", "_CurveScorer _MultimetricScorer _PassthroughScorer _Scorer")
    | _names(
        "sklearn.model_selection._split",
        "GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut PredefinedSplit RepeatedKFold "
        "RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold StratifiedKFold StratifiedShuffleSplit "
        "TimeSeriesSplit",
    )
    | _names("sklearn.model_selection._search_successive_halving", "HalvingGridSearchCV HalvingRandomSearchCV")
    | _names("sklearn.utils._metadata_requests", "MetadataRequest MethodMetadataRequest")
)
_NEIGHBOURS = _names(
    "sklearn.metrics._dist_metrics",
    "ChebyshevDistance64 EuclideanDistance64 ManhattanDistance64 MinkowskiDistance64",
) | _names("sklearn.neighbors", "_ball_tree.BallTree _kd_tree.KDTree")
_OTHERS = _names(
    "sklearn",
    "calibration._CalibratedClassifier calibration._SigmoidCalibration calibration._TemperatureScaling "
    "cluster._bisect_k_means._BisectingTree compose._column_transformer.make_column_selector "
    "multiclass._ConstantPredictor neural_network._stochastic_optimizers.AdamOptimizer "
    "neural_network._stochastic_optimizers.SGDOptimizer utils._bunch.Bunch",
) | _names("scipy.interpolate._bsplines", "BSpline")
_FUNCTIONS = (
    _names("numpy", "max mean median min nan_to_num ravel sum")
    | _names("scipy._lib.array_api_compat.numpy._aliases", "asarray")
    | _names("sklearn.cluster._kmeans", "_kmeans_single_elkan _kmeans_single_lloyd")
    | _names("sklearn.feature_selection._mutual_info", "mutual_info_classif mutual_info_regression")
    | _names("sklearn.feature_selection._univariate_selection", "chi2 f_classif f_oneway f_regression r_regression")
)
_SPARSE = frozenset(
    f"scipy.sparse._{kind}.{kind}_{shape}"
    for kind in ("bsr", "coo", "csc", "csr", "dia")
    for shape in ("array", "matrix")
)

#: What each loader of skops may build. A loader that is not here builds nothing: those that call methods by name.
BY_LOADER: Mapping[str, frozenset[str]] = {
    "BytearrayNode": _names("builtins", "bytearray"),
    "BytesNode": _names("builtins", "bytes"),
    "ConstructorFromReduceNode": _names("datetime", "date datetime time timedelta timezone") | {"zoneinfo.ZoneInfo"},
    "DTypeNode": _names("numpy", "dtype"),
    "DefaultDictNode": _names("collections", "defaultdict"),
    "DictNode": frozenset({"builtins.dict", "collections.OrderedDict", "sklearn.utils._bunch.Bunch"}),
    "FunctionNode": _FUNCTIONS,
    "JsonNode": _names("builtins", "str"),
    "ListNode": _names("builtins", "list"),
    "LossNode": _LOSSES,
    "MaskedArrayNode": _names("numpy.ma", "MaskedArray"),
    "NdArrayNode": _SCALARS | {"numpy.ndarray"},
    "ObjectNode": _BOOSTING | _KERNELS | _SEARCHES | _NEIGHBOURS | _OTHERS,
    "PartialNode": _names("functools", "partial"),
    "RandomGeneratorNode": _names("numpy.random._generator", "Generator"),
    "RandomStateNode": _names("numpy.random.mtrand", "RandomState"),
    "SetNode": _names("builtins", "set"),
    "SliceNode": _names("builtins", "slice"),
    "SparseMatrixNode": _SPARSE,
    "TreeNode": _names("sklearn.tree._tree", "Tree"),
    "TupleNode": _names("builtins", "tuple"),
    "TypeNode": _PRIMITIVES | _SCALARS,
}
#: Loaders to whose names the caller may add.
OPEN = frozenset({"ConstructorFromReduceNode", "FunctionNode", "ObjectNode", "TupleNode", "TypeNode"})
