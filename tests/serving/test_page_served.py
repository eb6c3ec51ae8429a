"""The page in a real browser, with `avemo serve` behind it: nothing in between is made up."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.browser import Browser, fetch_axe, open_browser
from helpers.fused_version import draw_media
from helpers.registered_films import NAME, register_fused_version
from helpers.serving import ServiceProcess, module_registry, new_serving_project, running_service
from helpers.sounds import encoded, voice

pytestmark = pytest.mark.slow

REAL_FILM = Path(__file__).parents[2].parent / "shared/ravdess/video/01-01-03-01-01-02-05.mp4"
KEY = "a-key-of-the-page-test-0123456789"
RULE = {"rule": "UAR", "candidate": "0.5", "champion": "", "limit": "at least 0.2"}
CHECK = {
    "name": NAME,
    "version": "1",
    "champion": "",
    "synthetic": False,
    "time": "2026-11-25T10:00:00+00:00",
    "rules": [RULE | {"verdict": "pass"}],
}


@pytest.fixture(scope="module")
def drawn_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of a drawn face that speaks; the detector that saw it is no matter."""
    return draw_media(tmp_path_factory.mktemp("film"))[0]


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path, drawn_film: Path
) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("service")
    project = new_serving_project(folder / "project", purpose="a test of the page")
    (folder / "key").write_text(KEY)
    options = ("--model", NAME, "--workers", "1", "--key-file", str(folder / "key"))
    with module_registry(folder, empty_database) as uri:
        register_fused_version(folder / "1", drawn_film, detector="mtcnn", check=CHECK)
        with running_service(folder / "run", uri, *options, project=project) as service:
            yield service


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def chromium(downloads: Path, service: ServiceProcess) -> Iterator[Browser]:
    with open_browser(downloads) as browser:
        browser.driver.get(service.address)
        browser.wait(lambda: browser.shown("#key"), "the key is not asked for")
        browser.element("#key-input").send_keys(KEY, "\n")
        browser.wait(lambda: "version 1" in browser.text("#model-body"), "no model")
        yield browser


@pytest.fixture
def page(chromium: Browser, service: ServiceProcess) -> Iterator[Browser]:
    chromium.resize(1280)
    chromium.driver.get(service.address)
    yield chromium
    assert chromium.complaints() == []


def test_a_real_film_gets_its_faces_and_its_exports(page: Browser, downloads: Path) -> None:
    if not REAL_FILM.exists():
        pytest.skip("../shared/ravdess is absent")
    page.upload(REAL_FILM)
    page.wait_for_answer(120)
    assert page.text("#problem") == ""
    assert page.text("#answered-by").startswith(f"Answered by {NAME} version 1, in windows of")
    assert page.text(".lane-name") == "Face 1"
    page.wait(lambda: page.run("return document.querySelector('video').readyState > 1"), "no film")
    painted = (
        "const c = document.querySelector('#overlay');"
        "return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(Boolean)"
    )
    page.wait(lambda: page.run(painted), "no box")
    cues = "return [...document.querySelectorAll('track')].map((t) => t.track.cues?.length ?? 0)"
    page.wait(lambda: len(page.run(cues)) == 2 and all(page.run(cues)), "no cues")
    first = page.run("return document.querySelector('track').track.cues[0].text")
    assert json.loads(first)["emotion"] == page.text("#verdict").split()[0]
    for button in page.elements(".export"):
        button.click()
        page.wait(button.is_enabled, "not saved")
        assert page.text("#export-problem") == ""
    suffixes = ("csv", "parquet", "json", "ndjson", "vtt", "chapters.vtt", "eaf", "TextGrid")
    files = [downloads / f"{REAL_FILM.stem}.{suffix}" for suffix in suffixes]
    page.wait(lambda: all(file.exists() for file in files), "not all are saved")
    assert [file for file in files if b"Not for use at work" not in file.read_bytes()] == []
    assert json.loads(files[2].read_text(encoding="utf-8"))["file"] == REAL_FILM.name


def test_a_sound_and_a_broken_file(page: Browser, tmp_path: Path) -> None:
    sound, broken = tmp_path / "voice.wav", tmp_path / "broken.mp4"
    sound.write_bytes(encoded(voice(16000, 2), 16000))
    broken.write_bytes(b"this is no film" * 100)
    page.upload(sound, broken)
    page.wait(lambda: page.elements("#clips td.bad"), "not both are done", 60)
    assert page.text("#clip-name") == "voice.wav"
    assert page.text(".lane-name") == "Sound"
    page.elements("#clips .open")[1].click()
    assert page.text("#problem h3") == "The clip cannot be read."
    assert "Request " in page.text("#problem")


def test_a_recording_is_answered(page: Browser) -> None:
    page.element("#record-open").click()
    page.element("#accept-camera").click()
    page.wait(lambda: page.shown("#record-start"), "the camera stays closed")
    page.element("#record-start").click()
    page.wait(lambda: page.text(".clock") >= "0:01.5", "nothing is recorded")
    page.element("#record-start").click()
    page.wait(lambda: page.shown("#record-use"), "no recording")
    page.element("#record-use").click()
    page.wait_for_answer(60)
    assert page.text("#problem") == ""
    assert page.shown("#timeline-card")
    length = float(page.element("#timeline").get_attribute("aria-valuemax") or 0)
    assert 1 < length < 6


def test_axe_has_nothing_serious_to_say_of_the_real_thing(
    page: Browser,
    service: ServiceProcess,
    tmp_path_factory: pytest.TempPathFactory,
    drawn_film: Path,
) -> None:
    axe = fetch_axe(tmp_path_factory.mktemp("axe"))
    page.upload(drawn_film)
    page.wait_for_answer(120)
    assert page.axe(axe) == []
    page.driver.get(f"{service.address}/registry")
    page.wait(lambda: page.elements(".role"), "no registry", 120)
    assert page.axe(axe) == []
    assert page.elements(".role")[0].text.startswith("Version 1\nchampion")
    assert "50 % 40 to 60 %" in page.text(".role")
    assert "UAR0.5–at least 0.2pass" in page.text("main table")
    page.element("details summary").click()
    page.wait(lambda: "Not trained." in page.text("details"), "no card")
