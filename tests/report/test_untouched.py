"""What the untouched expression network saw: kept, read again, and a section of the page."""

import pandas as pd
import pytest

from avemo.errors import AvemoError
from avemo.features.expression import CLASSES
from avemo.report import untouched
from avemo.serving.expression import Seen


def seen(name, sees, chance=0.7, faces=16):
    others = (1 - chance) / (len(CLASSES) - 1)
    return Seen(
        f"/films/{name}.mp4", faces, {k: chance if k == sees else others for k in CLASSES}, "mtcnn"
    )


#: happy, calm, angry, and the first again without its sound
CLIPS = [
    seen("02-01-03-01-01-02-05", "happy"),
    seen("01-01-02-01-01-01-05", "neutral"),
    seen("01-01-05-02-01-01-01", "sad", 0.4),
    seen("01-01-03-01-01-02-05", "happy", 0.9),
]


def test_what_is_kept_is_read_in_order_of_actors(tmp_path):
    assert untouched.read(tmp_path) is None
    untouched.keep(tmp_path, CLIPS)
    found = untouched.read(tmp_path)
    assert list(found["clip"]) == [CLIPS[at].file[7:-4] for at in (2, 1, 3, 0)]
    assert list(found["faces"]) == [16] * 4
    assert list(found["p_happy"].round(3)) == [0.1, 0.05, 0.9, 0.7]


def test_the_section(tmp_path):
    untouched.keep(tmp_path, CLIPS)
    page = "\n".join(untouched.section(untouched.read(tmp_path)))
    rows = [line.split(" | ")[1:] for line in page.splitlines() if line.startswith("| `")]
    assert rows == [
        ["angry", "sad", "0.40", "no |"],
        ["calm", "neutral", "0.70", "yes |"],
        ["happy", "happy", "0.90", "yes |"],
        ["happy", "happy", "0.70", "yes |"],
    ]
    assert "Right are 3 of 4: 0 of 1 of actor 01, 3 of 3 of actor 05" in page
    assert "of disgust and fearful and sad and surprised there is no clip" in page
    assert "found by `mtcnn`" in page


def test_nothing_is_kept_of_a_clip_without_an_answer(tmp_path):
    nobody = Seen("film.mp4", 0, {}, "mtcnn", "no-face", "nobody")
    with pytest.raises(AvemoError, match=r"nothing is kept: of film\.mp4 there is no answer"):
        untouched.keep(tmp_path, [*CLIPS, nobody])
    with pytest.raises(AvemoError, match="nothing is kept: 'holiday' is no RAVDESS name"):
        untouched.keep(tmp_path, [seen("holiday", "happy")])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.drop(columns="p_sad"), "there is no column p_sad"),
        (lambda rows: rows.assign(p_sad=0.5), "sum to one"),
        (lambda rows: pd.concat([rows, rows]), "clips must differ"),
        (lambda rows: rows.assign(clip="01-01-09-01-01-01-01"), "there is no emotion 09"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, change, message):
    untouched.keep(tmp_path, CLIPS)
    file = tmp_path / untouched.FILE
    change(pd.read_csv(file)).to_csv(file, index=False)
    with pytest.raises(AvemoError, match=rf"results/visual/expression\.csv: .*{message}"):
        untouched.read(tmp_path)
