"""Finding and sorting text as people expect: without regard to case and accents."""

import unicodedata

# Letters that Unicode does not take apart into a base letter and an accent.
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"})
_SORT_KEY_LENGTH = 200  # an index entry has room for about 2,700 bytes
_MAX_WORDS = 8


def fold(text: str) -> str:
    """`Łódź` as `lodz`, `Straße` as `strasse`."""
    folded = text.casefold()
    if folded.isascii():
        return folded
    decomposed = unicodedata.normalize("NFKD", folded)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_LETTERS)


def sort_key(text: str | None) -> str:
    return " ".join(fold(text or "").split())[:_SORT_KEY_LENGTH]


def search_text(*terms: str | None) -> str:
    """All words of `terms`, folded, each after a newline, so that a pattern can ask for the beginning of one."""
    words = fold("\n".join(term for term in terms if term)).split()
    return "".join(f"\n{word}" for word in words)


def patterns(query: str) -> list[str]:
    """LIKE patterns that all must match: each word anywhere in a word.

    One or two letters only at the beginning of a word: a trigram index cannot find them inside.
    """
    words = [
        word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") for word in fold(query).split()
    ]
    return [f"%{word}%" if len(word) > 2 else f"%\n{word}%" for word in words[:_MAX_WORDS]]
