"""How far ahead anything is billed."""

from datetime import date, datetime, timedelta

from services.errors import FieldError, InvalidFields

AHEAD_MAX_DAYS = 5 * 366
"""What is farther from today is a slip of the pen, such as 2062 for 2026."""


def check_not_far_ahead(processing_date: date | None, now: datetime) -> None:
    """Refuse a processing date that is too far ahead; raises InvalidFields."""
    latest = now.date() + timedelta(days=AHEAD_MAX_DAYS)
    if processing_date and processing_date > latest:
        message = f"is years ahead; bill up to {latest} at most"
        raise InvalidFields(FieldError("processingDate", message, str(processing_date)))
