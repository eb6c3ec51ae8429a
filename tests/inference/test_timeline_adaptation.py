"""A timeline adapts to each person as it goes, by what came before."""

import threading
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers.sounds import encoded
from helpers.speakers import add_tone_adaptation
from helpers.timed_films import RATE, tone
from helpers.tone_model import HIGH_HZ, LOW_HZ, load_tone_model

from avemo.errors import AvemoError
from avemo.inference.recogniser import Recogniser
from avemo.inference.timeline_row import TimelineRow
from avemo.media.sandbox import GrowingFile, Sandbox

WINDOW, HOP = 1.0, 0.5
SILENT_S, VOICED_S = 2.0, 4.0
SOUND = np.concatenate([np.zeros(round(SILENT_S * RATE), np.float32), tone(VOICED_S, LOW_HZ)])
CLIP = encoded(SOUND, RATE)


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    folder = tmp_path_factory.mktemp("version")
    load_tone_model(folder)
    add_tone_adaptation(folder)
    return Recogniser(folder)


def rows_of(recogniser: Recogniser, clip: bytes = CLIP, **options: object) -> list[TimelineRow]:
    return list(recogniser.timeline(clip, window_s=WINDOW, hop_s=HOP, **options))  # type: ignore[arg-type]


def test_rows_say_from_when_they_are_adapted(recogniser: Recogniser) -> None:
    rows, plain = rows_of(recogniser, adapt=True), rows_of(recogniser)
    assert {row.adaptation for row in plain} == {""}
    voiced = [row for row in rows if not row.finding]
    assert voiced[0].adaptation == "", "nothing has been heard before"
    adapted = [row.adaptation for row in voiced[1:]]
    assert adapted[0].startswith("unlabelled, 1 clip (")
    shares = [int(text.rpartition("(")[2].split()[0]) for text in adapted]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] < 100
    counts = [int(text.split()[1]) for text in adapted]
    assert counts == sorted(counts)
    assert 1 < counts[-1] <= VOICED_S / WINDOW + 1, "each moment counts once"
    pairs = list(zip(rows, plain, strict=True))
    assert all(
        (own.probabilities == other.probabilities) == (not own.adaptation) for own, other in pairs
    )
    assert [own.span for own, _ in pairs] == [other.span for _, other in pairs]


def test_what_comes_later_changes_nothing_before(recogniser: Recogniser) -> None:
    ending = np.concatenate([SOUND, tone(2.0, HIGH_HZ)])
    longer = rows_of(recogniser, encoded(ending, RATE), adapt=True)
    before = [row for row in rows_of(recogniser, adapt=True) if row.window.end < len(SOUND) / RATE]
    assert len(before) > 5
    assert longer[: len(before) - 1] == before[:-1]


@pytest.mark.slow
def test_a_clip_that_arrives_in_pieces_has_the_same_rows(
    recogniser: Recogniser, tmp_path: Path
) -> None:
    expected = rows_of(recogniser, adapt=True)
    assert expected == rows_of(recogniser, adapt=True)
    arriving = GrowingFile(tmp_path / "upload")

    def feed() -> None:
        for start in range(0, len(CLIP), 7001):
            arriving.append(CLIP[start : start + 7001])
        arriving.finish()

    threading.Thread(target=feed).start()
    with closing(Sandbox(1)) as sandbox, sandbox.open(arriving) as job:
        rows = recogniser.timeline(job.clip, window_s=WINDOW, hop_s=HOP, adapt=True)
        assert list(rows) == expected


def test_an_enrolled_speaker_counts_from_the_start(recogniser: Recogniser) -> None:
    speaker = recogniser.enrol(CLIP, neutral=True)
    fixed = [row for row in rows_of(recogniser, speaker=speaker) if not row.finding]
    (adaptation,) = {row.adaptation for row in fixed}
    assert adaptation.startswith("neutral baseline of 1 clip (")
    learning = [row for row in rows_of(recogniser, speaker=speaker, adapt=True) if not row.finding]
    assert learning[0].adaptation == adaptation
    assert learning[0].probabilities == fixed[0].probabilities
    assert learning[1].adaptation.startswith("1 of 2 clips neutral, the others unlabelled (")


def test_a_voice_far_from_the_speaker_is_not_adapted(tmp_path: Path) -> None:
    load_tone_model(tmp_path)
    add_tone_adaptation(tmp_path, farthest=-1e6)
    recogniser = Recogniser(tmp_path)
    speaker = recogniser.enrol(encoded(tone(1.0, HIGH_HZ), RATE))
    plain = rows_of(recogniser)
    rows = rows_of(recogniser, speaker=speaker, adapt=True)
    assert [row.probabilities for row in rows] == [row.probabilities for row in plain]
    assert {row.adaptation for row in rows} == {""}
    assert all("not adapted: the voice" in row.reason for row in rows if not row.finding)


def test_a_version_without_adaptation_refuses(tmp_path: Path, recogniser: Recogniser) -> None:
    plain = load_tone_model(tmp_path)
    with pytest.raises(AvemoError, match="cannot adapt"):
        rows_of(plain, adapt=True)
    other = tmp_path / "other"
    other.mkdir()
    load_tone_model(other)
    add_tone_adaptation(other, other_space=True)
    speaker = Recogniser(other).enrol(CLIP)
    with pytest.raises(AvemoError, match="enrolled with another version"):
        rows_of(recogniser, speaker=speaker)


def test_rows_pass_through_json(recogniser: Recogniser) -> None:
    row = next(row for row in rows_of(recogniser, adapt=True) if row.adaptation)
    assert TimelineRow.from_dict(row.to_dict()) == row
    older = {name: value for name, value in row.to_dict().items() if name != "adaptation"}
    assert TimelineRow.from_dict(older).adaptation == ""
    assert row.span.end > Fraction(0)
