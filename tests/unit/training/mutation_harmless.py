"""Edits that change no result: the step must not run again."""

# ruff: noqa: E501  small projects as text, a line of code to a line

from mutation_case import same

H = "import h\ndef step(): return h.f(3)"


def harmless(name, before, *edit, step=H):
    after = {"h.py": edit[0] if len(edit) == 1 else edit}
    return same(name, {"project.py": step, "h.py": before}, after)


HARMLESS = [
    harmless("a comment", "def f(x): return x", "return x", "return x  # why"),
    harmless("a comment above", "def f(x): return x", "# why\n\n\ndef f(x): return x"),
    harmless("blank lines", "def f(x): return x", "\n\n\n\ndef f(x):\n\n    return x\n\n"),
    harmless("a docstring", "def f(x): return x", 'def f(x):\n    """Doc."""\n    return x'),
    harmless("a docstring changed", 'def f(x):\n    """One."""\n    return [x, "One"]', '"""One."""', '"""Two."""'),
    harmless("a module's docstring", "def f(x): return x", '"""Module."""\ndef f(x): return x'),
    harmless("a class's docstring", "class A:\n    '''One.'''\n    def go(self): return 1\ndef f(x): return A().go()", "One.", "Two."),
    harmless("a method's docstring", "class A:\n    def go(self):\n        'One.'\n        return 1\ndef f(x): return A().go()", "One.", "Two."),
    harmless("an inner function's docstring", "def f(x):\n    def g():\n        'One.'\n        return x\n    return g()", "One.", "Two."),
    harmless("quotes", "def f(x): return 'a'", "'a'", '"a"'),
    harmless("parentheses", "def f(x): return x + 1", "x + 1", "(x + (1))"),
    harmless("a line broken", "def f(x): return [x, 1, 2]", "def f(x):\n    return [\n        x,\n        1,\n        2,\n    ]"),
    harmless("a trailing comma", "def f(x): return [x, 1]", "1]", "1,]"),
    harmless("a number written otherwise", "def f(x): return 1000000", "1000000", "1_000_000"),
    harmless("a constant written as a product", "def f(x): return 86400", "86400", "60 * 60 * 24"),
    harmless("tabs for spaces", "def f(x):\n    y = x\n    return y", "def f(x):\n\ty = x\n\treturn y"),
    harmless("a local renamed", "def f(x):\n    a = x + 1\n    b = a * 2\n    return a + b", "def f(x):\n    one = x + 1\n    two = one * 2\n    return one + two"),
    harmless("locals renamed against the alphabet", "def f(x):\n    a, b = x, 1\n    def g(): return a - b\n    return g()", "def f(x):\n    z, y = x, 1\n    def g(): return z - y\n    return g()"),
    harmless("a loop's variable renamed", "def f(x): return [v for v in range(x)]", "[v for v in", "[w for w in"),
    harmless("a lambda's argument renamed", "def f(x): return sorted([2, 1], key=lambda v: -v)", "lambda v: -v", "lambda item: -item"),
    harmless("an exception's name renamed", "def f(x):\n    try: return 1 / 0\n    except ZeroDivisionError as e: return str(e)", "as e: return str(e)", "as err: return str(err)"),
    harmless("a with's name renamed", "import contextlib\ndef f(x):\n    with contextlib.nullcontext(1) as a: return a", "as a: return a", "as b: return b"),
    harmless("a walrus renamed", "def f(x): return (y := x) + y", "(y := x) + y", "(z := x) + z"),
    harmless("an import's alias inside a function renamed", "def f(x):\n    import math as m\n    return m.floor(x)", "def f(x):\n    import math as n\n    return n.floor(x)"),
    harmless("a pattern's name renamed", "def f(x):\n    match [1, x]:\n        case [a, b]: return a - b", "[a, b]: return a - b", "[p, q]: return p - q"),
    harmless("an unrelated function", "def f(x): return x\ndef g(x): return x", "def g(x): return x", "def g(x): return -x"),
    harmless("an unrelated function added", "def f(x): return x", "def f(x): return x\ndef g(x): return -x"),
    harmless("an unrelated function removed", "def g(x): return x\ndef f(x): return x", "def f(x): return x"),
    harmless("functions in another order", "def g(x): return x\ndef f(x): return g(x)", "def f(x): return g(x)\ndef g(x): return x"),
    harmless("an unrelated constant", "K = 1\ndef f(x): return x", "K = 1", "K = 2"),
    harmless("an unrelated class", "class A: pass\ndef f(x): return x", "class A: pass", "class A:\n    k = 1"),
    harmless("an unrelated import", "def f(x): return x", "import textwrap\ndef f(x): return x"),
    harmless("an unused import removed", "import textwrap\ndef f(x): return x", "def f(x): return x"),
    harmless("an unrelated decorator", "def d(g): return g\ndef f(x): return x\n@d\ndef e(): pass", "def d(g): return g", "def d(g): return lambda: g"),
    harmless("an annotation of a plain function", "def f(x: int) -> int: return x", "x: int) -> int", "x: float) -> float"),
    harmless("an annotation of a local", "def f(x):\n    y: int = x\n    return y", "y: int", "y: float"),
    harmless("a string annotation", "def f(x: 'int'): return x", "'int'", "'float'"),
    harmless("a type comment", "def f(x): return x", "def f(x):  # type: (int) -> int\n    return x"),
    harmless("pass after a docstring", "def g():\n    'doc'\n    pass\ndef f(x): return g()", "    'doc'\n", ""),
    harmless("a constant made otherwise, with the same value", "K = 6\ndef f(x): return K", "K = 6", "K = 2 * 3"),
    harmless("a helper of a constant, with the same value", "def make(): return 6\nK = make()\ndef f(x): return K", "return 6", "return 7 - 1"),
    harmless("a constant's comment", "K = [\n    1,\n]\ndef f(x): return K", "1,\n", "1,  # one\n"),
    harmless("a set's order", "K = {'a', 'b'}\ndef f(x): return 'a' in K", "{'a', 'b'}", "{'b', 'a'}"),
    harmless("a __main__ block", "def f(x): return x", "def f(x): return x\nif __name__ == '__main__':\n    print(f(1))"),
    harmless("a __main__ block changed", "def f(x): return x\nif __name__ == '__main__':\n    print(f(1))", "f(1))", "f(2))"),
    harmless("a logger", "import logging\nlog = logging.getLogger('a')\ndef f(x):\n    log.debug('x')\n    return x", "getLogger('a')", "getLogger('b')"),
    harmless("a print when imported", "def f(x): return x", "print('hello')\ndef f(x): return x"),
    harmless("an unrelated method's annotation", "class A:\n    def go(self): return 1\nclass B:\n    def go(self, x: int): pass\ndef f(x): return A().go()", "x: int", "x: str"),
    same("an unrelated module", {"project.py": "import h\ndef step(): return 1", "h.py": "def f(): return 1"}, {"h.py": ("return 1", "return 2")}),
    same("a module that nobody imports", {"project.py": "def step(): return 1", "x.py": "A = 1"}, {"x.py": ("1", "2")}),
    same("a new module", {"project.py": "def step(): return 1"}, {"x.py": "A = 1"}),
    same("a text file", {"project.py": "def step(): return 1", "README.md": "a"}, {"README.md": "b"}),
    same("another step", {"project.py": "def other(): return 1\ndef step(): return 1"}, {"project.py": ("def other(): return 1", "def other(): return 2")}),
    same("the gate", {"project.py": "import kaizenml as kz\nproject = kz.Project('a', source=kz.files('*.csv'), target='y')\n@project.step\ndef step(): return 1\nproject.gate(kz.at_least('roc_auc', 0.6))"}, {"project.py": ("0.6", "0.7")}),
    same("a monitor", {"project.py": "import kaizenml as kz\nproject = kz.Project('a', source=kz.files('*.csv'), target='y')\n@project.step\ndef step(): return 1\nproject.monitor(kz.drift())"}, {"project.py": ("project.monitor(kz.drift())", "project.monitor(kz.staleness(days=3))")}),
    same("how it is served", {"project.py": "import kaizenml as kz\nproject = kz.Project('a', source=kz.files('*.csv'), target='y')\n@project.step\ndef step(): return 1\nproject.serve(canary=(5, 100))"}, {"project.py": ("(5, 100)", "(10, 100)")}),
    same("another step's decorator", {"project.py": "import kaizenml as kz\nproject = kz.Project('a', source=kz.files('*.csv'), target='y')\n@project.step\ndef step(): return 1"}, {"project.py": ("def step(): return 1", "def step(): return 1\n@project.step\ndef more(step): return 2")}),
    same("an unrelated part of a module imported inside the step", {"project.py": "def step():\n    import h\n    return h.f()", "h.py": "import os\nK = 1\ndef f(): return 1\ndef g(): return K"}, {"h.py": ("return K", "return K + 1")}),
    same("a comment in a module imported inside the step", {"project.py": "def step():\n    import h\n    return h.f()", "h.py": "def f(): return 1"}, {"h.py": ("return 1", "return 1  # one")}),
    same("a local in a module imported inside the step", {"project.py": "def step():\n    import h\n    return h.f()", "h.py": "def f():\n    a = 1\n    return a"}, {"h.py": "def f():\n    b = 1\n    return b"}),
    same("an unrelated function beside one taken by getattr", {"project.py": "import h\ndef step(): return getattr(h, 'f')()", "h.py": "def f(): return 1\ndef g(): return 1"}, {"h.py": ("def g(): return 1", "def g(): return 2")}),
    same("an unrelated module of a package", {"project.py": "from pkg import a\ndef step(): return a.f()", "pkg/__init__.py": "", "pkg/a.py": "def f(): return 1", "pkg/b.py": "K = 1"}, {"pkg/b.py": ("1", "2")}),
    same("another function's seed", {"project.py": "import random\ndef step():\n    r = random.Random(3)\n    return r.random()\ndef other(): return random.Random(1).random()"}, {"project.py": ("Random(1)", "Random(2)")}),
    same("nothing, with seeded chance", {"project.py": "import numpy as np\ndef step(): return np.random.default_rng(1).random()"}, {}),
    same("nothing, with a timer that is only logged", {"project.py": "import time\ndef step():\n    t = time.perf_counter()\n    return 1 if time.perf_counter() >= t else 0"}, {}),
    same("nothing, with a model that is fitted", {"project.py": "from sklearn.tree import DecisionTreeRegressor\nimport numpy as np\nM = DecisionTreeRegressor(random_state=1)\ndef step():\n    from sklearn.base import clone\n    return clone(M).fit(np.eye(3), [1, 2, 3]).predict(np.eye(3)).tolist()"}, {}),
    same("nothing, with a pipeline and a cross-validation", {"project.py": "import numpy as np\nfrom sklearn.linear_model import Ridge\nfrom sklearn.model_selection import cross_val_score\ndef step(): return cross_val_score(Ridge(), np.eye(6), range(6), cv=3).round(3).tolist()"}, {}),
]  # fmt: skip
