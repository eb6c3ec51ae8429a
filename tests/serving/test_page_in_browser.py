"""The page in a real browser, with a server that answers as each test wants it to."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.browser import Browser, fetch_axe, open_browser
from helpers.films import write_film
from helpers.page_server import STATIC, Answer, PageServer, row, serve_page, timeline
from helpers.sounds import encoded, voice
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from avemo.corpus.adapters.ravdess import EMOTIONS

pytestmark = pytest.mark.slow

#: one face: sure, not sure, gone, back
ONE_FACE = timeline(
    row(0, 0.5, "calm", 0.6),
    row(0.5, 1, "happy", 0.8),
    row(1, 1.25, "surprised", 0.35, unsure=True),
    row(1.25, 1.5, track=None, finding="no-face", reason="no face is in the picture"),
    row(1.5, 2, "happy", 0.7),
)
TWO_FACES = timeline(
    row(0, 1, "sad", 0.6, track=0, speaking=True, box=(0.1, 0.2, 0.4, 0.8)),
    row(1, 2, "sad", 0.7, track=0, speaking=False, box=(0.1, 0.2, 0.4, 0.8)),
    row(0, 1, "angry", 0.5, track=1, speaking=False, box=(0.6, 0.2, 0.9, 0.8)),
    row(1, 2, "fearful", 0.9, track=1, speaking=True, box=(0.6, 0.2, 0.9, 0.8)),
)
SOUND = timeline(row(0, 1, "neutral", 0.6, track=None), model="avemo-audio")

CARD = (
    "<style>p { color: red }</style><h1>A card</h1><p>Text</p><table><tr>"
    '<td style="text-align:right">1</td></tr></table>'
)
HOSTILE_CARD = (
    CARD + '<p onclick="document.title = 1">More <a href="https://example.org">there</a></p>'
    '<script>document.title = "taken"</script><img src="x" onerror="document.title = 1">'
)
MODEL: dict[str, object] = {
    "name": "avemo-fused",
    "version": "3",
    "alias": "champion",
    "since": "2026-11-28T10:00:00+00:00",
    "classes": list(EMOTIONS),
    "synthetic": True,
    "card_html": CARD,
    "licences": "YuNet, MIT",
    "corpus_licences": {"RAVDESS": "CC BY-NC-SA 4.0"},
    "uses": {"intended": ["research on acted speech"], "forbidden": ["decisions about people"]},
    "notice": "This recognises acted expressions, by a few labels.",
    "purpose": "research on acted speech",
    "abstention": {
        "coverage": 0.82,
        "accuracy": 0.88,
        "accuracy_low": 0.8199,
        "confidence": 0.95,
        "target": 0.8,
        "reached": True,
    },
    "figures": {"uar": 0.7, "accuracy": 0.72, **{f"recall_{name}": 0.7 for name in EMOTIONS}},
}
FIGURES = {"test_uar": 0.71, "test_uar_low": 0.65, "test_uar_high": 0.77, "loss": 1.0}
CHECK = {
    "version": "2",
    "champion": "1",
    "time": "2026-11-25T10:00:00+00:00",
    "rules": [
        {"rule": "UAR", "candidate": "0.7", "champion": "0.6", "limit": "≥ 0.5", "verdict": "pass"},
        {"rule": "size", "candidate": "9", "champion": "1", "limit": "≤ 2", "verdict": "refused"},
    ],
}
REGISTRY: dict[str, object] = {
    "name": "avemo-fused",
    "as_of": "2026-11-29T10:00:00+00:00",
    "stale": False,
    "champion": "1",
    "candidate": "2",
    "previous": None,
    "versions": [
        {
            "version": number,
            "created": "2026-11-24T09:30:00+00:00",
            "synthetic": False,
            "figures": FIGURES,
            "aliases": [alias],
            "check": check,
            "card": f"/v1/registry/versions/{number}/card",
        }
        for number, alias, check in (("2", "candidate", CHECK), ("1", "champion", None))
    ],
    "moves": [
        {
            "number": 1,
            "time": "2026-11-23T10:00:00+00:00",
            "who": "ana",
            "kind": "register",
            "source": "",
            "target": "1",
            "reason": "the first one",
            "check": "",
            "state": "done",
        }
    ],
}
REFUSAL = {"error": {"code": "busy", "message": "the queue is full", "request_id": "77"}}


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def chromium(downloads: Path) -> Iterator[Browser]:
    with open_browser(downloads) as browser:
        yield browser


@pytest.fixture(scope="module")
def axe(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> str:
    return fetch_axe(tmp_path_factory.mktemp("axe"))


@pytest.fixture
def server() -> Iterator[PageServer]:
    with serve_page() as server:
        server.model, server.registry = MODEL, REGISTRY
        yield server


@pytest.fixture
def page(chromium: Browser, server: PageServer) -> Iterator[Browser]:
    chromium.resize(1280)
    chromium.driver.get(server.address)
    chromium.run("sessionStorage.clear()")
    yield chromium
    assert chromium.complaints() == []


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of black that Chromium plays."""
    file = tmp_path_factory.mktemp("film") / "black.webm"
    with av.open(str(file), "w") as container:
        video = container.add_stream("libvpx", rate=25)
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        for _ in range(50):
            picture = np.zeros((180, 320, 3), np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode())
    return file


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sound") / "voice.wav"
    file.write_bytes(encoded(voice(16000), 16000))
    return file


