"""Edits of what a step reads beside its code: files, folders, variables."""

# ruff: noqa: E501  small projects as text, a line of code to a line

from mutation_case import rerun, same, told


def reads(name, step, *edit, file="d.txt", content="one", head=""):
    return rerun(name, {"project.py": f"{head}\ndef step():\n    {step}", file: content}, {file: edit or "two"})


READS = [
    reads("open", "with open('d.txt') as f: return f.read()"),
    reads("open in binary", "with open('d.txt', 'rb') as f: return f.read()"),
    reads("os.open", "import os\n    h = os.open('d.txt', os.O_RDONLY)\n    out = os.read(h, 9)\n    os.close(h)\n    return out"),
    reads("Path.read_text", "return Path('d.txt').read_text()", head="from pathlib import Path"),
    reads("Path from a constant", "return D.read_text()", head="from pathlib import Path\nD = Path('d.txt')"),
    reads("a name made at run time", "return Path('d' + '.' + 'txt'.lower()).read_text()", head="from pathlib import Path"),
    reads("a file in a folder", "return Path('data', 'x.txt').read_text()", file="data/x.txt", head="from pathlib import Path"),
    reads("an absolute path", "return Path('d.txt').resolve().read_text()", head="from pathlib import Path"),
    reads("beside the module, by __file__", "return (Path(__file__).parent / 'd.txt').read_text()", head="from pathlib import Path"),
    rerun("json", {"project.py": "import json\ndef step():\n    with open('d.json') as f: return json.load(f)", "d.json": "[1]"}, {"d.json": "[2]"}),
    rerun("tomllib", {"project.py": "import tomllib\ndef step():\n    with open('d.toml', 'rb') as f: return tomllib.load(f)", "d.toml": "a = 1"}, {"d.toml": "a = 2"}),
    rerun("yaml", {"project.py": "import yaml\ndef step():\n    with open('d.yml') as f: return yaml.safe_load(f)", "d.yml": "a: 1"}, {"d.yml": "a: 2"}),
    rerun("configparser", {"project.py": "import configparser\ndef step():\n    c = configparser.ConfigParser()\n    c.read('d.ini')\n    return c['a']['b']", "d.ini": "[a]\nb = 1"}, {"d.ini": "[a]\nb = 2"}),
    rerun("csv", {"project.py": "import csv\ndef step():\n    with open('d.csv') as f: return list(csv.reader(f))", "d.csv": "a,b"}, {"d.csv": "a,c"}),
    rerun("numpy.loadtxt", {"project.py": "import numpy as np\ndef step(): return np.loadtxt('d.txt').tolist()", "d.txt": "1 2"}, {"d.txt": "1 3"}),
    rerun("numpy.fromfile", {"project.py": "import numpy as np\ndef step(): return np.fromfile('d.txt', dtype='uint8').tolist()", "d.txt": "12"}, {"d.txt": "13"}),
    rerun("pandas.read_csv", {"project.py": "import pandas as pd\ndef step(): return pd.read_csv('d.csv').to_dict()", "d.csv": "a\n1\n"}, {"d.csv": "a\n2\n"}),
    rerun("polars.read_csv", {"project.py": "import polars as pl\ndef step(): return pl.read_csv('d.csv').rows()", "d.csv": "a\n1\n"}, {"d.csv": "a\n2\n"}),
    rerun("polars.scan_csv", {"project.py": "import polars as pl\ndef step(): return pl.scan_csv('d.csv').collect().rows()", "d.csv": "a\n1\n"}, {"d.csv": "a\n2\n"}),
    rerun("polars.read_csv through a constant", {"project.py": "import polars as pl\nfrom conf import D\ndef step(): return pl.read_csv(D).rows()", "conf.py": "D = 'd.csv'", "d.csv": "a\n1\n"}, {"d.csv": "a\n2\n"}),
    rerun("polars.read_csv through a Path", {"project.py": "import polars as pl\nfrom pathlib import Path\nD = Path('data')\ndef step(): return pl.read_csv(D / 'x.csv').rows()", "data/x.csv": "a\n1\n"}, {"data/x.csv": "a\n2\n"}),
    rerun("polars.read_csv through a parameter's default", {"project.py": "import polars as pl\ndef step(path='d.csv'): return pl.read_csv(path).rows()", "d.csv": "a\n1\n"}, {"d.csv": "a\n2\n"}),
    rerun("polars.read_csv through a local", {"project.py": "import polars as pl\ndef step():\n    path = 'd' + '.csv'\n    return pl.read_csv(path).rows()", "d.csv": "a\n1\n"}, {"d.csv": "a\n2\n"}),
    rerun("polars.read_csv in a helper, by a parameter", {"project.py": "import h\ndef step(): return h.load('d.csv')", "h.py": "import polars as pl\ndef load(name): return pl.read_csv(name).rows()", "d.csv": "a\n1\n"}, {"d.csv": "a\n2\n"}),
    rerun("polars.read_csv imported by name", {"project.py": "from polars import read_csv as rc\ndef step(): return rc('d.csv').rows()", "d.csv": "a\n1\n"}, {"d.csv": "a\n2\n"}),
    rerun("polars.scan_csv of a pattern", {"project.py": "import polars as pl\ndef step(): return pl.scan_csv('data/*.csv').collect().rows()", "data/x.csv": "a\n1\n"}, {"data/y.csv": "a\n2\n"}),
    rerun("polars.read_ndjson", {"project.py": "import polars as pl\ndef step(): return pl.read_ndjson('d.ndjson').rows()", "d.ndjson": '{"a": 1}\n'}, {"d.ndjson": '{"a": 2}\n'}),
    rerun("polars.read_json", {"project.py": "import polars as pl\ndef step(): return pl.read_json('d.json').rows()", "d.json": '[{"a": 1}]'}, {"d.json": '[{"a": 2}]'}),
    rerun("polars.read_csv of a name made at run time", {"project.py": "import polars as pl\ndef step(): return [pl.read_csv(f'd{n}.csv').rows() for n in range(1)]", "d0.csv": "a\n1\n"}, {"d0.csv": "a\n2\n"}),
    rerun("duckdb", {"project.py": "import duckdb\ndef step(): return duckdb.sql(\"select * from 'd.csv'\").fetchall()", "d.csv": "a\n1\n"}, {"d.csv": "a\n2\n"}),
    rerun("a global that a pandas query names", "import pandas as pd\nK = 1\ndef step(): return len(pd.DataFrame({'a': [1, 2]}).query('a > @K'))", ("K = 1", "K = 0")),
    rerun("a file that a helper reads in a thread", {"project.py": "from concurrent.futures import ThreadPoolExecutor\nfrom pathlib import Path\ndef step():\n    with ThreadPoolExecutor(1) as pool: return pool.submit(Path('d.txt').read_text).result()", "d.txt": "1"}, {"d.txt": "2"}),
    told("a database that the step makes", {"project.py": "import sqlite3, contextlib\ndef step():\n    with contextlib.closing(sqlite3.connect('d.db')) as c: return c.execute('select count(*) from sqlite_master').fetchall() and K\nK = 1"}, {"project.py": ("K = 1", "K = 2")}),
    rerun("a pickle of one of the project's classes", {"project.py": "import pickle, h\ndef step(): return pickle.loads(P).go()\nP = pickle.dumps(h.A())", "h.py": "class A:\n    def go(self): return 1"}, {"h.py": ("return 1", "return 2")}),
    rerun("a file that appears", {"project.py": "from pathlib import Path\ndef step(): return Path('flag').exists()"}, {"flag": ""}),
    rerun("a file that appears, by os.path", {"project.py": "import os\ndef step(): return os.path.isfile('flag')"}, {"flag": ""}),
    rerun("a file that appears, by os.access", {"project.py": "import os\ndef step(): return os.access('flag', os.R_OK)"}, {"flag": ""}),
    rerun("a file that is gone", {"project.py": "from pathlib import Path\ndef step(): return Path('flag').exists()", "flag": ""}, {"flag": None}),
    rerun("a file that was looked for and not found", {"project.py": "def step():\n    try:\n        with open('d.txt') as f: return f.read()\n    except FileNotFoundError: return 'none'"}, {"d.txt": "1"}),
    rerun("a file's size", {"project.py": "import os\ndef step(): return os.path.getsize('d.txt')", "d.txt": "1"}, {"d.txt": "12"}),
    rerun("os.listdir", {"project.py": "import os\ndef step(): return os.listdir('data')", "data/a": ""}, {"data/b": ""}),
    rerun("os.walk", {"project.py": "import os\ndef step(): return [sorted(f) for _, _, f in os.walk('data')]", "data/s/a": ""}, {"data/s/b": ""}),
    rerun("Path.glob", {"project.py": "from pathlib import Path\ndef step(): return len(list(Path('.').glob('**/*.txt')))", "data/a.txt": ""}, {"data/b.txt": ""}),
    rerun("Path.iterdir", {"project.py": "from pathlib import Path\ndef step(): return len(list(Path('data').iterdir()))", "data/a": ""}, {"data/a": None, "data/b": "", "data/c": ""}),
    rerun("a link's target", {"project.py": "from pathlib import Path\ndef step(): return Path('data/a').read_text()", "data/a": "1"}, {"data/a": "2"}),
    rerun("os.environ[…]", "import os\ndef step(): return os.environ['PATH'] and os.environ.get('KZ_TEST_D')", variables={"KZ_TEST_D": "1"}),
    rerun("os.getenv", "import os\ndef step(): return os.getenv('KZ_TEST_D', 'no')", variables={"KZ_TEST_D": "1"}),
    rerun("in os.environ", "import os\ndef step(): return 'KZ_TEST_D' in os.environ", variables={"KZ_TEST_D": "1"}),
    rerun("from os import environ", "from os import environ\ndef step(): return environ.get('KZ_TEST_D')", variables={"KZ_TEST_D": "1"}),
    rerun("from os import getenv", "from os import getenv as g\ndef step(): return g('KZ_TEST_D')", variables={"KZ_TEST_D": "1"}),
    rerun("expandvars", "import os\ndef step(): return os.path.expandvars('$KZ_TEST_D')", variables={"KZ_TEST_D": "1"}),
    rerun("os.environb", "import os\ndef step(): return os.environb.get(b'KZ_TEST_D')", variables={"KZ_TEST_D": "1"}),
    told("all variables", "import os\ndef step(): return sorted(k for k in os.environ if k.startswith('KZ_TEST'))", variables={"KZ_TEST_D": "1"}),
    told("a file that the step reads and changes", {"project.py": "def step():\n    with open('n.txt') as f: n = int(f.read())\n    with open('n.txt', 'w') as f: f.write(str(n + 1))\n    return n", "n.txt": "1"}, {"n.txt": "7"}),
]  # fmt: skip


