"""The page hears a person first: a neutral clip, and what it changes, with `avemo serve` behind."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.browser import Browser, fetch_axe, open_browser
from helpers.registered_versions import new_network, register_version
from helpers.serving import ServiceProcess, module_registry, running_service, until
from helpers.sounds import encoded, voice
from helpers.speakers import register_adapting_version

from avemo.corpus.adapters.ravdess import EMOTIONS

pytestmark = pytest.mark.slow

_PATIENCE_S = 90
_STORED = "return sessionStorage.getItem('avemo.statistics')"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def service(folder: Path, empty_database: Path) -> Iterator[ServiceProcess]:
    with module_registry(folder, empty_database) as uri:
        register_adapting_version(folder / "1")
        with running_service(folder / "run", uri, "--workers", "1") as service:
            yield service


@pytest.fixture(scope="module")
def page(folder: Path, service: ServiceProcess) -> Iterator[Browser]:
    with open_browser(folder) as browser:
        browser.driver.get(service.address)
        browser.wait(lambda: browser.shown("#person"), "the card is not there", _PATIENCE_S)
        yield browser


def clip(folder: Path, name: str, level: float, seconds: float = 2) -> Path:
    file = folder / name
    file.write_bytes(encoded(voice(16000, seconds, level), 16000))
    return file


def choose(page: Browser, *files: Path) -> None:
    page.element("#neutral-files").send_keys("\n".join(map(str, files)))


def figures(page: Browser) -> list[list[str]]:
    """Return the cells of the comparison, a list a row."""
    script = (
        "return [...document.querySelectorAll('#comparison-table tbody tr')]"
        ".map((row) => [...row.children].map((cell) => cell.textContent))"
    )
    rows: list[list[str]] = page.run(script)
    return rows


def test_a_neutral_clip_changes_the_answer_side_by_side(
    page: Browser, folder: Path, service: ServiceProcess
) -> None:
    page.upload(clip(folder, "first.wav", 0.7))
    page.wait_for_answer(_PATIENCE_S)
    assert not page.shown("#comparison"), "nobody is known yet"
    silence = folder / "silence.wav"
    silence.write_bytes(encoded(np.zeros(32000), 16000))
    choose(page, clip(folder, "neutral.wav", 0.3), silence)
    page.wait(
        lambda: "known from one clip, neutral" in page.text("#person-state"),
        "no state",
        _PATIENCE_S,
    )
    assert "neutral.wav: added. Unadapted, it sounds: " in page.text("#person-clips")
    assert "silence.wav: silence." in page.text("#person-clips")
    page.wait(lambda: page.shown("#comparison-table"), "no comparison", _PATIENCE_S)
    rows = figures(page)
    assert [row[0] for row in rows] == sorted(EMOTIONS)
    assert any(unadapted != adapted for _, unadapted, adapted in rows)
    assert "With the neutral baseline of 1 clip (" in page.text("#comparison-text")

    page.upload(clip(folder, "second.wav", 0.5))
    page.wait_for_answer(_PATIENCE_S)
    page.wait(
        lambda: page.shown("#comparison-table"), "no comparison of the next clip", _PATIENCE_S
    )
    page.driver.refresh()
    page.wait(
        lambda: "known from one clip" in page.text("#person-state"), "not of this tab", _PATIENCE_S
    )
    page.element("#person-forget").click()
    assert page.run(_STORED) is None
    assert not page.shown("#person-forget")
    assert page.complaints() == []
    assert "neutral.wav" not in service.written()


def test_the_card_is_accessible(page: Browser, folder: Path) -> None:
    axe = fetch_axe(folder)
    choose(page, clip(folder, "neutral.wav", 0.3))
    page.upload(clip(folder, "third.wav", 0.6))
    page.wait_for_answer(_PATIENCE_S)
    page.wait(lambda: page.shown("#comparison-table"), "no comparison", _PATIENCE_S)
    assert page.axe(axe) == []


def test_after_a_promotion_the_neutral_clip_is_asked_for_again(
    page: Browser, folder: Path, service: ServiceProcess
) -> None:
    choose(page, clip(folder, "neutral.wav", 0.3))
    page.wait(lambda: page.run(_STORED), "nobody is known", _PATIENCE_S)
    number = register_adapting_version(folder / "2", other_space=True)
    until(lambda: service.version == number, service, 300)
    page.upload(clip(folder, "fourth.wav", 0.4))
    page.wait_for_answer(_PATIENCE_S)
    page.wait(lambda: "enrol the" in page.text("#person-problem"), "no reason", _PATIENCE_S)
    assert page.run(_STORED) is None
    assert not page.shown("#comparison")
    plain = register_version(
        folder / "3", None, alias="champion", network=new_network("sad", seed=3)
    )
    until(lambda: service.version == plain, service, 300)
    page.driver.refresh()
    page.wait(lambda: f"version {plain}" in page.text("#model-body"), "no model", _PATIENCE_S)
    assert not page.shown("#person"), "this version adapts to nobody"