def _answer(page: Browser, server: PageServer, film: Path, records: Answer) -> None:
    server.answers.append(records)
    page.upload(film)
    page.wait_for_answer()


def test_a_film_gets_its_timeline(page: Browser, server: PageServer, film: Path) -> None:
    _answer(page, server, film, Answer(ONE_FACE))
    assert page.text("#summary") == "Mostly happy, in 50 % of the time, not sure in 13 %."
    assert page.text("#verdict") == "calm 60 %"
    assert page.text("#now-title") == "At 0:00.0"
    page.wait(lambda: page.elements(".band"), "no areas")
    # two stretches without a gap, eight emotions each
    assert len(page.elements(".band")) == 16
    assert [mark.get_attribute("fill") for mark in page.elements(".lane rect[fill]")] == [
        "url(#unsure)",
        "url(#gap)",
    ]
    assert "No face is in the picture." in page.text("#findings")


def test_classes_of_other_names_have_colours_of_their_own(
    page: Browser, server: PageServer, film: Path
) -> None:
    classes = ["calm", "bored", "joyful"]
    server.model = MODEL | {"classes": classes}
    page.driver.refresh()
    page.wait(lambda: "calm, bored or joyful" in page.text("#labels"), "no classes")
    rows = [row(0, 1, "calm"), row(1, 2, "calm")]
    shares = dict(zip(classes, (0.5, 0.3, 0.2), strict=True))
    records = timeline(*(replace(own, probabilities=shares) for own in rows))
    _answer(page, server, film, Answer([records[0] | {"classes": classes}, *records[1:]]))
    page.wait(lambda: page.elements(".band"), "no areas")
    bands = page.elements(".band")
    assert [band.get_attribute("data-emotion") for band in bands] == classes
    assert len({band.value_of_css_property("fill") for band in bands}) == 3


