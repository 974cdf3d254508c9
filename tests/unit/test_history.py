"""The local history: only ever appended to, whole lines, and never a reason to fail."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from neonsync.errors import ConfigError, RefusedError
from neonsync.history import (
    HISTORY_VARIABLE,
    Entry,
    append,
    history_path,
    last_syncs,
    now,
    origin,
    read_history,
)
from neonsync.secret import Secret
from neonsync.services.rollback import find_run


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path)}


def entry(kind: str = "run", **more: object) -> Entry:
    values: dict[str, object] = {"branch": "dev", "branch_id": "br-1", "time": now(), **more}
    return Entry(kind=kind, **values)  # type: ignore[arg-type]


def test_what_is_appended_is_read_again(environ: dict[str, str]) -> None:
    written = [entry(tables=("a", "b"), rows=3, price=0.5), entry("reset", detail="of ünïcode")]
    assert [append(each, environ) for each in written] == ["", ""]
    assert list(read_history(environ).entries) == written


def test_the_file_is_readable_by_its_owner_alone(environ: dict[str, str]) -> None:
    append(entry(), environ)
    path = history_path(environ)
    assert path == Path(environ["HOME"]) / ".local/state/neonsync/history.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_state_home_and_the_variable_say_where(tmp_path: Path) -> None:
    assert history_path({"XDG_STATE_HOME": "/state", "HOME": "/h"}) == Path(
        "/state/neonsync/history.jsonl"
    )
    assert history_path({"XDG_STATE_HOME": "relative", "HOME": str(tmp_path)}) == (
        tmp_path / ".local/state/neonsync/history.jsonl"
    )
    assert history_path({HISTORY_VARIABLE: "here.jsonl"}) == Path("here.jsonl")


def test_a_home_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    home = tmp_path / "none"
    warning = append(entry(), {"HOME": str(home)})
    assert HISTORY_VARIABLE in warning
    assert not home.exists()


def test_a_file_that_cannot_be_written_is_a_warning_that_names_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").touch()
    for name in (str(tmp_path), str(tmp_path / "file" / "below")):
        assert name in append(entry(), {HISTORY_VARIABLE: name})
    append(entry(), {HISTORY_VARIABLE: str(tmp_path / "fifo")})  # and does not hang


def test_nothing_is_kept_in_dev_null(tmp_path: Path) -> None:
    assert append(entry(), {HISTORY_VARIABLE: os.devnull}) == ""
    assert read_history({HISTORY_VARIABLE: os.devnull}).entries == ()


def test_broken_lines_are_skipped_and_said(environ: dict[str, str]) -> None:
    append(entry(rows=1), environ)
    path = history_path(environ)
    assert path is not None
    with path.open("ab") as file:
        file.write(b'{"time": "2026\xff\n[]\n{"kind": "run"}\n\n{"half": ')
    append(entry(rows=2), environ)

    history = read_history(environ)
    assert [each.rows for each in history.entries] == [1, 2]
    assert "2, 3, 4, 6" in history.notes[0]


def test_an_entry_of_a_later_version_is_read(environ: dict[str, str]) -> None:
    path = history_path(environ)
    assert path is not None
    path.parent.mkdir(parents=True)
    path.write_text(
        '{"time": "2026-01-31T00:00:00+00:00", "kind": "teleport", "branch": "x", "new": [1]}\n'
    )
    (read,) = read_history(environ).entries
    assert (read.kind, read.branch, read.status) == ("teleport", "x", "succeeded")


def test_no_secret_is_written(environ: dict[str, str]) -> None:
    text = "refused: postgresql://me:hunter2hunter2@host/db with napi_abc123 and other-secret"
    append(entry(detail=text), environ, [Secret("other-secret")])
    path = history_path(environ)
    assert path is not None
    written = path.read_text()
    for secret in ("hunter2", "napi_abc123", "other-secret"):
        assert secret not in written


def test_many_processes_append_whole_lines(environ: dict[str, str]) -> None:
    code = (
        "import os\n"
        "from neonsync.history import Entry, append, now\n"
        "for n in range(50):\n"
        "    append(Entry(now(), 'run', 'dev', rows=n, detail='x' * 20_000), os.environ)\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code], env=environ) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    history = read_history(environ)
    assert history.notes == ()
    assert sorted(each.rows for each in history.entries) == sorted(list(range(50)) * 4)


def test_the_last_sync_of_a_branch_is_a_run_that_wrote(environ: dict[str, str]) -> None:
    entries = [
        entry(run_id="first"),
        entry(run_id="second", status="invalid"),
        entry(run_id="third", status="failed"),
        entry("reset"),
        entry(run_id="other", branch_id="br-2"),
    ]
    assert {key: value.run_id for key, value in last_syncs(entries).items()} == {
        "br-1": "second",
        "br-2": "other",
    }


def test_inside_actions_the_repository_and_its_commit_are_noted() -> None:
    variables = {"GITHUB_REPOSITORY": "me/it", "GITHUB_SHA": "abc", "GITHUB_ACTOR": "octo"}
    inside = origin({**variables, "GITHUB_ACTIONS": "true"})
    assert (inside["repository"], inside["commit"], inside["user"]) == ("me/it", "abc", "octo")
    assert origin(variables)["repository"] == ""


def test_a_run_whose_branch_was_overwritten_since_is_not_rolled_back() -> None:
    first, second = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"
    run = entry(run_id="run_1", time=first)
    again = entry(run_id="run_2", time=second)
    assert find_run([run, again], "run_1") == (run, [again])
    with pytest.raises(RefusedError, match="overwritten after run_1, by reset"):
        find_run([run, entry("reset", time=second)], "run_1")
    assert find_run([run, entry("reset", time=second, status="failed")], "run_1")[0] == run
    assert find_run([run, entry("reset", time=second, branch_id="br-2")], "run_1")[1] == []
    for unknown in ("", "run_9"):
        with pytest.raises(ConfigError, match="knows no run"):
            find_run([run], unknown)


def test_a_line_without_a_command_still_parses_and_one_with_it_comes_back(tmp_path: Path) -> None:
    environ = {HISTORY_VARIABLE: str(tmp_path / "history.jsonl")}
    append(entry("run", command=("--branch", "dev")), environ)
    line = json.loads((tmp_path / "history.jsonl").read_text())
    del line["command"]
    with (tmp_path / "history.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    found = read_history(environ)
    assert [each.command for each in found.entries] == [("--branch", "dev"), ()]
    assert found.notes == ()
