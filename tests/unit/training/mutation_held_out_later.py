"""A second lot of edits that were written before anybody looked at what the cache makes of them."""

# ruff: noqa: E501  small projects as text, a line of code to a line

from mutation_case import rerun, same, told

PROJECT = (
    "import kaizenml as kz\nimport polars as pl\nproject = kz.Project('a', source=kz.files('*.csv'), target='y')\n"
)

HELD_OUT = [
    rerun("a frame's namespace that the project registers", {"project.py": PROJECT + "import shop\n@project.step\ndef step(): return pl.DataFrame({'a': [1]}).shop.up().rows()", "shop.py": "import polars as pl\n@pl.api.register_dataframe_namespace('shop')\nclass Shop:\n    def __init__(self, df): self.df = df\n    def up(self): return self.df.select(pl.col('a') + 1)"}, {"shop.py": ("+ 1", "+ 2")}),
    rerun("a cached function that importing has called already", {"project.py": "import functools\n@functools.cache\ndef conf():\n    with open('c.txt') as f: return f.read()\nN = len(conf())\ndef step(): return conf()", "c.txt": "ab"}, {"c.txt": "cd"}),
    rerun("a helper handed to map_elements", {"project.py": PROJECT + "from h import clean\n@project.step\ndef step(): return pl.DataFrame({'a': ['x ']}).select(pl.col('a').map_elements(clean, return_dtype=pl.String)).rows()", "h.py": "def clean(t): return t.strip()"}, {"h.py": ("strip()", "upper()")}),
    rerun("functions made in a loop with bound defaults", "FNS = []\nfor k in (1, 2):\n    FNS.append(lambda x, k=k: x * k)\ndef step(): return [f(3) for f in FNS]", ("(1, 2)", "(1, 5)")),
    rerun("total_ordering's one comparison", "import functools\n@functools.total_ordering\nclass V:\n    def __init__(self, n): self.n = n\n    def __eq__(self, o): return self.n == o.n\n    def __lt__(self, o): return self.n < o.n\ndef step(): return V(1) >= V(2)", ("self.n < o.n", "self.n > o.n")),
    rerun("a zone's name", "import datetime, zoneinfo\nZ = zoneinfo.ZoneInfo('Europe/Rome')\ndef step(): return str(datetime.datetime(2026, 7, 1, tzinfo=Z).utcoffset())", ("Europe/Rome", "Asia/Tokyo")),
    rerun("a template's text", "import string\nT = string.Template('$a!')\ndef step(): return T.substitute(a=1)", ("$a!", "$a?")),
    rerun("a struct's format", "import struct\nS = struct.Struct('<h')\ndef step(): return S.pack(1)", ("<h", ">h")),
    rerun("a translation table", "T = str.maketrans({'a': 'b'})\ndef step(): return 'aa'.translate(T)", ("'b'", "'c'")),
    rerun("a script run by runpy", {"project.py": "import runpy\ndef step(): return runpy.run_path('s.py')['K']", "s.py": "K = 1"}, {"s.py": ("1", "2")}),
    rerun("modules named in a JSON file", {"project.py": "import importlib, json\ndef step():\n    with open('m.json') as f: names = json.load(f)\n    return [importlib.import_module(n).K for n in names]", "m.json": '["p1"]', "p1.py": "K = 1", "p2.py": "K = 2"}, {"m.json": '["p2"]'}),
    rerun("a module that a JSON file names", {"project.py": "import importlib, json\ndef step():\n    with open('m.json') as f: names = json.load(f)\n    return [importlib.import_module(n).K for n in names]", "m.json": '["p1"]', "p1.py": "K = 1"}, {"p1.py": ("1", "7")}),
    rerun("__class_getitem__", "class A:\n    def __class_getitem__(cls, k): return k * 2\ndef step(): return A[3]", ("k * 2", "k * 3")),
    rerun("an estimator of the project in a scikit-learn pipeline", {"project.py": PROJECT + "import numpy as np\nfrom sklearn.pipeline import make_pipeline\nfrom sklearn.linear_model import LinearRegression\nfrom own import Scale\nP = make_pipeline(Scale(2), LinearRegression())\n@project.step\ndef step():\n    from sklearn.base import clone\n    return clone(P).fit(np.eye(3), [1, 2, 3])[0].transform(np.eye(1)).tolist()", "own.py": "from sklearn.base import BaseEstimator, TransformerMixin\nclass Scale(TransformerMixin, BaseEstimator):\n    def __init__(self, k=1): self.k = k\n    def fit(self, X, y=None): return self\n    def transform(self, X): return X * self.k"}, {"own.py": ("X * self.k", "X * self.k + 1")}),
    rerun("an estimator's parameter in a pipeline", {"project.py": "from sklearn.pipeline import make_pipeline\nfrom sklearn.tree import DecisionTreeClassifier\nP = make_pipeline(DecisionTreeClassifier(max_depth=2))\ndef step(): return P[0].get_params()['max_depth']"}, ("max_depth=2", "max_depth=3")),
    rerun("a Polars expression made by a helper", {"project.py": PROJECT + "from e import RATE\n@project.step\ndef step(): return pl.DataFrame({'a': [1.0]}).with_columns(RATE).rows()", "e.py": "import polars as pl\ndef per(x): return pl.col(x) / 10\nRATE = per('a').alias('r')"}, {"e.py": ("/ 10", "/ 20")}),
    rerun("a step that calls another step by hand", PROJECT + "@project.step\ndef first(): return 1\n@project.step\ndef step(): return first() + 1", ("return 1\n", "return 5\n")),
    rerun("a nested function's global through two levels", "K = 1\ndef step():\n    def a():\n        def b(): return K\n        return b()\n    return a()", ("K = 1", "K = 2")),
    rerun("a class body's loop", "class A:\n    T = {}\n    for _k in ('a', 'b'): T[_k] = len(T)\ndef step(): return A.T", ("('a', 'b')", "('b', 'a')")),
    rerun("a lambda default that calls a helper", "def h(): return 1\ndef step(make=lambda: h()): return make()", ("return 1", "return 2")),
    rerun("a variable that a .env file sets when imported", {"project.py": "import os\nfor line in open('.env').read().split():\n    k, v = line.split('=')\n    os.environ[k] = v\ndef step(): return os.environ['KZ_TEST_ENV']", ".env": "KZ_TEST_ENV=1"}, {".env": "KZ_TEST_ENV=2"}),
    rerun("which module of two with one name is found", {"project.py": "from pkg.util import f\ndef step(): return f()", "pkg/__init__.py": "", "pkg/util.py": "from util import f", "util.py": "def f(): return 1"}, {"util.py": ("return 1", "return 2")}),
    rerun("a command-line word", "import sys\nW = sys.argv[0:0]\ndef step(): return [*W, K]\nK = 1", ("K = 1", "K = 2")),
    told("drawing from a seed that importing set", "import random\nrandom.seed(4)\ndef step(): return random.random() > 2 or K\nK = 1", ("K = 1", "K = 2")),
    told("a script run by exec", {"project.py": "def step():\n    scope = {}\n    with open('s.py') as f: exec(f.read(), scope)\n    return scope['K']", "s.py": "K = 1"}, {"s.py": ("1", "2")}),
    told("memory in a class", "class Memory:\n    seen = {}\ndef step():\n    Memory.seen['a'] = Memory.seen.get('a', 0) + 1\n    return Memory.seen['a'] + K\nK = 1", ("K = 1", "K = 2")),
    told("an address on the network read by a library", PROJECT + "@project.step\ndef step():\n    if K > 5: return pl.read_csv('http://127.0.0.1:9/a.csv').rows()\n    return K\nK = 1", ("K = 1", "K = 2")),
    same("a cached function, read twice", {"project.py": "import functools\n@functools.cache\ndef conf():\n    with open('c.txt') as f: return f.read()\ndef step(): return conf()", "c.txt": "ab"}, {}),
    same("another step's parameters, with every kind of declaration", PROJECT + "@project.step\ndef estimator(depth: int = 3): return depth\n@project.step\ndef step(): return 1\nproject.gate(kz.at_least('roc_auc', 0.5))", ("depth: int = 3", "depth: int = 4")),
    same("typing-only imports and an overload", {"project.py": "from __future__ import annotations\nfrom typing import TYPE_CHECKING\nfrom h import f\nif TYPE_CHECKING:\n    from t import A\ndef step() -> A: return f(1)", "h.py": "def f(x): return x", "t.py": "class A: pass"}, {"t.py": ("pass", "k = 1"), "h.py": ("def f(x)", "def f(x: int) -> int")}),
]  # fmt: skip
