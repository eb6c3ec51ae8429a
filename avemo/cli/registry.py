"""`avemo registry`."""

from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import AvemoError
from ..modalities import MODALITIES
from ._app import (
    JsonOutput,
    RequireKey,
    check_choices,
    complete_from,
    connected_project,
    examples,
    new_app,
)

if TYPE_CHECKING:
    from ..paths import Project
    from ..registry.gate import Check
    from ..registry.history import Move

app = new_app()

_complete_model = complete_from(lambda: MODALITIES)
_HELP = "audio, visual or fused"
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help=f"{_HELP}.", autocompletion=_complete_model, show_default=False
    ),
]
AnyModel = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL",
        help=f"{_HELP}; by default all.",
        autocompletion=_complete_model,
        show_default=False,
    ),
]
VersionName = Annotated[
    str,
    typer.Argument(
        metavar="VERSION",
        help="Such as avemo-audio@candidate or avemo-audio/3.",
        show_default=False,
    ),
]
Reason = Annotated[
    str, typer.Option(metavar="TEXT", help="Why; the history records it.", show_default=False)
]


@app.callback()
def registry() -> None:
    """Check, promote and roll back models; list these moves; sign, verify and copy files."""


@app.command(epilog=examples("avemo registry check", "avemo registry check audio"))
def check(model: AnyModel = None) -> int:
    """Compare the candidate with the champion, by the rules of `promotion` in params.yaml.

    The version records the result. The exit code is 1 if a candidate is refused.
    """
    with connected_project() as project:
        from ..config import load_settings
        from ..registry.aliases import names_with_candidate
        from ..registry.gate import check_candidate
        from ..tracking.keys import find_required_key

        settings = load_settings(project.root)
        key = find_required_key(None, settings.promotion.require_key, project.root)
        names = names_with_candidate(model)
        checks = [check_candidate(project, settings, name, require_key=key) for name in names]
    for number, result in enumerate(checks):
        if number:
            typer.echo()
        _show_check(result)
    return int(any(result.refused_rules for result in checks))


@app.command(
    epilog=examples(
        "avemo registry promote audio",
        'avemo registry promote audio --force --reason "a trial of a week"',
        "avemo registry promote audio --require-key owner.pub   # only if its owner signed it",
    )
)
def promote(
    model: AnyModel = None,
    reason: Reason = "",
    force: Annotated[
        bool, typer.Option("--force", help="Promote whatever the check says; needs --reason.")
    ] = False,
    require_key: RequireKey = None,
) -> int:
    """Make the candidate the champion, if the check passes.

    The former champion gets the alias `previous`. The exit code is 1 where a candidate is
    refused. With --require-key, or `promotion.require_key` in params.yaml, not even --force
    promotes a version that the key's owner has not signed.
    """
    code = 0
    with connected_project() as project:
        from ..config import load_settings
        from ..registry.aliases import CHAMPION, PREVIOUS, aliases_of, names_with_candidate
        from ..registry.promote import promote
        from ..tracking.keys import find_required_key

        settings = load_settings(project.root)
        key = find_required_key(require_key, settings.promotion.require_key, project.root)
        for name in names_with_candidate(model):
            result, move = promote(
                project, settings, name, force=force, reason=reason, require_key=key
            )
            _show_check(result)
            version = f"{name}: version {result.version}"
            if move:
                former = f", version {move.source} is kept as {PREVIOUS}"
                typer.echo(f"{version} is the champion{former if move.source else ''}")
            elif aliases_of(name).get(CHAMPION) == result.version:
                typer.echo(f"{version} is the champion already")
            else:
                typer.echo(f"{version} does not become the champion")
            code = code or int(bool(result.refused_rules) and not force)
    return code


@app.command(epilog=examples('avemo registry rollback audio --reason "it was bad"'))
def rollback(model: Model, reason: Reason = "", require_key: RequireKey = None) -> None:
    """Return to the version that was the champion before.

    With --require-key, or `promotion.require_key` in params.yaml, only to one that the key's owner
    has signed.
    """
    with connected_project() as project:
        from ..config import load_settings
        from ..registry.aliases import parse_model_name
        from ..registry.promote import rollback
        from ..tracking.keys import find_required_key

        name = parse_model_name(model)
        setting = load_settings(project.root).promotion.require_key
        key = find_required_key(require_key, setting, project.root)
        move = rollback(project.root, name, reason=reason, require_key=key)
    after = f"after version {move.source}"
    typer.echo(f"{name}: version {move.target} is the champion again, {after}")


