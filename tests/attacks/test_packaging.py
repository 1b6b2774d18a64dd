"""Hostile model files: every one is refused, and nothing of it runs."""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import stat
import struct
import warnings
import zipfile
import zlib

import numpy as np
import pytest
from sklearn import __version__ as sklearn_version
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from kaizenml.errors import UnsafeArtefactError, WrongEnvironmentError
from kaizenml.packaging.archive import read_archive, write_archive
from kaizenml.packaging.bundle import unpack
from kaizenml.packaging.formats import load_model, save_model

rng = np.random.default_rng(0)
ROWS = rng.normal(size=(60, 3))
LABELS = np.arange(60) % 2
CANARY = "/tmp/kaizen-canary-of-the-packaging-attacks"
TOUCH = f"touch {CANARY}"


class Evil:
    def __reduce__(self):
        return os.system, (TOUCH,)


# --- pickles under other names ----------------------------------------------------------------------------------------

EVIL_PICKLES = {f"pickle-{protocol}": pickle.dumps(Evil(), protocol) for protocol in range(6)}
_pickled = EVIL_PICKLES["pickle-4"]


def joblib_of(value, **options):
    import joblib

    buffer = io.BytesIO()
    joblib.dump(value, buffer, **options)
    return buffer.getvalue()


def npy_of(array, **options):
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


PICKLES = EVIL_PICKLES | {
    "gzip": gzip.compress(_pickled, mtime=0),
    "zlib": zlib.compress(_pickled),
    "bzip2": bz2.compress(_pickled),
    "xz": lzma.compress(_pickled),
    "lzma": lzma.compress(_pickled, lzma.FORMAT_ALONE),
    "joblib": joblib_of(Evil()),
    "joblib-zlib": joblib_of(Evil(), compress=3),
    "npy-of-objects": npy_of(np.array([Evil()], dtype=object), allow_pickle=True),
    "torch": write_archive({"archive/data.pkl": _pickled, "archive/version": b"3"}),
    "pickle-then-zip": _pickled + write_archive({"schema.json": b"{}"}),
    "zip-then-pickle": write_archive({"schema.json": b"{}"}) + _pickled,
    "empty": b"",
    "text": b"sklearn.linear_model.LogisticRegression()",
    "html": b"<html><script>alert(1)</script></html>",
}

# --- skops files that name what they should not -----------------------------------------------------------------------


def node(loader, name, **more):
    module, _, kind = name.rpartition(".")
    return {"__loader__": loader, "__module__": module, "__class__": kind, **more}


def text(value):
    return node("JsonNode", "builtins.str", content=json.dumps(value), is_json=True)


def listed(*items):
    return node("ListNode", "builtins.list", content=list(items))


def tuple_of(*items):
    return node("TupleNode", "builtins.tuple", content=list(items))


def mapping(content, *key_types):
    keys = listed(*(key_types or [node("TypeNode", "builtins.str")] * len(content)))
    return node("DictNode", "builtins.dict", content=content, key_types=keys)


def skops_of(root, protocol=2, **members):
    schema = {**root, "protocol": protocol, "_skops_version": "0.16.0"}
    return write_archive({"schema.json": json.dumps(schema).encode(), **members})


