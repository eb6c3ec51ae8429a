"""A tracking server's REST API, for a question that is not worth MLflow's import: it takes seconds.

MLflow's own client must ask where a setting says that requests need more than a name and a
password, or a token.
"""

from __future__ import annotations

import os
from typing import Any

__all__ = ["MISSING", "ask"]

#: what a server answers where there is no such model, version or alias
MISSING = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST")

_ANSWER_S = 5
#: with any of these, MLflow asks in a way of its own
_SETTINGS = (
    "MLFLOW_REGISTRY_URI",
    "MLFLOW_TRACKING_AUTH",
    "MLFLOW_TRACKING_AWS_SIGV4",
    "MLFLOW_TRACKING_CLIENT_CERT_PATH",
    "MLFLOW_TRACKING_INSECURE_TLS",
    "MLFLOW_TRACKING_SERVER_CERT_PATH",
    "MLFLOW_WORKSPACE",
)


def ask(address: str, question: str, **parameters: str | int) -> dict[str, Any] | None:
    """Return what a server answers; None where MLflow must ask instead.

    Args:
        address: of the server, as MLFLOW_TRACKING_URI has it
        question: the last part of the path, such as `model-versions/get`
        parameters: of the question

    Returns:
        a refusal, too: it has the key `error_code`
    """
    if any(os.environ.get(name) for name in _SETTINGS):
        return None
    import requests

    user, password, token = (
        os.environ.get(f"MLFLOW_TRACKING_{name}") for name in ("USERNAME", "PASSWORD", "TOKEN")
    )
    login = (user, password) if user and password else None
    try:
        response = requests.get(
            f"{address.rstrip('/')}/api/2.0/mlflow/{question}",
            params=parameters,
            auth=login,
            headers={"Authorization": f"Bearer {token}"} if token and not login else {},
            timeout=_ANSWER_S,
        )
        answer = response.json()
    except requests.RequestException:
        return None
    known = isinstance(answer, dict) and (response.ok or answer.get("error_code") in MISSING)
    return answer if known else None
