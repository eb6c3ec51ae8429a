"""Every module that can change what a stage writes is one of its deps, and nothing else is."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pytest
import yaml

from avemo.import_graph import PLUGINS, imported_modules, module_file
from avemo.settings import Settings

ROOT = Path(__file__).parents[1]

#: modules that cannot change what a stage writes, and why
PLUMBING = {
    "avemo.cache": "where files are kept between runs",
    "avemo.commands": "starts a stage, and says how it ended",
    "avemo.engine": "how many processes compute; the results are the same to the last bit",
    "avemo.errors": "classes of errors",
    "avemo.git": "which commit a run is recorded with",
    "avemo.io": "files appear whole or not at all",
    "avemo.paths": "where files lie, which the stage's deps and outs name",
    "avemo.quiet": "what TensorFlow prints while it is imported",
    "avemo.surroundings": "what a machine lacks, in words",
    "avemo.settings": "reads params.yaml, whose values are the stage's params",
    "avemo.config": "reads params.yaml, whose values are the stage's params",
    "avemo.tracking": "MLflow's client, and what it is told",
    "avemo.training.distributed": "who fits a trial; trials are the same whoever does",
    "avemo.training.progress": "the progress bar of a search",
}


KEYS = set(Settings.model_fields)
#: where something is computed, which does not change it
RERUN_NOTHING = {"engine", "ray", "serving"}
#: read where a fusion is compared with the unimodal models, and nowhere else in a search
FUSED_ONLY = {"search@audio": {"evaluation"}, "search@visual": {"evaluation"}}


class Stage(NamedTuple):
    """A stage of a dvc.yaml, `foreach` resolved."""

    name: str
    folder: str  # of its dvc.yaml
    module: str
    item: str
    deps: set[str]
    params: set[str]  # the outermost keys of params.yaml

    @property
    def file(self) -> str:
        """Return the file that describes the stage."""
        return (PurePosixPath(self.folder) / "dvc.yaml").as_posix()

    @property
    def plugins(self) -> Mapping[str, tuple[str, ...]]:
        """What the stage loads by name: a modality's own extractors and architectures alone."""
        plugins = dict(PLUGINS)
        extractors = {"audio-features": ("audio",), "visual-features": ("visual",)}
        if self.name in extractors:
            (modality,) = extractors[self.name]
            plugins["avemo.features.registry"] = (f"avemo.features.{modality}",)
        if self.item in ("audio", "visual"):
            # of both in study/dvc.yaml, which names files and so cannot name them by modality
            modalities = ("audio", "visual") if self.folder == "study" else (self.item,)
            plugins["avemo.models.architecture"] = tuple(f"avemo.models.{m}" for m in modalities)
        return plugins


def stages() -> Iterator[Stage]:
    for folder in (ROOT, ROOT / "study"):
        described = yaml.safe_load((folder / "dvc.yaml").read_text())["stages"]
        for name, stage in described.items():
            template = stage.get("do", stage)
            for item in stage.get("foreach", [""]):
                yield _stage(f"{name}@{item}" if item else name, template, item, folder)


def _stage(name: str, template: Mapping[str, Any], item: str, folder: Path) -> Stage:
    command = re.sub(r"\$\{(item|key)\}", item, template["cmd"])
    module = re.search(r"python -m (pipelines\.\w+)", command)
    assert module, command
    prefix = folder.relative_to(ROOT)
    deps = (re.sub(r"\$\{(item|key)\}", item, dep) for dep in template["deps"])
    code = {_plain(prefix / dep) for dep in deps}
    own = {path for path in code if path.split("/")[0] in ("avemo", "pipelines")}
    modality = item or next((word for word in ("fused",) if name.endswith(word)), "")
    names = []
    for param in template.get("params", []):  # by its name, or by file
        names += [param] if isinstance(param, str) else [*next(iter(param.values()))]
    params = {name.partition(".")[0] for name in names}
    if "params.yaml" in code:  # every one
        params |= KEYS
    return Stage(name, prefix.as_posix(), module[1], modality, own, params)


