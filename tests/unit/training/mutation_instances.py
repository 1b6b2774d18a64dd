"""Edits of values of unusual kinds, and of classes of the project that are built on them."""

# ruff: noqa: E501  small projects as text, a line of code to a line

from mutation_case import rerun, told


def kind(name, before, *edit, step="def step(): return K", case=rerun):
    return case(name, {"project.py": f"from c import K\n{step}", "c.py": before}, {"c.py": edit})


INSTANCES = [
    kind("a thread's own values", "import threading\nK = threading.local()\nK.a = 1", "a = 1", "a = 2", step="def step(): return K.a"),
    kind("an event that is set", "import threading\nK = threading.Event()\nK.set()", "K.set()", "K.clear()", step="def step(): return K.is_set()"),
    kind("an exception of the project with arguments", "class E(Exception): pass\nK = E('a')", "'a'", "'b'", step="def step(): return str(K)"),
    kind("a method of a set of the project", "class S(set):\n    def go(self): return 1\nK = S([1])", "return 1", "return 2", step="def step(): return K.go()"),
    kind("an element of a set of the project", "class S(frozenset): pass\nK = S([1])", "[1]", "[2]", step="def step(): return sorted(K)"),
    kind("a method of a deque of the project", "from collections import deque\nclass D(deque):\n    def go(self): return 1\nK = D()", "return 1", "return 2", step="def step(): return K.go()"),
    kind("a method of a defaultdict of the project", "from collections import defaultdict\nclass D(defaultdict):\n    def go(self): return 1\nK = D(int)", "return 1", "return 2", step="def step(): return K.go()"),
    kind("a property of the project's own kind", "class mine(property):\n    def __get__(self, o, t=None): return 1\nclass A:\n    @mine\n    def p(self): return 0\nK = A()", "return 1", "return 2", step="def step(): return K.p"),
    kind("a namespace of the project", "from types import SimpleNamespace\nclass N(SimpleNamespace):\n    def go(self): return self.a\nK = N(a=1)", "return self.a", "return -self.a", step="def step(): return K.go()"),
    kind("a partial of the project's own kind", "from functools import partial\nclass P(partial):\n    def go(self): return 1\nK = P(len)", "return 1", "return 2", step="def step(): return K.go()"),
    kind("a number of the project", "class N(int):\n    def __add__(self, o): return int(self) + o\nK = N(1)", "int(self) + o", "int(self) - o", step="def step(): return K + 1"),
    kind("a text of the project", "class T(str):\n    def go(self): return self.upper()\nK = T('ab')", "upper()", "title()", step="def step(): return K.go()"),
    kind("a path of the project", "from pathlib import PurePosixPath\nclass P(PurePosixPath):\n    def go(self): return self.name\nK = P('a/b')", "self.name", "self.parent.name", step="def step(): return K.go()"),
    kind("an array of the project's own kind", "import numpy as np\nclass A(np.ndarray):\n    def go(self): return int(self.sum())\nK = np.array([1, 2]).view(A)", "[1, 2]", "[1, 3]", step="def step(): return K.go()"),
    kind("a method of an array of the project's own kind", "import numpy as np\nclass A(np.ndarray):\n    def go(self): return int(self.sum())\nK = np.array([1, 2]).view(A)", "self.sum()", "self.max()", step="def step(): return K.go()"),
    kind("a vectorized function", "import numpy as np\ndef f(x): return x + 1\nK = np.vectorize(f)", "x + 1", "x + 2", step="def step(): return K([1]).tolist()"),
    kind("a ufunc of a function", "import numpy as np\ndef f(x): return x + 1\nK = np.frompyfunc(f, 1, 1)", "x + 1", "x + 2", step="def step(): return K([1]).tolist()", case=told),
    kind("a comparison made a key", "import functools\ndef f(a, b): return a - b\nK = functools.cmp_to_key(f)", "a - b", "b - a", step="def step(): return sorted([2, 1], key=K)", case=told),
    kind("a context variable", "import contextvars\nK = contextvars.ContextVar('k', default=1)", "default=1", "default=2", step="def step(): return K.get()", case=told),
    kind("a Counter", "from collections import Counter\nK = Counter('aab')", "aab", "abb", step="def step(): return K['a']"),
    kind("an array of the standard library", "import array\nK = array.array('i', [1])", "[1]", "[2]", step="def step(): return list(K)"),
    kind("a union of types", "K = int | None", "int", "str", step="def step(): return str(K)"),
    kind("a literal type", "from typing import Literal\nK = Literal['a']", "'a'", "'b'", step="def step(): return str(K)"),
    kind("a weak reference", "import weakref\nclass A:\n    k = 1\nA1 = A()\nK = weakref.ref(A1)", "k = 1", "k = 2", step="def step(): return K().k"),
    kind("a text buffer", "import io\nK = io.StringIO('a')", "'a'", "'b'", step="def step(): return K.getvalue()", case=told),
    kind("a memory view", "K = memoryview(b'a')", "b'a'", "b'b'", step="def step(): return bytes(K)"),
]  # fmt: skip
