"""Functions of hooks.py as found in the text of the file, without importing it."""

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

HookKind = Literal["transform", "estimator", "metric"]
Option = bool | int | float | str

HOOKS_FILE = "hooks.py"
_KINDS: Mapping[str, HookKind] = {
    "transform": "transform",
    "estimator": "estimator",
    "metric": "metric",
}
_DECORATOR_MODULES = frozenset({"mlops_dagster.hooks", "mlops_dagster"})


@dataclass(frozen=True)
class HookSource:
    """A decorated function: where it stands, what it is, its parameters and its own source text.

    `options` holds the decorator's literal keyword arguments, such as `lower_is_better`. `code` is
    the function with everything of its file that it uses, without comments and docstrings: what its
    code version is made of. `file_digest` is the SHA-256 of the whole file as it was read.
    """

    file: Path
    name: str
    kind: HookKind
    line: int
    parameters: tuple[str, ...]
    source: str
    options: tuple[tuple[str, Option], ...] = ()
    code: str = ""
    file_digest: str = ""

    def option(self, name: str) -> Option | None:
        """Return a keyword argument of the decorator, or None when it was not given."""
        return dict(self.options).get(name)


def find_hooks(file: Path, content: bytes) -> tuple[HookSource, ...]:
    """Return the decorated functions of a hooks file in their order.

    Raises:
        SyntaxError: The file is not Python.
        ValueError: The file is not UTF-8 text, or holds null bytes.
    """
    text = content.decode("utf-8")
    module = ast.parse(text, filename=str(file))
    imported = _imported_decorators(module)
    digest = hashlib.sha256(content).hexdigest()
    found: list[HookSource] = []
    for statement in module.body:
        if not isinstance(statement, ast.FunctionDef):
            continue
        for decorator in statement.decorator_list:
            kind = _kind(decorator, imported)
            if kind is None:
                continue
            found.append(
                HookSource(
                    file=file,
                    name=statement.name,
                    kind=kind,
                    line=statement.lineno,
                    parameters=_parameters(statement.args, kind),
                    source=ast.get_source_segment(text, statement) or "",
                    options=_options(decorator),
                    code=_code(module, statement),
                    file_digest=digest,
                )
            )
    return tuple(found)


def is_own_file(file: Path) -> bool:
    """Tell whether a file is the hooks.py of its folder, and no link that leads out of it."""
    return file.resolve() == file.parent.resolve() / HOOKS_FILE


def plain_functions(content: bytes) -> Mapping[str, int]:
    """Return the functions of a hooks file that are no hooks, with their lines."""
    module = ast.parse(content.decode("utf-8"))
    hooks = {hook.name for hook in find_hooks(Path(HOOKS_FILE), content)}
    return {
        statement.name: statement.lineno
        for statement in module.body
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef))
        and statement.name not in hooks
    }


def _parameters(arguments: ast.arguments, kind: HookKind) -> tuple[str, ...]:
    """Return what a hook is called with: a metric by position, the others by name."""
    by_position = kind == "metric"
    names = [*arguments.posonlyargs] if by_position else []
    names += arguments.args
    names += [] if by_position else arguments.kwonlyargs
    found = [name.arg for name in names]
    found += [f"*{arguments.vararg.arg}"] if arguments.vararg is not None else []
    found += [f"**{arguments.kwarg.arg}"] if arguments.kwarg is not None else []
    return tuple(found)


def _imported_decorators(module: ast.Module) -> Mapping[str, HookKind | None]:
    """Return what each imported name means: a decorator, or (None) the module that holds them."""
    found: dict[str, HookKind | None] = {}
    for statement in module.body:
        if isinstance(statement, ast.ImportFrom) and statement.module in _DECORATOR_MODULES:
            for alias in statement.names:
                if alias.name in _KINDS:
                    found[alias.asname or alias.name] = _KINDS[alias.name]
                elif f"{statement.module}.{alias.name}" in _DECORATOR_MODULES:
                    found[alias.asname or alias.name] = None
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                if alias.name in _DECORATOR_MODULES:
                    found[alias.asname or alias.name] = None
    return found


def _kind(decorator: ast.expr, imported: Mapping[str, HookKind | None]) -> HookKind | None:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(called, ast.Name):
        return imported.get(called.id)
    if isinstance(called, ast.Attribute) and imported.get(ast.unparse(called.value), "") is None:
        return _KINDS.get(called.attr)
    return None


def _options(decorator: ast.expr) -> tuple[tuple[str, Option], ...]:
    if not isinstance(decorator, ast.Call):
        return ()
    return tuple(
        (keyword.arg, keyword.value.value)
        for keyword in decorator.keywords
        if keyword.arg is not None
        and isinstance(keyword.value, ast.Constant)
        and isinstance(keyword.value.value, (bool, int, float, str))
    )


def _code(module: ast.Module, function: ast.FunctionDef) -> str:
    """Return the function and the statements of its module that it uses, directly or not.

    Statements that bind no name (a call, a loop) may change anything and always count.
    """
    statements = [
        part
        for s in module.body
        if s is not function and not _is_docstring(s)
        for part in _single_imports(s)
    ]
    bindings = {id(statement): _bound_names(statement) for statement in statements}
    wanted = {id(s) for s in statements if not bindings[id(s)]}
    names = _used_names(function).union(
        *(_used_names(s) for s in statements if not bindings[id(s)])
    )
    while True:
        reached = {id(s) for s in statements if bindings[id(s)] & names} | wanted
        if reached == wanted:
            break
        wanted = reached
        names = names.union(*(_used_names(s) for s in statements if id(s) in wanted))
    kept = [*(s for s in statements if id(s) in wanted), function]
    return "\n".join(ast.unparse(_without_docstrings(statement)) for statement in kept)


def _single_imports(statement: ast.stmt) -> list[ast.stmt]:
    """Split an import of several names: one added for a function does not change another."""
    if isinstance(statement, ast.Import):
        return [ast.Import(names=[alias]) for alias in statement.names]
    if isinstance(statement, ast.ImportFrom):
        return [
            ast.ImportFrom(module=statement.module, names=[alias], level=statement.level)
            for alias in statement.names
        ]
    return [statement]


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _bound_names(statement: ast.stmt) -> frozenset[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return frozenset({statement.name})
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return frozenset(alias.asname or alias.name.partition(".")[0] for alias in statement.names)
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return frozenset(
            node.id
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )
    return frozenset()


def _used_names(statement: ast.stmt) -> frozenset[str]:
    return frozenset(node.id for node in ast.walk(statement) if isinstance(node, ast.Name))


def _without_docstrings(statement: ast.stmt) -> ast.stmt:
    """Return a copy without texts that stand alone as statements."""
    copy = ast.parse(ast.unparse(statement)).body[0]
    for node in ast.walk(copy):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            node.body = [part for part in node.body if not _is_docstring(part)] or [ast.Pass()]
    return ast.fix_missing_locations(copy)