def _plain(path: Path) -> str:
    parts: list[str] = []
    for part in path.parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return PurePosixPath(*parts).as_posix()


def needed(stage: Stage) -> set[str]:
    """Return the files of the modules that a stage imports and that can change what it writes."""
    modules = imported_modules(
        [stage.module], ROOT / "avemo", stage.plugins, without=PLUMBING.keys() - {stage.module}
    )
    sources = {module_file(module, ROOT) for module in modules}
    # a package's own file tells what the package is; where it holds code, that counts
    files = {file for file in sources if file.name != "__init__.py" or _holds_code(file)}
    if "avemo.templates" in modules:
        files |= {template for file in sources for template in _named_templates(file)}
    return {file.relative_to(ROOT).as_posix() for file in files}


def _named_templates(file: Path) -> list[Path]:
    """Return the templates beside a module that its code names."""
    code = file.read_text(encoding="utf-8")
    templates = (file.parent / "templates").glob("*.j2")
    return [template for template in templates if f'"{template.name}"' in code]


def _holds_code(file: Path) -> bool:
    return len(file.read_text(encoding="utf-8").splitlines()) > 3


def covers(dep: str, file: str) -> bool:
    return file == dep or file.startswith(f"{dep}/")


def files_of(dep: str) -> set[str]:
    """Return the modules that a dep stands for, without plumbing and empty packages."""
    path = ROOT / dep
    files = [*path.rglob("*.py"), *path.rglob("*.j2")] if path.is_dir() else [path]
    names = {file.relative_to(ROOT).as_posix() for file in files if file.name != "__init__.py"}
    plumbing = [name.replace(".", "/") for name in PLUMBING]
    return {
        name for name in names if not any(covers(p, name.removesuffix(".py")) for p in plumbing)
    }


STAGES = {stage.name: stage for stage in stages()}


@pytest.mark.parametrize("name", STAGES)
def test_what_a_stage_imports_is_what_it_depends_on(name: str) -> None:
    stage = STAGES[name]
    imported = needed(stage)
    missing = {file for file in imported if not any(covers(dep, file) for dep in stage.deps)}
    assert not missing, f"{name} imports these, and its deps in {stage.file} lack them"
    declared = {file for dep in stage.deps for file in files_of(dep)}
    too_much = declared - imported
    assert not too_much, (
        f"{name} has these among its deps in {stage.file}, and does not import them"
    )


@cache
def settings_read(file: Path) -> set[str]:
    """Return the outermost keys of params.yaml that a module reads from `settings`."""
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    names = {node.attr for node in attributes if ast.unparse(node.value).endswith("settings")}
    return {"extractors" if name == "extractors_of" else name for name in names} & KEYS


@pytest.mark.parametrize("name", STAGES)
def test_what_a_stage_reads_of_the_settings_is_among_its_params(name: str) -> None:
    stage = STAGES[name]
    files = [ROOT / file for file in needed(stage) if file.endswith(".py")]
    read = {key for file in files for key in settings_read(file)}
    read -= RERUN_NOTHING | FUSED_ONLY.get(name, set())
    assert read <= stage.params, f"{name}: its params in {stage.file} lack these"


@pytest.mark.parametrize("name", STAGES)
def test_deps_exist(name: str) -> None:
    assert [dep for dep in STAGES[name].deps if not (ROOT / dep).exists()] == []


def test_plumbing_is_imported_by_some_stage() -> None:
    imported: set[str] = set()
    alike = {(stage.module, stage.item): stage for stage in STAGES.values()}
    for stage in alike.values():
        imported |= imported_modules([stage.module], ROOT / "avemo", stage.plugins)
    assert [
        name
        for name in PLUMBING
        if not any(module == name or module.startswith(f"{name}.") for module in imported)
    ] == []
