"""Pictures for documents: each is stored once, under an id that is made of the hash of its bytes."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import ClassVar, Self
from uuid import NAMESPACE_URL, UUID, uuid5

from PIL import Image, UnidentifiedImageError

from services.errors import FieldError, InvalidFields, NotFound
from services.events import Aggregate, FirstEvent

LOGO_MAX_BYTES = 200_000
LOGO_MAX_PIXELS = 4000
"""Of each side."""
MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg"}
"""By the name that Pillow has for the format."""
PRINTED_COLORS = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
"""Ways of keeping colours that a PDF/A with an sRGB output intent can show (ISO 19005-3, 6.2.4); CMYK is none."""


class LogoNotFound(NotFound):
    """There is no such logo."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The bytes of a picture that can be printed, and what they are."""

    data: bytes
    media_type: str

    @property
    def sha256(self) -> str:
        """Hash of the bytes, in hexadecimal: what documents name the picture by."""
        return sha256(self.data).hexdigest()


def picture_of(data: bytes) -> Picture:
    """The picture that these bytes really are; raises InvalidFields where they cannot be printed."""
    if len(data) > LOGO_MAX_BYTES:
        raise _not_printable(f"has {len(data)} bytes; send a picture of at most {LOGO_MAX_BYTES}")
    try:
        with Image.open(BytesIO(data), formats=tuple(MEDIA_TYPES)) as image:
            _check_size(image)
            image.load()
            _check_colors(image)
            return Picture(data, MEDIA_TYPES[str(image.format)])
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise _not_printable("is not a whole PNG or JPEG picture") from error


def _check_size(image: Image.Image) -> None:
    """Before it is unpacked: a small file can be a huge picture."""
    if max(image.size) > LOGO_MAX_PIXELS:
        width, height = image.size
        raise _not_printable(f"is {width} × {height} pixels; send at most {LOGO_MAX_PIXELS} each way")


def _check_colors(image: Image.Image) -> None:
    if image.mode not in PRINTED_COLORS:
        raise _not_printable(f"keeps its colours as {image.mode}; save it with RGB or grey colours of 8 bits")


def _not_printable(message: str) -> InvalidFields:
    return InvalidFields(FieldError("body", message))


class Logo(Aggregate):
    """A picture that was uploaded; it never changes, as issued documents show it."""

    TOPIC: ClassVar[str] = "billing.Logo"

    def __init__(self) -> None:
        self.sha256: str

    class Uploaded(FirstEvent, Aggregate.Event):
        TOPIC: ClassVar[str] = "billing.LogoUploaded"

        logo_id: UUID
        sha256: str
        media_type: str
        data: bytes

        def apply(self, aggregate: "Logo") -> None:
            aggregate.sha256 = self.sha256

    @staticmethod
    def id_of(sha256: str) -> UUID:
        """Id of the logo with this hash."""
        return uuid5(NAMESPACE_URL, f"kontor:logo:{sha256}")

    @classmethod
    def upload(cls, picture: Picture, now: datetime) -> Self:
        """A picture that is not stored yet."""
        logo_id = cls.id_of(picture.sha256)
        return cls._create(
            cls.Uploaded,
            id=logo_id,
            timestamp=now,
            logo_id=logo_id,
            sha256=picture.sha256,
            media_type=picture.media_type,
            data=picture.data,
        )