@app.command(
    epilog=examples(
        "avemo serve --shadow candidate --share 0.2   # compare on real requests, for some days",
        "avemo registry shadow fused                  # what came of it, and what to do",
        "avemo registry shadow fused --version 3 --json",
    )
)
def shadow(
    model: Model,
    version: Annotated[
        str, typer.Option(metavar="VERSION", help="The alias or the number of the version.")
    ] = "candidate",
    json_output: JsonOutput = False,
) -> None:
    """Show how a version answered real requests beside the champion.

    `avemo serve --shadow` writes the report, `promotion.shadow` in params.yaml has the limits by
    which the gate judges it. Agreement is the share of the same answers, kappa the agreement beyond
    chance, distance the total variation of the probabilities (0: the same, 1: nothing in common).
    Intervals are drawn over the sources that clients name, else over clips.
    """
    with connected_project() as project:
        from ..config import load_settings
        from ..registry.aliases import parse_model_name
        from ..registry.shadow_store import find_report
        from ..terminal import new_table, show

        limits = load_settings(project.root).promotion.shadow
        stored = find_report(parse_model_name(model), version)
        report = stored.report
    if json_output:
        typer.echo(report.model_dump_json(indent=1))
        return
    from ..registry import shadow_text

    pair = f"{report.candidate.label} beside version {report.champion.number}"
    show(f"{pair}, {report.started_at[:19]} to {report.written_at[:19]}, share {report.share:g}")
    if not stored.in_registry:
        show("not in the registry: this is the report that this machine has kept")
    show(new_table(*shadow_text.COUNT_COLUMNS, rows=shadow_text.count_rows(report.counts)))
    show(new_table(*shadow_text.FIGURE_COLUMNS, rows=shadow_text.figure_rows(report)))
    rows = shadow_text.differing_findings(report)
    if rows:
        show(new_table("the champion found", "the candidate found", "clips", rows=rows))
    show(shadow_text.advise(report, stored.candidate_seal, stored.champion_seal, limits))


@app.command(
    epilog=examples(
        "avemo registry history audio",
        "avemo registry history --format atom > registry.atom   # for a feed reader",
    )
)
def history(
    model: AnyModel = None,
    output_format: Annotated[
        str,
        typer.Option("--format", metavar="FORMAT", help="text, or atom for a feed (RFC 4287)."),
    ] = "text",
) -> None:
    """List every move of the champion, with time, person, reason and check.

    A champion that was moved in MLflow's UI, or by its client, is noticed here and by a service
    that follows the alias. The history records it once, as moved outside avemo by somebody unknown,
    and what the gate says of the version after the fact.
    """
    check_choices([output_format], ("text", "atom"))
    with connected_project() as project:
        from ..registry.aliases import CHAMPION, aliases_of, select_names
        from ..registry.move_text import render_feed, render_line

        histories = {name: _read_history(project, name) for name in select_names(model)}
        if output_format == "atom":
            typer.echo(render_feed(histories), nl=False)
            return
        for name, moves in histories.items():
            for move in moves:
                typer.echo(render_line(name, move))
            champion = aliases_of(name).get(CHAMPION)
            if not moves or champion != (moves[-1].target or None):
                version = f"version {champion}" if champion else "absent"
                typer.echo(f"{name}: the champion is {version}")


def _read_history(project: "Project", name: str) -> "list[Move]":
    """Return a model's moves; what was moved outside avemo is recorded and judged."""
    import mlflow

    from ..config import load_settings
    from ..registry.history import parse_moves
    from ..registry.outside_moves import judge_outside_moves, record_outside_move

    client = mlflow.MlflowClient()
    if not client.search_registered_models(f"name = '{name}'"):
        return []
    try:
        moves = record_outside_move(client, name, project.root)
        return judge_outside_moves(client, project, load_settings(project.root), name, moves)
    except (AvemoError, mlflow.MlflowException) as error:
        # somebody is moving it just now, or this user may not write: the history is still readable
        typer.echo(f"avemo: {name}: {str(error).splitlines()[0]}", err=True)
        return parse_moves(client.get_registered_model(name).tags)


@app.command(
    epilog=examples(
        "avemo registry keygen owner.key             # and owner.pub",
        "avemo registry sign audio@candidate --key owner.key",
    )
)
def keygen(
    private: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Of the private key; the public one is FILE with .pub beside it."
        ),
    ] = Path("owner.key"),
) -> None:
    """Make a pair of keys to sign versions with: the curve P-256, in PEM.

    Whoever holds the private key can sign: keep it where neither the registry nor its store is,
    and keep a copy. The public key may be known to everybody. OpenSSL's keys do as well:
    openssl ecparam -genkey -name prime256v1 -noout.
    """
    from ..tracking.keys import generate_key_pair

    public = private.with_suffix(".pub")
    key = generate_key_pair(private, public)
    typer.echo(f"{private} is the private key, {public} the public one: {key.fingerprint[:12]}")


