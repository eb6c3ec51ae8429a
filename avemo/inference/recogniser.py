"""From a clip to a prediction, with nothing that stands outside the model's folder.

This code goes into each registered version under a package name of its own, so that every version
predicts with the code that it was trained with. That is why modules import each other by relative
names.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from .. import threads
from ..errors import AvemoError, MediaError
from ..features.arrays import Arrays, Sound
from ..features.registry import extractor_from_spec
from ..media.clip import Clip, Media
from ..media.span import Windows
from ..modalities import MODALITIES, Modality
from ..models.bundle import Bundle
from .adaptation import ADAPTATION_FILE, Adaptation, SpeakerStatistics
from .adapted_model import AdaptedModel, audio_features, audio_probabilities
from .certainty import describe_certainty
from .evidence import Evidence
from .feature_reader import DETECTOR_FOLDER, WEIGHTS_FOLDER, FeatureReader, face_spec
from .prediction import Prediction
from .timeline_row import TimelineRow

__all__ = ["Recogniser", "detector_name", "pack"]

#: training's own files beside a bundle
_NOT_NEEDED = ("history.csv", "predictions.csv", "run.json")


class Recogniser:
    """A trained model in a folder, with all that it needs to predict the emotion in a clip.

    Args:
        folder: as `pack` wrote it
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bundle = Bundle(folder)
        file = folder / ADAPTATION_FILE
        #: how it adapts to a speaker; None where it does not
        self.adaptation = Adaptation.read(file) if file.exists() else None
        feature = self.adaptation.feature if self.adaptation else ""
        self._reader = FeatureReader(self.bundle, folder, feature)

    @property
    def classes(self) -> tuple[str, ...]:
        """The emotions that the model tells apart, in the order of its probabilities."""
        return tuple(self.bundle.config.classes)

    def predict(
        self,
        media: Media,
        *,
        picture: Media | None = None,
        speaker: SpeakerStatistics | None = None,
    ) -> Prediction:
        """Return the prediction for one clip; a fused model does with sound or picture alone.

        It is computed with one thread, as features for training are.

        Args:
            media: a clip, a file's path, or its content
            picture: a film to take the picture from, where sound and picture stand in two files;
                which frames are looked at depends on the film's own sound
            speaker: of the person who speaks, see `enrol`; sound is then predicted from as this
                person speaks

        Raises:
            GraphError: a network cannot be run here
            AvemoError: `speaker` is given, and the version cannot adapt, or not to this one
        """
        if speaker is not None:
            self.require_adaptation().require_own(speaker)
        try:
            self._refuse_imported_features()
        except MediaError as error:
            return Prediction.from_error(error, self.classes)
        with threads.single_threaded():
            return self._predict(media, picture, speaker)

    def enrol(self, media: Media, *, neutral: bool = False) -> SpeakerStatistics:
        """Return what is needed of a clip to adapt to the person who speaks in it.

        The statistics of several clips are added, see `SpeakerStatistics`. They hold no sound.

        Args:
            media: as `predict` takes it; no picture is looked at
            neutral: the person is known to speak in a neutral way; otherwise the model guesses the
                emotion for itself

        Raises:
            MediaError: the sound cannot be used
            AvemoError: the version cannot adapt
            GraphError: a network cannot be run here
        """
        adaptation = self.require_adaptation()
        self._refuse_imported_features()
        with threads.single_threaded(), Clip.of(media) as clip:
            sounds = {rate: clip.sound(rate) for rate in self._reader.sample_rates}
            features = self._audio_features(sounds)
            probabilities = audio_probabilities(self.bundle, adaptation, features)
        return adaptation.observe(features, probabilities, neutral)

    def require_adaptation(self) -> Adaptation:
        """Return how the version adapts to a speaker.

        Raises:
            AvemoError: it does not
        """
        if self.adaptation is None:
            reason = "it sees faces and hears nothing"
            if self.bundle.config.modality != "visual":
                reason = (
                    "it was trained without, by an older release or on too few speakers, or its "
                    "fusion is no product, or an untrained prior: train and register one anew with "
                    "`dvc repro`"
                )
            raise AvemoError(f"this version cannot adapt to a speaker: {reason}")
        return self.adaptation

    def timeline(
        self,
        media: Media | BinaryIO,
        *,
        window_s: float | None = None,
        hop_s: float | None = None,
        speaker: SpeakerStatistics | None = None,
        adapt: bool = False,
    ) -> Iterator[TimelineRow]:
        """Yield predictions for windows that slide over a clip, see `timeline.read_timeline`.

        Args:
            media: a clip, a file's path, its content, or a stream that it arrives by
            window_s: length of a window, in seconds; by default that of the model
            hop_s: from one window to the next, in seconds; by default that of the model, where no
                window is given, or a third of the window
            speaker: of the person who speaks, see `enrol`; the rows are adapted from the start
            adapt: to each person by the windows before, see `timeline_speakers`

        Raises:
            MediaError: there is neither sound nor picture that can be read, or the model takes
                features that cannot be computed
            AvemoError: there are no such windows, or the version cannot adapt, or not to this
                speaker
            GraphError: a network cannot be run here
        """
        from .timeline import read_timeline
        from .timeline_speakers import Speakers

        speakers = None
        if speaker or adapt:
            speakers = Speakers(self.bundle, self.require_adaptation(), speaker, learn=adapt)
        self._refuse_imported_features()
        windows = self.windows(window_s, hop_s)
        with threads.single_threaded(), Clip.of(media) as clip:
            yield from read_timeline(clip, self.bundle, self._reader, windows, speakers)

    def windows(self, window_s: float | None = None, hop_s: float | None = None) -> Windows:
        """Return the windows of a timeline; see `timeline`."""
        config = self.bundle.config
        length = Fraction(str(config.window_s if window_s is None else window_s))
        if hop_s is not None:
            hop = Fraction(str(hop_s))
        else:
            hop = Fraction(str(config.hop_s)) if window_s is None else length / 3
        try:
            return Windows(length, hop)
        except ValueError as error:
            raise AvemoError(str(error)) from None

    def _refuse_imported_features(self) -> None:
        """Refuse a clip if the model takes features that only another program computes.

        Raises:
            MediaError: it does
        """
        if imported := self.bundle.config.imported_features:
            raise MediaError(
                "imported",
                f"features: imported: the model takes {imported}, which avemo cannot compute from "
                "a clip: take another version, such as the champion",
            )

    def _predict(
        self, media: Media, picture: Media | None, speaker: SpeakerStatistics | None
    ) -> Prediction:
        sound_clip = Clip.of(media)
        picture_clip = sound_clip if picture is None else Clip.of(picture)
        features: Arrays = {}
        errors: dict[Modality, MediaError] = {}
        frames = _FrameCounts()
        with sound_clip, picture_clip, ThreadPoolExecutor(1) as pool:
            audio = self._begin_audio_features(sound_clip, pool)
            try:
                features |= self._visual_features(picture_clip, frames)
            except MediaError as error:
                errors["visual"] = error
            try:
                features |= audio.result()
            except MediaError as error:
                errors["audio"] = error
            evidence = self._evidence(sound_clip, picture_clip, errors, frames)
        reasons = [errors[name] for name in MODALITIES if name in errors]
        if reasons and not features:
            return Prediction.from_error(reasons[0], self.classes, evidence)
        model: Bundle | AdaptedModel = self.bundle
        adaptation = ""
        if speaker is not None and "audio" not in errors:
            try:
                model = self._adapt(features, speaker)
            except MediaError as error:
                return Prediction.from_error(error, self.classes, evidence)
            adaptation = self.require_adaptation().describe(speaker)
        row = model.probabilities_of([features])[0]
        config = self.bundle.config
        probabilities = dict(zip(self.classes, map(float, row), strict=True))
        certainty = describe_certainty(probabilities, config)
        return Prediction(
            probabilities,
            reason="; ".join(map(str, reasons)),
            synthetic=config.synthetic,
            unsure=certainty.unsure,
            emotions=certainty.emotions,
            evidence=evidence,
            adaptation=adaptation,
        )

    def _adapt(self, features: Arrays, speaker: SpeakerStatistics) -> AdaptedModel:
        """Return the model that answers for a speaker.

        Raises:
            MediaError: a clip with these features lies too far from the speaker's own
        """
        adaptation = self.require_adaptation()
        sound = audio_features(self.bundle, features)
        probabilities = audio_probabilities(self.bundle, adaptation, sound)
        distance = adaptation.distance(sound, probabilities, speaker)
        if distance > adaptation.max_distance:
            raise MediaError(
                "other-speaker",
                f"the clip lies farther from the speaker's than {distance:.1f} % of other people's "
                "clips do from their own: is it another person, room or microphone? Enrol again, "
                "or predict without the speaker",
            )
        return AdaptedModel(self.bundle, adaptation, speaker)

    def _evidence(
        self,
        sound_clip: Clip,
        picture_clip: Clip,
        errors: Mapping[Modality, MediaError],
        frames: _FrameCounts,
    ) -> Evidence:
        """Return what a prediction is made from; nothing is decoded for it."""
        reader = self._reader
        # where the voice says which frames are looked at, it was located whatever came of it
        spread_by_voice = reader.has_visual and reader.face_settings.spread == "voiced"
        modality = self._used_modality(errors)
        voice = None
        if modality in ("audio", "fused") or spread_by_voice:
            voice = sound_clip.voice(reader.voiced_db)
        audio_track = video_track = None
        with suppress(MediaError):
            audio_track = sound_clip.streams().audio_track if voice else None
            video_track = picture_clip.streams().video_track if reader.has_visual else None
        return Evidence(
            modality=modality,
            voiced_s=voice.voiced_s if voice else 0.0,
            voice_start_s=voice.start_s if voice else None,
            voice_end_s=voice.end_s if voice else None,
            frames=frames.sampled,
            frames_with_face=frames.with_face,
            channel=voice.channel if voice else None,
            audio_track=audio_track,
            video_track=video_track,
        )

    def _used_modality(self, errors: Mapping[Modality, MediaError]) -> Modality | None:
        hears = bool(self._reader.sample_rates) and "audio" not in errors
        sees = self._reader.has_visual and "visual" not in errors
        if hears and sees:
            return "fused"
        return "audio" if hears else "visual" if sees else None

    def _begin_audio_features(self, clip: Clip, pool: ThreadPoolExecutor) -> Future[Arrays]:
        """Read the sound, and compute its features in a thread, beside what is done meanwhile."""
        try:
            sounds = {rate: clip.sound(rate) for rate in self._reader.sample_rates}
        except MediaError as error:
            failed: Future[Arrays] = Future()
            failed.set_exception(error)
            return failed
        return pool.submit(self._audio_features, sounds)

    def _audio_features(self, sounds: Mapping[int, Sound]) -> Arrays:
        """Compute the features of the sound at each sample rate."""
        with threads.single_threaded():
            return self._reader.from_sound(sounds.__getitem__)

    def _visual_features(self, clip: Clip, frames: _FrameCounts) -> Arrays:
        """Compute the features of the faces, and count the frames, also where an error ends it."""
        if not self._reader.has_visual:
            return {}
        from ..faces import extract as faces

        settings, detector = self._reader.face_settings, self._reader.detector
        tracked = faces.track_faces(clip, settings, detector)
        frames.sampled, frames.with_face = len(tracked.frames), tracked.frames_with_face
        return self._reader.from_faces(faces.cut_faces(tracked, settings))


