"""The application: routes inside, and around them the layers that every request passes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles

from .. import __version__
from .asgi import App, Scope, header
from .middleware.access_log import AccessLog
from .middleware.body_limit import BodyLimit
from .middleware.count import Count
from .middleware.deadline import Deadline
from .middleware.drain import Drain
from .middleware.errors import Errors
from .middleware.key import Key
from .middleware.request_id import RequestId
from .middleware.same_origin import SameOrigin
from .middleware.security_headers import SecurityHeaders
from .notice import NOTICE
from .refusal import Refusal, error_content, internal_failure
from .routes import (
    answers,
    enrol,
    export,
    health,
    invocations,
    model,
    open_inference,
    page,
    predict,
    registry,
    speakers,
    timeline,
    webhook,
)
from .service import Service
from .shadow.request import AfterAnswer

__all__ = ["create_app"]

#: for whatever is no work on media
_SHORT_S = 60.0
_SMALL_BYTES = 100_000
_TIMELINE, _EXPORT = "/v1/timeline", "/v1/export/"
_PREDICT = ("/v1/predict", "/v1/enrol")
_SPEAKERS = "/v1/speakers/"


def create_app(service: Service) -> App:
    """Return the application of a service, which starts and ends with the server's lifespan.

    Args:
        service: it answers with
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    app = FastAPI(
        title="avemo",
        version=__version__,
        summary="Emotion in clips, by the version that an alias in the registry names.",
        description=NOTICE,
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    for router in (
        predict.router(service),
        timeline.router(service),
        answers.router(service),
        enrol.router(service),
        speakers.router(service),
        export.router(service),
        model.router(service),
        registry.router(service),
        health.router(service),
        open_inference.router(service),
        invocations.router(service),
        webhook.router(service),
        page.router(),
    ):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=page.STATIC, check_dir=False), name="static")

    async def answer_refusal(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        service.metrics.refusals.labels(error.code).inc()
        return _json_refusal(request, error)

    app.add_exception_handler(Refusal, answer_refusal)
    app.add_exception_handler(404, _answer_unknown)
    app.add_exception_handler(405, _answer_method)
    app.add_exception_handler(Exception, _answer_unforeseen)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    return _surround(app, service)


def _surround(app: App, service: Service) -> App:
    """Return the application inside its layers, the outermost last."""
    config, serving = service.config, service.config.serving
    if service.shadow:
        app = AfterAnswer(app, release=service.shadow.release)
    app = BodyLimit(app, max_bytes=_body_limits(service), idle_s=serving.idle_s)
    app = Deadline(app, limit_s=_deadlines(service))
    app = Drain(app, service=service)
    app = Key(app, digests=config.key_digests)
    app = SameOrigin(app, local_names_only=config.local_only and not config.key_digests)
    app = Errors(app, metrics=service.metrics)
    app = SecurityHeaders(app)
    app = Count(app, metrics=service.metrics)
    app = AccessLog(app)
    return RequestId(app)


def _body_limits(service: Service) -> Callable[[Scope], int]:
    serving = service.config.serving

    def max_bytes(scope: Scope) -> int:
        path = scope["path"]
        if path == _TIMELINE:
            return round(serving.max_timeline_mb * 1e6)
        if path in _PREDICT or path.startswith(_SPEAKERS):
            return round(serving.max_upload_mb * 1e6)
        if path.startswith(_EXPORT):
            return round(serving.max_json_mb * 1e6)
        if path == "/invocations" or path.startswith("/v2/"):
            binary = header(scope, "inference-header-content-length") is not None
            return round((serving.max_upload_mb if binary else serving.max_json_mb) * 1e6)
        return _SMALL_BYTES

    return max_bytes


def _deadlines(service: Service) -> Callable[[str], float]:
    serving = service.config.serving

    def limit_s(path: str) -> float:
        if path == _TIMELINE:
            return serving.timeline_timeout_s
        if path in (*_PREDICT, "/invocations") or path.startswith(("/v2/", _SPEAKERS)):
            return serving.timeout_s
        return _SHORT_S

    return limit_s


async def _answer_unknown(request: Request, error: Exception) -> Response:
    message = "there is nothing here: /openapi.json says what is"
    return _json_refusal(request, Refusal(404, "not-found", message))


async def _answer_method(request: Request, error: Exception) -> Response:
    response = _json_refusal(request, Refusal(405, "method", "this address takes another method"))
    response.headers.update(getattr(error, "headers", None) or {})
    return response


async def _answer_unforeseen(request: Request, error: Exception) -> Response:
    """Answer where the service itself fails; the layer `Errors` logs what happened."""
    return _json_refusal(request, internal_failure())


async def _answer_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    return _json_refusal(request, Refusal(422, "parameter", f"{name}: {first['msg']}"))


def _json_refusal(request: Request, refusal: Refusal) -> Response:
    request_id = str(request.scope["state"]["request_id"])
    content = error_content(request.url.path, refusal.code, refusal.message, request_id)
    return JSONResponse(content, refusal.status, refusal.headers)