def test_arrow_keys_seek_in_the_film(page: Browser, server: PageServer, film: Path) -> None:
    _answer(page, server, film, Answer(ONE_FACE))
    page.wait(lambda: page.run("return document.querySelector('video').readyState > 1"), "no film")
    slider = page.element("#timeline")
    slider.send_keys(Keys.ARROW_RIGHT)
    assert page.attribute("#timeline", "aria-valuetext") == "0:00.5, happy, 80 %"
    assert page.run("return document.querySelector('video').currentTime") == 0.5
    slider.send_keys(Keys.PAGE_UP)
    assert page.attribute("#timeline", "aria-valuetext") == "0:01.0, surprised, 35 %, not sure"
    assert page.text("#verdict") == "not sure"
    slider.send_keys(Keys.PAGE_UP)
    assert page.attribute("#timeline", "aria-valuetext") == "0:01.3, no face"
    slider.send_keys(Keys.END)
    assert page.attribute("#timeline", "aria-valuetext") == "0:02.0, happy, 70 %"
    slider.send_keys(Keys.SHIFT, Keys.ARROW_LEFT)
    assert page.attribute("#timeline", "aria-valuenow") == "1.9"
    slider.send_keys(Keys.HOME)
    assert page.run("return document.querySelector('video').currentTime") == 0


def test_a_click_seeks_and_the_cursor_follows_the_film(
    page: Browser, server: PageServer, film: Path
) -> None:
    _answer(page, server, film, Answer(ONE_FACE))
    page.wait(lambda: page.elements(".lane svg"), "no lane")
    lane = page.element(".lane svg")
    ActionChains(page.driver).move_to_element(lane).click().perform()
    middle = float(page.run("return document.querySelector('video').currentTime"))
    assert middle == pytest.approx(1, abs=0.03)
    page.element("#timeline").send_keys(Keys.SPACE)
    cursor = "return parseFloat(document.querySelector('.cursor').style.left)"
    page.wait(lambda: page.run(cursor) > 65, "the cursor stays")


def test_the_faces_are_framed_over_the_picture(
    page: Browser, server: PageServer, film: Path
) -> None:
    _answer(page, server, film, Answer(TWO_FACES))
    page.wait(lambda: page.run("return document.querySelector('video').readyState > 1"), "no film")
    stage = page.element("#stage")
    framed = stage.screenshot_as_png
    page.run("document.querySelector('#overlay').style.visibility = 'hidden'")
    assert stage.screenshot_as_png != framed
    # the left edges of both boxes, halfway down, and nothing in the middle of the picture
    sees = (
        "const c = document.querySelector('#overlay'), g = c.getContext('2d');"
        "return arguments[0].map((x) => [...g.getImageData("
        "x * c.width - 3, c.height / 2, 6, 1).data].some(Boolean))"
    )
    assert page.run(sees, [0.1, 0.6, 0.5]) == [True, True, False]


def test_each_face_has_a_lane(page: Browser, server: PageServer, film: Path) -> None:
    _answer(page, server, film, Answer(TWO_FACES))
    page.wait(lambda: len(page.elements(".lane")) == 2, "no lanes")
    assert page.text("#verdict") == "sad 60 %"
    assert page.text("#remark") == "This face speaks."
    page.element("#lane").send_keys("Face 2")
    assert page.text("#now-title") == "At 0:00.0, Face 2"
    assert page.text("#verdict") == "angry 50 %"
    assert page.text("#remark") == "The voice is not this face's."


def test_a_table_says_what_the_drawing_shows(page: Browser, server: PageServer, film: Path) -> None:
    _answer(page, server, film, Answer(ONE_FACE))
    page.element("#table-details summary").click()
    page.wait(lambda: len(page.elements("#table tbody tr")) == 5, "no table")
    assert page.elements("#table tbody tr")[3].text == (
        "Face 1 0:01.3 0:01.5 – – no face; no face is in the picture"
    )


def test_rows_show_while_the_rest_is_still_to_come(
    page: Browser, server: PageServer, film: Path
) -> None:
    server.answers.append(Answer(ONE_FACE, pause_s=0.4))
    page.upload(film)
    page.wait(lambda: page.elements(".band"), "no rows")
    assert page.shown("#working")
    assert page.text("#progress-text").startswith("Read up to 0:0")
    page.wait_for_answer()


