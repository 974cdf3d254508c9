"""What stands where rows would be: loading, nothing there, or an error with its remedy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.text import Text
from textual.timer import Timer

from neonsync.errors import ExitCode, NeonsyncError
from neonsync.report.wording import printable
from neonsync.tui import clock
from neonsync.tui.widgets.said import Said

QUIET_SECONDS = 0.15
"""Nothing is said of a load that ends sooner: a flash would only disturb."""


@dataclass(frozen=True)
class Failure:
    """An error as a screen shows it, made inert and without secrets."""

    message: str
    remedy: str = ""
    request_id: str = ""
    word: str = "offline"
    """What the breadcrumb says of a service that failed like this."""

    @property
    def said(self) -> str:
        """Message and remedy in one text, for a note at the corner."""
        return f"{self.message}.\n{self.remedy}" if self.remedy else self.message

    @classmethod
    def of(cls, error: BaseException, hide: Callable[[str], str]) -> Failure:
        """What can be said of an exception; one that is not ours is a fault of the program's.

        ``hide`` takes secrets out of a text: a library may say whatever it was given.
        """
        if isinstance(error, NeonsyncError):
            return cls(
                printable(hide(error.message)),
                printable(hide(error.remedy)),
                printable(str(getattr(error, "request_id", "") or "")),
                _word(error),
            )
        return cls(
            printable(hide(f"unexpected: {type(error).__name__}: {error}")),
            "If it happens again, report it.",
            word="failed",
        )


def _word(error: NeonsyncError) -> str:
    """Offline is only what may come back by itself."""
    if error.exit_code is ExitCode.USAGE:
        return "not set up"
    if getattr(error, "status", 0) in (401, 403):
        return "refused"
    return "offline" if error.exit_code is ExitCode.ACCESS else "failed"


class StatePanel(Said):
    """Hidden while there are rows; never shows markup of what it is told."""

    DEFAULT_CSS = """
    StatePanel { display: none; height: 1fr; content-align: center middle; text-align: center;
                 padding: 1 4; }
    StatePanel.-on { display: block; }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._began = 0.0
        self._what = ""
        self._timer: Timer | None = None

    def wait(self, what: str) -> None:
        """Say that something is on its way, once it has taken a moment, with its seconds."""
        self._stop()
        self._what, self._began = what, clock.seconds()
        self._timer = self.set_interval(QUIET_SECONDS, self._tick)

    def empty(self, what: str, keys: str) -> None:
        """Say what is missing, and the keys that mend it."""
        self._show(Text.assemble(what, "\n\n", (keys, "dim")))

    def failed(self, failure: Failure, keys: str) -> None:
        """Say what went wrong and what to do."""
        text = Text.assemble(("✗ ", "bold"), (failure.message, "bold"))
        if failure.remedy:
            text.append(f"\n\n{failure.remedy}")
        text.append(f"\n\n{keys}", "dim")
        if failure.request_id:
            text.append(f"\n\nrequest id {failure.request_id}", "dim")
        self._show(text)

    def clear(self) -> None:
        """Go away: there are rows."""
        self._stop()
        self.remove_class("-on")

    def _tick(self) -> None:
        seconds = clock.seconds() - self._began
        self._appear(
            Text(f"{self._what} … {int(seconds)} s" if seconds >= 1 else f"{self._what} …")
        )

    def _show(self, text: Text) -> None:
        self._stop()
        self._appear(text)

    def _appear(self, text: Text) -> None:
        self.say(text)
        self.add_class("-on")

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
