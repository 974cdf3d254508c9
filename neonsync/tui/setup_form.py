"""The setup's form apart from its widgets: which lines it has, and what comes of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from neonsync.secret import redact
from neonsync.tui.ports import SetupField

API_KEY = "NEON_API_KEY"
KEY_TEST = "neon.api_key"
"""The line that says what came of a test of the key, wherever the key comes from."""
KEY_FILE = "neon.api_key_file"
KEYRING = "neon.keyring"
REFUSED = (
    "That is the secret itself, which is written nowhere. Export it as NEON_API_KEY, put it into a "
    "file that only you can read, or into the keyring, and say here where it is."
)


@dataclass(frozen=True)
class Line:
    """A line of the form."""

    name: str
    label: str
    hint: str = ""


LINES = (
    Line("neon.project_id", "Neon project id", "quiet-moon-12345678, from the console's address"),
    Line("athena.region", "AWS region", "us-east-1"),
    Line("athena.database", "Athena database", "the lake's, as lake"),
    Line("athena.workgroup", "Workgroup", "primary"),
    Line("athena.output_location", "Output location", "s3://…; empty: the workgroup's own"),
)
SOURCES = (
    ("variable", API_KEY),
    ("file", "a file"),
    ("keyring", "the keyring"),
)
"""Where the API key may come from, the first one without a line of its own."""
SOURCE_LINES = {
    "file": Line(KEY_FILE, "Path of the file", "~/.config/neonsync/api-key"),
    "keyring": Line(KEYRING, "Keyring service", f"neonsync; it holds {API_KEY}"),
}


def begin(fields: Sequence[SetupField]) -> dict[str, str]:
    """The values that the form begins with; a setting that is not known is empty."""
    values = {field.name: field.value for field in fields}
    names = [line.name for line in (*LINES, *SOURCE_LINES.values())]
    return {name: values.get(name, "") for name in names}


def source_of(values: Mapping[str, str]) -> str:
    """Where the key comes from by these values."""
    if values.get(KEY_FILE):
        return "file"
    return "keyring" if values.get(KEYRING) else "variable"


def key_setting(values: Mapping[str, str]) -> str:
    """The setting by which the key is tried: its reference, or the key as the variable has it."""
    source = source_of(values)
    return SOURCE_LINES[source].name if source in SOURCE_LINES else KEY_TEST


def with_source(values: Mapping[str, str], source: str) -> dict[str, str]:
    """The values with that source of the key only: another one's line does not count."""
    kept = SOURCE_LINES[source].name if source in SOURCE_LINES else ""
    return {
        name: value if name not in (KEY_FILE, KEYRING) or name == kept else ""
        for name, value in values.items()
    }


def is_secret(text: str) -> bool:
    """Whether a text looks like a key, a password or an address with one."""
    return redact(text) != text


def preview(values: Mapping[str, str], source: str) -> str:
    """What is going to be written, for reading."""
    lines = [f"{name:<24}{value}" for name, value in values.items() if value]
    if source == "variable":
        lines.append(f"{'the API key':<24}stays in {API_KEY}")
    return "\n".join(lines)