def outside(name, step, head="", case=rerun):
    """A file outside of the project's folder, where only the code tells of it."""
    files = {
        "project.py": f"import polars as pl\n{head}\ndef step(): return {step}.rows()",
        "../{beside}/d.csv": "a\n1\n",
    }
    return case(f"outside of the folder: {name}", files, {"../{beside}/d.csv": "a\n2\n"})


OUTSIDE = [
    outside("a literal", "pl.read_csv('../{beside}/d.csv')"),
    outside("a keyword", "pl.read_csv(source='../{beside}/d.csv')"),
    outside("scan_csv", "pl.scan_csv('../{beside}/d.csv').collect()"),
    outside("another name", "rc('../{beside}/d.csv')", "from polars import read_csv as rc"),
    outside("a constant", "pl.read_csv(D)", "D = '../{beside}/d.csv'"),
    outside("an attribute of a class", "pl.read_csv(C.path)", "class C: path = '../{beside}/d.csv'"),
    outside("an entry of a dict", "pl.read_csv(C['d']['x'])", "C = {'d': {'x': '../{beside}/d.csv'}}"),
    outside("a frozen dataclass", "pl.read_csv(C.path)", "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass S: path: str\nC = S('../{beside}/d.csv')"),
    outside("a path put together", "pl.read_csv(D / 'd.csv')", "from pathlib import Path\nD = Path('..') / '{beside}'"),
    outside("os.path.join", "pl.read_csv(os.path.join('..', B, 'd.csv'))", "import os\nB = '{beside}'"),
    outside("an f-string", "pl.read_csv(f'../{B}/d.csv')", "B = '{beside}'"),
    outside("__file__", "pl.read_csv(Path(__file__).parent.parent / '{beside}' / 'd.csv')", "from pathlib import Path"),
    outside("a pattern", "pl.read_csv('../{beside}/*.csv')"),
    outside("duckdb", "pl.DataFrame(duckdb.sql(\"select * from '../{beside}/d.csv'\").fetchall())", "import duckdb"),
    outside("a name made at run time", "[pl.read_csv(p) for p in sorted(D)][0]", "D = {'../{beside}/d.csv'}", case=told),
    outside("a name that a helper is handed", "load('../{beside}/d.csv')", "def load(p): return pl.read_csv(p)", case=told),
]  # fmt: skip

