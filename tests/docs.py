"""Pages that are made from the code: `python -m tests.docs` writes docs/events.md and docs/documents.md, and tests compare them."""

from pathlib import Path

import msgspec

from services import messages
from services.messages import Message
from tests.billing.rendering import pictures

EVENTS = Path(__file__).parent.parent / "docs" / "events.md"

HEAD = """# Events

Every event that Kontor stores and publishes, made from the classes in `services/messages.py` by `make docs`.
An event is named by topic and version. Beside the fields below each one carries: position in its log, id and version of
its aggregate, `occurredAt`, actor, command id, correlation id and causation id (`services.messages.Envelope`).
JSON names are camelCase, decimals are strings, fields at their default are left out.
"""


def events_page() -> str:
    """The catalogue of all events in Markdown."""
    return HEAD + "".join(map(_section, messages.ALL))


def _section(message: type[Message]) -> str:
    meaning = " ".join((message.__doc__ or "").split())
    rows = "".join(map(_row, msgspec.structs.fields(message)))
    intro = f"\n{meaning}\n" if meaning and not meaning.startswith(f"{message.__name__}(") else ""
    return f"\n## {message.TOPIC}, version {message.VERSION}\n{intro}\n| field | type | needed |\n|---|---|---|\n{rows}"


def _row(field: msgspec.structs.FieldInfo) -> str:
    return f"| `{field.encode_name}` | {_name(field.type)} | {'yes' if field.required else 'no'} |\n"


def _name(kind: object) -> str:
    text = kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind)
    for module in ("services.values.", "services.messages.", "uuid.", "datetime.", "decimal.", "typing."):
        text = text.replace(module, "")
    return text.replace("|", "or").replace("  ", " ")


if __name__ == "__main__":
    EVENTS.write_text(events_page(), "utf-8")
    pictures.write()
