"""The inbox of a partition: whatever order records come in, and however often, messages are read once and in order."""

from hypothesis import given
from hypothesis import strategies as st

from infra.kafka.cloudevents import Received, mark, received
from infra.kafka.inbox import Inbox


def delivered(position: int, previous: int) -> Received:
    sent = mark("customer", position, 0, previous)
    return received("customer", sent.headers, sent.value)


def filled(*records: tuple[int, int]) -> Inbox:
    inbox = Inbox()
    for offset, (position, previous) in enumerate(records):
        inbox.put(offset, delivered(position, previous))
    return inbox


def read(inbox: Inbox, after: int = 0, limit: int = 100) -> list[int]:
    return [envelope.position for envelope in inbox.read(after, limit)]


def test_messages_are_read_in_the_order_of_the_log():
    assert read(filled((3, 0), (7, 3), (8, 7))) == [3, 7, 8]


def test_the_same_ones_are_read_again_until_they_are_stored():
    inbox = filled((3, 0), (7, 3), (8, 7))
    assert read(inbox, limit=2) == read(inbox, limit=2) == [3, 7]
    assert read(inbox, after=7) == [8]


def test_one_that_comes_twice_is_read_once():
    assert read(filled((3, 0), (3, 0), (7, 3), (3, 0))) == [3, 7]


def test_one_that_comes_too_early_waits_for_the_one_before():
    inbox = filled((7, 3), (8, 7))
    assert read(inbox) == []
    assert inbox.missing_after(0)
    inbox.put(9, delivered(3, 0))
    assert read(inbox) == [3, 7, 8]


def test_the_word_that_nothing_was_for_this_partition_counts_as_one():
    assert read(filled((3, 0), (100, 3), (101, 40))) == [3, 100, 101]


def test_the_offset_to_look_at_first_is_behind_what_is_stored_without_a_gap():
    inbox = filled((7, 3), (3, 0), (8, 7))
    read(inbox, after=3)
    assert inbox.offset == 0
    read(inbox, after=7)
    assert inbox.offset == 2


@given(
    gaps=st.lists(st.integers(1, 5), min_size=1, max_size=30),
    limit=st.integers(1, 7),
    data=st.data(),
)
def test_each_message_delivered_one_to_five_times_in_any_order_is_read_once_and_in_order(gaps, limit, data):
    positions = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    records = [
        (position, previous)
        for position, previous in zip(positions, [0, *positions], strict=False)
        for _ in range(data.draw(st.integers(1, 5)))
    ]
    inbox, taken = Inbox(), [0]
    for offset, record in enumerate(data.draw(st.permutations(records))):
        inbox.put(offset, delivered(*record))
        taken += read(inbox, after=taken[-1], limit=limit)
    while more := read(inbox, after=taken[-1], limit=limit):
        taken += more
    assert taken[1:] == positions
