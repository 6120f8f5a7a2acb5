"""Whatever was ever stored can be read, as an event and as a message."""

import msgspec
import pytest

from services import messages
from services.event_store import EventMapper
from services.personal_data import ERASED, has_personal_data, opened
from services.upcasting import FromTheFuture
from tests.stored_events import StoredExample, stored_examples
from tests.test_docs import EVENTS

EXAMPLES = stored_examples()
BY_VERSION = {(e.event.topic, e.event.schema_version): e for e in EXAMPLES}

each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)


class NoNewKeys:
    """The keyring of an example, of which nothing is sealed anew."""

    def __init__(self, example: StoredExample) -> None:
        self.keys = example.keys


def test_every_version_of_every_event_has_a_stored_example() -> None:
    written = {(message.TOPIC, v) for message in messages.ALL for v in range(1, message.VERSION + 1)}
    assert set(BY_VERSION) == written, "run `python -m tests.stored_events`, and never change what is there"


@each_example
def test_it_loads_as_an_event(example: StoredExample) -> None:
    event = EventMapper(NoNewKeys(example), purpose=None).to_domain_event(example.event)
    assert type(event) is EVENTS[example.event.topic]
    assert event.originator_id == example.event.originator_id
    values = {k: v for k, v in vars(event).items() if k not in ("originator_id", "originator_version")}
    assert "sealed:" not in repr(values)
    assert ERASED not in repr(values)


@each_example
def test_it_loads_as_a_message_that_says_the_same_as_the_event(example: StoredExample) -> None:
    stored = example.event
    message = messages.from_stored(stored.topic, stored.schema_version, stored.state)
    assert message is not None
    event = EventMapper(NoNewKeys(example), purpose=None).to_domain_event(stored)
    if has_personal_data(type(message)):
        [message] = opened([(message.customer_id, message)], example)
    assert {name: getattr(event, name) for name in message.__struct_fields__} == msgspec.structs.asdict(
        message
    )


@each_example
def test_personal_data_of_the_newest_version_are_sealed(example: StoredExample) -> None:
    stored = example.event
    message = messages.from_stored(stored.topic, stored.schema_version, stored.state)
    if stored.schema_version == messages.version_of(stored.topic) and has_personal_data(type(message)):
        assert b"sealed:1:" in stored.state
        assert all(
            word not in stored.state for word in (b"Beispiel", b"Muster", b"Bremen", b"Kiel", b"dispute")
        )


@each_example
def test_a_version_from_the_future_is_not_read(example: StoredExample) -> None:
    newest = messages.version_of(example.event.topic)
    with pytest.raises(FromTheFuture):
        messages.from_stored(example.event.topic, newest + 1, example.event.state)