def test_a_clip_can_be_stopped(page: Browser, server: PageServer, film: Path) -> None:
    server.answers.append(Answer(ONE_FACE, pause_s=1))
    page.upload(film)
    page.wait(lambda: page.elements(".band"), "no rows")
    page.element("#stop").click()
    page.wait_for_answer(timeout_s=1)
    assert page.text("#problem h3") == "Stopped."
    assert page.shown(".lane")  # what had come stays


def test_a_waiting_clip_is_not_sent_once_it_is_stopped(
    page: Browser, server: PageServer, film: Path, sound: Path
) -> None:
    server.answers.append(Answer(ONE_FACE, pause_s=0.3))
    page.upload(film, sound)
    page.elements("#clips .open")[1].click()
    assert page.text("#progress-text") == "Waiting for the clip before it"
    page.element("#stop").click()
    assert page.text("#problem h3") == "Stopped."
    page.elements("#clips .open")[0].click()
    page.wait_for_answer()
    assert page.text("#summary").startswith("Mostly happy")
    assert [path for path, _ in server.requests].count("/v1/timeline") == 1


def test_a_sound_has_a_lane_of_its_own(page: Browser, server: PageServer, sound: Path) -> None:
    _answer(page, server, sound, Answer(SOUND))
    page.wait(lambda: page.elements(".lane"), "no lane")
    assert page.text(".lane-name") == "Sound"
    assert "From the sound alone" in page.text("#evidence")
    page.wait(lambda: page.elements(".stage.sound"), "no player for sound")


def test_a_broken_file_is_refused_in_plain_words(
    page: Browser, server: PageServer, tmp_path: Path
) -> None:
    broken = tmp_path / "<img src=x onerror=alert(1)>.mp4"
    broken.write_bytes(b"no film" * 100)
    page.upload(broken)
    page.wait_for_answer()
    problem = page.element("#problem")
    assert problem.get_attribute("role") == "alert"
    assert problem.text.startswith(
        "The clip cannot be read.\nNeither a picture nor a sound can be decoded. If it plays"
    )
    assert "Request 1f00d2c4" in problem.text
    assert page.text("#clip-name") == broken.name
    assert not page.shown("#exports-card")


def test_a_film_that_the_browser_cannot_play_has_its_timeline(
    page: Browser, server: PageServer, tmp_path: Path
) -> None:
    _answer(page, server, write_film(tmp_path / "old.avi"), Answer(ONE_FACE))
    page.wait(lambda: page.shown("#unplayable"), "it plays")
    slider = page.element("#timeline")
    slider.send_keys(Keys.ARROW_RIGHT)
    assert page.attribute("#timeline", "aria-valuetext") == "0:00.5, happy, 80 %"


def test_a_busy_service_is_asked_again(page: Browser, server: PageServer, film: Path) -> None:
    server.answers.append(Answer([REFUSAL], status=503, headers={"Retry-After": "1"}))
    _answer(page, server, film, Answer(ONE_FACE))
    assert [path for path, _ in server.requests].count("/v1/timeline") == 2
    assert page.text("#summary").startswith("Mostly happy")


def test_what_came_before_the_connection_broke_is_kept(
    page: Browser, server: PageServer, film: Path
) -> None:
    _answer(page, server, film, Answer(ONE_FACE[:-1]))
    assert "broke off" in page.text("#problem")
    assert page.shown("#timeline-card")


def test_an_error_in_the_middle_of_an_answer_is_told(
    page: Browser, server: PageServer, film: Path
) -> None:
    error = {"error": {"code": "deadline", "message": "no answer within 60 s", "request_id": "5"}}
    _answer(page, server, film, Answer([*ONE_FACE[:3], error]))
    assert page.text("#problem h3") == "The clip took too long."
    assert "No answer within 60 s." in page.text("#problem")


def test_a_service_that_is_gone_is_told(page: Browser, film: Path) -> None:
    page.wait(lambda: "version 3" in page.text("#model-body"), "no model")
    page.go_offline(True)
    page.upload(film)
    page.wait_for_answer()
    page.go_offline(False)
    assert page.text("#problem h3") == "The service does not answer."
    page.element("#problem button").click()
    page.wait(lambda: page.text("#problem h3") == "The clip cannot be read.", "not tried again")