HARMLESS_READS = [
    same("another file", {"project.py": "from pathlib import Path\ndef step(): return Path('a.txt').read_text()", "a.txt": "1", "b.txt": "1"}, {"b.txt": "2"}),
    same("another variable", "import os\ndef step(): return os.environ.get('KZ_TEST_D')", variables={"KZ_TEST_E": "1"}),
    same("a file written again with the same content", {"project.py": "from pathlib import Path\ndef step(): return Path('a.txt').read_text()", "a.txt": "1"}, {"a.txt": "1"}),
    same("a file in another folder than the one listed", {"project.py": "import os\ndef step(): return os.listdir('data')", "data/a": "", "more/a": ""}, {"more/b": ""}),
    same("the content of a file that is only listed", {"project.py": "import os\ndef step(): return os.listdir('data')", "data/a": "1"}, {"data/a": "2"}),
    same("nothing at all, with a library that reads variables", "import sklearn.linear_model as m\nimport numpy as np\ndef step(): return m.LinearRegression().fit(np.eye(2), [0, 1]).coef_.round(6).tolist()", {}),
    same("nothing at all, with Polars", "import polars as pl\ndef step(): return pl.DataFrame({'a': [1]}).lazy().select(pl.col('a') + 1).collect().rows()", {}),
    same("a data file that only another step reads", {"project.py": "from pathlib import Path\ndef step(): return 1\ndef other(): return Path('a.txt').read_text()", "a.txt": "1"}, {"a.txt": "2"}),
    same("nothing, with a file that the step writes", {"project.py": "from pathlib import Path\ndef step(): return Path('out.txt').write_text('a')"}, {}),
    same("nothing, with a temporary file", {"project.py": "import tempfile, os\ndef step():\n    with tempfile.TemporaryFile() as f: return f.write(b'abc')"}, {}),
    same("nothing, with a warning that shows a line of the module", {"project.py": "import warnings\ndef step():\n    with warnings.catch_warnings():\n        warnings.simplefilter('always')\n        warnings.warn('hm')\n    return 1"}, {"project.py": ("return 1", "return 1  # comment")}),
]  # fmt: skip
