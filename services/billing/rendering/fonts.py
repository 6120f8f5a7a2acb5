"""The typefaces of a document, all from pinned packages, and which characters they can show (docs/decisions/0004-fonts.md)."""

import unicodedata
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

import typst
from fontTools.ttLib import TTFont

_PACKAGES = ("fontpkg_ibm_plex_sans", "manimgx_fonts", "manimgx_fonts_cjk")

_NOTO_SCRIPTS = (
    "Arabic Armenian Bengali Devanagari Ethiopic Georgian Gujarati Gurmukhi Hebrew Kannada Khmer Lao"
    " Malayalam Myanmar Oriya Sinhala Symbols Tamil Telugu Thai"
).split()

FAMILIES = (
    "IBM Plex Sans",
    "Noto Sans",
    *(f"Noto Sans {script}" for script in _NOTO_SCRIPTS),
    "Noto Emoji",
    "Noto Sans CJK SC",
)
"""In the order in which they are asked for a character. Named one by one, so that nothing on a machine has a say."""

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"


@cache
def fonts() -> typst.Fonts:
    """The packages' fonts and no others; read once per process and shared by all compilers."""
    return typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(_directory(package)) for package in _PACKAGES],
    )


def displayable(text: str) -> str:
    """`text` as it can be printed: one line, without formatting characters, each character with a glyph.

    PDF/A forbids a character without glyph, and a name must never keep a document from being rendered.
    What no typeface has becomes `�`; a combining mark that its base's typeface lacks is left out.
    """
    if text.isascii() and text.isprintable():
        return text
    clusters: list[str] = []
    for character in unicodedata.normalize("NFC", text):
        category = unicodedata.category(character)
        if category.startswith("M") or character in _JOINERS:
            if clusters and _has_family(clusters[-1] + character):
                clusters[-1] += character
        elif category != "Cf":
            clusters.append(_printable(character, category))
    return "".join(clusters)


def _printable(character: str, category: str) -> str:
    if category in ("Cc", "Zl", "Zp"):
        return " "
    return character if category not in ("Co", "Cs") and _has_family(character) else REPLACEMENT


@lru_cache(maxsize=16_384)
def _has_family(cluster: str) -> bool:
    """Whether one typeface has all characters: a glyph and its marks cannot come from two."""
    return any(_characters(family).issuperset(map(ord, cluster)) for family in FAMILIES)


@cache
def _characters(family: str) -> frozenset[int]:
    """Read only when a character is asked for that the families before do not have."""
    font = next(font for font in fonts().fonts() if font.family == family and font.style == "normal")
    with TTFont(font.path, fontNumber=font.index, lazy=True) as opened:
        return frozenset(opened.getBestCmap())


def _directory(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"The font package {package} is not installed", name=package)
    return Path(spec.origin).parent
