"""Make ``docs/run.svg``: what ``neonsync demo --headless`` prints, twice, as a terminal shows it.

    .venv/bin/python docs/picture.py

Nothing is drawn by hand: both runs are real, in a temporary folder.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

COLUMNS = 110
DESTINATION = Path(__file__).with_name("run.svg")


def main() -> None:
    """Run the demo twice and save the picture."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            console.print(Text("$ neonsync demo --headless --dir ./sandbox", style="bold"))
            done = subprocess.run(
                [sys.executable, "-m", "neonsync", "demo", "--headless", "--dir", "./sandbox"],
                cwd=folder,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=True,
            )
            for line in done.stdout.splitlines():
                # A Text's own wish not to be wrapped is lost in print.
                text = Text(line, style=_style(line))
                console.print(text, overflow="ellipsis", no_wrap=True)
            console.print()
    svg = console.export_svg(title="neonsync", theme=MONOKAI)
    DESTINATION.write_text(without_fonts(svg), encoding="utf-8")


def without_fonts(svg: str) -> str:
    """A picture that needs no network: the reader's own monospaced font will do."""
    start, end = svg.index("@font-face"), svg.rindex("@font-face")
    return svg[:start] + svg[svg.index("}", end) + 1 :]


def _style(line: str) -> str:
    if line.startswith(("Done", "  ", "Next")):
        return "green" if line.startswith("Done") else ""
    return "dim" if " check " in line else "cyan"


if __name__ == "__main__":
    main()
