"""A real Chromium for the tests, each with a browser profile of its own, that keeps what went wrong in its pages."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's Chromium without a window; skips the test where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    arguments = ["--disable-gpu", "--disable-background-networking"]
    if os.getuid() == 0:
        arguments.append("--no-sandbox")  # Chromium does not make a sandbox for root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


class Visit:
    """A person's browser window: its `page`, every answer it got over HTTP, and every error of its scripts."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        options = {"locale": "en-GB", "viewport": {"width": 1280, "height": 800}, **options}
        self.context = browser.new_context(**options)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.answers: list[Response] = []
        self.errors: list[str] = []
        self.page.on("response", self._keep_answer)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._keep_refusals)

    def _keep_answer(self, answer: Response) -> None:
        if answer.url.startswith("http"):  # Chromium's PDF viewer is an extension, which is no host
            self.answers.append(answer)

    def _keep_refusals(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self.errors.append(message.text)

    def close(self) -> None:
        self.context.close()
