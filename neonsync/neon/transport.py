"""The neon-api package as a transport: time-outs, typed errors, retries where they are safe."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from neon_api.client import NeonAPI
from requests.auth import AuthBase
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

from neonsync import __version__
from neonsync.neon.deadline import DeadlineError, within
from neonsync.neon.errors import AnswerError, Refusal, UnreachableError, refused
from neonsync.neon.moments import parse_http_date
from neonsync.neon.waiting import Patience
from neonsync.secret import Secret, redact

CONNECT_TIMEOUT = 15.0
READ_TIMEOUT = 30.0
WHOLE_TIMEOUT = 60.0
"""For all of a request: a proxy that sends a byte now and then never meets the one before."""
BUSY_SECONDS = 180.0
"""So long other operations of the project (423) and limits of requests (429) are waited for."""
BROKEN_ATTEMPTS = 5
BROKEN_SECONDS = 60.0
"""No further attempt begins after it where nobody answers; the last one may take its time-out."""
MAX_WAIT = 10.0
LONGEST_RETRY_AFTER = 60.0
CLOCK_TOLERANCE = timedelta(seconds=5)
"""Clocks that differ by less count as the same."""
_USER_AGENT = f"neonsync/{__version__}"
_log = logging.getLogger(__name__)


class NeonTransport(NeonAPI):
    """Calls of Neon's API by path. Use one for each thread: the session is not shared.

    Of the package only ``_request`` and the session are used: its models refuse answers of
    today's API after the server has acted.
    """

    def __init__(self, api_key: Secret, api_host: str, patience: Patience | None = None) -> None:
        super().__init__(api_key.reveal(), base_url=api_host.rstrip("/") + "/")
        self._secret = api_key
        # What is reached without encryption is this machine, which is no proxy's business.
        local = self.base_url.lower().startswith("http://")
        self._proxies = {"no_proxy": "*"} if local else None
        self.patience = patience or Patience()
        self.user_agent = _USER_AGENT
        self._skew = timedelta()

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """GET a path below the API's root; parameters that are None are left out."""
        return self._request("GET", path, params=params)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST a body. After an UnreachableError it is not known whether the server acted."""
        return self._request("POST", path, json=dict(body))

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """PATCH with a body. After an UnreachableError it is not known whether it was done."""
        return self._request("PATCH", path, json=dict(body))

    def delete(self, path: str) -> dict[str, Any]:
        """DELETE a path; empty where Neon says that there is nothing (204)."""
        return self._request("DELETE", path)

    def now(self) -> datetime:
        """The time by Neon's clock, as far as its last answer told: this machine's may be wrong."""
        return datetime.now(UTC) + self._skew

    def _request(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        """Send a request until it is answered.

        Raises:
            NeonRequestError: Neon answered with an error; one of its kinds.
            UnreachableError: no answer; for all but GET it is not known whether it was done.
            AnswerError: something answered that is not Neon's API.
        """
        kwargs["params"] = {
            name: str(value).lower() if isinstance(value, bool) else value
            for name, value in (kwargs.get("params") or {}).items()
            if value is not None
        }
        began = self.patience.clock()
        attempt = 0
        while True:
            attempt += 1
            try:
                response = self._send(method, path, **kwargs)
            except requests.RequestException as error:
                seconds = self.patience.clock() - began
                again = method == "GET" or _was_never_sent(error)
                if not again or attempt >= BROKEN_ATTEMPTS or seconds > BROKEN_SECONDS:
                    # Not chained: the request in the cause carries the key.
                    raise self._unreachable(error, seconds) from None
                self._say_once(attempt, "Neon's API does not answer; trying again")
                wait = _backoff(attempt)
            else:
                if response.status_code < 300:
                    return self._body(response)
                if response.status_code < 400:
                    raise self._strange()  # a redirect
                refusal = Refusal.of(response, self._secret)
                seconds = self.patience.clock() - began
                if not _may_repeat(method, refusal, attempt, seconds):
                    raise refused(method, path, refusal, seconds)
                self._say_once(attempt, _why(refusal))
                wait = _backoff(attempt)
                if refusal.retry_after is not None:
                    # Never sooner than without it: 0, or a date that is past, asks for a storm.
                    wait = max(wait, min(refusal.retry_after, LONGEST_RETRY_AFTER))
            self.patience.pause(wait)

    def _send(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        session = self._session

        def call() -> requests.Response:
            return session.request(
                method,
                self.base_url + path,
                headers={"Accept": "application/json", "User-Agent": self.user_agent},
                auth=_Bearer(self._secret),
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                # A POST that follows a redirect would become a GET.
                allow_redirects=False,
                proxies=self._proxies,
                **kwargs,
            )

        began = time.monotonic()
        try:
            response = within(WHOLE_TIMEOUT, call)
        except DeadlineError:
            self._session = requests.Session()  # the old one is the hanging thread's now
            self._tell(method, path, kwargs, f"no end after {WHOLE_TIMEOUT:.0f} s", began)
            raise requests.ReadTimeout(f"no end after {WHOLE_TIMEOUT:.0f} s") from None
        except requests.RequestException as error:
            self._tell(method, path, kwargs, f"{type(error).__name__}: {error}", began)
            raise
        request_id = response.headers.get("x-request-id", "")
        what = f"{response.status_code}, {len(response.content)} bytes"
        self._tell(method, path, kwargs, f"{what} {request_id}".rstrip(), began)
        there = parse_http_date(response.headers.get("Date", ""))
        if there is not None:
            skew = there - datetime.now(UTC)
            # The header has whole seconds, and the answer was on its way.
            self._skew = skew if abs(skew) > CLOCK_TOLERANCE else timedelta()
        return response

    def _tell(
        self, method: str, path: str, kwargs: Mapping[str, Any], outcome: str, began: float
    ) -> None:
        """For --debug: what was asked, and how it ended. No headers, and no bodies of answers."""
        if not _log.isEnabledFor(logging.DEBUG):
            return
        asked = "".join(f" {kwargs[name]}" for name in ("params", "json") if kwargs.get(name))
        seconds = time.monotonic() - began
        line = f"{method} {path}{asked}: {outcome} in {seconds:.3f} s"
        _log.debug("%s", redact(line, self._secret))

    def _body(self, response: requests.Response) -> dict[str, Any]:
        if not response.content:
            return {}  # 204
        try:
            return dict(response.json())
        except (TypeError, ValueError):
            raise self._strange() from None

    def _strange(self) -> AnswerError:
        return AnswerError(
            f"what answers at {self.base_url} is not Neon's API",
            "Check NEON_API_HOST, and whether a proxy stands in between.",
        )

    def _unreachable(self, error: requests.RequestException, seconds: float) -> UnreachableError:
        text = redact(_innermost(error), self._secret)
        if isinstance(error, requests.Timeout):
            text = f"no answer in {max(seconds, READ_TIMEOUT):.0f} s"
        return UnreachableError(
            f"Neon's API at {self.base_url} could not be reached: {text}",
            "Check the network, a proxy in between and, if set, NEON_API_HOST.",
        )

    def _say_once(self, attempt: int, text: str) -> None:
        if attempt == 1:
            self.patience.say(text)


def _innermost(error: BaseException) -> str:
    """What the system said: requests and urllib3 wrap it in the names of their own objects."""
    for each in (error.__cause__, getattr(error, "reason", None), *error.args):
        if isinstance(each, BaseException):
            return _innermost(each)
    return getattr(error, "strerror", None) or str(error)


class _Bearer(AuthBase):
    """Sets the key as the last step: a .netrc with an entry for the host would replace a header."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._secret.reveal()}"
        return request


