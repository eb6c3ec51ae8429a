"""`POST /hooks/mlflow`: MLflow says that the registry has changed, which is a hint to look now.

Whoever sends it decides nothing: the alias is asked for as ever.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from ..asgi import Scope, header
from ..refusal import Refusal
from ..service import Service
from ..uploads import read_body

__all__ = ["router"]

_MAX_AGE_S = 300


def router(service: Service) -> APIRouter:
    """Return the route."""
    routes = APIRouter(tags=["registry"])

    @routes.post("/hooks/mlflow", summary="MLflow's webhook", status_code=202)
    async def hook(request: Request) -> JSONResponse:
        """Take a hint; its signature must be right, and not older than five minutes."""
        secret = service.config.webhook_secret
        if not secret:
            raise Refusal(
                404, "not-found", "no webhook is set up: start with --webhook-secret-file"
            )
        body = await read_body(request.receive)
        if not _is_signed(request.scope, body, secret):
            raise Refusal(401, "signature", "the signature is wrong, missing or too old")
        service.follower.look_now()
        service.registry.expire()
        return JSONResponse({"looking": True}, 202)

    return routes


def _is_signed(scope: Scope, body: bytes, secret: str) -> bool:
    """Return whether the headers sign a body as MLflow does."""
    signature = header(scope, "x-mlflow-signature") or ""
    delivery = header(scope, "x-mlflow-delivery-id") or ""
    sent_at = header(scope, "x-mlflow-timestamp") or ""
    if not sent_at.isdecimal() or abs(time.time() - int(sent_at)) > _MAX_AGE_S:
        return False
    content = f"{delivery}.{sent_at}.".encode() + body
    digest = hmac.new(secret.encode(), content, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(digest).decode()}"
    return hmac.compare_digest(expected.encode(), signature.encode())
