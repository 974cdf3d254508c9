"""What may be done to which branch, and how times and hosts are read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from neonsync.errors import ConfigError, ExitCode, RefusedError
from neonsync.neon import guards
from neonsync.neon.annotation import annotation
from neonsync.neon.guards import PruneRule, prune_candidates
from neonsync.neon.hosts import endpoint_of, without_pooler
from neonsync.neon.models import ANNOTATION_KEY, Branch
from neonsync.neon.moments import in_words, parse_duration, parse_moment, read_moment, time_left
from tests.neon.scripted import branch

NOW = datetime(2026, 2, 1, tzinfo=UTC)
OURS = {"value": {ANNOTATION_KEY: "1.0"}}


def made(name: str, *, ours: bool = True, **more: object) -> Branch:
    return Branch.parse(branch(name, **more), OURS if ours else None)


def refused(check: object, *arguments: object) -> RefusedError:
    with pytest.raises(RefusedError) as raised:
        check(*arguments)  # type: ignore[operator]
    assert raised.value.exit_code is ExitCode.REFUSED
    return raised.value


def test_default_and_protected_branches_are_synced_with_their_name_only() -> None:
    for kind in ("default", "protected"):
        guarded = made("main", **{kind: True})
        for confirmed in ((), ("other",), ("mai",)):
            error = refused(guards.check_sync, guarded, confirmed)
            assert f"{kind} branch" in error.message
            assert "--confirm main" in error.remedy
        guards.check_sync(guarded, ("other", "main"))
    guards.check_sync(made("dev"), ())
    remedy = refused(guards.check_sync, made('it\'s "x"', protected=True), ()).remedy
    assert """--confirm 'it'"'"'s "x"', or confirm = ["it's \\"x\\""]""" in remedy


@pytest.mark.parametrize("unsaid", ["default", "protected"])
def test_a_branch_that_neon_says_too_little_of_is_no_branch_to_write_to(unsaid: str) -> None:
    body = branch("dev", created_at="2020-01-01T00:00:00Z")
    guards.check_sync(Branch.parse(body, OURS), ())
    for value in (None, 0, "false"):
        untold = Branch.parse({**body, unsaid: value}, OURS)
        refused(guards.check_sync, untold, ())
        guards.check_sync(untold, ("dev",))
        assert prune_candidates([untold], PruneRule(timedelta(days=1)), NOW) == []
    del body[unsaid]
    assert "perhaps" in refused(guards.check_sync, Branch.parse(body, OURS), ()).message


def test_a_branch_of_which_nobody_said_that_it_is_not_the_default_one_is_guarded() -> None:
    unknown = Branch.parse({"id": "br-x", "name": "x"}, OURS)
    assert "perhaps the default" in refused(guards.check_sync, unknown, ()).message
    guards.check_sync(unknown, ("x",))
    assert prune_candidates([unknown], PruneRule(), NOW) == []
    guards.check_sync(Branch.parse({"id": "br-x", "primary": False, "protected": False}), ())


def test_a_name_in_a_remedy_can_be_pasted_into_a_shell() -> None:
    error = refused(guards.check_sync, made("it's a b", default=True), ())
    assert """--confirm 'it'"'"'s a b',""" in error.remedy
    assert """confirm = ["it's a b"]""" in error.remedy


def test_a_guarded_branch_keeps_its_name_unless_that_is_confirmed() -> None:
    for guarded in (made("main", default=True), made("main", protected=True)):
        assert "renamed" in refused(guards.check_rename, guarded, None).message
        guards.check_rename(guarded, "main")
    guards.check_rename(made("dev"), None)


def test_a_branch_that_expires_has_no_children() -> None:
    error = refused(guards.check_parent, made("dev", expires_at="2026-03-01T00:00:00Z"))
    assert "neonsync branches expire dev --never" in error.remedy
    guards.check_parent(made("dev"))


def test_an_expiry_that_comes_sooner_is_told_from_one_that_comes_later() -> None:
    expiring = made("dev", expires_at="2026-02-03T00:00:00Z")
    assert guards.ends_sooner(expiring, NOW + timedelta(days=1))
    assert not guards.ends_sooner(expiring, NOW + timedelta(days=3))
    assert guards.ends_sooner(made("dev"), NOW + timedelta(days=30))


def test_every_branch_is_overwritten_and_deleted_with_its_name_only() -> None:
    for confirmed in (None, "", "de", "DEV", "main"):
        refused(guards.check_confirmed, made("dev"), confirmed, "deleted")
    guards.check_confirmed(made("dev"), "dev", "deleted")
    error = refused(guards.check_confirmed, made("a b", protected=True), "x", "deleted")
    assert "a protected branch" in error.message
    assert "--confirm 'a b'" in error.remedy


def test_default_protected_and_parent_branches_are_never_deleted() -> None:
    parent, others = made("parent"), [made(f"kid{n}", parent_id="br-parent") for n in range(7)]
    assert "default" in refused(guards.check_delete, made("main", default=True), []).message
    assert "protected" in refused(guards.check_delete, made("x", protected=True), []).message
    message = refused(guards.check_delete, parent, [parent, *others]).message
    assert "children: kid0, kid1, kid2, kid3, kid4 and 2 more" in message
    assert "a child: kid0" in refused(guards.check_delete, parent, others[:1]).message
    guards.check_delete(parent, [parent, made("stranger")])


def test_a_reset_wants_a_parent_and_keeps_children_by_a_backup() -> None:
    child = made("child", parent_id="br-main")
    below = made("below", parent_id="br-child")
    assert "no parent" in refused(guards.check_reset, made("root"), [], None).message
    assert "below" in refused(guards.check_reset, child, [below], None).message
    guards.check_reset(child, [below], "before")
    guards.check_reset(child, [child], None)
    shut = made("shut", parent_id="br-main", protected=True)
    assert "protected" in refused(guards.check_restore, shut, [], "before").message


def test_guarded_branches_and_parents_do_not_expire() -> None:
    refused(guards.check_expiry, made("main", default=True), [])
    refused(guards.check_expiry, made("x", protected=True), [])
    refused(guards.check_expiry, made("x"), [made("y", parent_id="br-x")])
    guards.check_expiry(made("x"), [made("x"), made("y")])
    guards.check_expires_at(NOW + timedelta(days=30, minutes=1), NOW)
    for moment in (NOW, NOW - timedelta(days=1), NOW + timedelta(days=31)):
        with pytest.raises(ConfigError):
            guards.check_expires_at(moment, NOW)


def test_prune_takes_nothing_but_forgotten_branches_of_ours() -> None:
    old = "2026-01-01T00:00:00Z"
    branches = [
        made("main", default=True),
        made("shut", protected=True),
        made("parent"),
        made("kid", parent_id="br-parent", created_at="2026-01-10T00:00:00Z"),
        made("theirs", ours=False),
        made("young", created_at="2026-01-31T00:00:00Z"),
        made("ageless", created_at=None),
        made("old", created_at=old),
        made("gone", created_at="2026-01-31T00:00:00Z", expires_at="2026-01-31T12:00:00Z"),
        made("going", created_at="2026-01-31T00:00:00Z", expires_at="2026-02-01T12:00:00Z"),
    ]

    def names(rule: PruneRule) -> list[str]:
        return [each.name for each in prune_candidates(branches, rule, NOW)]

    assert names(PruneRule(older_than=timedelta(days=14))) == ["old", "kid"]
    assert names(PruneRule(expired=True)) == ["gone"]
    assert names(PruneRule(timedelta(days=14), expired=True)) == ["old", "kid", "gone"]
    everything = names(PruneRule())
    assert not {"main", "shut", "parent", "theirs"} & set(everything)
    assert len(everything) == 6


def test_the_annotation_tells_who_and_in_actions_from_where() -> None:
    inside = annotation(
        {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "octo",
            "GITHUB_REPOSITORY": "me/it",
            "GITHUB_SHA": "abc",
            "NEON_API_KEY": "napi_secret_of_mine",
        },
        run_id="run_1",
    )
    assert inside["neonsync-user"] == "octo"
    assert inside["neonsync-repository"] == "me/it"
    assert inside["neonsync-commit"] == "abc"
    assert inside["neonsync-run"] == "run_1"
    assert "napi_secret_of_mine" not in str(inside)
    assert inside["neonsync-request"] != annotation({})["neonsync-request"]
    assert "neonsync-commit" not in annotation({"GITHUB_SHA": "abc"})
    actions = {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "77"}
    assert annotation(actions)["neonsync-run"] == "77"  # a branch that is for no run of ours


@pytest.mark.parametrize(
    ("text", "span"),
    [("90m", timedelta(minutes=90)), ("12H", timedelta(hours=12)), ("2w", timedelta(days=14))],
)
def test_spans_are_read(text: str, span: timedelta) -> None:
    assert parse_duration(text) == span


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "0d", "7 d", "1.5d", "7y", "9999999d", "٧d"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse_duration(text)


def test_moments_are_read_with_their_zone() -> None:
    assert parse_moment("2026-01-31T10:30:00+02:00") == datetime(2026, 1, 31, 8, 30, tzinfo=UTC)
    assert parse_moment("2026-01-31") == datetime(2026, 1, 31, tzinfo=UTC)
    for text in ("yesterday", "2026-01-31T10:30", "2026-02-30", ""):
        with pytest.raises(ValueError, match="must"):
            parse_moment(text)
    odd_ones: tuple[object, ...] = (None, 3, "", "soon", {})
    for odd in odd_ones:
        assert read_moment(odd) is None
    assert read_moment("2026-01-31T10:30:00.123456789Z") is not None


def test_spans_are_told_in_their_largest_unit() -> None:
    spans = (timedelta(days=1, hours=5), timedelta(hours=5), timedelta(minutes=2), -timedelta(9))
    assert [in_words(span) for span in spans] == [
        *("1 day", "5 hours", "2 minutes", "less than a minute")
    ]


def test_time_to_come_is_told_to_the_nearest_unit_and_in_hours_below_two_days() -> None:
    second = timedelta(seconds=1)
    spans = (timedelta(days=7) - second, timedelta(days=1, hours=12), timedelta(minutes=45))
    assert [time_left(span) for span in spans] == ["7 days", "36 hours", "45 minutes"]
    assert time_left(timedelta(hours=1)) == "1 hour"
    assert time_left(timedelta(seconds=20)) == "20 seconds"


def test_hosts_are_read() -> None:
    assert endpoint_of("ep-a-b-1-pooler.eu.neon.tech") == "ep-a-b-1"
    assert endpoint_of("EP-a-b-1.eu.neon.tech") == "ep-a-b-1"
    for host in ("localhost", "db.example.org", "ep-a-b-1", ""):
        assert endpoint_of(host) == ""
    plain = "postgresql://me:x-pooler.@ep-a.eu.neon.tech/db"
    assert without_pooler(plain) == (plain, "")
