"""The errors of boto3 and pyathena, as ours."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from concurrent.futures import CancelledError

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError
from pyathena.error import Error as PyAthenaError

from neonsync.errors import AthenaAccessError, ConfigError, ExportError, NeonsyncError

# What AWS answers when it has too much to do, besides any 5xx.
_BUSY_CODES = frozenset(
    {
        "RequestLimitExceeded",
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_ACCESS_CODES = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_NAME = re.compile(r"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b")
_IN_THE_QUERY = re.compile(r"[A-Z][A-Z0-9_]+: line \d+:\d+: ")


def without_values(reason: str) -> str:
    """Why Athena failed a query, without a value that it may quote, or tell as it is.

    What it says of the query's text, at a place in it, it says before it has read a row.
    """
    if _IN_THE_QUERY.match(reason):
        return reason
    if name := _NAME.match(reason):
        return name[1]
    return re.sub(r"""['"].*['"]""", "…", reason, flags=re.DOTALL)


@contextlib.contextmanager
def translated_errors(doing: str) -> Iterator[None]:
    """Turn the errors of boto3 and pyathena into ours, with the cause chained.

    Raises:
        AthenaAccessError: keys, rights or the network; exit code 3.
        ExportError: Athena refused or failed the request.
        ConfigError: an address or a name cannot be one.
    """
    try:
        yield
    except (NeonsyncError, CancelledError):
        raise
    except (PyAthenaError, ClientError, BotoCoreError) as error:
        raise _translate(error, doing) from error
    except ValueError as error:
        # How botocore says that AWS_ENDPOINT_URL is no address.
        raise ConfigError(
            f"{doing} is not possible: {error}", "Check AWS_ENDPOINT_URL and AWS_REGION."
        ) from error


def leaves_in_doubt(error: BaseException) -> bool:
    """Whether AWS may have done what it was asked for, though the answer is this error."""
    cause = _cause(error)
    if isinstance(cause, ClientError):
        return _status(cause) >= 500
    if isinstance(cause, HTTPClientError | BotoConnectionError):
        return True  # the answer may be what was lost
    return not isinstance(error, NeonsyncError)


def _cause(error: BaseException) -> BaseException | None:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ClientError | BotoCoreError):
        cause = cause.__cause__
    return cause


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _translate(error: Exception, doing: str) -> NeonsyncError:
    cause = _cause(error)
    if isinstance(cause, ClientError):
        code = str(cause.response.get("Error", {}).get("Code", ""))
        text = str(cause.response.get("Error", {}).get("Message", "")) or str(cause)
        if code in _ACCESS_CODES or code in ("403", "401"):
            return AthenaAccessError(
                f"AWS refused {doing}: {code}: {text}",
                "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the "
                "role of the job. A run that was interrupted continues when started again.",
            )
        if code in _BUSY_CODES or _status(cause) >= 500:
            return AthenaAccessError(
                f"AWS had too much to do, or trouble of its own, at {doing}: {code}: {text}",
                "Run the same command again in some minutes; it goes on where this run ended.",
            )
        if "output bucket" in text:
            return ConfigError(
                f"{doing} failed: {text}",
                "Check that the bucket of ATHENA_OUTPUT_LOCATION exists in AWS_REGION, and that "
                "the role has s3:GetBucketLocation on it.",
            )
        return ExportError(f"{doing} failed: {code}: {text}")
    if isinstance(cause, BotoCoreError):
        return AthenaAccessError(
            f"AWS could not be reached while {doing}: {cause}",
            "Check the network, AWS_REGION, the credentials and, if set, AWS_ENDPOINT_URL.",
        )
    return ExportError(f"{doing} failed: {error}")
