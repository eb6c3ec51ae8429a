"""What the original study's audio systems were, and the accuracy that it reported of each.

Its splits were random: a clip of every actor is in the training part. Of an actor who was never
heard before, the same systems recognise less; see `split.assign`.
"""

from dataclasses import dataclass, field

__all__ = ["CHANNELS", "SYSTEMS", "System"]

#: which recordings a run is on; of RAVDESS's two, or of both together
CHANNELS = ("speech", "song", "both")


@dataclass(frozen=True)
class System:
    """One system.

    Args:
        title: the study's name of it
        what: it was
        extractor: whose features it takes
        accuracy: as published, by channel; a share of all clips of the test part
        studied: whether it is one of the study's
    """

    title: str
    what: str
    extractor: str
    accuracy: dict[str, float] = field(default_factory=dict)
    studied: bool = True


SYSTEMS = {
    "lstm": System(
        "LSTM",
        "MFCC at the mean length into an LSTM and dense layers",
        "mfcc",
        {"song": 0.67, "speech": 0.66, "both": 0.75},
    ),
    "vggish-deep": System(
        "VGGish-Deep",
        "VGGish embeddings into dense tanh layers",
        "vggish",
        {"song": 0.49, "speech": 0.48, "both": 0.62},
    ),
    "vggish-ml": System(
        "VGGish-ML",
        "VGGish embeddings into neighbours, linear SVM or tree",
        "vggish",
        {"song": 0.47, "speech": 0.51, "both": 0.54},
    ),
    "vggish-lstm": System(
        "VGGish-LSTM",
        "VGGish embeddings as a sequence into the LSTM",
        "vggish",
        {"both": 0.49},
    ),
    "cnn": System("CNN", "convolutions on log-mel; the study left no details", "logmel"),
    "whisper-linear": System(
        "Whisper, linear",
        "not the study's, and what a search must pass: Whisper's statistics, logistic regression",
        "whisper",
        studied=False,
    ),
}