@dataclass
class _FrameCounts:
    """How many frames were sampled, and in how many of them there is a face."""

    sampled: int = 0
    with_face: int = 0


def detector_name(bundle: Bundle) -> str | None:
    """Return the face detector that a model was trained with; None for audio alone."""
    spec = face_spec(bundle)
    return spec.resources["detector"] if spec else None


def pack(bundle: Bundle, detector_files: Mapping[str, bytes], folder: Path) -> None:
    """Write the folder that a recogniser predicts from, with the weights that extractors need.

    Args:
        bundle: the trained model
        detector_files: the face detector's, by name; none for a model of sound alone
        folder: must not exist yet

    Raises:
        AssetError: an extractor's weights are not available any more
    """
    shutil.copytree(bundle.folder, folder, ignore=shutil.ignore_patterns(*_NOT_NEEDED))
    for name, content in detector_files.items():
        (folder / DETECTOR_FOLDER).mkdir(exist_ok=True)
        (folder / DETECTOR_FOLDER / f"{name}.onnx").write_bytes(content)
    specs = [spec for spec in bundle.config.features.values() if not spec.imported]
    for spec in {spec.extractor: spec for spec in specs}.values():
        extractor = extractor_from_spec(spec)
        for name, file in extractor.fetch_weights().items():
            copy = folder / WEIGHTS_FOLDER / name / file.name
            copy.parent.mkdir(parents=True, exist_ok=True)  # extractors may share a network
            shutil.copyfile(file, copy)