SYSTEM = node("FunctionNode", "os.system")
PARTIAL = node(
    "PartialNode",
    "functools.partial",
    content={"func": SYSTEM, "args": tuple_of(text(TOUCH)), "kwds": mapping({}), "namespace": text(None)},
)
GENERATOR = node(
    "RandomGeneratorNode",
    "numpy.random._generator.Generator",
    content={"bit_generator": mapping({"bit_generator": text("seed")}), "seed_seq": mapping({})},
)
METHOD = node(
    "MethodNode",
    "sklearn.linear_model._logistic.LogisticRegression",
    content={"func": "__init__", "obj": node("ObjectNode", "sklearn.linear_model._logistic.LogisticRegression")},
)
ATTRS = {"attrs": tuple_of(text("system"), text(TOUCH))}
SCHEMAS = {
    "os.system": SYSTEM,
    "posix.system": node("FunctionNode", "posix.system"),
    "builtins.eval-function": node("FunctionNode", "builtins.eval"),
    "builtins.eval-type": node("TypeNode", "builtins.eval"),
    "builtins.exec-object": node("ObjectNode", "builtins.exec"),
    "key-type-that-runs": mapping({TOUCH: text(1)}, node("TypeNode", "os.system")),
    "default-factory": node(
        "DefaultDictNode", "collections.defaultdict", content={"main": mapping({}), "default_factory": SYSTEM}
    ),
    "partial": PARTIAL,
    "constructor-popen": node(
        "ConstructorFromReduceNode", "subprocess.Popen", content=tuple_of(listed(text("touch"), text(CANARY)))
    ),
    "constructor-path": node("ConstructorFromReduceNode", "pathlib.PosixPath", content=tuple_of(text("/etc/passwd"))),
    "list-that-is-popen": node("ListNode", "subprocess.Popen", content=[text("touch"), text(CANARY)]),
    "set-that-is-eval": node("SetNode", "builtins.eval", content=[]),
    "array-that-is-eval": node("NdArrayNode", "os.system", type="numpy", file="0.npy"),
    "tree-that-is-eval": node("TreeNode", "builtins.eval", __reduce__={"args": tuple_of()}, content=mapping({})),
    "loss-that-is-popen": node("LossNode", "subprocess.Popen", __reduce__={"args": tuple_of()}, content=mapping({})),
    "method": METHOD,
    "methodcaller": node("OperatorFuncNode", "operator.methodcaller", **ATTRS),
    "attrgetter": node("OperatorFuncNode", "operator.attrgetter", **ATTRS),
    "bit-generator": GENERATOR,
    "quantile-forest": node("QuantileForestNode", "quantile_forest._quantile_forest_fast.QuantileForest"),
    "deprecated-keys": node("_DictWithDeprecatedKeysNode", "x._DictWithDeprecatedKeys", content={}),
    "unknown-loader": node("PickleNode", "pickle.loads"),
    "unknown-type": node("ObjectNode", "evil.Model"),
    "dotted-trick": node("ObjectNode", "sklearn.linear_model._logistic.os.system"),
    "joblib-memory": node("ObjectNode", "joblib.memory.Memory"),
    "load-files": node("FunctionNode", "sklearn.datasets._base.load_files"),
    "numpy-load": node("FunctionNode", "numpy.load"),
    "numpy-fromfile": node("FunctionNode", "numpy.fromfile"),
    "scipy-loadmat": node("FunctionNode", "scipy.io.loadmat"),
    "hidden-in-text": {**text(1), "content": SYSTEM},
    "hidden-in-slice": node("SliceNode", "builtins.slice", content={"start": SYSTEM, "stop": 1, "step": 1}),
    "no-type": {"__loader__": "ObjectNode"},
    "loader-is-a-list": {"__loader__": ["ObjectNode"], "__module__": "os", "__class__": "system"},
    "cached-from-nowhere": node("CachedNode", "builtins.dict", __id__=1),
    "wish-list": {**SYSTEM, "trusted": ["os.system"], "trusted_types": ["os.system"]},
    "timezone-of-etc": node(
        "ConstructorFromReduceNode", "zoneinfo.ZoneInfo", content=tuple_of(text("../../etc/passwd"))
    ),
    "circle": {**node("ListNode", "builtins.list", content=[node("ListNode", "builtins.list", __id__=1)]), "__id__": 1},
    "itself": node("ListNode", "builtins.list", content=[{"__loader__": "ListNode", "__id__": 1}], __id__=1),
}
NAMED = {name: skops_of(schema) for name, schema in SCHEMAS.items()}
NAMED |= {f"protocol-{protocol}": skops_of(text(1), protocol) for protocol in (0, 1, 3, -1, True, "2", None)}
NAMED |= {
    "schema-is-a-list": write_archive({"schema.json": b"[]"}),
    "schema-is-missing": write_archive({"0.npy": b""}),
    "schema-is-no-json": write_archive({"schema.json": b"{"}),
    "schema-of-100,000-levels": write_archive({"schema.json": b"[" * 100_000 + b"]" * 100_000}),
    "a-pickle-beside": skops_of(text(1), **{"data.pkl": _pickled}),
    "a-module-beside": skops_of(text(1), **{"evil.py": b"import os"}),
}

# --- arrays -----------------------------------------------------------------------------------------------------------


def npy_header(shape, descr="<f8"):
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def array_file(content, loader="NdArrayNode", name="numpy.ndarray", kind="numpy", file="0.npy"):
    return skops_of(node(loader, name, type=kind, file=file), **{file: content})


def sparse_file(content):
    return array_file(content, "SparseMatrixNode", "scipy.sparse._csr.csr_matrix", "scipy", "0.npz")


