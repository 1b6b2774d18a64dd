"""The walk: from a function to all code and every value that it reaches, through modules, classes and wrappers."""

from __future__ import annotations

import builtins
import functools
import hashlib
import os
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from kaizenml.core.digest import Digest, digest_of_bytes
from kaizenml.training.reach.bytecode import Canonical, all_instructions, canonical
from kaizenml.training.reach.classes import class_lines
from kaizenml.training.reach.effects import import_effects
from kaizenml.training.reach.firstparty import FirstParty
from kaizenml.training.reach.found import Effect, Symbol, Unknown
from kaizenml.training.reach.judge import fact, judged, seeds, shared_draw, uncertain
from kaizenml.training.reach.late import LatePart, late_lines, late_part
from kaizenml.training.reach.names import Bound, Unloaded, absolute, bound, module_named
from kaizenml.training.reach.own import is_compiled_own, is_own, is_own_class, is_own_loaded
from kaizenml.training.reach.references import Reference, Uses, uses_of
from kaizenml.training.reach.source import is_decorated, text_of
from kaizenml.training.reach.state import States, Unhashable, ValueDigest, held_by

_BUILTIN_NAMES = frozenset(dir(builtins))
#: Whoever calls these can see the names of the caller's locals.
_FRAME_READERS = {"locals", "vars", "dir", "eval", "exec", "_getframe", "currentframe", "stack", "query", "sql"}
#: These read names out of text: words of the function's constant texts may be names of its module.
_NAME_READERS = {"query", "sql", "execute", "SQLContext", "register_globals", "from_formula", "dmatrices", "eval"}
_ANNOTATION_READERS = {"get_type_hints", "__annotations__", "signature", "getfullargspec", "get_annotations"}
_OF_CLASS_BODIES = (("__name__",), ("__annotations__",), ("__conditional_annotations__",))
_ORDER_READERS = {"__dict__", "vars"}
_DOC_READERS = {"__doc__", "getdoc", "description"}
_SOURCE_READERS = {"getsource", "getsourcelines", "getsourcefile", "getcomments", "__code__", "co_code", "co_varnames"}
_SUBCLASSES = "__subclasses__"


