"""The portal's sentences in each language, and which language a request asks for.

A language is one file `texts/<tag>.toml`; adding one is adding that file. Keys are dotted
(`overview.title`), values may hold `{placeholders}`, and a counted sentence has the two forms
`key.one` and `key.other`.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from services.http import liked_languages

DIRECTORY = Path(__file__).parent / "texts"
FALLBACK = "en"


class Texts:
    """All sentences of one language; calling it with a key gives the sentence."""

    def __init__(self, language: str, sentences: Mapping[str, str]) -> None:
        self.language = language
        self._sentences = sentences

    def __iter__(self) -> Iterator[str]:
        """All keys."""
        return iter(self._sentences)

    def raw(self, key: str) -> str:
        """The sentence with its placeholders unfilled."""
        return self._sentences[key]

    def __call__(self, key: str, **values: Any) -> str:
        return self._sentences[key].format(**values)

    def count(self, key: str, number: int, **values: Any) -> str:
        """The form of a sentence for `number` things; `{n}` in it is the number as the caller wrote it."""
        form = "one" if number == 1 else "other"
        return self(f"{key}.{form}", **{"n": number, **values})

    def get(self, key: str, default: str) -> str:
        """The sentence, or `default` for a word that the portal does not know (yet)."""
        return self._sentences.get(key, default)

    def below(self, prefix: str) -> dict[str, str]:
        """All sentences whose key starts with `prefix.`, by the rest of their key."""
        start = f"{prefix}."
        return {key.removeprefix(start): s for key, s in self._sentences.items() if key.startswith(start)}


def load() -> dict[str, Texts]:
    """Every language that has a file, by its tag."""
    return {file.stem: read(file) for file in sorted(DIRECTORY.glob("*.toml"))}


def read(file: Path) -> Texts:
    return Texts(file.stem, dict(_flat(tomllib.loads(file.read_text(encoding="utf-8")))))


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, str):
            yield prefix + key, value
        else:
            yield from _flat(value, f"{prefix}{key}.")


def preferred(accept_language: str, known: Mapping[str, Texts]) -> str:
    """The known language that an Accept-Language header likes best."""
    languages = (tag.split("-")[0].lower() for tag in liked_languages(accept_language))
    return next((language for language in languages if language in known), FALLBACK)
