"""The neon-api package as a transport: time-outs, typed errors, retries where they are safe."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any

import requests
from neon_api.client import NeonAPI

from neonsync import __version__
from neonsync.errors import NeonAccessError, NeonsyncError
from neonsync.secret import Secret, redact

CONNECT_TIMEOUT = 15.0
READ_TIMEOUT = 60.0
MAX_ATTEMPTS = 5
MAX_WAIT = 30.0
# Refused before anything was done, so the request may be sent again whatever its method.
_REFUSED_FOR_NOW = frozenset({423, 429, 503})


class NeonRequestError(NeonsyncError):
    """Neon answered with an error.

    ``status`` is HTTP's, ``code`` and ``request_id`` are Neon's own and may be empty.
    """

    def __init__(self, doing: str, status: int, code: str, message: str, request_id: str) -> None:
        suffix = f" (request {request_id})" if request_id else ""
        super().__init__(f"Neon refused to {doing}: {status} {code} {message}{suffix}")
        self.status = status
        self.code = code
        self.request_id = request_id


class NeonTransport(NeonAPI):
    """Calls of Neon's API by path. Use one for each thread: the session is not shared.

    Of the package only ``_request`` and the session are used: its models refuse answers of
    today's API after the server has acted.
    """

    def __init__(self, api_key: Secret, api_host: str) -> None:
        super().__init__(api_key.reveal(), base_url=api_host.rstrip("/") + "/")
        self._secret = api_key
        self.user_agent = f"neonsync/{__version__}"

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """GET a path below the API's root; parameters that are None are left out."""
        return self._request("GET", path, params=params)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST a body. After a network error it is not known whether the server acted."""
        return self._request("POST", path, json=dict(body))

    def _request(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        kwargs["params"] = {
            name: str(value).lower() if isinstance(value, bool) else value
            for name, value in (kwargs.get("params") or {}).items()
            if value is not None
        }
        headers = {
            "Authorization": f"Bearer {self._secret.reveal()}",
            "Accept": "application/json",
            "User-Agent": self.user_agent,
        }
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                response = self._session.request(
                    method,
                    self.base_url + path,
                    headers=headers,
                    timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                    **kwargs,
                )
            except requests.RequestException as error:
                if method != "GET" or attempt == MAX_ATTEMPTS:
                    raise NeonAccessError(
                        f"Neon's API at {self.base_url} could not be reached: "
                        f"{redact(str(error), self._secret)}",
                        "Check the network and, if set, NEON_API_HOST.",
                    ) from None  # the request in the cause carries the key
                wait = _backoff(attempt)
            else:
                if response.status_code < 400:
                    return self._body(response)
                again = response.status_code in _REFUSED_FOR_NOW or (
                    method == "GET" and response.status_code >= 500
                )
                if not again or attempt == MAX_ATTEMPTS:
                    raise self._error(method, path, response)
                wait = _retry_after(response) or _backoff(attempt)
            time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _body(self, response: requests.Response) -> dict[str, Any]:
        if not response.content:
            return {}  # 204
        try:
            return dict(response.json())
        except (requests.JSONDecodeError, TypeError, ValueError):
            raise NeonAccessError(
                f"what answers at {self.base_url} is not Neon's API",
                "Check NEON_API_HOST, and whether a proxy stands in between.",
            ) from None

    def _error(self, method: str, path: str, response: requests.Response) -> NeonsyncError:
        try:
            body = response.json()
        except requests.JSONDecodeError:
            body = {}  # 524 and proxies answer with HTML
        message = redact(str(body.get("message") or response.reason or ""), self._secret)
        request_id = str(body.get("request_id") or response.headers.get("x-request-id") or "")
        suffix = f" (request {request_id})" if request_id else ""
        if response.status_code == 401:
            return NeonAccessError(
                f"Neon refused the API key: {message}{suffix}",
                "NEON_API_KEY may be revoked or mistyped; make a new key in the Neon console.",
            )
        if response.status_code == 403:
            return NeonAccessError(
                f"the API key may not {method} {path}: {message}{suffix}",
                "Use a key of an account or organisation that has access to the project.",
            )
        if response.status_code >= 500 or response.status_code in _REFUSED_FOR_NOW:
            return NeonAccessError(
                f"Neon's API answers {response.status_code} {message}{suffix}, "
                f"after {MAX_ATTEMPTS} tries",
                "See Neon's status page, or run again later.",
            )
        return NeonRequestError(
            f"{method} {path}",
            response.status_code,
            str(body.get("code") or ""),
            message,
            request_id,
        )


def _backoff(attempt: int) -> float:
    """Full jitter below a bound that doubles: half a second, one, two, ... seconds."""
    return random.uniform(0.1, min(MAX_WAIT, 0.5 * 2**attempt))  # noqa: S311  # no cryptography


def _retry_after(response: requests.Response) -> float | None:
    try:
        return min(float(response.headers["Retry-After"]), MAX_WAIT)
    except (KeyError, ValueError):
        return None