def test_a_key_is_asked_for_and_kept_in_the_tab(
    chromium: Browser, server: PageServer, film: Path
) -> None:
    server.key = "sesame"
    chromium.resize(1280)
    chromium.driver.get(server.address)
    chromium.wait(lambda: chromium.shown("#key"), "no question")
    chromium.element("#key-input").send_keys("wrong", Keys.ENTER)
    chromium.wait(lambda: "did not accept" in chromium.text("#key-text"), "no second question")
    chromium.wait(lambda: chromium.shown("#key"), "no second question")
    chromium.element("#key-input").clear()
    chromium.element("#key-input").send_keys("sesame", Keys.ENTER)
    chromium.wait(lambda: "version 3" in chromium.text("#model-body"), "no answer")
    _answer(chromium, server, film, Answer(ONE_FACE))
    chromium.driver.get(server.address + "registry")
    chromium.wait(lambda: chromium.elements(".role"), "no registry")
    assert not chromium.shown("#key")
    chromium.run("sessionStorage.clear()")


def test_several_clips_can_be_sorted(
    page: Browser, server: PageServer, film: Path, sound: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film")
    server.answers.extend([Answer(ONE_FACE), Answer(SOUND)])
    page.upload(film, sound, broken)
    page.wait(lambda: page.elements("#clips td.bad"), "not all are done")
    names = "return [...document.querySelectorAll('#clips .open')].map((b) => b.textContent)"
    assert page.run(names) == ["black.webm", "voice.wav", "broken.mp4"]
    page.element("#clips thead th:first-child button").click()
    assert page.run(names) == ["black.webm", "broken.mp4", "voice.wav"]
    length = page.element("#clips thead th:nth-child(5) button")
    length.click()
    length.click()
    assert page.run(names) == ["black.webm", "voice.wav", "broken.mp4"]
    cell = page.element("#clips thead th:nth-child(5)")
    assert cell.get_attribute("aria-sort") == "descending"
    page.elements("#clips .open")[1].click()
    assert page.text("#clip-name") == "voice.wav"
    assert (
        page.elements("#clips tbody tr")[1]
        .text.replace("\u00a0", " ")
        .startswith("voice.wav neutral 100 % 0 % 0:01.0")
    )


def test_exports_send_the_rows_as_they_came(
    page: Browser, server: PageServer, film: Path, downloads: Path
) -> None:
    _answer(page, server, film, Answer(ONE_FACE))
    page.element("[data-format=textgrid]").click()
    saved = downloads / "black.TextGrid"
    page.wait(saved.exists, "nothing is saved")
    sent = dict(server.requests)["/v1/export/textgrid"]
    head, *rest = map(json.loads, sent.splitlines())
    assert head == ONE_FACE[0] | {"file": "black.webm"}
    assert rest == ONE_FACE[1:]
    assert saved.read_bytes() == sent  # the small server sends it back
    formats = [button.get_attribute("data-format") for button in page.elements(".export")]
    assert formats == ["csv", "parquet", "json", "ndjson", "vtt", "chapters", "elan", "textgrid"]


def test_the_player_has_the_cues(page: Browser, server: PageServer, film: Path) -> None:
    _answer(page, server, film, Answer(ONE_FACE))
    cues = (
        "return [...document.querySelectorAll('track')]"
        ".map((t) => [t.kind, t.track.cues ? t.track.cues.length : 0])"
    )
    page.wait(lambda: page.run(cues) == [["metadata", 2], ["chapters", 2]], "no cues")


def test_a_recording_is_made_after_the_notice_alone(page: Browser, server: PageServer) -> None:
    page.run(
        "const media = navigator.mediaDevices, open = media.getUserMedia.bind(media);"
        "window.opened = 0;"
        "media.getUserMedia = (wish) => { window.opened += 1; return open(wish); }"
    )
    page.element("#record-open").click()
    notice = page.text("#record-body")
    assert "no diagnosis" in notice
    assert "hiring" in notice
    assert page.run("return window.opened") == 0
    page.element("#accept-camera").click()
    page.wait(lambda: page.shown("#record-start"), "the camera stays closed")
    page.element("#record-start").click()
    page.wait(lambda: page.text(".clock") >= "0:00.8", "nothing is recorded")
    page.element("#record-start").click()
    page.wait(lambda: page.shown("#record-use"), "no recording")
    assert server.requests == []
    server.answers.append(Answer(ONE_FACE))
    page.element("#record-use").click()
    page.wait_for_answer()
    path, recording = server.requests[0]
    assert path == "/v1/timeline"
    assert recording.startswith(b"\x1a\x45\xdf\xa3")
    assert page.text("#clip-name") == "recording 1.webm"
    # a browser's own recording does not say how long it is; the page finds out
    length = "return document.querySelector('#video').duration"
    page.wait(lambda: 0.5 < (page.run(length) or 1e9) < 5, "no duration")


def test_closing_the_dialog_closes_the_camera(page: Browser) -> None:
    page.run(
        "const media = navigator.mediaDevices, open = media.getUserMedia.bind(media);"
        "media.getUserMedia = async (wish) => (window.stream = await open(wish))"
    )
    page.element("#record-open").click()
    page.element("#accept-camera").click()
    page.wait(lambda: page.shown("#record-start"), "the camera stays closed")
    page.element("#record-start").send_keys(Keys.ESCAPE)
    live = "return window.stream.getTracks().filter((t) => t.readyState === 'live').length"
    page.wait(lambda: page.run(live) == 0, "the camera stays open")


def test_everything_is_reached_by_keyboard(page: Browser, server: PageServer, film: Path) -> None:
    _answer(page, server, film, Answer(TWO_FACES))
    page.run("document.activeElement.blur()")
    reached = []
    for _ in range(60):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        name = page.run(
            "const e = document.activeElement; return e.id || e.dataset.format || e.tagName"
        )
        if name == "BODY":
            break
        reached.append(str(name))
    assert [name for name in reached if name in ("files", "record-open", "lane", "timeline")] == [
        "files",
        "record-open",
        "lane",
        "timeline",
    ]
    assert {"model-chip", "csv", "parquet", "textgrid", "video"} <= set(reached)
    # and a recording, from the button to its use
    page.element("#record-open").send_keys(Keys.ENTER)
    page.wait(lambda: page.shown("#accept-camera"), "no notice")
    for _ in range(6):
        if page.run("return document.activeElement.id") == "accept-microphone":
            break
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
    ActionChains(page.driver).send_keys(Keys.ENTER).perform()
    page.wait(lambda: page.run("return document.activeElement.id") == "record-start", "no focus")
    ActionChains(page.driver).send_keys(Keys.ENTER).perform()
    page.wait(lambda: page.text(".clock") >= "0:00.5", "nothing is recorded")
    ActionChains(page.driver).send_keys(Keys.ENTER).perform()
    page.wait(lambda: page.run("return document.activeElement.id") == "record-use", "no focus")
    server.answers.append(Answer(SOUND))
    ActionChains(page.driver).send_keys(Keys.ENTER).perform()
    page.wait(lambda: page.text("#clip-name") == "recording 1.webm", "not used")
    page.wait_for_answer()


@pytest.mark.parametrize("width_px", [1280, 360])
@pytest.mark.parametrize("dark", [False, True])
def test_axe_has_nothing_serious_to_say(
    page: Browser,
    server: PageServer,
    axe: str,
    film: Path,
    sound: Path,
    tmp_path: Path,
    width_px: int,
    dark: bool,
) -> None:
    page.resize(width_px, dark=dark)

    def check(state: str) -> None:
        assert page.axe(axe) == [], state
        assert not page.scrolls_sideways(), state

    page.wait(lambda: "version 3" in page.text("#model-body"), "no model")
    check("empty")
    _answer(page, server, film, Answer(TWO_FACES))
    page.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    check("a film")
    broken = tmp_path / ("a long name without any blank in it" * 4).replace(" ", "_")
    broken.write_bytes(b"no film")
    server.answers.append(Answer(ONE_FACE))
    page.upload(sound)
    page.upload(broken)
    page.wait(lambda: page.elements("#clips td.bad"), "not all are done")
    check("a list, and an error")
    page.run("document.querySelector('#record-open').click()")
    check("the notice")
    page.driver.get(server.address + "registry")
    page.wait(lambda: page.elements(".role"), "no registry")
    check("the registry")


def test_the_page_says_who_answers_and_what_it_is_not_for(page: Browser) -> None:
    page.wait(lambda: "version 3" in page.text("#model-body"), "no model")
    text = page.text("#model-body")
    assert "Used here for: research on acted speech" in text
    assert "It is sure of 82 % of clips, and right in at least 81 % of them (95 % bound" in text
    assert "decisions about people" in text
    assert "Licence of the recordings of RAVDESS: CC BY-NC-SA 4.0" in text
    assert page.shown("#synthetic")
    assert page.text("#notice") == "This recognises acted expressions, by a few labels."
    terms = page.text(".terms")
    assert all(word in terms for word in ("No diagnosis", "education", "hiring", "must be told"))


def test_a_card_brings_its_text_alone(page: Browser, server: PageServer) -> None:
    server.model = MODEL | {"card_html": HOSTILE_CARD}
    page.driver.refresh()
    page.wait(lambda: page.elements("#model-body .card-text"), "no card")
    content = page.element("#model-body .card-text").get_attribute("innerHTML") or ""
    assert "A card" in content
    assert "More there" in content
    assert '<td class="number">1</td>' in content
    assert not re.search(r"script|onclick|onerror|<a|<img|style", content)
    assert page.driver.title.startswith("avemo")
    # the browser says that it refused the card's own code
    assert all("card.js" in complaint for complaint in page.complaints())


def test_the_registry_shows_parts_gate_history_and_cards(page: Browser, server: PageServer) -> None:
    page.driver.get(server.address + "registry")
    page.wait(lambda: page.elements(".role"), "no registry")
    champion, candidate, previous = (
        element.text.replace("\u00a0", " ") for element in page.elements(".role")
    )
    assert champion.startswith("Version 1\nchampion\nAnswers now.")
    assert "right, averaged over the emotions\n71 % 65 to 77 %" in champion
    assert candidate.startswith("Version 2\ncandidate")
    assert previous.startswith("No previous")
    gate = page.text("main table")
    assert "UAR0.70.6≥ 0.5pass" in gate
    assert "size91≤ 2refused" in gate
    assert "Registered: version 1" in page.text(".moves")
    assert "the first one" in page.text(".moves")
    page.element("details summary").click()
    page.wait(lambda: "A card" in page.text("details"), "no card")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_emotion_stands_out_from_its_ground(scheme: str) -> None:
    sheet = (STATIC / "style.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)
    variables = dict(re.findall(r"--([\w-]+): (#\w{6});", blocks[scheme == "dark"]))
    ground = _luminance(variables["surface"])
    for name in EMOTIONS:
        colour = _luminance(variables[name])
        assert _contrast(colour, ground) >= 3, name
        assert _contrast(_luminance(variables["ink"]), ground) >= 7


def test_the_page_asks_nobody_else() -> None:
    for file in STATIC.rglob("*.*"):
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text, file
        assert not re.search(r"<script(?![^>]*src)|\sstyle=\"(?!\[|text)|\son\w+=\"", text), file


def _contrast(luminance: float, ground: float) -> float:
    lighter, darker = max(luminance, ground), min(luminance, ground)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    shares = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
