"""Each adapter on names as its corpus has them, and on real files where there are some."""

from pathlib import Path, PurePath

import pytest

from avemo.corpus.adapters.adapter import Row
from avemo.corpus.adapters.registry import ADAPTERS, detect_adapter
from avemo.corpus.manifest_write import list_folder
from avemo.errors import CorpusError

OTHERS = Path(__file__).parents[3].parent / "shared" / "other_corpora"

DEMOGRAPHICS = (
    "ActorID,Age,Sex,Race,Ethnicity\n1001,51,Male,Caucasian,Not Hispanic\n1002,21,Female,A,B\n"
)
EVALUATION = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
A-E3:\tval 3; act 2; dom  2;\t()

[10.0100 - 11.3925]\tSes01F_impro01_M001\txxx\t[2.5000, 2.5000, 2.5000]
[14.8872 - 18.0175]\tSes01F_impro01_F002\texc\t[2.5000, 2.5000, 2.5000]
"""
UTTERANCES = (
    "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode\n"
    '1,"also I was, the point",Chandler,neutral,neutral,0,0,8,21\n'
    "2,You must\x92ve had,The Interviewer,surprise,positive,0,1,8,21\n"
)
TABLES = {
    "VideoDemographics.csv": DEMOGRAPHICS,
    "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt": EVALUATION,
    "train_sent_emo.csv": UTTERANCES,
    "test_sent_emo.csv": UTTERANCES.replace("neutral,neutral", "anger,negative"),
}

#: by corpus, a file's path and what it stands for; None for a file that is passed over
NAMES: list[tuple[str, str, Row | None]] = [
    ("emodb", "wav/03a01Fa.wav", Row("03", "happy", "03a01Fa", "male")),
    ("emodb", "16b10Lb.wav", Row("16", "boredom", "16b10Lb", "female")),
    ("emodb", "13a07Wc.wav", Row("13", "angry", "13a07Wc", "female")),
    ("emodb", "03a01Xa.wav", None),
    ("crema_d", "AudioWAV/1001_IEO_ANG_HI.wav", Row("1001", "angry", "1001_IEO_ANG_HI", "male")),
    ("crema_d", "1002_DFA_FEA_XX.mp3", Row("1002", "fearful", "1002_DFA_FEA_XX", "female")),
    ("crema_d", "1091_ITH_SAD_X.wav", Row("1091", "sad", "1091_ITH_SAD_X")),
    ("crema_d", "1001_IEO_BOR_HI.wav", None),
    ("tess", "OAF_Fear/OAF_back_fear.wav", Row("OAF", "fearful", "OAF_back_fear", "female")),
    ("tess", "YAF_young_ps.wav", Row("YAF", "surprised", "YAF_young_ps", "female")),
    ("tess", "OA_bite_neutral.wav", Row("OAF", "neutral", "OAF_bite_neutral", "female")),
    ("tess", "OAF_back_joy.wav", None),
    ("savee", "AudioData/DC/sa01.wav", Row("DC", "sad", "DC_sa01", "male")),
    ("savee", "AudioVisualClip/KL/su9.avi", Row("KL", "surprised", "KL_su09", "male")),
    ("savee", "JE_d15.wav", Row("JE", "disgust", "JE_d15", "male")),
    ("savee", "XY_d15.wav", None),
    (
        "mead",
        "MEAD/M003/video/front/disgusted/level_1/001.mp4",
        Row("M003", "disgust", "M003_disgusted_level1_001", "male"),
    ),
    (
        "mead",
        "W009/audio/fear/level_3/012.m4a",
        Row("W009", "fearful", "W009_fear_level3_012", "female"),
    ),
    ("mead", "M003/video/left_60/angry/level_1/001.mp4", None),
    (
        "mead",
        "dreamtalk_M030_front_contempt_level3_001.mp4",
        Row("M030", "contempt", "M030_contempt_level3_001", "male"),
    ),
    (
        "iemocap",
        "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav",
        Row("Ses01F", "neutral", "Ses01F_impro01_F000", "female"),
    ),
    (
        "iemocap",
        "Ses01F_impro01_M001.wav",
        Row("Ses01M", "undecided", "Ses01F_impro01_M001", "male"),
    ),
    (
        "iemocap",
        "Ses01F_impro01_F002.wav",
        Row("Ses01F", "excited", "Ses01F_impro01_F002", "female"),
    ),
    ("iemocap", "Session1/dialog/avi/DivX/Ses01F_impro01.avi", None),
    (
        "meld",
        "train_splits/dia0_utt0.mp4",
        Row("Chandler", "neutral", "train_dia0_utt0", "male", "train"),
    ),
    (
        "meld",
        "output_repeated_splits_test/final_videos_testdia0_utt0.mp4",
        Row("Chandler", "angry", "test_dia0_utt0", "male", "test"),
    ),
    (
        "meld",
        "train_splits/dia0_utt1.mp4",
        Row("The Interviewer", "surprised", "train_dia0_utt1", "unknown", "train"),
    ),
    ("meld", "train_splits/dia7_utt1.mp4", None),
    ("meld", "clips/dia0_utt0.mp4", None),
    (
        "ravdess",
        "Actor_12/03-01-05-02-01-02-12.flac",
        Row("12", "angry", "01-05-02-01-02-12", "female"),
    ),
    ("ravdess", "03-01-09-02-01-02-12.wav", None),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of all corpora."""
    folder = tmp_path_factory.mktemp("tables")
    for name, text in TABLES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode("latin-1"))
    return folder


