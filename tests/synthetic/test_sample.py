import wave
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.detectors import load_detector
from numpy.typing import NDArray

from avemo.corpus.adapters.ravdess import EMOTIONS, Recording, parse
from avemo.features.audio.dsp.librosa_import import import_librosa
from avemo.settings import Sample
from avemo.synthetic import sample as synthetic
from avemo.synthetic.face import EXPRESSIONS, draw_frames
from avemo.synthetic.voice import DELIVERIES, SAMPLE_RATE, mouth_opening, sing, speak

SEED = 20
ANGRY_SPEECH = Recording(3, 1, 5, 2, 1, 1, 1)
SAD_SONG = Recording(3, 2, 4, 1, 2, 1, 4)  # a breathy voice: breath is random numbers


def sample(actors: int = 2, statements: int = 1, repetitions: int = 1) -> Sample:
    return Sample(
        actors=actors,
        channels=["speech", "song"],
        intensities=["normal", "strong"],
        statements=statements,
        repetitions=repetitions,
    )


def files(folder: Path) -> dict[Path, bytes]:
    return {
        file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One performance of each channel, in its three modalities."""
    folder = tmp_path_factory.mktemp("corpus")
    for performance in (ANGRY_SPEECH, SAD_SONG):
        assert synthetic.write_performance(folder, performance, SEED) == 3
    return folder


def path(folder: Path, performance: Recording, modality: int) -> Path:
    return folder / replace(performance, modality=modality).file


def soundtrack(file: Path) -> NDArray[Any]:
    with av.open(file) as container:
        blocks = [frame.to_ndarray() for frame in container.decode(audio=0)]
    samples: NDArray[Any] = np.concatenate(blocks, axis=1)[0]
    return samples


def spoken(file: Path) -> NDArray[np.float64]:
    with wave.open(str(file)) as sound:
        assert sound.getparams()[:3] == (1, 2, SAMPLE_RATE)
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2") / 32768


def pictures(file: Path) -> list[NDArray[Any]]:
    with av.open(file) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


class TestPerformances:
    def test_everything_is_252(self) -> None:
        takes = list(synthetic.list_performances(sample(actors=12)))
        assert len(takes) == len(set(takes)) == 252
        assert Counter(take.channel for take in takes) == {1: 180, 2: 72}
        assert {take.actor for take in takes} == set(range(1, 13))

    def test_strong_speech_is_96(self) -> None:
        settings = Sample(
            actors=12, channels=["speech"], intensities=["strong"], statements=1, repetitions=1
        )
        takes = list(synthetic.list_performances(settings))
        assert Counter((take.channel, take.emotion == 1, take.intensity) for take in takes) == {
            (1, True, 1): 12,
            (1, False, 2): 84,
        }
        counts = Counter((take.sex, take.label, take.statement) for take in takes)
        assert set(counts.values()) == {3}  # the statement tells neither emotion nor sex

    def test_statements_and_repetitions_multiply(self) -> None:
        assert len(list(synthetic.list_performances(sample(2, 2, 2)))) == 4 * 42

    def test_names_are_in_the_code(self) -> None:
        for take in synthetic.list_performances(sample(24, 2, 2)):
            assert parse(take.file.name) == take

    def test_as_ravdess_leaves_out(self) -> None:
        takes = list(synthetic.list_performances(sample(actors=24)))
        assert not [take for take in takes if take.emotion == 1 and take.intensity == 2]
        songs = [take for take in takes if take.channel == 2]
        assert {take.emotion for take in songs} == set(range(1, 7))
        assert {take.actor for take in songs} == set(range(1, 25)) - {18}

    def test_statement_tells_neither_emotion_nor_sex(self) -> None:
        takes = synthetic.list_performances(sample(actors=12))
        counts = Counter((take.sex, take.channel, take.label, take.statement) for take in takes)
        for (sex, channel, label, statement), count in counts.items():
            assert count == counts[sex, channel, label, 3 - statement]


class TestFiles:
    def test_three_modalities(self, folder: Path) -> None:
        assert set(files(folder)) == {
            Path(replace(performance, modality=modality).file)
            for performance in (ANGRY_SPEECH, SAD_SONG)
            for modality in (1, 2, 3)
        }

    @pytest.mark.parametrize("performance", [ANGRY_SPEECH, SAD_SONG], ids=["speech", "song"])
    def test_film_is_as_long_as_its_sound(self, folder: Path, performance: Recording) -> None:
        seconds = len(spoken(path(folder, performance, 3))) / SAMPLE_RATE
        assert 1.2 < seconds < 4
        for modality in (1, 2):
            with av.open(path(folder, performance, modality)) as container:
                video, audio = container.streams.video[0], container.streams.audio[0]
                assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
                assert video.average_rate is not None
                assert float(video.average_rate) == pytest.approx(29.97, abs=0.01)
                assert (video.width, video.height) == (320, 240)
                for stream in (video, audio):
                    assert stream.duration is not None
                    assert stream.time_base is not None
                    duration_s = float(stream.duration * stream.time_base)
                    assert duration_s == pytest.approx(seconds, abs=0.05)

    @pytest.mark.parametrize("performance", [ANGRY_SPEECH, SAD_SONG], ids=["speech", "song"])
    def test_audio_video_sounds_like_the_wav(self, folder: Path, performance: Recording) -> None:
        alone = spoken(path(folder, performance, 3))
        with_picture = soundtrack(path(folder, performance, 1))[: len(alone)]
        assert np.corrcoef(alone, with_picture)[0, 1] > 0.99

    def test_video_only_has_a_silent_track(self, folder: Path) -> None:
        track = soundtrack(path(folder, ANGRY_SPEECH, 2))
        assert len(track) > SAMPLE_RATE
        assert np.abs(track).max() < 1e-4

    def test_video_only_shows_the_same_pictures(self, folder: Path) -> None:
        with_sound, alone = (pictures(path(folder, SAD_SONG, modality)) for modality in (1, 2))
        assert np.array_equal(with_sound, alone)

    def test_ends_are_quiet(self, folder: Path) -> None:
        sound = spoken(path(folder, ANGRY_SPEECH, 3))
        tenth = SAMPLE_RATE // 10
        for end in (sound[:tenth], sound[-tenth:]):
            assert 0 < end.std() < 0.03 * sound.std()


class TestMake:
    @pytest.mark.slow
    def test_same_bytes_whatever_was_made_before(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # in workers, in the other order, over what an interrupted run might have left
        takes = [SAD_SONG, ANGRY_SPEECH]
        monkeypatch.setattr(synthetic, "list_performances", lambda settings: iter(takes))
        stale = path(tmp_path, SAD_SONG, 1)
        stale.parent.mkdir(parents=True)
        stale.write_bytes(b"half a film")
        assert synthetic.write_sample(tmp_path, sample(), SEED) == 6
        assert files(tmp_path) == files(folder)

    def test_another_seed_is_another_corpus(self, folder: Path, tmp_path: Path) -> None:
        synthetic.write_performance(tmp_path, SAD_SONG, SEED + 1)
        before, after = files(folder), files(tmp_path)
        assert len(after) == 3
        assert all(content != before[name] for name, content in after.items())

    def test_failed_take_leaves_no_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def break_off(*_: object) -> Iterator[NDArray[np.uint8]]:
            yield np.zeros((240, 320, 3), np.uint8)
            raise KeyboardInterrupt

        monkeypatch.setattr(synthetic, "draw_frames", break_off)
        with pytest.raises(KeyboardInterrupt):
            synthetic.write_performance(tmp_path, SAD_SONG, SEED)
        assert not files(tmp_path)


class TestVoice:
    def test_each_emotion_has_a_row(self) -> None:
        assert len(DELIVERIES) == len(EXPRESSIONS) == len(EMOTIONS)

    @pytest.mark.parametrize("actor", [1, 2])
    def test_anger_is_louder_than_sadness(self, actor: int) -> None:
        angry, sad = (
            speak(actor, EMOTIONS.index(emotion), 1.15, 1, SEED, 1) for emotion in ("angry", "sad")
        )
        assert angry.std() > 2 * sad.std()

    @pytest.mark.parametrize("actor", [1, 2])
    def test_song_holds_its_notes(self, actor: int) -> None:
        spoken, sung = (_steady(voice(actor, 0, 0.75, 1, SEED, 1)) for voice in (speak, sing))
        assert sung > 0.6 > spoken

    def test_takes_differ(self) -> None:
        assert not np.array_equal(sing(1, 0, 1, 1, SEED, 1), sing(1, 0, 1, 1, SEED, 2))

    def test_mouth_follows_loudness(self) -> None:
        sound = np.zeros(SAMPLE_RATE)
        sound[SAMPLE_RATE // 2 :] = np.sin(np.arange(SAMPLE_RATE // 2) / 30)
        opening = mouth_opening(sound, np.array([0.1, 0.3, 0.7, 0.9]))
        assert opening == pytest.approx([0, 0, 1, 1], abs=0.02)


def _steady(sound: NDArray[np.float64]) -> float:
    """The share of moments at which the pitch moves by less than a tenth of a semitone."""
    librosa = import_librosa()
    low = librosa.resample(sound, orig_sr=SAMPLE_RATE, target_sr=16000)
    pitch = librosa.yin(low, fmin=60, fmax=600, sr=16000, frame_length=1024, hop_length=256)
    return float(np.mean(np.abs(np.diff(12 * np.log2(pitch))) < 0.1))


class TestFace:
    def test_sound_opens_the_mouth(self) -> None:
        shut, wide = (next(draw_frames(1, 0, 1.0, np.array([how]), SEED, 1)) for how in (0.0, 1.0))
        rows = np.flatnonzero((shut != wide).any(axis=(1, 2)))
        # the mouth, and nothing above the nose, moves
        assert len(rows) > 10
        assert rows.min() > 130

    def test_actors_differ(self) -> None:
        first, second = (next(draw_frames(actor, 0, 1.0, np.zeros(1), SEED, 1)) for actor in (1, 3))
        assert np.abs(first.astype(int) - second).mean() > 5

    @pytest.mark.slow
    def test_a_detector_finds_the_face(self, folder: Path) -> None:
        detector = load_detector("mtcnn")
        for performance in (ANGRY_SPEECH, SAD_SONG):
            film = pictures(path(folder, performance, 1))
            for picture in film[:: len(film) // 4]:
                ((face,),) = detector.detect([np.ascontiguousarray(picture[..., ::-1])])
                assert face.score > 0.8
                drawn = np.array([(138, 108), (182, 108), (160, 139), (142, 158), (178, 158)])
                # the head wanders by a few pixels
                assert face.landmarks == pytest.approx(drawn, abs=18)
