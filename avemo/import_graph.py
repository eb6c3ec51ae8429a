"""Which modules a module imports, at any depth, read from the source without running it.

What a registered version carries is such a set, and so is what a stage of dvc.yaml depends on.
"""

import ast
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

__all__ = ["PLUGINS", "external_packages", "imported_modules", "module_file"]

#: Modules that use others by a name that is known only at run time, or that start one as a process,
#: with the modules that these are. A package stands for every module in it.
PLUGINS: Mapping[str, tuple[str, ...]] = {
    "avemo.features.registry": ("avemo.features.audio", "avemo.features.visual"),
    "avemo.models.architecture": (
        "avemo.models.audio",
        "avemo.models.visual",
        "avemo.models.fusion",
    ),
    "avemo.training.distributed.workers": ("avemo.training.distributed.worker",),
}


def imported_modules(
    entry_modules: Iterable[str],
    package_root: Path,
    plugins: Mapping[str, tuple[str, ...]] = PLUGINS,
    without: Collection[str] = (),
) -> set[str]:
    """Return the modules that some modules import, at any depth, and these modules themselves.

    Imports inside functions count, those under `if TYPE_CHECKING:` do not. Of a package that is
    imported only because a module in it is, the imports at module level count: nobody calls the
    functions of its `__init__.py`.

    Args:
        entry_modules: dotted names, such as `avemo.inference.pyfunc`; of the package, or of one
            beside it, such as `pipelines.train`
        package_root: the package's folder, such as `avemo/`
        plugins: by module, the modules and packages that it uses in ways that its imports do not
            show, see `PLUGINS`
        without: modules and packages that are left out, with what is imported through them alone

    Returns:
        dotted names, without those of other packages; a package stands for its `__init__.py`

    Raises:
        ModuleNotFoundError: an entry module is missing, or one that is imported
    """
    entries = list(entry_modules)
    root = package_root.parent
    own_packages = {package_root.name, *(name.partition(".")[0] for name in entries)}
    # each module with whether the imports inside its functions count
    pending = [(name, True) for name in entries]
    visited: set[tuple[str, bool]] = set()
    while pending:
        module, functions = pending.pop()
        if (module, functions) in visited or _is_within(module, without):
            continue
        visited.add((module, functions))
        imports = set(_imports(module, root, own_packages, functions=functions))
        if functions:
            imports |= _plugin_modules(plugins.get(module, ()), root)
        pending += [(name, True) for name in imports]
        pending += [(name, False) for name in _parents(module, root)]
    return {module for module, _ in visited}


def external_packages(modules: Iterable[str], package_root: Path) -> set[str]:
    """Return the packages of others that modules import, also inside functions.

    Args:
        modules: dotted names, as `imported_modules` returns them
        package_root: the package's folder, such as `avemo/`

    Returns:
        outermost packages by the names that they are imported by, without the standard library
    """
    names = set()
    for module in modules:
        for node in _import_statements(
            _parse(module_file(module, package_root.parent)), functions=True
        ):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif not node.level:
                names.add((node.module or "").partition(".")[0])
    return names - {package_root.name} - sys.stdlib_module_names


def _is_within(module: str, packages: Iterable[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def module_file(module: str, root: Path) -> Path:
    """Return the file of a module.

    Args:
        module: dotted name
        root: the folder that its outermost package stands in

    Raises:
        ModuleNotFoundError: there is no such file
    """
    path = root.joinpath(*module.split("."))
    for file in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
        if file.is_file():
            return file
    raise ModuleNotFoundError(f"there is no module {module} in {root}", name=module)


def _exists(module: str, root: Path) -> bool:
    try:
        module_file(module, root)
    except ModuleNotFoundError:
        return False
    return True


def _parents(module: str, root: Path) -> list[str]:
    """Return the packages that Python imports before a module; one may have no `__init__.py`."""
    names = module.split(".")
    packages = (".".join(names[:count]) for count in range(1, len(names)))
    return [package for package in packages if _exists(package, root)]


def _plugin_modules(names: Iterable[str], root: Path) -> set[str]:
    """Return modules, and those that stand directly in packages; private ones are no plugins."""
    modules = set()
    for name in names:
        folder = root.joinpath(*name.split("."))
        files = folder.glob("[a-z]*.py")
        modules |= {f"{name}.{file.stem}" for file in files} if folder.is_dir() else {name}
    return modules


def _imports(module: str, root: Path, own_packages: set[str], *, functions: bool) -> Iterator[str]:
    """Yield the modules of our own packages that the statements of a module import."""
    file = module_file(module, root)
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in _import_statements(_parse(file), functions=functions):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            source = _source(node, package)
            names = [f"{source}.{alias.name}" for alias in node.names]
            # a name is a module of the package, or else something that the package defines
            modules = [name if _exists(name, root) else source for name in names]
        for name in modules:
            if name.partition(".")[0] in own_packages:
                module_file(name, root)
                yield name


@cache
def _parse(file: Path) -> ast.Module:
    """Return a file's syntax tree; many stages import the same files."""
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def _source(node: ast.ImportFrom, package: str) -> str:
    """Return what stands between `from` and `import`, without leading dots."""
    if not node.level:
        return node.module or ""
    names = package.split(".")
    base = names[: len(names) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _import_statements(
    parent: ast.AST, *, functions: bool
) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield import statements at any depth, but for those that only a type checker reads."""
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and _is_type_checking(node.test):
            yield from _import_statements(ast.Module(node.orelse, []), functions=functions)
        elif functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _import_statements(node, functions=functions)


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