def _may_repeat(method: str, refusal: Refusal, attempt: int, seconds: float) -> bool:
    """Whether to send a request again after so many attempts, and ``seconds`` after the first."""
    if refusal.status in (423, 429) or _not_ready(refusal):
        # Refused before anything was done, so the method does not matter.
        return seconds < BUSY_SECONDS
    # Another 5xx than 503 may come after the server has acted: 524 is a proxy that gave up waiting.
    harmless = refusal.status == 503 or (method == "GET" and refusal.status >= 500)
    return harmless and attempt < BROKEN_ATTEMPTS and seconds < BROKEN_SECONDS


def _not_ready(refusal: Refusal) -> bool:
    return refusal.status == 422 and "not ready" in refusal.message.lower()


def _why(refusal: Refusal) -> str:
    if refusal.status == 423 or _not_ready(refusal):
        return "Neon is busy with other operations of the project; waiting"
    if refusal.status == 429:
        return "Neon's API limits requests; waiting"
    return f"Neon's API answers {refusal.status}; trying again"


def _was_never_sent(error: requests.RequestException) -> bool:
    """Whether no connection came about, so that nobody can have acted on the request."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    if isinstance(cause, ProtocolError):
        return False
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    return isinstance(reason, NewConnectionError)


def _backoff(attempt: int) -> float:
    """Full jitter below a bound that doubles: a second, two, four, ... up to ``MAX_WAIT``."""
    bound = min(MAX_WAIT, 0.5 * 2 ** min(attempt, 10))
    return random.uniform(0.1, bound)  # noqa: S311  # no cryptography
