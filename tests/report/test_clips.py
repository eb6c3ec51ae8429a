"""What registered models answered for single clips: kept, read again, and a section of the page."""

import pandas as pd
import pytest

from avemo.corpus.ravdess import EMOTIONS
from avemo.errors import AvemoError
from avemo.report import clips
from avemo.serving.predictor import Prediction


def answered(name, says, chance=0.7, **more):
    others = (1 - chance) / (len(EMOTIONS) - 1)
    chances = {k: chance if k == says else others for k in EMOTIONS}
    return Prediction(f"/films/{name}.mp4", "avemo-fused version 1", chances, **more)


CLIPS = [
    answered("02-01-03-01-01-02-05", "happy"),
    answered("01-01-05-02-01-01-01", "sad", 0.4),
    answered("01-01-05-01-01-01-01", "angry"),
]
PARTS = {"01-05-02-01-01-01": "test", "01-05-01-01-01-01": "test", "01-03-01-01-02-05": "train"}


def test_what_is_kept_and_what_is_said_of_it(tmp_path):
    assert clips.read(tmp_path) is None
    clips.keep(tmp_path, CLIPS, PARTS)
    found = clips.read(tmp_path)
    assert found["clip"].str[-2:].tolist() == ["01", "01", "05"]
    page = "\n".join(clips.section(found))
    rows = [line.split(" | ")[1:] for line in page.splitlines() if line.startswith("| `")]
    fused = "avemo-fused version 1"
    assert rows == [
        ["angry", fused, "angry", "0.70", "yes", "unknown |"],
        ["angry", fused, "sad", "0.40", "no", "unknown |"],
        ["happy", fused, "happy", "0.70", "yes", "known |"],
    ]
    assert "Of unknown actors 1 of 2 are right" in page


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (Prediction("film.mp4", "", {}, "no-face", "nobody"), r"of film\.mp4 there is no answer"),
        (answered("holiday", "happy"), "'holiday' is no RAVDESS name"),
        (answered("01-01-05-02-01-01-01", "sad", synthetic=True), "on the synthetic sample"),
    ],
)
def test_nothing_is_kept_of_what_says_nothing(tmp_path, one, message):
    with pytest.raises(AvemoError, match=f"nothing is kept: .*{message}"):
        clips.keep(tmp_path, [*CLIPS[:1], one], PARTS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.drop(columns="part"), "there is no column part"),
        (lambda rows: rows.assign(p_sad=0.9), "sum to one"),
        (lambda rows: pd.concat([rows, rows]), "clips must differ"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, change, message):
    clips.keep(tmp_path, CLIPS, PARTS)
    change(clips.read(tmp_path)).to_csv(tmp_path / clips.FILE, index=False)
    with pytest.raises(AvemoError, match=f"{clips.FILE}: .*{message}"):
        clips.read(tmp_path)
