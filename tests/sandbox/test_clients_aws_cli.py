"""The AWS command line (awscli from PyPI), on the sandbox: a process for each command."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sandbox.aws_cli import AwsCli, aws_cli
from tests.sandbox.aws_fixtures import Aws, serving, small_lake, until
from tests.sandbox.clients_fixtures import environment

Run = Callable[..., str]
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with serving(small_lake(tmp_path_factory.mktemp("cli"))) as running:
        yield running


@pytest.fixture(scope="module")
def cli() -> Iterator[AwsCli]:
    with aws_cli() as running:
        yield running


@pytest.fixture
def run(aws: Aws, cli: AwsCli, tmp_path: Path) -> Run:
    """Run ``aws`` with some words in a directory of its own; returns what it prints."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    variables = {**inherited, **environment(aws), "HOME": str(tmp_path)}

    def call(*words: str, code: int = 0) -> str:
        ended, printed = cli.run(*words, env=variables, cwd=tmp_path)
        assert ended == code, printed
        return printed

    return call


@pytest.mark.slow
def test_a_large_file_goes_up_in_parts_and_comes_back(run: Run, aws: Aws, tmp_path: Path) -> None:
    content = random.Random(3).randbytes(20 * MIB + 1)
    (tmp_path / "large").write_bytes(content)
    run("s3", "mb", "s3://cli-large")
    run("s3", "cp", "large", "s3://cli-large/k/large", "--only-show-errors")
    head = json.loads(run("s3api", "head-object", "--bucket", "cli-large", "--key", "k/large"))
    parts = [content[start : start + 8 * MIB] for start in range(0, len(content), 8 * MIB)]
    digests = b"".join(hashlib.md5(part).digest() for part in parts)
    assert head["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-{len(parts)}"'
    run("s3", "cp", "s3://cli-large/k/large", "s3://cli-large/k/large/copy", "--only-show-errors")
    run("s3", "cp", "s3://cli-large/k/large/copy", "back", "--only-show-errors")
    assert (tmp_path / "back").read_bytes() == content
    assert "BucketNotEmpty" in run("s3", "rb", "s3://cli-large", code=1)
    run("s3", "rb", "s3://cli-large", "--force")
    assert "cli-large" not in run("s3", "ls")


def test_a_folder_is_synced_both_ways_and_only_what_changed(run: Run, tmp_path: Path) -> None:
    names = ["a.txt", "sub dir/b ü.txt", "sub dir/deep/+c.txt"]
    for name in names:
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        # S3 knows whole seconds: a file of this second would look newer than its object.
        os.utime(path, (1_700_000_000, 1_700_000_000))
    run("s3", "mb", "s3://cli-sync")
    assert run("s3", "sync", "tree", "s3://cli-sync/tree").count("upload:") == 3
    assert run("s3", "sync", "tree", "s3://cli-sync/tree") == ""
    listed = run("s3", "ls", "s3://cli-sync/tree/")
    assert "PRE sub dir/" in listed
    assert "a.txt" in listed
    (tmp_path / "tree" / "a.txt").unlink()
    (tmp_path / "tree" / names[1]).write_text("changed and longer")
    changed = run("s3", "sync", "tree", "s3://cli-sync/tree", "--delete")
    assert (changed.count("upload:"), changed.count("delete:")) == (1, 1)
    run("s3", "sync", "s3://cli-sync/tree", "back")
    assert (tmp_path / "back" / names[1]).read_text() == "changed and longer"
    assert not (tmp_path / "back" / "a.txt").exists()
    assert run("s3", "rm", "s3://cli-sync/", "--recursive").count("delete:") == 2


def test_queries_are_started_waited_for_and_read(run: Run, aws: Aws) -> None:
    started = run(
        "athena",
        "start-query-execution",
        "--query-string",
        "SELECT c_int, c_string FROM all_types WHERE c_int > 0",
        "--query-execution-context",
        "Database=lake",
        "--result-configuration",
        f"OutputLocation={aws.service.output_location}",
    )
    query = json.loads(started)["QueryExecutionId"]

    def state() -> str | None:
        found = run(
            *("athena", "get-query-execution", "--query-execution-id", query),
            *("--query", "QueryExecution.Status.State", "--output", "text"),
        ).strip()
        return None if found in ("QUEUED", "RUNNING") else found

    assert until(state) == "SUCCEEDED"
    results = json.loads(run("athena", "get-query-results", "--query-execution-id", query))
    rows = [
        [datum.get("VarCharValue") for datum in row["Data"]] for row in results["ResultSet"]["Rows"]
    ]
    assert rows == [["c_int", "c_string"], ["123456", "plain"]]
    assert query in run("s3", "ls", aws.service.output_location)


def test_the_catalogue_is_listed(run: Run) -> None:
    names = run(
        *("glue", "get-tables", "--database-name", "lake"),
        *("--query", "TableList[].[Name,PartitionKeys[0].Type]", "--output", "text"),
    )
    assert names.split("\n")[:2] == ["all_types\tNone", "forecast\tdate"]
    count = run(
        *("glue", "get-partitions", "--database-name", "lake", "--table-name", "forecast"),
        *("--expression", "business_date > '2026-01-29'", "--query", "length(Partitions)"),
    )
    assert count.strip() == "2"
    assert "EntityNotFoundException" in run("glue", "get-database", "--name", "no", code=255)


def test_what_does_not_exist_is_told(run: Run) -> None:
    assert "NoSuchBucket" in run("s3", "ls", "s3://absent", code=255)
