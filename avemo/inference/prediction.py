"""What a model predicts for one clip, whoever asks: library, pyfunc or command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import MediaError
from .evidence import Evidence

__all__ = ["Cell", "Prediction"]

#: a value in a row
Cell = str | float | bool | list[str]

#: before the name of an emotion: its probability in a row
_PREFIX = "p_"


@dataclass(frozen=True)
class Prediction:
    """The emotion in a clip, or why there is none.

    Args:
        probabilities: by emotion, likeliest first; empty where there is a finding
        finding: what is wrong with the clip, see `errors.MediaError`; empty where nothing is
        reason: in a sentence; with probabilities, why they come from sound or picture alone
        model: the registered version that predicted, `avemo-fused version 3`; may be empty
        synthetic: the model was trained on the synthetic sample, so that this means nothing
        unsure: the prediction is "not sure": the likeliest emotion is less probable than the
            model's threshold, see `records.Abstention`
        emotions: those that it cannot exclude, likeliest first, see `records.ConformalSets`; empty
            where there is a finding, and for models of older releases
        classes: the emotions that the model tells apart, in its order; those of `probabilities`
            where none are given, and empty where no model was asked
        evidence: what it was made from
        adaptation: to what of the speaker it is adapted, such as `neutral baseline of 2 clips (27 %
            of the person known)`; empty where it is not, see `adaptation.Adaptation`
    """

    probabilities: Mapping[str, float] = field(default_factory=dict)
    finding: str = ""
    reason: str = ""
    model: str = ""
    synthetic: bool = False
    unsure: bool = False
    emotions: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    adaptation: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", self.classes or tuple(self.probabilities))
        ranked = sorted(self.probabilities.items(), key=lambda item: -item[1])
        object.__setattr__(self, "probabilities", dict(ranked))

    @property
    def emotion(self) -> str:
        """The likeliest emotion; empty where there is a finding."""
        return next(iter(self.probabilities), "")

    @property
    def probability(self) -> float:
        """The probability of the likeliest emotion; NaN where there is a finding."""
        return next(iter(self.probabilities.values()), float("nan"))

    @classmethod
    def from_error(
        cls, error: MediaError, classes: tuple[str, ...] = (), evidence: Evidence | None = None
    ) -> Prediction:
        """Return the prediction for a clip that cannot be used.

        Args:
            error: says why
            classes: as `Prediction` takes them
            evidence: what was looked at
        """
        return cls(
            finding=error.finding,
            reason=str(error),
            classes=classes,
            evidence=evidence or Evidence(),
        )

    def to_row(self) -> dict[str, Cell]:
        """Return the row of a registered version.

        Its columns: emotion, probability, unsure, emotions, p_CLASS for each of `classes`, finding,
        reason, those of `evidence.COLUMNS`, and adaptation.
        """
        row: dict[str, Cell] = {"emotion": self.emotion, "probability": self.probability}
        row |= {"unsure": self.unsure, "emotions": list(self.emotions)}
        for emotion in self.classes:
            row[_PREFIX + emotion] = self.probabilities.get(emotion, float("nan"))
        row |= {"finding": self.finding, "reason": self.reason}
        return row | self.evidence.to_row() | {"adaptation": self.adaptation}

    @classmethod
    def from_row(
        cls, row: Mapping[str, object], *, model: str = "", synthetic: bool = False
    ) -> Prediction:
        """Return the prediction that a row of a registered version holds.

        Args:
            row: see `to_row`; another version may know other emotions, and those of older
                releases have neither `unsure`, `emotions`, evidence nor adaptation
            model: as `Prediction` takes it
            synthetic: as `Prediction` takes it
        """
        finding = str(row["finding"])
        probabilities = {
            name.removeprefix(_PREFIX): float(str(value))
            for name, value in row.items()
            if name.startswith(_PREFIX)
        }
        unsure, emotions = row.get("unsure", False), row.get("emotions", ())
        return cls(
            {} if finding else probabilities,
            finding,
            str(row["reason"]),
            model,
            synthetic,
            unsure=bool(unsure),
            emotions=tuple(map(str, emotions)) if isinstance(emotions, list | tuple) else (),
            classes=tuple(probabilities),
            evidence=Evidence.from_row(row),
            adaptation=str(row.get("adaptation") or ""),
        )
