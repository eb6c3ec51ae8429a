"""The Open Inference Protocol (V2), which stock clients speak.

Source:
    KServe: Open Inference Protocol (V2), REST
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from ... import __version__
from ...inference.evidence import COLUMNS
from ..answers import version_headers
from ..asgi import header
from ..base64_media import not_media
from ..record.inquiry import Inquiry
from ..refusal import Refusal
from ..service import Answer, Service
from ..tensors import INPUT, InferRequest, Media, OutputTensor, encode_outputs, read_request
from ..versions.current import ServedVersion
from ..waiting import gather_or_cancel, hang_up_watched
from .form import stated_size

__all__ = ["router"]

_DATATYPES = {str: "BYTES", float: "FP64", int: "INT64"}
_HEAD = "inference-header-content-length"
_PROBE = ["GET", "HEAD"]
#: by name: datatype and the dimensions after the first; `classes` stands for the emotions
_OUTPUTS = {
    "emotion": "BYTES",
    "probability": "FP64",
    "probabilities": "FP64",
    "unsure": "BOOL",
    "finding": "BYTES",
    "reason": "BYTES",
    **{name: _DATATYPES[kind] for name, kind in COLUMNS.items()},
    "adaptation": "BYTES",
}


def router(service: Service) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["Open Inference Protocol"])

    @routes.get("/v2", summary="The server's name and extensions")
    async def server() -> JSONResponse:
        """Return what the server is."""
        return JSONResponse(
            {"name": "avemo", "version": __version__, "extensions": ["binary_tensor_data"]}
        )

    @routes.api_route("/v2/health/live", methods=_PROBE, summary="Whether the process lives")
    async def live() -> JSONResponse:
        """Return 200."""
        return JSONResponse({"live": True})

    @routes.api_route("/v2/health/ready", methods=_PROBE, summary="Whether it answers")
    async def ready() -> JSONResponse:
        """Return 200 where a version answers, else 503; `/readyz` says why not."""
        is_ready = service.readiness().ready
        return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)

    @routes.api_route("/v2/models/{name}/ready", methods=_PROBE, summary="Whether a model answers")
    @routes.api_route(
        "/v2/models/{name}/versions/{version}/ready", methods=_PROBE, include_in_schema=False
    )
    async def model_ready(name: str, version: str = "") -> JSONResponse:
        """Return 200 where it is the one that answers."""
        with service.current.use() as served:
            _require_served(served, name, version)
            return JSONResponse({"name": name, "ready": True}, headers=version_headers(served))

    @routes.get("/v2/models/{name}", summary="A model's inputs and outputs")
    @routes.get("/v2/models/{name}/versions/{version}", include_in_schema=False)
    async def model(name: str, version: str = "") -> JSONResponse:
        """Return what the model takes and gives."""
        with service.current.use() as served:
            _require_served(served, name, version)
            classes = len(served.description.classes)
            content = {
                "name": name,
                "versions": [served.description.version],
                "platform": "avemo_onnx",
                "inputs": [{"name": INPUT, "datatype": "BYTES", "shape": [-1]}],
                "outputs": [
                    {
                        "name": output,
                        "datatype": datatype,
                        "shape": [-1, classes] if output == "probabilities" else [-1],
                    }
                    for output, datatype in _OUTPUTS.items()
                ],
            }
            return JSONResponse(content, headers=version_headers(served))

    @routes.post("/v2/models/{name}/infer", summary="Predict the emotion in clips")
    @routes.post("/v2/models/{name}/versions/{version}/infer", include_in_schema=False)
    async def infer(request: Request, name: str, version: str = "") -> Response:
        """Return a tensor for each output, an element a clip.

        The input `media` is of the datatype BYTES: a file's content, in base64 where the tensor is
        JSON, as it is in the binary extension (`Inference-Header-Content-Length`).
        """
        stated_head = header(request.scope, _HEAD)
        if stated_head is not None and not stated_head.isdecimal():
            raise Refusal(400, "request", f"{_HEAD} is no number", close=True)
        with service.admission.place(stated_size(request)) as place, ExitStack() as files:
            wanted = await read_request(
                request.receive,
                None if stated_head is None else int(stated_head),
                service.spool,
                files,
                names=list(_OUTPUTS),
                max_files=service.config.serving.max_files,
            )
            place.set_bytes([media.size for media in wanted.media])
            inquiry = Inquiry.of(request.scope)
            with service.current.use() as served:
                _require_served(served, name, version)
                async with hang_up_watched(request.receive) as hang_up:
                    predicted = await gather_or_cancel(
                        [
                            _answer(service, served, media, hang_up, inquiry)
                            for media in wanted.media
                        ]
                    )
                return _respond(served, wanted, predicted)

    return routes


async def _answer(
    service: Service,
    served: ServedVersion,
    media: Media,
    hang_up: asyncio.Future[None],
    inquiry: Inquiry,
) -> Answer:
    if media.source is None:
        prediction = not_media(media.element, served.description)
        return Answer(prediction.to_row(), prediction)
    return await service.answer(served, media.source, media.size, hang_up, inquiry=inquiry)


def _respond(served: ServedVersion, wanted: InferRequest, predicted: Sequence[Answer]) -> Response:
    predictions = [answer.prediction for answer in predicted]
    classes, count = served.description.classes, len(predictions)
    values: dict[str, Sequence[str | float | bool | None]] = {
        "emotion": [prediction.emotion for prediction in predictions],
        "probability": [
            None if prediction.finding else prediction.probability for prediction in predictions
        ],
        "probabilities": [
            prediction.probabilities.get(emotion)
            for prediction in predictions
            for emotion in classes
        ],
        "unsure": [prediction.unsure for prediction in predictions],
        "finding": [prediction.finding for prediction in predictions],
        "reason": [prediction.reason for prediction in predictions],
    }
    evidence = [prediction.evidence.to_columns() for prediction in predictions]
    for name, kind in COLUMNS.items():
        values[name] = [row[name] or "" if kind is str else row[name] for row in evidence]
    values["adaptation"] = [prediction.adaptation for prediction in predictions]
    tensors = [
        OutputTensor(
            name,
            _OUTPUTS[name],
            [count, len(classes)] if name == "probabilities" else [count],
            values[name],
        )
        for name in wanted.outputs
    ]
    description = served.description
    fields: dict[str, object] = {
        "model_name": description.name,
        "model_version": description.version,
        "parameters": {"synthetic": description.synthetic, "classes": ",".join(classes)},
    }
    if wanted.id:
        fields["id"] = wanted.id
    body, head_bytes = encode_outputs(fields, tensors, wanted.outputs)
    headers = version_headers(served, [answer.id for answer in predicted])
    if head_bytes is None:
        return Response(body, media_type="application/json", headers=headers)
    headers[_HEAD] = str(head_bytes)
    return Response(body, media_type="application/octet-stream", headers=headers)


def _require_served(served: ServedVersion, name: str, version: str) -> None:
    """Refuse another model or version than the one that answers.

    Raises:
        Refusal: 404
    """
    description = served.description
    if name != description.name or version not in ("", description.version):
        raise Refusal(404, "not-found", f"{description.label} is served here, and no other")
