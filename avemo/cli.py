"""The `avemo` command. Nothing heavy is imported before it is known to be needed."""

import argparse
import json
import sys
from collections.abc import Sequence

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
    expression.add_argument(
        "--keep",
        action="store_true",
        help="keep the answers in results/visual, for avemo report; of clips with RAVDESS names",
    )
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
        description="Run systems that are not up to date, and what they need: the same as "
        "`dvc repro baselines@NAME`. After an interruption it goes on where it stopped.",
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

    parsed = parser.parse_args(arguments)
    from .project import explained

    return explained(lambda: int(parsed.run(parsed)))


def _predict(arguments: argparse.Namespace) -> int:
    from . import project
    from .serving.predictor import predict

    found = predict(project.find(), arguments.files, arguments.model)
    for one in found:
        if arguments.json:
            print(json.dumps({"emotion": one.emotion, **vars(one)}))
        elif one.finding:
            print(f"{one.file}: {one.finding}: {one.reason}", file=sys.stderr)
        else:
            (emotion, chance), *rest = one.probabilities.items()
            others = ", ".join(f"{name} {value:.2f}" for name, value in rest)
            note = f"; not fused: {one.reason}" if one.reason else ""
            note += "; trained on the synthetic sample, it knows no people" * one.synthetic
            print(f"{one.file}: {emotion} {chance:.2f} ({others}) by {one.model}{note}")
    failed = sum(bool(one.finding) for one in found)
    if failed and len(found) > 1:
        print(f"avemo: {len(found) - failed} answered, {failed} could not be", file=sys.stderr)
    return 1 if failed else 0


def _expression(arguments: argparse.Namespace) -> int:
    from . import project, settings
    from .serving.expression import answers

    root = project.find().root
    found = []
    for one in answers(arguments.files, settings.load(root)):
        found.append(one)
        if one.finding:
            print(f"{one.file}: {one.finding}: {one.reason}", file=sys.stderr)
        else:
            (first, chance), *rest = one.probabilities.items()
            others = ", ".join(f"{name} {value:.2f}" for name, value in rest)
            print(f"{one.file}: {first} {chance:.2f} ({others}); faces: {one.faces}")
    if arguments.keep:
        from .report import untouched

        untouched.keep(root, found)
        print(f"kept in {untouched.FILE}; next: avemo report")
    return 1 if any(one.finding for one in found) else 0


def _faces(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from . import project, settings
    from .features import _sheet

    chosen = settings.load(project.find().root).faces
    found = _sheet.write(arguments.files, chosen, Path(arguments.output))
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
    from . import project
    from .status import hints, status, text

    found = status(project.find())
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        print(text(found))
        if arguments.next:
            print(hints(found))
    return 0


def _corpus(arguments: argparse.Namespace) -> int:
    from . import project, settings
    from .corpus import zenodo

    root = project.find().root
    corpus = settings.load(root).corpus
    if arguments.list:
        print(zenodo.listing(root, corpus.zenodo))
        return 0
    zenodo.fetch(root, corpus.zenodo)
    chosen = corpus.source == "zenodo"
    print(f"next: {'' if chosen else 'set corpus.source: zenodo in params.yaml, then '}dvc repro")
    return 0


def _assets(arguments: argparse.Namespace) -> int:
    from . import assets

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
    from . import project

    found = project.find()
    if arguments.action == "run":
        from . import settings
        from .repro import repro

        settings.load(found.root)
        names = SYSTEMS if "all" in arguments.names else dict.fromkeys(arguments.names)
        repro(found.root, [f"baselines@{name}" for name in names])
    from .baselines.table import lines

    print("\n".join(lines(found)))
    return 0


def _search(arguments: argparse.Namespace) -> int:
    from . import project, settings
    from .repro import repro
    from .tracking.runs import stage_of
    from .training.workers import WORKERS

    root = project.find().root
    settings.load(root)
    environment = {WORKERS: str(arguments.workers)} if arguments.workers else {}
    repro(root, [stage_of("search", name) for name in arguments.names], **environment)


def _report(arguments: argparse.Namespace) -> int:
    from . import project, settings
    from .report.write import write

    found = project.find()
    chosen = settings.load(found.root)
    if arguments.keep:
        from .report.takeover import takeover

        print("\n".join(takeover(found)))
    written = write(found.root, chosen)
    print(f"{' and '.join(written)} are written")
    if arguments.keep:
        print("next: read them, then git add results/audio docs")
    return 0


def _number(text: str) -> int:
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