@pytest.mark.parametrize(("corpus", "path", "expected"), NAMES)
def test_names(folder: Path, corpus: str, path: str, expected: Row | None) -> None:
    listing = ADAPTERS[corpus].list_rows(folder, [PurePath(path)])
    rows = [Row(r.speaker, r.emotion, r.performance, r.sex, r.split) for r in listing.rows]
    assert rows == ([expected] if expected else [])
    assert [row.path for row in listing.rows] == ([path] if expected else [])
    assert [*listing.passed_over.values()] == ([] if expected else [[path]])


@pytest.mark.parametrize("corpus", ADAPTERS)
def test_a_corpus_is_told_by_its_names(folder: Path, corpus: str) -> None:
    paths = [PurePath(path) for name, path, row in NAMES if name == corpus and row]
    assert detect_adapter(folder, paths).name == corpus


def test_of_two_copies_of_a_sound_the_wav_is_used() -> None:
    paths = ["AudioMP3/1001_IEO_ANG_HI.mp3", "AudioMP3/1001_IEO_ANG_LO.mp3"]
    paths += ["AudioWAV/1001_IEO_ANG_HI.wav", "VideoFlash/1001_IEO_ANG_HI.flv"]
    listing = ADAPTERS["crema_d"].list_rows(Path("nowhere"), map(PurePath, paths))
    assert [row.path for row in listing.rows] == paths[1:]
    assert listing.passed_over == {"a copy of a WAV file": paths[:1]}


@pytest.mark.parametrize("corpus", ["iemocap", "meld"])
def test_a_corpus_without_its_tables_is_refused(corpus: str, tmp_path: Path) -> None:
    (tmp_path / "dia0_utt0.mp4").touch()
    with pytest.raises(CorpusError, match="are expected, with the utterances'"):
        list_folder(tmp_path, corpus)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["voice.wav"], "no adapter reads one of its 1 media files"),
        (["03a01Fa.wav", "1001_IEO_ANG_HI.wav"], "crema_d and emodb would each read 1"),
        ([], "has no media files"),
    ],
)
def test_a_folder_of_no_known_corpus(tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(CorpusError, match=message):
        list_folder(tmp_path)


@pytest.mark.real
@pytest.mark.skipif(not OTHERS.exists(), reason="../shared/other_corpora is absent")
@pytest.mark.parametrize(
    ("corpus", "emotions", "sexes"),
    [
        ("emodb", {"angry": 5, "happy": 4, "neutral": 7, "sad": 1}, {"male", "female"}),
        (
            "crema_d",
            dict.fromkeys(("angry", "disgust", "fearful", "happy", "neutral", "sad"), 1),
            {"unknown"},
        ),
        (
            "mead",
            dict.fromkeys(
                ("angry", "contempt", "disgust", "fearful", "happy", "neutral", "sad", "surprised"),
                1,
            ),
            {"male"},
        ),
    ],
)
def test_real_folders(corpus: str, emotions: dict[str, int], sexes: set[str]) -> None:
    listed = list_folder(OTHERS / corpus)
    assert listed.adapter.name == corpus
    assert not listed.listing.passed_over
    counts = [row.emotion for row in listed.listing.rows]
    assert {name: counts.count(name) for name in sorted(set(counts))} == emotions
    assert {row.sex for row in listed.listing.rows} == sexes
