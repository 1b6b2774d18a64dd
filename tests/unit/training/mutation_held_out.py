"""Edits that were written before anybody looked at what the cache makes of them."""

# ruff: noqa: E501  small projects as text, a line of code to a line

from mutation_case import rerun, same, told

HELD_OUT = [
    rerun("a table of thresholds in a nested dict", {
        "project.py": "from conf import CFG\ndef step(): return [v for v in range(9) if v > CFG['limits']['low']]",
        "conf.py": "CFG = {'limits': {'low': 3, 'high': 9}, 'names': ['a']}",
    }, {"conf.py": ("'low': 3", "'low': 5")}),
    rerun("a class attribute two bases up, in other modules", {
        "project.py": "from c import C\ndef step(): return C().rate()",
        "a.py": "class A:\n    RATE = 2\n    def rate(self): return self.RATE * self.factor()",
        "b.py": "from a import A\nclass B(A):\n    def factor(self): return 3",
        "c.py": "from b import B\nclass C(B): pass",
    }, {"a.py": ("RATE = 2", "RATE = 4")}),
    rerun("a converter chosen by a string out of a registry filled by decorators", {
        "project.py": "import convert, handlers\ndef step(): return convert.run('double', 4)",
        "convert.py": "ALL = {}\ndef register(name):\n    def deco(f):\n        ALL[name] = f\n        return f\n    return deco\n"
                      "def run(name, x): return ALL[name](x)",
        "handlers.py": "from convert import register\n@register('double')\ndef double(x): return x * 2",
    }, {"handlers.py": ("x * 2", "x + x + 1")}),
    rerun("the order of a tuple of functions", {
        "project.py": "from steps import PIPE\ndef step():\n    x = 3\n    for f in PIPE: x = f(x)\n    return x",
        "steps.py": "def add(x): return x + 1\ndef mul(x): return x * 2\nPIPE = (add, mul)",
    }, {"steps.py": ("(add, mul)", "(mul, add)")}),
    rerun("a property that uses a module constant", {
        "project.py": "from shape import Box\nBOX = Box(2)\ndef step(): return BOX.area",
        "shape.py": "SCALE = 10\nclass Box:\n    def __init__(self, side): self.side = side\n"
                    "    @property\n    def area(self): return self.side * SCALE",
    }, {"shape.py": ("SCALE = 10", "SCALE = 11")}),
    rerun("an operator overload on a class that is only made by a factory", {
        "project.py": "import money\ndef step(): return str(money.make(3) + money.make(4))",
        "money.py": "class Money:\n    def __init__(self, n): self.n = n\n    def __add__(self, o): return Money(self.n + o.n)\n"
                    "    def __str__(self): return f'{self.n} EUR'\ndef make(n): return Money(n)",
    }, {"money.py": ("EUR", "USD")}),
    rerun("a generator expression in a default", {
        "project.py": "W = [1, 2]\ndef step(weights=tuple(w * 2 for w in W)): return sum(weights)",
    }, ("W = [1, 2]", "W = [1, 3]")),
    rerun("a csv module dialect registered at import", {
        "project.py": "import csv, io\ncsv.register_dialect('mine', delimiter=';')\n"
                      "def step(): return list(csv.reader(io.StringIO('a;b|c'), dialect='mine'))",
    }, ("delimiter=';'", "delimiter='|'")),
    rerun("a json file next to the module, found by __file__", {
        "project.py": "import json, pathlib\nHERE = pathlib.Path(__file__).parent\n"
                      "def step(): return json.loads((HERE / 'p.json').read_text())['a']",
        "p.json": '{"a": 1}',
    }, {"p.json": '{"a": 2}'}),
    rerun("a file read through a helper's context manager", {
        "project.py": "from contextlib import contextmanager\n@contextmanager\ndef opened(p):\n    with open(p) as f: yield f.read()\n"
                      "def step():\n    with opened('words.txt') as t: return t.upper()",
        "words.txt": "one",
    }, {"words.txt": "two"}),
    rerun("a new file that a glob now finds", {
        "project.py": "import glob\ndef step(): return sorted(glob.glob('parts/*.txt'))",
        "parts/a.txt": "",
    }, {"parts/b.txt": ""}),
    rerun("a variable with a default that is now set", {
        "project.py": "import os\ndef step(): return int(os.environ.get('KZ_TEST_HORIZON', '7')) * 2",
    }, variables={"KZ_TEST_HORIZON": "14"}),
    rerun("a variable read by a helper's helper with a name made at run time", {
        "project.py": "import settings\ndef step(): return settings.get('depth')",
        "settings.py": "import os\ndef get(name): return _env('KZ_TEST_' + name.upper())\ndef _env(n): return os.getenv(n)",
    }, variables={"KZ_TEST_DEPTH": "3"}),
    rerun("a lambda in a sort key held by a dataclass instance", {
        "project.py": "from dataclasses import dataclass\nfrom typing import Callable\n@dataclass(frozen=True)\nclass Rule:\n"
                      "    key: Callable\nRULE = Rule(key=lambda x: -x)\ndef step(): return sorted([2, 3, 1], key=RULE.key)",
    }, ("lambda x: -x", "lambda x: x")),
    rerun("an else-branch of a conditional import", {
        "project.py": "try:\n    import no_such_library as fast\nexcept ImportError:\n    import slow as fast\ndef step(): return fast.go()",
        "slow.py": "def go(): return 'slow 1'",
    }, {"slow.py": ("slow 1", "slow 2")}),
    rerun("a constant folded by the compiler", "def step(): return 60 * 60 * 24", ("* 24", "* 12")),
    rerun("int becomes float", "K = 2\ndef step(): return K * 3", ("K = 2", "K = 2.0")),
    rerun("True becomes 1", "K = True\ndef step(): return K", ("K = True", "K = 1")),
    rerun("a regular expression's flag", "import re\nP = re.compile('a', 0)\ndef step(): return P.findall('aA')", ("'a', 0", "'a', re.I")),
    rerun("monkey-patched method of a library class at import", {
        "project.py": "import patch, fractions\ndef step(): return str(fractions.Fraction(1, 2).shout())",
        "patch.py": "import fractions\nfractions.Fraction.shout = lambda self: 'half'",
    }, {"patch.py": ("'half'", "'HALF'")}),
    rerun("a decimal context set at import", {
        "project.py": "import decimal\ndecimal.getcontext().prec = 5\ndef step(): return str(decimal.Decimal(1) / 3)",
    }, ("prec = 5", "prec = 8")),
    rerun("a module made a package", {
        "project.py": "import tool\ndef step(): return tool.f()",
        "tool.py": "def f(): return 1",
    }, {"tool.py": None, "tool/__init__.py": "from .impl import f", "tool/impl.py": "def f(): return 2"}),
    rerun("a match statement's guard through a helper", {
        "project.py": "from h import ok\ndef step():\n    match 5:\n        case x if ok(x): return 'yes'\n        case _: return 'no'",
        "h.py": "def ok(x): return x > 3",
    }, {"h.py": ("x > 3", "x > 8")}),
    rerun("an async helper", {
        "project.py": "import asyncio, h\ndef step(): return asyncio.run(h.f(1))",
        "h.py": "async def g(x): return x + 1\nasync def f(x): return await g(x) * 2",
    }, {"h.py": ("x + 1", "x + 2")}),
    told("a counter in the module", "N = [0]\ndef step():\n    N[0] += 1\n    return N[0]", ("N = [0]", "N = [5]")),
    told("today's date through a helper in another module", {
        "project.py": "import h\ndef step(): return h.stamp()[:2]",
        "h.py": "from datetime import date\ndef stamp(): return date.today().isoformat()",
    }, {"h.py": ("isoformat()", "isoformat()[1:]")}),
    same("a helper's local is renamed inside a comprehension and a closure", {
        "project.py": "import h\ndef step(): return h.f(3)",
        "h.py": "def f(n):\n    total = 1\n    def inner(): return total + n\n    return [inner() + v for v in range(n)]",
    }, {"h.py": "def f(n):\n    acc = 1\n    def inner(): return acc + n\n    return [inner() + item for item in range(n)]"}),
    same("reformatted, commented and documented", {
        "project.py": "import h\ndef step(): return h.f(3, 4)",
        "h.py": "def f(a, b): return {'x': a, 'y': [b, a]}",
    }, {"h.py": '"""New docs."""\n\n# comment\ndef f(\n    a,\n    b,\n):\n    """Doc."""\n    return {\n        "x": a,  # first\n        "y": [b, a],\n    }\n'}),
    same("an unrelated function, constant and class in a module that is imported in the function", {
        "project.py": "def step():\n    from late import f\n    return f(1)",
        "late.py": "def f(x): return x + 1\nOTHER = 3\ndef unrelated(): return OTHER",
    }, {"late.py": ("return OTHER", "return OTHER + 1")}),
    same("another step of the project", {
        "project.py": "import h\ndef step(): return h.f(1)\ndef other(): return h.g(1)",
        "h.py": "def f(x): return x\ndef g(x): return x",
    }, {"h.py": ("def g(x): return x", "def g(x): return x * 2"), "project.py": ("h.g(1)", "h.g(2)")}),
]  # fmt: skip
