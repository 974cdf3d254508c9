"""Which of the folders that exist a table's projection makes its partitions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from neonsync.sandbox.aws.catalogue import Column, Partition, Table
from neonsync.sandbox.aws.errors import QueryFailed
from neonsync.sandbox.aws.projection import partitions

TODAY = datetime.now(UTC).date()


def _found(
    root: Path, folders: list[str], keys: str = "k", **parameters: str
) -> list[tuple[str, ...]]:
    """The values of the partitions among some folders of the table s3://b/t/."""
    for folder in folders:
        path = root / "b" / "t" / folder / "file"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    table = Table(
        "t",
        (),
        tuple(Column(key, "string") for key in keys.split()),
        "s3://b/t/",
        partitions=(Partition(("registered",), "s3://b/t/registered/"),),
        parameters={
            "projection.enabled": "true",
            **{name.replace("__", "."): text for name, text in parameters.items()},
        },
    )
    return [partition.values for partition in partitions(table, root)]


def test_only_the_catalogue_counts_where_projection_is_off(tmp_path: Path) -> None:
    found = _found(tmp_path, ["k=a"], projection__enabled="false")
    assert found == [("registered",)]


def test_an_enumeration_makes_its_values(tmp_path: Path) -> None:
    folders = ["k=a", "k=b", "k=c", "k=b/deeper", "other=a"]
    kind = {"projection__k__type": "enum", "projection__k__values": "a, b,z"}
    assert _found(tmp_path, folders, **kind) == [("a",), ("b",)]


def test_integers_keep_to_range_step_and_width(tmp_path: Path) -> None:
    folders = [f"k={value}" for value in ("02", "04", "4", "05", "10", "12", "x")]
    kind = {
        "projection__k__type": "integer",
        "projection__k__range": "2,10",
        "projection__k__interval": "2",
        "projection__k__digits": "2",
    }
    assert _found(tmp_path, folders, **kind) == [("02",), ("04",), ("10",)]


def test_dates_follow_a_format_and_may_end_now(tmp_path: Path) -> None:
    days = [TODAY - timedelta(days=n) for n in (-2, 0, 1, 2, 400)]
    folders = [day.strftime("%Y/%m/%dT") for day in days] + ["2020/13/01T", "nonsense"]
    kind = {
        "projection__k__type": "date",
        "projection__k__format": "yyyy/MM/dd'T'",
        "projection__k__range": "NOW-1YEAR,NOW",
        "storage__location__template": "s3://b/t/${k}/",
    }
    expected = [(day.strftime("%Y/%m/%dT"),) for day in sorted(days[1:4])]
    assert _found(tmp_path, folders, **kind) == expected


def test_a_template_names_the_places_of_the_values(tmp_path: Path) -> None:
    folders = ["x/1/y-a", "x/2/y-b", "x/2/z-b", "1/y-a"]
    kind = {
        "projection__n__type": "integer",
        "projection__n__range": "0,9",
        "projection__k__type": "injected",
        "storage__location__template": "s3://b/t/x/${n}/y-${k}",
    }
    assert _found(tmp_path, folders, "k n", **kind) == [("a", "1"), ("b", "2")]


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({}, "projection.k.type is not set"),
        ({"projection__k__type": "enum"}, "projection.k.values is not set"),
        ({"projection__k__type": "odd", "projection__k__range": "1,2"}, "odd is not known"),
        ({"storage__location__template": "s3://b/t/${x}/"}, "lacks k"),
        (
            {
                "projection__k__type": "date",
                "projection__k__range": "NOW,NOW",
                "projection__k__format": "EEE",
            },
            "EEE is not supported",
        ),
    ],
)
def test_rules_that_make_no_sense_are_named(
    tmp_path: Path, parameters: dict[str, str], reason: str
) -> None:
    with pytest.raises(QueryFailed, match=reason):
        _found(tmp_path, ["k=a"], **parameters)