ARRAYS = {
    "claims-a-terabyte": array_file(npy_header("(137438953472,)")),
    "claims-a-negative-shape": array_file(npy_header("(-1,)")),
    "claims-objects": array_file(npy_header("(1,)", "|O") + _pickled),
    "is-an-expression": array_file(npy_header(f"__import__('os').system({TOUCH!r})")),
    "is-a-pickle": array_file(_pickled),
    "sparse-bomb": sparse_file(write_archive({"data.npy": npy_header("(99999999999,)")})),
    "sparse-of-objects": sparse_file(write_archive({"data.npy": npy_header("(1,)", "|O") + _pickled})),
    "sparse-slip": sparse_file(write_archive({"../data.npy": npy_of(np.zeros(1))})),
}

# --- archives ---------------------------------------------------------------------------------------------------------


def zip_of(*members, mode=0o100644, comment=b""):
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # zipfile warns of two members of one name
        archive.comment = comment
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return buffer.getvalue()


def lying(content):
    """Say that the member has 10 bytes, in both places where a zip says it."""
    sizes = struct.pack("<I", len(content))
    return zip_of(("schema.json", content)).replace(sizes, struct.pack("<I", 10))


def encrypted():
    content = bytearray(zip_of(("schema.json", b"{}")))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


ARCHIVES = {
    "bomb-of-one-member": zip_of(("schema.json", bytes(64 << 20))),
    "bomb-of-many-members": zip_of(*((f"{i}.npy", bytes(1_000_000)) for i in range(120))),
    "lies-about-its-size": lying(bytes(8 << 20)),
    "slips-out": zip_of(("../../evil.npy", b"")),
    "slips-out-with-backslashes": zip_of(("..\\..\\evil.npy", b"")),
    "is-absolute": zip_of(("/etc/passwd", b"")),
    "is-on-a-drive": zip_of(("C:/evil.npy", b"")),
    "has-a-newline": zip_of(("schema.json\nevil", b"")),
    "has-a-right-to-left-mark": zip_of(("schema\u202e.json", b"")),
    "has-a-device": zip_of(("schema.json", b"/dev/zero"), mode=stat.S_IFCHR | 0o644),
    "has-a-link": zip_of(("schema.json", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777),
    "has-a-folder": zip_of(("folder/", b"")),
    "has-two-of-one-name": zip_of(("schema.json", b"{}"), ("schema.json", b"[]")),
    "has-two-that-differ-in-case": zip_of(("schema.json", b"{}"), ("SCHEMA.json", b"[]")),
    "has-two-that-look-alike": zip_of(("schema.json", b"{}"), ("\uff53chema.json", b"[]")),
    "has-a-comment": zip_of(("schema.json", b"{}"), comment=b"PK\x05\x06" + bytes(18)),
    "is-encrypted": encrypted(),
    "has-too-many-members": zip_of(*((f"{i}.npy", b"") for i in range(65_200))),
}

# --- models of trusted types that would do harm -----------------------------------------------------------------------


def changed(estimator, change):
    """Save an estimator, then change the parsed schema and the members, as a forger would."""
    members = read_archive(save_model(estimator)[1])
    schema = json.loads(members["schema.json"])
    change(schema, members)
    return write_archive(members | {"schema.json": json.dumps(schema).encode()})


def set_parameter(name, value):
    def change(schema, members):
        schema["content"]["content"][name] = text(value)

    return change


def forged_nodes(field, value, row=0):
    """Change a field of the first array of nodes of a tree."""

    def change(schema, members):
        for name, content in members.items():
            array = np.load(io.BytesIO(content)) if name.endswith(".npy") else np.zeros(0)
            if field in (array.dtype.names or ()):
                array[field][row] = value
                members[name] = npy_of(array)
                return
        raise AssertionError(f"no nodes with {field}")

    return change


def wider_tree(schema, members):
    """Tell the trees of a forest that they have more columns than the forest asks for."""
    for found in schema["content"]["content"]["estimators_"]["content"]:
        found["content"]["content"]["n_features_in_"] = text(1_000_000)
        tree = found["content"]["content"]["tree_"]
        tree["__reduce__"]["args"]["content"][0] = text(1_000_000)


TREE = DecisionTreeClassifier(random_state=0).fit(ROWS, LABELS)
FOREST = RandomForestClassifier(3, random_state=0).fit(ROWS, LABELS)
BOOSTING = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=5).fit(ROWS, LABELS)
FITTED = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, LABELS)
VECTORIZER = TfidfVectorizer().fit(["some words here"])
HARMFUL = {
    "reads-files": changed(VECTORIZER, set_parameter("input", "filename")),
    "reads-streams": changed(CountVectorizer().fit(["some words"]), set_parameter("input", "file")),
    "hangs": changed(VECTORIZER, set_parameter("token_pattern", "(a+)+$")),
    "hangs-cleverly": changed(VECTORIZER, set_parameter("token_pattern", "(?:(?=(a*))(b|(?P<x>c{1,}))*)+$")),
    "pattern-is-a-list": changed(VECTORIZER, set_parameter("token_pattern", ["a"])),
    "keeps-pickles": changed(FITTED, set_parameter("memory", CANARY)),
    "child-out-of-bounds": changed(TREE, forged_nodes("left_child", 1 << 40)),
    "child-is-its-parent": changed(TREE, forged_nodes("right_child", 0)),
    "feature-out-of-bounds": changed(TREE, forged_nodes("feature", 1 << 40)),
    "feature-is-negative": changed(TREE, forged_nodes("feature", -1_000_000)),
    "forest-out-of-bounds": changed(FOREST, forged_nodes("left_child", 1 << 40)),
    "forest-of-wider-trees": changed(FOREST, wider_tree),
    "isolation-of-wider-trees": changed(IsolationForest(n_estimators=3, random_state=0).fit(ROWS), wider_tree),
    "boosting-child-out-of-bounds": changed(BOOSTING, forged_nodes("left", (1 << 32) - 1)),
    "boosting-feature-out-of-bounds": changed(BOOSTING, forged_nodes("feature_idx", 1 << 30)),
    "boosting-category-out-of-bounds": changed(BOOSTING, forged_nodes("is_categorical", 1)),
}