@app.command(
    epilog=examples(
        "avemo registry sign avemo-audio@candidate --key owner.key",
        "avemo registry sign avemo-audio/3 --key owner.key",
        "avemo registry verify audio --require-key owner.pub",
    )
)
def sign(
    version: VersionName,
    key: Annotated[
        Path,
        typer.Option(metavar="FILE", help="The private key, in PEM.", show_default=False),
    ],
) -> None:
    """Sign a version's files, so that nobody without the key can put others in their place.

    Every file is compared with its checksum, then a signature of OpenSSF Model Signing, a
    provenance (SLSA 1.0) and a bill of materials (CycloneDX 1.6) are stored with the version.
    """
    with connected_project() as project:
        from ..config import load_settings
        from ..registry.sign import sign_version

        signed = sign_version(project, load_settings(project.root), version, key)
    label = f"{signed.name} version {signed.number}"
    typer.echo(f"{label} is signed with {signed.fingerprint[:12]}: {', '.join(signed.files)}")


@app.command(
    epilog=examples(
        "avemo registry verify",
        "avemo registry verify fused",
        "avemo registry verify --require-key owner.pub   # and who signed them",
    )
)
def verify(model: AnyModel = None, require_key: RequireKey = None) -> int:
    """Compare the files of every version that has an alias with their checksums.

    With --require-key, also with the signature. The exit code is 1 if a file was changed, or a
    signature is missing or not the key's.
    """
    code = 0
    with connected_project():
        import mlflow

        from ..registry.aliases import aliases_of, select_names
        from ..registry.sign import verify_version
        from ..tracking.keys import find_required_key

        key = find_required_key(require_key, "", None)
        client = mlflow.MlflowClient()
        for name in select_names(model):
            aliases: dict[str, list[str]] = {}
            for alias, number in sorted(aliases_of(name).items()):
                aliases.setdefault(number, []).append(alias)
            for number in sorted(aliases, key=int):
                damage = verify_version(client.get_model_version(name, number), key)
                intact = f"every file is as it was registered{f', signed with {key}' * bool(key)}"
                result = "; ".join(damage) or intact
                typer.echo(f"{name} version {number} ({', '.join(aliases[number])}): {result}")
                code = code or int(bool(damage))
    return code


@app.command(
    epilog=examples(
        "avemo registry instructions fused@champion",
        "avemo registry instructions fused/3 -o instructions.html",
    )
)
def instructions(
    version: VersionName,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Ends in .md or .html; by default instructions-NAME-NUMBER.md.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write the instructions for use of a version, for whoever deploys it.

    One page: purpose, people, accuracy with intervals by emotion and sex, limits, the gate's table,
    oversight, logs; under the headings of Articles 13 and 26 of the EU AI Act. What only the
    deployer knows is marked with ☐. A page that exists is never overwritten.
    """
    with connected_project() as project:
        from ..config import load_settings
        from ..registry.instructions import (
            TO_COMPLETE,
            read_instructions,
            render_instructions,
            write_page,
        )

        source = read_instructions(load_settings(project.root), version)
        text = render_instructions(source)
        file = output or Path(f"instructions-{source.label.replace(' version ', '-')}.md")
        write_page(file, source.label, text)
    places = text.count(TO_COMPLETE)
    typer.echo(f"{file}: {source.label}; complete the {places} places that are marked with ☐")


@app.command(
    epilog=examples("avemo registry copy models:/avemo-audio@champion --to https://mlflow.example")
)
def copy(
    source: Annotated[
        str,
        typer.Argument(
            metavar="URI", help="Such as models:/avemo-audio@champion.", show_default=False
        ),
    ],
    to: Annotated[
        str, typer.Option(metavar="TRACKING_URI", help="Of the other registry.", show_default=False)
    ],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the model there; by default the same.")
    ] = None,
) -> None:
    """Copy a version, with its run, tags and files, to another registry."""
    with connected_project():
        from ..registry.copy import copy_version

        copied = copy_version(source, to, name)
    how = {
        "existing": "is there already",
        "linked": "is copied",
        "uploaded": "is copied, every file as it was registered",
    }
    typer.echo(f"{copied.source} {how[copied.how]}: {copied.copy} at {copied.registry_uri}")


def _show_check(result: "Check") -> None:
    from ..terminal import new_table, show

    other = f"against version {result.champion}" if result.champion else "without another champion"
    show(f"{result.name} version {result.version} {other}")
    if result.synthetic:
        show("SYNTHETIC SAMPLE: no statement about accuracy")
    columns = ("rule", "candidate", "champion", "limit", "verdict")
    show(new_table(*columns, rows=(astuple(row) for row in result.rules)))
    show(f"{result.name} version {result.version}: {result.result}")
