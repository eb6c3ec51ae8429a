"""The `avemo` command. Nothing heavy is imported before it is known to be needed."""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from typing import Any

from . import __version__
from .baselines.published import SYSTEMS

__all__ = ["main"]

_ABOUT = """\
Emotion recognition from sound and video, every step versioned.

The pipeline is run by DVC, and this command is for what comes before and after it:
  dvc repro                        recordings in, registered models out
  avemo status                     what stands where
  avemo predict clip.mp4           the champions' answer for a clip
  avemo expression clip.mp4        what the pretrained expression network sees in it
  avemo faces sheet clip.mp4       the faces that are taken from it, on one page
  avemo corpus fetch               the published recordings, for corpus.source: zenodo
  avemo assets list                pretrained weights, and where they are
  avemo search audio --workers 4   a search by several processes
  avemo baselines list             the original study's systems, as published and as run here
  avemo lineage URI                what made a version; avemo rebuild URI makes it again
  avemo compare RUN RUN            runs or versions, on the same performances
  avemo registry check             whether a candidate may become the champion, and why
  avemo runs sync                  what was kept while the tracking server was away
  avemo report                     docs/results.md and docs/results.html, from kept predictions
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    parser = argparse.ArgumentParser(
        "avemo", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"avemo {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    predict = commands.add_parser(
        "predict",
        help="the emotion in a clip",
        description="The emotion in each clip, with the probability of each. Sound and picture go "
        "to avemo-fused, sound alone to avemo-audio, a silent picture to avemo-visual; the line "
        "names the version that answered. Exit code 1 where a clip could not be answered for.",
    )
    predict.add_argument("files", metavar="FILE", nargs="+", help="any that FFmpeg can decode")
    predict.add_argument(
        "--model", metavar="URI", help="one model for all, such as models:/avemo-audio@candidate"
    )
    predict.add_argument("--json", action="store_true", help="for machines, on one line a file")
    predict.set_defaults(run=_predict)

    expression = commands.add_parser(
        "expression",
        help="what the untouched expression network sees in a clip",
        description="What the pretrained expression network sees in each clip, before anything is "
        "trained on top of it: the mean of its seven probabilities over the clip's faces. Exit "
        "code 1 where a clip has no face to look at.",
    )
    expression.add_argument("files", metavar="FILE", nargs="+", help="any that FFmpeg can decode")
    expression.set_defaults(run=_expression)

    faces = commands.add_parser(
        "faces",
        help="the faces that are taken from clips: sheet",
        description="The faces that are taken from clips, as `faces` in params.yaml says.",
    )
    actions = faces.add_subparsers(title="actions", metavar="ACTION", required=True)
    action = actions.add_parser(
        "sheet",
        help="a page of them, to be looked at",
        description="A page of the aligned faces, a row a clip: under each when it is seen, and "
        "how far it is turned to the right. Exit code 1 where a clip has no face to show.",
    )
    action.add_argument("files", metavar="FILE", nargs="+", help="any that FFmpeg can decode")
    action.add_argument(
        "--output", metavar="PICTURE", default="sheet.png", help="by default %(default)s"
    )
    action.set_defaults(run=_faces)

    status = commands.add_parser(
        "status",
        help="corpus, split, features, registered models and their figures",
        description="What stands where: corpus, split, features, and the registered models with "
        "their aliases and figures on the test part.",
    )
    status.add_argument("--json", action="store_true", help="for machines")
    status.add_argument("--next", action="store_true", help="the commands to type next, too")
    status.set_defaults(run=_status)

    corpus = commands.add_parser(
        "corpus",
        help="the published recordings: fetch",
        description="The published archives of RAVDESS, as corpus.zenodo in params.yaml chooses "
        "them. Licence: CC BY-NC-SA 4.0.",
    )
    actions = corpus.add_subparsers(title="actions", metavar="ACTION", required=True)
    text = (
        "fetch and unpack what is not here yet; after an interruption it goes on where it stopped"
    )
    action = actions.add_parser("fetch", help=text, description=text.capitalize() + ".")
    action.add_argument("--list", action="store_true", help="only say what, how large, and where")
    action.set_defaults(run=_corpus)

    assets = commands.add_parser(
        "assets",
        help="pretrained weights: list, pull, verify",
        description="Pretrained weights, looked for in the folder that AVEMO_ASSETS_MIRROR names, "
        "then in your cache, then at their official origin; each by its checksum.",
    )
    actions = assets.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, text in (
        ("list", "each file with its size, licence, purpose, and where it is"),
        ("pull", "bring each into your cache"),
        ("verify", "hold each that is here against its checksum"),
    ):
        action = actions.add_parser(name, help=text, description=text.capitalize() + ".")
        if name == "pull":
            action.add_argument("names", metavar="NAME", nargs="*", help="only these")
        action.set_defaults(run=_assets, action=name)

    baselines = commands.add_parser(
        "baselines",
        help="the original study's systems: list, run",
        description="The systems of the original study, to be compared with. Each is run on "
        "speech, on song and on both, where there are recordings; by the study's random split, and "
        "with every actor's performances answered for by a model that does not know the actor. "
        "`baselines` in params.yaml says on which, and how long. The runs are in MLflow's "
        "experiment avemo/baselines.",
    )
    actions = baselines.add_subparsers(title="actions", metavar="ACTION", required=True)
    text = "each system with its published accuracy, what it was, and its results here"
    action = actions.add_parser("list", help=text, description=text.capitalize() + ".")
    action.set_defaults(run=_baselines, action="list")
    action = actions.add_parser(
        "run",
        help="run systems that are not up to date",
        description="Run systems that are not up to date, on the features that `dvc repro` "
        "left: the same as `dvc repro baselines@NAME` in the folder study. After an interruption "
        "it goes on where it stopped.",
    )
    names = [*SYSTEMS, "all"]
    action.add_argument(
        "names", metavar="NAME", nargs="+", choices=names, help=f"of {', '.join(names)}"
    )
    action.set_defaults(run=_baselines, action="run")

    search = commands.add_parser(
        "search",
        help="architectures and hyperparameters of a modality, by several workers",
        description="Search the architectures and hyperparameters of a modality, if that is not up "
        "to date, and run what it needs first: the same as `dvc repro search@MODALITY`, or "
        "search-fused. With several workers, Keras Tuner's chief hands out trials, and each worker "
        "runs one at a time on its share of this machine's cores, or of the cluster's with "
        "`engine: ray` in params.yaml. The trials are the same whatever the number of workers, and "
        "each is a child run in MLflow. A process that dies is started again and goes on where it "
        "was; after an interruption, so does this command.",
    )
    names = ["audio", "visual", "fused"]
    search.add_argument(
        "names", metavar="MODALITY", nargs="+", choices=names, help=f"of {', '.join(names)}"
    )
    search.add_argument(
        "--workers",
        metavar="N",
        type=_number,
        help="how many; by default search.workers in params.yaml",
    )
    search.set_defaults(run=_search)

    report = commands.add_parser(
        "report",
        help="the results page, from kept predictions",
        description="Write docs/results.md and docs/results.html from the predictions in "
        "results/audio, which Git keeps: no recording, feature, model or tracking store is needed, "
        "and the same predictions make the same pages. Exit code 1 where a kept file is damaged.",
    )
    report.add_argument(
        "--keep",
        action="store_true",
        help="first take over the predictions of the stages that are finished here, with their "
        "runs in MLflow; what is kept of others stays",
    )
    report.set_defaults(run=_report)

    compare = commands.add_parser(
        "compare",
        help="runs and versions side by side, paired",
        description="The metrics of runs, or of registered versions, on the performances that all "
        "of them answer for, and what each has more than the first, with intervals over drawn "
        "actors.",
    )
    compare.add_argument(
        "names",
        metavar="RUN",
        nargs="+",
        help="a run's id, or a model such as models:/avemo-audio@champion",
    )
    compare.add_argument("--json", action="store_true", help="for machines")
    compare.set_defaults(run=_compare)

    _lineage_parser(commands)
    _registry_parser(commands)

    runs = commands.add_parser(
        "runs",
        help="runs that wait for the tracking server: sync",
        description="Where the tracking server does not answer, runs are kept in mlruns/spool.",
    )
    actions = runs.add_subparsers(title="actions", metavar="ACTION", required=True)
    text = "deliver the runs that wait, each once"
    action = actions.add_parser("sync", help=text, description=text.capitalize() + ".")
    action.set_defaults(run=_runs)

    parsed = parser.parse_args(arguments)
    from .commands import run_command

    return run_command(lambda: int(parsed.run(parsed)))


def _lineage_parser(commands: Any) -> None:
    lineage = commands.add_parser(
        "lineage",
        help="what made a version or a run, down to each recording",
        description="Code, settings, split, search, extractors, weights, data with the stages that "
        "made it, packages and machine; or what of that differs between two.",
    )
    lineage.add_argument(
        "uri",
        metavar="URI",
        nargs="?",
        help="such as models:/avemo-audio@champion, models:/avemo-audio/3 or runs:/ID",
    )
    lineage.add_argument(
        "--diff", metavar=("A", "B"), nargs=2, help="what differs from A to B, in words"
    )
    lineage.add_argument("--json", action="store_true", help="for machines; the whole of it")
    lineage.set_defaults(run=_lineage, parser=lineage)

    rebuild = commands.add_parser(
        "rebuild",
        help="make a version again, and hold it against what it answered",
        description="Train the configuration of a version again, in a clean checkout of its "
        "commit with its settings and its data, and compare the answers on the test part with the "
        "recorded ones. The search is not repeated. Nothing of this project is touched. Exit code "
        "0 where they are identical, 1 where they differ or something is missing.",
    )
    rebuild.add_argument("uri", metavar="URI", help="such as models:/avemo-audio@champion")
    rebuild.set_defaults(run=_rebuild)


def _registry_parser(commands: Any) -> None:
    registry = commands.add_parser(
        "registry",
        help="the registry: check, promote, rollback, history, verify, copy",
        description="What may become the champion, what became it and why, and whether the files "
        "are as they were. MODEL is audio, visual or fused.",
    )
    actions = registry.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, text, more in (
        (
            "check",
            "hold the candidate against the champion",
            "By the rules of `promotion` in params.yaml. The version keeps how that ended. Exit "
            "code 1 where it is refused.",
        ),
        (
            "promote",
            "make the candidate the champion, if the check passes",
            "The former champion becomes `previous`.",
        ),
        ("rollback", "return to the version that was the champion before", ""),
        ("history", "every move of the champion, with time, who, reason and check", ""),
        (
            "verify",
            "hold the files of every version with an alias against their checksums",
            "Exit code 1 where one was changed.",
        ),
    ):
        action = actions.add_parser(
            name, help=text, description=f"{text.capitalize()}. {more}".strip()
        )
        one = name == "rollback"
        action.add_argument(
            "model",
            metavar="MODEL",
            nargs=None if one else "?",
            help="by default all that fit" * (not one),
        )
        if name in ("promote", "rollback"):
            action.add_argument(
                "--reason", metavar="TEXT", default="", help="is kept in the history"
            )
        if name == "promote":
            action.add_argument(
                "--force", action="store_true", help="whatever the check says; wants a reason"
            )
        action.set_defaults(run=_registry, action=name)
    text = "copy a version, with its run, tags and files, to another registry"
    action = actions.add_parser("copy", help=text, description=text.capitalize() + ".")
    action.add_argument("source", metavar="URI", help="such as models:/avemo-audio@champion")
    action.add_argument(
        "--to", metavar="TRACKING_URI", required=True, help="where MLflow keeps the other registry"
    )
    action.add_argument("--name", metavar="NAME", help="of the model there; by default the same")
    action.set_defaults(run=_copy)


def _predict(arguments: argparse.Namespace) -> int:
    from .registry.predictor import predict

    found = predict(arguments.files, model=arguments.model)
    for file, one in zip(arguments.files, found, strict=True):
        if arguments.json:
            print(json.dumps({"file": file, "emotion": one.emotion, **vars(one)}))
        elif one.finding:
            print(f"{file}: {one.finding}: {one.reason}", file=sys.stderr)
        else:
            (emotion, chance), *rest = one.probabilities.items()
            others = ", ".join(f"{name} {value:.2f}" for name, value in rest)
            note = f"; not fused: {one.reason}" if one.reason else ""
            note += "; trained on the synthetic sample, it knows no people" * one.synthetic
            print(f"{file}: {emotion} {chance:.2f} ({others}) by {one.model}{note}")
    failed = sum(bool(one.finding) for one in found)
    if failed and len(found) > 1:
        print(f"avemo: {len(found) - failed} answered, {failed} could not be", file=sys.stderr)
    return 1 if failed else 0


def _expression(arguments: argparse.Namespace) -> int:
    from . import paths as project
    from .baselines.pretrained_expression import answers
    from .config import load_settings

    root = project.find_project().root
    failed = 0
    for one in answers(arguments.files, load_settings(root)):
        if one.finding:
            failed += 1
            print(f"{one.file}: {one.finding}: {one.reason}", file=sys.stderr)
        else:
            (first, chance), *rest = one.probabilities.items()
            others = ", ".join(f"{name} {value:.2f}" for name, value in rest)
            print(f"{one.file}: {first} {chance:.2f} ({others}); faces: {one.faces}")
    return 1 if failed else 0


def _faces(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from . import paths as project
    from .config import load_settings
    from .faces import contact_sheet

    chosen = load_settings(project.find_project().root).faces
    found = contact_sheet.write(arguments.files, chosen, Path(arguments.output))
    refused = {file: one for file, one in found.items() if not isinstance(one, int)}
    for file, error in refused.items():
        print(f"{file}: {error.finding}: {error}", file=sys.stderr)
    shown = [one for one in found.values() if isinstance(one, int)]
    if shown:
        count = f"{sum(shown)} faces, from {len(shown)} of {len(found)} clips"
        print(f"{arguments.output} is written: {count}")
    else:
        print("avemo: no clip has a face to show: no page is written", file=sys.stderr)
    return 1 if refused else 0


def _status(arguments: argparse.Namespace) -> int:
    from . import paths as project
    from .status import hints, status, text

    found = status(project.find_project())
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        print(text(found))
        if arguments.next:
            print(hints(found))
    return 0


def _corpus(arguments: argparse.Namespace) -> int:
    from . import paths as project
    from .config import load_settings
    from .corpus.archives import zenodo

    root = project.find_project().root
    corpus = load_settings(root).corpus
    if arguments.list:
        print(zenodo.list_archives(root, corpus.zenodo))
        return 0
    zenodo.fetch(root, corpus.zenodo)
    chosen = corpus.source == "zenodo"
    print(f"next: {'' if chosen else 'set corpus.source: zenodo in params.yaml, then '}dvc repro")
    return 0


def _assets(arguments: argparse.Namespace) -> int:
    from .pretrained import assets

    if arguments.action == "pull":
        for name in arguments.names or assets.ASSETS:
            print(f"{name}: {assets.get(name)}")
        return 0
    if arguments.action == "verify":
        for path in assets.verify():
            print(f"{path}: its checksum is right")
        return 0
    for row in assets.table():
        where = f"{row.where}: {row.path}" if row.path else row.where
        size = "size unknown" if row.size is None else f"{row.size:,} bytes"
        print(f"{row.name}  {size}  {row.licence}  for {row.purpose}  {where}")
    return 0


def _baselines(arguments: argparse.Namespace) -> int:
    from . import paths as project

    found = project.find_project()
    if arguments.action == "run":
        from .config import load_settings
        from .repro import repro

        load_settings(found.root)
        names = SYSTEMS if "all" in arguments.names else dict.fromkeys(arguments.names)
        repro(found.study, [f"baselines@{name}" for name in names])
    from .baselines.summary import lines

    print("\n".join(lines(found)))
    return 0


def _search(arguments: argparse.Namespace) -> int:
    from . import paths as project
    from .config import load_settings
    from .repro import repro
    from .tracking.runs import stage_name
    from .training.distributed.workers import WORKERS

    root = project.find_project().root
    load_settings(root)
    environment = {WORKERS: str(arguments.workers)} if arguments.workers else {}
    repro(root, [stage_name("search", name) for name in arguments.names], **environment)


def _report(arguments: argparse.Namespace) -> int:
    from .config import load_settings
    from .paths import find_project
    from .report.pages import write_pages

    project = find_project()
    chosen = load_settings(project.root)
    if arguments.keep:
        from .report.fusions import import_fusions
        from .report.import_runs import import_runs

        print("\n".join([*import_runs(project), import_fusions(project, chosen)]))
    written = write_pages(project.root, chosen)
    print(f"{' and '.join(written)} are written")
    if arguments.keep:
        print("next: read them, then git add results/audio results/fused docs")
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    from . import paths as project
    from .config import load_settings
    from .tracking import store

    found = project.find_project()
    chosen = load_settings(found.root)
    store.connect(found, spool=False)
    from .registry.compare import compare, lines

    compared = compare(chosen, arguments.names)
    print(json.dumps(compared, indent=1) if arguments.json else "\n".join(lines(compared)))
    return 0


def _lineage(arguments: argparse.Namespace) -> int:
    from . import paths as project
    from .tracking import store

    if (arguments.uri is None) == (arguments.diff is None):
        arguments.parser.error("either a URI or --diff A B is expected")
    store.connect(project.find_project(), spool=False)
    from .registry.differences import differences
    from .registry.lineage import read
    from .registry.lineage_tree import tree

    with store.translate_mlflow_errors():
        if arguments.uri:
            found = read(arguments.uri)
            lines = tree(arguments.uri, found)
            print(found.model_dump_json(indent=1) if arguments.json else "\n".join(lines))
            return 0
        apart = differences(*map(read, arguments.diff))
    if arguments.json:
        print(json.dumps(apart, indent=1))
        return 0
    for name, lines in apart.items():
        print(name, *lines, sep="\n  ")
    if not apart:
        print("nothing differs")
    return 0


def _rebuild(arguments: argparse.Namespace) -> int:
    from . import paths as project
    from .tracking import store

    found = project.find_project()
    store.connect(found, spool=False)
    from .registry.rebuild import rebuild

    # asked to end, it takes its folder away, as after Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    line = ""
    with store.translate_mlflow_errors():
        for line in rebuild(found, arguments.uri):
            print(line, flush=True)
    return int(line != "rebuilt: identical")


def _registry(arguments: argparse.Namespace) -> int:
    from . import paths as project
    from .config import load_settings
    from .tracking import store

    found = project.find_project()
    chosen = load_settings(found.root)
    store.connect(found, spool=False)
    from .registry import actions

    with store.translate_mlflow_errors():
        if arguments.action == "check":
            return actions.check(found, chosen, arguments.model)
        if arguments.action == "promote":
            reason, force = arguments.reason, arguments.force
            return actions.promote(found, chosen, arguments.model, force=force, reason=reason)
        if arguments.action == "rollback":
            return actions.rollback(found, arguments.model, reason=arguments.reason)
        act = actions.history if arguments.action == "history" else actions.verify
        return act(arguments.model)


def _copy(arguments: argparse.Namespace) -> int:
    from . import paths as project
    from .tracking import store

    store.connect(project.find_project(), spool=False)
    from .registry.copy import copy

    with store.translate_mlflow_errors():
        print(copy(arguments.source, arguments.to, arguments.name))
    return 0


def _runs(arguments: argparse.Namespace) -> int:
    from . import paths as project
    from .tracking import spool, store

    found = project.find_project()
    store.connect(found, spool=False)
    with store.translate_mlflow_errors():
        print("\n".join(spool.sync(found)))
    return 0


def _number(text: str) -> int:
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
