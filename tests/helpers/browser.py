"""Chromium without a window, driven as a user would."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

__all__ = ["Browser", "fetch_axe", "open_browser"]

_AXE = "axe-core@4.14.1"
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # which root may not have
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--window-size=1280,900",
)


class Browser:
    """A page in Chromium.

    Args:
        driver: of Selenium
    """

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def element(self, selector: str) -> WebElement:
        """Return the first element of a CSS selector."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def elements(self, selector: str) -> list[WebElement]:
        """Return all elements of a CSS selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """Return what stands in an element, whether it is seen or not."""
        text = self.run("return document.querySelector(arguments[0]).textContent", selector)
        return str(text).replace("\u00a0", " ")

    def attribute(self, selector: str, name: str) -> str:
        """Return an attribute of an element; empty where it has none."""
        text = self.element(selector).get_attribute(name) or ""
        return text.replace("\u00a0", " ")

    def shown(self, selector: str) -> bool:
        """Return whether an element is there and seen."""
        return any(element.is_displayed() for element in self.elements(selector))

    def run(self, script: str, *arguments: object) -> Any:
        """Return what a script in the page returns."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition: Callable[[], object], what: str, timeout_s: float = 20) -> None:
        """Wait until something is so."""
        waiting = WebDriverWait(self.driver, timeout_s, poll_frequency=0.03)
        waiting.until(lambda _: condition(), f"{what}\n{self.text('main')[:2000]}")

    def upload(self, *files: Path) -> None:
        """Choose files, as with the button."""
        self.element("#files").send_keys("\n".join(map(str, files)))

    def wait_for_answer(self, timeout_s: float = 20) -> None:
        """Wait until the clip that is shown has its answer."""
        over = "return !document.querySelector('#result').hidden"
        over += " && document.querySelector('#working').hidden"
        self.wait(lambda: self.run(over), "no answer", timeout_s)

    def resize(self, width_px: int, *, dark: bool = False) -> None:
        """Show the page at a width, in the light or the dark scheme."""
        size = {"width": width_px, "height": 900, "deviceScaleFactor": 1, "mobile": width_px < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def go_offline(self, offline: bool) -> None:
        """Take the network away, or give it back."""
        conditions = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd(
            "Network.emulateNetworkConditions", conditions | {"offline": offline}
        )

    def scrolls_sideways(self) -> bool:
        """Return whether the page as a whole is wider than the window."""
        return bool(self.run("return document.documentElement.scrollWidth > window.innerWidth"))

    def axe(self, source: str) -> list[str]:
        """Return what axe finds that is serious or critical, with the elements that it is in."""
        self.run(source)
        result = self.driver.execute_async_script(
            "const done = arguments[0];"
            "axe.run(document, {resultTypes: ['violations']})"
            ".then(done, (error) => done({error: String(error)}))"
        )
        assert "violations" in result, result
        return [
            f"{rule['id']}: {node['target']} {node['failureSummary']}"
            for rule in result["violations"]
            if rule["impact"] in ("serious", "critical")
            for node in rule["nodes"]
        ]

    def complaints(self) -> list[str]:
        """Return errors of the page's scripts and policy since the last look."""
        entries: list[dict[str, str]] = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [
            entry["message"]
            for entry in entries
            if entry["level"] == "SEVERE" and "Failed to load resource" not in entry["message"]
        ]


@contextmanager
def open_browser(downloads: Path) -> Iterator[Browser]:
    """Run Chromium for as long as the block lasts; skip the test where it is not installed.

    Args:
        downloads: where it saves files
    """
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("needs Chromium: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for option in _OPTIONS:
        options.add_argument(option)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield Browser(chrome)
    finally:
        chrome.quit()


def fetch_axe(folder: Path) -> str:
    """Return axe's script; skip the test where npm cannot fetch it."""
    npm = shutil.which("npm")
    if not npm:
        pytest.skip(f"needs npm, for {_AXE}")
    command = [npm, "pack", _AXE, "--silent", "--pack-destination", str(folder)]
    try:
        process = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm does not fetch {_AXE} within a minute")
    if process.returncode:
        pytest.skip(f"npm cannot fetch {_AXE}: {process.stderr.strip()[-200:]}")
    package = next(folder.glob("axe-core-*.tgz")).read_bytes()
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()