class Walk:
    """One walk from one function; `symbols`, `unknown` and `modules` are what it found."""

    def __init__(self, code: FirstParty, digest_of_value: ValueDigest) -> None:
        self.code = code
        self.symbols: dict[str, Symbol] = {}
        self.unknown: dict[Unknown, None] = {}
        self.modules: set[str] = set()
        self.environment: set[str] = set()
        self.late: set[str] = set()
        self.reached: list[tuple[FunctionType, Uses]] = []
        self.states = States(self.of_code, lambda kind: is_own_class(kind, code), digest_of_value)
        self._names: dict[int, str] = {}
        self._taken: set[str] = set()
        self._kept: list[object] = []
        self._waiting: list[tuple[str, Any]] = []
        self._is_seeded = False
        self._drawn: dict[str, None] = {}

    def walk(self, function: object) -> str:
        """Walk from a function, class or value, and return what it counts as."""
        root = self.text(function, "the step")
        self._drain()
        self._take_effects()
        self._take_what_is_read_of_code()
        if any(_SUBCLASSES in uses.names for _, uses in self.reached):
            self._visit_subclasses()
        for each in uncertain(self.states, self._drawn, list(self.unknown), is_seeded=self._is_seeded):
            self.unknown[each] = None
        return root

    def tell(self, reason: str, effect: Effect) -> None:
        """Note something that cannot be known."""
        self.unknown[Unknown(reason, effect)] = None

    def text(self, value: object, place: str, *, is_foreign: bool = False) -> str:
        """Return a value as text; one that has none is told."""
        try:
            return self.states.text(value)
        except Unhashable as error:
            effect = Effect.WIDENS if is_foreign else Effect.FORBIDS
            self.tell(f"the value of `{place}` has no digest: {error}", effect)
            return "unknown"

    # Code counts by its name where it is used, and is walked later.

    def of_code(self, value: object) -> str:
        """Return what a function, class or module counts as where it is used."""
        known = self._names.get(id(value))
        if known is not None:
            return known
        self._kept.append(value)
        if isinstance(value, ModuleType):
            return self._module(value)
        module = str(getattr(value, "__module__", "") or "")
        name = f"{module}.{getattr(value, '__qualname__', type(value).__name__)}"
        return self._later(name, value) if is_own(value, self.code) else self._foreign(name, module, value)

    def _later(self, name: str, value: object) -> str:
        unique, count = name, 1
        while unique in self._taken:
            count += 1
            unique = f"{name}#{count}"
        self._taken.add(unique)
        self._names[id(value)] = f"@{unique}"
        self._waiting.append((unique, value))
        return f"@{unique}"

    def _foreign(self, name: str, module: str, value: object) -> str:
        """Return what code of a library counts as: its name; the library counts by its version."""
        if isinstance(value, types.BuiltinFunctionType) and is_compiled_own(module, self.code):
            return f"{self.of_code(self.code.find_module(module))}.{name}"
        self.modules.add(_maker(value, module).partition(".")[0])
        if isinstance(value, FunctionType) and (self.code.is_own_module(module) or self._holds_own(value)):
            return self._later(f"{name} as wrapped", value)
        self._names[id(value)] = name
        return name

    def _holds_own(self, function: FunctionType) -> bool:
        held = list(held_by(function).values())
        held += [each for value in held if isinstance(value, tuple | list) for each in value]
        return any(is_own(each, self.code) or isinstance(each, functools.partial | types.MethodType) for each in held)

    def _module(self, module: ModuleType) -> str:
        if is_own_loaded(module, self.code):
            return self._later(module.__name__, module)
        self.modules.add(module.__name__.partition(".")[0])
        return f"module {module.__name__}"

    def later_once(self, part: LatePart, name: str) -> str:
        """Return what a part of a module that is not loaded counts as."""
        known = self.code.memo.setdefault("parts", {}).setdefault(part, part)
        return self._names[id(known)] if id(known) in self._names else self._later(name, known)

    def named(self, name: str, attribute: str = "") -> str:
        """Return what a module counts as by its name, or one thing in it."""
        found = module_named(name, self.code)
        if isinstance(found, Unloaded):
            return late_part(self, found, attribute)
        if attribute in vars(found):
            return self.text(vars(found)[attribute], f"{name}.{attribute}")
        if attribute and self.code.is_own_module(f"{name}.{attribute}"):
            return self.named(f"{name}.{attribute}")
        return self.of_code(found)

    # The walk itself.

    def _drain(self) -> None:
        while self._waiting:
            name, value = self._waiting.pop(0)
            lines = list(self._lines(name, value))
            digest = hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()
            self.symbols[name] = Symbol(Digest(digest), functools.partial(text_of, self.code, value, lines))

    def _take_effects(self) -> None:
        """Let what importing the project changes elsewhere count."""
        is_seeded = self._is_seeded
        for number, effect in enumerate(import_effects(self.code)):
            place = f"{effect.module} (when imported, {number + 1})"
            lines = list(self.code_lines(effect.code, effect.globals, effect.module))
            lines += [self.of_code(effect.held)] if effect.held is not None else []
            digest = digest_of_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
            self.symbols[place] = Symbol(digest, functools.partial(str, effect.text))
        self._drain()
        self._is_seeded = (
            is_seeded  # other steps draw too: a seed set once says nothing about what is left for this one
        )

    def _take_what_is_read_of_code(self) -> None:
        """Let annotations, docstrings and source text count where some code reads them."""
        names = frozenset().union(*(uses.names for _, uses in self.reached))
        reached = [each for each, _ in self.reached]
        classes = [each for each in self._kept if isinstance(each, type)]
        if names & _ANNOTATION_READERS:
            self._value([_annotations(each) for each in reached], "annotations")
        if names & _DOC_READERS:
            self._value([each.__doc__ for each in (*reached, *classes)], "docstrings")
        if names & _ORDER_READERS:
            own = [each for each in classes if is_own_class(each, self.code)]
            self._value([[each.__qualname__, *vars(each)] for each in own], "order of members")
        if names & _SOURCE_READERS:
            self._value(dict(sorted(self.code.files.items())), "source text")

    def _visit_subclasses(self) -> None:
        seen: set[int] = set()
        while fresh := [each for each in self._kept if isinstance(each, type) and id(each) not in seen]:
            for each in fresh:
                seen.add(id(each))
                for child in _subclasses(each) if is_own_class(each, self.code) else []:
                    self.of_code(child)
            self._drain()

    def _lines(self, name: str, value: Any) -> Iterator[str]:
        if isinstance(value, FunctionType):
            return self._function(name, value)
        if isinstance(value, type):
            return class_lines(self, name, value)
        if isinstance(value, LatePart):
            return late_lines(self, value)
        return self._whole_module(value)

    def _function(self, name: str, function: FunctionType) -> Iterator[str]:
        held = held_by(function)
        if not is_own(function, self.code):
            for label, each in held.items():
                yield f"{label} {self.text(each, f'{name}: {label}', is_foreign=True)}"
            return
        uses, plain = self.known(function.__code__)
        self.reached.append((function, uses))
        self.modules |= self._imported_beside(function.__code__.co_filename)
        yield plain.digest
        yield from self._bindings(uses, function.__globals__, name)
        for label, each in held.items():
            unnamed = f"cell {plain.free.get(label[5:], label[5:])}" if label.startswith("cell ") else label
            yield f"{unnamed} {self.text(each, f'{name}: {label}')}"
        if is_decorated(self.code, function.__code__):
            yield f"annotations {_annotations(function)}"
        for annotated in function.__annotations__.values():
            if isinstance(annotated, type) and is_own_class(annotated, self.code):
                yield f"annotated {self.of_code(annotated)}"

    def _imported_beside(self, file: str) -> frozenset[str]:
        """Return the libraries that a function's file imports: it may get their values without naming them."""
        known = self.code.memo.setdefault("imported", {})
        if file not in known:
            sources = self.code.parsed(file).imports.values() if self.code.is_own_file(file) else ()
            tops = {each.partition(":")[0].partition(".")[0] for each in sources if not each.startswith(".")}
            known[file] = frozenset(each for each in tops if each and not self.code.is_own_module(each))
        return known[file]  # type: ignore[no-any-return]

    def code_lines(self, code: CodeType, globals_: Mapping[str, Any], name: str) -> Iterator[str]:
        """Return what bare code counts as: a class's body, or a statement of a module."""
        uses, plain = self.known(code)
        yield plain.digest
        yield from self._bindings(uses, globals_, name)

    def known(self, code: CodeType) -> tuple[Uses, Canonical]:
        """Return what code uses, and what it is without what does not matter."""
        known = self.code.memo.setdefault("codes", {})
        if id(code) not in known:
            uses = uses_of(code, read := all_instructions(code))
            plain = canonical(code, with_locals=bool(uses.names & _FRAME_READERS), read=read)
            known[id(code)] = (code, uses, plain)
        return known[id(code)][1], known[id(code)][2]

    def _whole_module(self, module: ModuleType) -> Iterator[str]:
        """Return all of a module: for who takes names from it that cannot be read in the code."""
        file = str(getattr(module, "__file__", None) or "")
        if file and not file.endswith(".py"):
            yield digest_of_bytes(Path(file).read_bytes())
            return
        for name, value in sorted(vars(module).items()):
            if not (name.startswith("__") and name.endswith("__")) or name == "__getattr__":
                yield f"{name} {self.text(value, f'{module.__name__}.{name}')}"
        for path in sorted(self.code.files if hasattr(module, "__path__") else ()):
            name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            if name.startswith(module.__name__ + "."):
                yield f"{name} {self.named(name)}"

    # Names.

    def _bindings(self, uses: Uses, globals_: Mapping[str, Any], name: str) -> Iterator[str]:
        for changed in sorted(uses.sets):
            self.tell(f"`{name}` changes the variable `{changed}` of its module while it runs", Effect.FORBIDS)
        for each in uses.references:
            if each.chain in _OF_CLASS_BODIES and each.module is None:
                continue
            if each.is_import:
                yield self._import(absolute(each.module or "", globals_))
                continue
            found = bound(each, globals_, self.code)
            if found is None:
                yield f"{each.chain} missing"
                continue
            self.judge(found, each, globals_, name)
            yield f"{found.said or found.label} {self.counted(found, globals_)}"
        if uses.names & _NAME_READERS:
            yield from self._words(uses, globals_)

    def _import(self, name: str) -> str:
        """Return what importing a module counts as, apart from what is used of it."""
        found = module_named(name, self.code)
        if isinstance(found, Unloaded):
            self.late.add(name)
            return self.later_once(LatePart(found, ""), f"{name} (when imported)")
        if not is_own_loaded(found, self.code):
            self.modules.add(name.partition(".")[0])
        return f"imports {name}"

    def _words(self, uses: Uses, globals_: Mapping[str, Any]) -> Iterator[str]:
        """Return the module's variables that a function's constant texts name, such as the query of a frame."""
        words = {word for text in uses.texts for word in text.replace("@", " ").split()}
        words |= {
            part
            for word in words
            for part in "".join(c if c.isidentifier() or c.isdigit() else " " for c in word).split()
        }
        for word in sorted(words & set(globals_)):
            yield f"named {word} {self._value(globals_[word], self._place(word, None, globals_))}"
        if uses.makes_text:
            self._own_module(globals_)

    def judge(self, found: Bound, reference: Reference, globals_: Mapping[str, Any], name: str) -> None:
        """Note what about a name cannot be known, and which libraries it leads through."""
        self.modules |= {
            each.__name__.partition(".")[0] for each in found.modules if not is_own_loaded(each, self.code)
        }
        for each in judged(found, reference, name):
            self.unknown[each] = None
        if seeds(found):
            self._is_seeded = True
        elif drawn := shared_draw(found):
            self._drawn[drawn] = None
        constant = reference.constant
        if found.dotted.startswith(("os.getenv", "os.environ")) and isinstance(constant, str):
            self.environment.add(constant)
        if found.dotted in ("eval", "exec") and isinstance(constant, str):
            self._evaluated(constant, globals_, name)
        if found.dotted == "sys.modules":
            self._own_module(globals_)
            self.tell(f"`{name}` looks modules up while it runs (sys.modules)", Effect.WIDENS)
        if found.dotted in ("globals", "vars") and reference.is_called_empty:
            self._own_module(globals_)

    def _own_module(self, globals_: Mapping[str, Any]) -> None:
        module = self.code.find_module(str(globals_.get("__name__", "")))
        if module is not None and module.__dict__ is globals_:
            self.of_code(module)
        else:
            self.tell("it looks up names in its own module while it runs", Effect.WIDENS)

    def _evaluated(self, text: str, globals_: Mapping[str, Any], name: str) -> None:
        try:
            code = compile(text.strip(), "<text>", "exec")
        except SyntaxError:
            return
        lines = list(self.code_lines(code, globals_, name))
        self.symbols[f"{name}: {text[:60]}"] = Symbol(digest_of_bytes("\n".join(lines).encode()), lambda: text)

    def counted(self, found: Bound, globals_: Mapping[str, Any]) -> str:
        """Return what a name counts as, by what it is bound to."""
        value, owner = found.value, found.owner
        if isinstance(value, Unloaded):
            return late_part(self, value, found.lost)
        if found.lost:
            return self.of_code(value)
        if value is os.environ:
            return found.dotted
        if found.said and not self._is_changed(value):
            return f"{found.said} {fact(found)}"
        is_of_library = isinstance(owner, ModuleType) and not is_own_loaded(owner, self.code)
        if isinstance(value, FunctionType | type | ModuleType) or (
            isinstance(value, types.BuiltinFunctionType) and not is_of_library
        ):
            return self.text(value, found.label)
        if owner is None and found.label in _BUILTIN_NAMES and found.label not in globals_:
            return found.label
        if isinstance(owner, type) or is_of_library:
            return f"{found.dotted} {fact(found)}"
        return self._value(value, self._place(found.label, owner, globals_))

    def _is_changed(self, value: object) -> bool:
        """Say whether a library's name leads to the project's code, because somebody put it there."""
        if isinstance(value, ModuleType):
            return is_own_loaded(value, self.code)
        return is_own(value, self.code) or (isinstance(value, FunctionType) and self._holds_own(value))

    def _value(self, value: Any, place: str) -> str:
        """Return a variable's value as a symbol of its own."""
        text = self.text(value, place)
        digest = digest_of_bytes(text.encode("utf-8", "surrogatepass"))
        known = self.symbols.get(place)
        if known is not None and known.digest != digest:
            place = f"{place}#{digest[:8]}"
        self.symbols[place] = Symbol(digest, functools.partial(text_of, self.code, value, [text]))
        return f"={place}"

    def _place(self, label: str, owner: object, globals_: Mapping[str, Any]) -> str:
        """Return where a variable lives: the module that it was imported from, if it was."""
        if isinstance(owner, ModuleType):
            return f"{owner.__name__}.{label.rpartition('.')[2]}"
        file = globals_.get("__file__")
        origin = self.code.parsed(file).imports.get(label, "") if file and self.code.is_own_file(file) else ""
        source, _, name = origin.partition(":")
        return f"{absolute(source, globals_)}.{name}" if name else f"{globals_.get('__name__', '')}.{label}"


def _maker(value: object, module: str) -> str:
    """Return whose code this is: a wrapper may bear the name of what it wraps, as the repr of a dataclass does."""
    return str(value.__globals__.get("__name__") or module) if isinstance(value, FunctionType) else module


def _annotations(function: FunctionType) -> str:
    return repr(sorted((name, repr(each)) for name, each in function.__annotations__.items()))


def _subclasses(kind: type) -> list[type]:
    return type.__subclasses__(kind)
