"""The original study's systems, and the accuracy that it reported of each.

Its splits were random: a clip of every actor is in the training part. The same systems recognise
less of an actor who is in no training part; see `split.assign`.
"""

from dataclasses import dataclass, field

from ..records import Channel

__all__ = ["CHANNELS", "SYSTEMS", "System"]

#: which recordings a run is on: of one of RAVDESS's two channels, or of both together
CHANNELS: tuple[Channel, ...] = ("speech", "song", "both")


@dataclass(frozen=True)
class System:
    """One system.

    Args:
        title: the study's name of it
        description: what it is, in a few words
        accuracy: as published, by channel, a share of all clips of the test part; the lowest and
            the highest where the study had several. Those of systems that see came without a
            channel and stand under both.
        settings: by extractor, those that its features must have
        from_study: whether it is one of the study's
    """

    title: str
    description: str
    accuracy: dict[str, tuple[float, ...]] = field(default_factory=dict)
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    from_study: bool = True


SYSTEMS = {
    "lstm": System(
        "LSTM",
        "MFCC at the mean length into an LSTM and dense layers",
        {"song": (0.67,), "speech": (0.66,), "both": (0.75,)},
    ),
    "vggish-deep": System(
        "VGGish-Deep",
        "VGGish embeddings into dense tanh layers",
        {"song": (0.49,), "speech": (0.48,), "both": (0.62,)},
    ),
    "vggish-ml": System(
        "VGGish-ML",
        "VGGish embeddings into neighbours, linear SVM or tree",
        {"song": (0.47,), "speech": (0.51,), "both": (0.54,)},
    ),
    "vggish-lstm": System(
        "VGGish-LSTM",
        "VGGish embeddings as a sequence into the LSTM",
        {"both": (0.49,)},
    ),
    "cnn": System("CNN", "convolutions on log-mel; the study left no details"),
    "face-cnn": System(
        "CNN on faces",
        "convolutions from scratch on the middle frame's face, grey or in colour",
        {"both": (0.15, 0.19)},
    ),
    "face-vgg16": System(
        "VGG16",
        "VGG16's view of the faces, averaged, into dense layers",
        {"both": (0.32,)},
        {"backbone": {"network": "vgg16"}},
    ),
    "av-modules": System(
        "Audio-visual",
        "a module for each type of input, LSTM and CNN, joined by dense layers",
        {"both": (0.11,)},
    ),
    "av-features": System(
        "Audio-visual, merged features",
        "statistics of MFCC and the face's pixels into dense layers",
    ),
    "av-outputs": System(
        "Audio-visual, merged outputs",
        "the mean probabilities of an LSTM on MFCC and a CNN on the face",
    ),
    "whisper-linear": System(
        "Whisper, linear",
        "not the study's, and what a search must pass: Whisper's statistics, logistic regression",
        from_study=False,
    ),
}