CORPUS = {
    f"{family}:{name}": content
    for family, files in {
        "pickle": PICKLES,
        "type": NAMED,
        "array": ARRAYS,
        "archive": ARCHIVES,
        "harm": HARMFUL,
    }.items()
    for name, content in files.items()
}


@pytest.fixture(autouse=True)
def no_canary():
    """Nothing that a file asks for may have happened."""
    if os.path.exists(CANARY):
        os.remove(CANARY)
    yield
    assert not os.path.exists(CANARY)


@pytest.mark.parametrize("name", CORPUS)
def test_a_hostile_model_is_refused(name):
    with pytest.raises(UnsafeArtefactError):
        load_model("skops", CORPUS[name])


@pytest.mark.parametrize("name", [*PICKLES, *ARCHIVES])
def test_a_hostile_bundle_is_refused(name):
    with pytest.raises(UnsafeArtefactError):
        unpack((PICKLES | ARCHIVES)[name])


@pytest.mark.parametrize("name", ["pickle", "joblib", "skops\n", "SKOPS", "", "../skops", "cloudpickle"])
def test_a_format_that_is_not_ours_is_refused(name):
    with pytest.raises(UnsafeArtefactError):
        load_model(name, save_model(FITTED)[1])


def test_a_pickle_is_called_a_pickle():
    with pytest.raises(UnsafeArtefactError, match="is a pickle"):
        load_model("skops", _pickled)


def test_what_a_file_trusts_is_not_trusted_but_what_the_caller_trusts_is():
    estimator = FunctionTransformer(shout)

    with pytest.raises(UnsafeArtefactError, match="shout"):
        save_model(estimator)
    content = save_model(estimator, [f"{__name__}.shout"])[1]
    with pytest.raises(UnsafeArtefactError, match="shout"):
        load_model("skops", content)
    assert load_model("skops", content, [f"{__name__}.shout"]).func is shout


def shout(rows):
    return rows


@pytest.mark.parametrize("function", [lambda rows: rows, os.system, eval, FITTED.predict])
def test_functions_that_nobody_trusts_are_not_saved(function):
    with pytest.raises(UnsafeArtefactError):
        save_model(FunctionTransformer(function))


def test_a_function_of_numpy_is_trusted():
    estimator = FunctionTransformer(np.log1p)

    assert load_model(*save_model(estimator)).func is np.log1p


def test_a_model_of_another_scikit_learn_is_refused_with_a_sentence():
    content = changed(FITTED, set_parameter("_sklearn_version", "1.7.2"))

    with pytest.raises(WrongEnvironmentError, match=rf"scikit-learn '1.7.2', and this is {sklearn_version}"):
        load_model("skops", content)


def test_a_model_of_a_type_that_is_gone_is_refused_with_a_sentence():
    content = skops_of(node("ObjectNode", "nowhere.Gone"))

    with pytest.raises(WrongEnvironmentError, match="not installed"):
        load_model("skops", content, ["nowhere.Gone"])


@pytest.mark.parametrize(
    "estimator", [TREE, FOREST, BOOSTING, FITTED, VECTORIZER], ids=lambda each: type(each).__name__
)
def test_the_same_models_unforged_are_loaded(estimator):
    assert type(load_model("skops", changed(estimator, lambda *_: None))) is type(estimator)
