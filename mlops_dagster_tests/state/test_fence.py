import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_dagster.errors import SupersededWrite
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state import EventStore, fence, open_store
from mlops_dagster.state.fence import Claim, InputVersion, SlicePublished
from mlops_dagster_tests.state.events import AS_OF

TABLE = TableRef("flight_delays", "silver", "schedule")


def claim(store: EventStore, token: str, window: str = "2013-04", part: str | None = None) -> Claim:
    return fence.claim(
        store, TABLE, window, token=token, as_of=AS_OF, run_id=f"run of {token}", part=part
    )


def publication(token: str, digest: str = "d") -> SlicePublished:
    return SlicePublished(
        token=token,
        batch=f"batch of {token}",
        digest=digest,
        rows=3,
        delta_version=7,
        bytes=100,
        code_version="c1",
        inputs=(
            InputVersion(
                ref="flight_delays.bronze.flights", delta_version=4, windows={"2013-04": "x"}
            ),
        ),
    )


def test_what_was_published_is_read_back_whole(store: EventStore) -> None:
    held = claim(store, "a")
    fence.ensure_holds(store, held)
    fence.record_published(store, held, publication("a"))

    assert fence.published(store, TABLE, "2013-04") == publication("a")
    assert fence.published_windows(store, TABLE) == {"2013-04": publication("a")}


def test_nothing_is_published_of_a_slice_that_was_only_claimed(store: EventStore) -> None:
    claim(store, "a")
    assert fence.published(store, TABLE, "2013-04") is None
    assert fence.published_windows(store, TABLE) == {}


def test_the_first_of_two_writers_is_told_before_its_commit(store: EventStore) -> None:
    first = claim(store, "a")
    second = claim(store, "b")

    with pytest.raises(SupersededWrite, match=r"claim #1 of run run of a .*#2 of run run of b"):
        fence.ensure_holds(store, first)
    fence.ensure_holds(store, second)


def test_a_writer_overtaken_after_its_commit_does_not_count(store: EventStore) -> None:
    first = claim(store, "a")
    fence.ensure_holds(store, first)
    second = claim(store, "b")

    with pytest.raises(SupersededWrite, match="nothing was published by this one"):
        fence.record_published(store, first, publication("a"))
    assert fence.published(store, TABLE, "2013-04") is None

    fence.record_published(store, second, publication("b"))
    assert fence.published(store, TABLE, "2013-04") == publication("b")


def test_recording_again_after_a_lost_answer_changes_nothing(store: EventStore) -> None:
    held = claim(store, "a")
    once = fence.record_published(store, held, publication("a"))
    assert fence.record_published(store, held, publication("a")) == once


def test_recording_again_is_recognised_when_another_run_claimed_since(store: EventStore) -> None:
    held = claim(store, "a")
    once = fence.record_published(store, held, publication("a"))
    claim(store, "b")
    assert fence.record_published(store, held, publication("a")) == once


def test_a_publication_of_another_token_is_refused(store: EventStore) -> None:
    with pytest.raises(ValueError, match="publication of token b under claim a"):
        fence.record_published(store, claim(store, "a"), publication("b"))


def test_windows_and_parts_are_slices_of_their_own(store: EventStore) -> None:
    held = [
        claim(store, "a"),
        claim(store, "b", window="2013-05"),
        claim(store, "c", part="7"),
        claim(store, "d", part="8"),
    ]
    for one in held:
        fence.record_published(store, one, publication(one.token))

    assert set(fence.published_windows(store, TABLE)) == {"2013-04", "2013-05"}
    assert fence.published_windows(store, TABLE, part="7") == {"2013-04": publication("c")}
    assert set(fence.published_slices(store, TABLE)) == {
        ("2013-04", None),
        ("2013-05", None),
        ("2013-04", "7"),
        ("2013-04", "8"),
    }


def test_a_table_whose_name_begins_with_anothers_is_not_mixed_up(store: EventStore) -> None:
    longer = TableRef(TABLE.owner, TABLE.layer, TABLE.name + "_history")
    held = fence.claim(store, longer, "2013-04", token="a", as_of=AS_OF, run_id="r")
    fence.record_published(store, held, publication("a"))
    assert fence.published_windows(store, TABLE) == {}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["claim", "publish"]), st.integers(0, 3)),
        max_size=20,
    )
)
def test_only_the_newest_claim_ever_publishes(steps: list[tuple[str, int]]) -> None:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "events.db")
        claims: dict[int, Claim] = {}
        newest: int | None = None
        expected: SlicePublished | None = None
        for number, (step, writer) in enumerate(steps):
            if step == "claim":
                claims[writer] = claim(store, f"{writer}-{number}")
                newest = writer
            elif writer in claims:
                offered = publication(claims[writer].token)
                if writer == newest:
                    fence.record_published(store, claims[writer], offered)
                    expected = offered
                else:
                    try:
                        fence.record_published(store, claims[writer], offered)
                    except SupersededWrite:
                        pass
                    else:
                        read = store.read(claims[writer].stream)
                        assert offered in [stored.event for stored in read]
            assert fence.published(store, TABLE, "2013-04") == expected
