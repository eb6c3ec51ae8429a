"""`avemo serve`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import AvemoError, SettingsError
from ._app import RequireKey, check_choices, examples, new_app

if TYPE_CHECKING:
    from ..settings import Serving

app = new_app()

_NEEDED = ("fastapi", "prometheus_client", "python_multipart", "uvicorn")


@app.command(
    epilog=examples(
        "avemo serve                                  # http://127.0.0.1:8000, this machine alone",
        "avemo serve --registry http://mlflow:5000 --model avemo-audio",
        "avemo serve --require-key owner.pub          # versions that their owner signed",
        "avemo serve --record answers/                # for replay, drift and corrections",
        "avemo serve --shadow candidate --share 0.2   # ask the candidate, too, and compare",
        'avemo serve --host 0.0.0.0 --key-file key --purpose "research on acted speech"',
    )
)
def serve(
    registry: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="MLflow's server or store; by default MLFLOW_TRACKING_URI, else the project's.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[str, typer.Option(metavar="NAME", help="The registered model.")] = (
        "avemo-fused"
    ),
    alias: Annotated[
        str, typer.Option(metavar="ALIAS", help="The version that answers has it.")
    ] = "champion",
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; else than here, with a key.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="NUMBER", min=0, max=65535)] = 8000,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Clips answered at a time; by default one a core.",
                     show_default=False),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keys that clients send, one a line.",
                     show_default=False),
    ] = None,
    webhook_secret_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The secret of MLflow's webhook.", show_default=False),
    ] = None,
    require_key: RequireKey = None,
    shadow: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION",
            help="Alias or number of a version that is compared with the one that answers, on spare"
            " capacity; by default serving.shadow.version.",
            show_default=False,
        ),
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="With --shadow: of the clips; by default serving.shadow.share.",
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        str, typer.Option(metavar="NAME", help="Where clips are answered: local or ray.")
    ] = "local",
    replicas: Annotated[
        tuple[int, int],
        typer.Option(metavar="LEAST MOST", help="With --engine ray: how many there are."),
    ] = (1, 1),
    ray_address: Annotated[
        str, typer.Option(metavar="ADDRESS", help="With --engine ray: of the cluster.")
    ] = "auto",
    purpose: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            envvar="AVEMO_PURPOSE",
            help="What the answers are for; by default serving.purpose in params.yaml.",
            show_default=False,
        ),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Record answers there, and never media (docs/howto/record.md); by default "
            "serving.record in params.yaml, else none.",
            file_okay=False,
            show_default=False,
        ),
    ] = None,
) -> None:  # fmt: skip
    """Answer over HTTP with the version that an alias in the registry names.

    The alias is the deployment: when it moves, the new version is checked and tried beside the
    old one, then requests switch to it. One that fails never answers, and /readyz says why. With
    --require-key, a version without its owner's signature is one that fails.

    With --shadow, another version is asked for a share of the clips, too: after the answer has
    gone, by a process of its own, and only while workers are idle. It changes no answer. How the
    two differ stands with that version: avemo registry shadow MODEL shows it, and promotion.shadow
    in params.yaml makes it a rule of the gate (docs/howto/shadow.md).

    It works from any folder, with a registry; the settings are `serving` in params.yaml
    (docs/serving.md).
    """
    _require_packages()
    check_choices([engine], ("local", "ray"))
    serving, root = _load_serving(registry)
    if purpose is not None:
        serving = serving.model_copy(update={"purpose": purpose})
    serving = _set_shadow(serving, shadow, share)
    if engine == "ray" and serving.shadow.version:
        raise SettingsError(
            f"the shadow {serving.shadow.version} is for --engine local: on a cluster, compare with"
            " a second service beside it, which gets a part of the requests"
        )

    from ..engine import count_cores
    from ..serving.keys import is_loopback, read_keys, read_secret
    from ..serving.server import serve
    from ..serving.service import ServiceConfig
    from ..tracking.keys import find_required_key

    local_only = is_loopback(host)
    if not local_only and key_file is None:
        raise SettingsError(
            f"--host {host} is reached from other machines, which takes a key: "
            "openssl rand -hex 24 > key; avemo serve --key-file key ..."
        )
    if not local_only and not serving.purpose.strip():
        raise SettingsError(
            f"--host {host} is reached from other machines: say what the answers are for, in a "
            "sentence that people exposed to it are told, in params.yaml as serving: {purpose: "
            '"..."}, or with --purpose "..."'
        )
    config = ServiceConfig(
        model=model,
        alias=alias,
        serving=serving,
        workers=workers or count_cores(),
        key_digests=read_keys(key_file) if key_file else (),
        webhook_secret=read_secret(webhook_secret_file) if webhook_secret_file else "",
        local_only=local_only,
        speakers_folder=_speakers_folder(),
        record_folder=record or _record_folder(serving, root),
        require_key=find_required_key(require_key, serving.require_key, root),
    )
    if engine == "ray":
        from ..serving.ray_serve import RayEngine, Replicas

        ray_engine = RayEngine(config, port, replicas=Replicas(*replicas), address=ray_address)
        serve(config, host, port, ray_engine)
    serve(config, host, port)


def _require_packages() -> None:
    from importlib.util import find_spec

    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise AvemoError(
            f"{', '.join(missing)}: not installed, and the service takes it: "
            "pip install 'avemo[serve]'"
        )


def _set_shadow(serving: "Serving", version: str | None, share: float | None) -> "Serving":
    """Return the settings with what the command line says of the shadow."""
    from ..settings import ServedShadow

    fields = serving.shadow.model_dump()
    fields |= {} if version is None else {"version": version}
    fields |= {} if share is None else {"share": share}
    if share is not None and not fields["version"]:
        raise SettingsError("--share is a share for --shadow: name the version, --shadow candidate")
    if share == 0:
        raise SettingsError(
            "--share 0 compares nothing: leave --shadow out, or name a share above 0"
        )
    return serving.model_copy(update={"shadow": ServedShadow(**fields)})


def _speakers_folder() -> Path | None:
    from ..paths import find_project

    try:
        return find_project().served_speakers
    except SettingsError:
        return None


def _record_folder(serving: "Serving", root: Path | None) -> Path | None:
    return root / serving.record if root and serving.record else None


def _load_serving(registry: str | None) -> "tuple[Serving, Path | None]":
    """Return the settings and the folder of the project here, or the defaults and none.

    The registry is then known.
    """
    from ..paths import find_project
    from ..settings import Serving
    from ..tracking import store

    if registry:
        os.environ[store.TRACKING_URI] = registry
    # a registry that is away must be noticed soon
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    try:
        project = find_project()
    except SettingsError:
        if store.named_uri(None) is None:
            raise AvemoError(
                "there is no project here: name the registry with --registry http://SERVER:5000, "
                f"or set {store.TRACKING_URI}"
            ) from None
        store.quieten_mlflow()
        store.locate(None)
        return Serving(), None
    from ..config import load_settings

    store.quieten_mlflow()
    store.locate(project)
    return load_settings(project.root).serving, project.root
