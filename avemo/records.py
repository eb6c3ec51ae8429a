"""What one stage leaves for another: each file is written and read by the same class.

`Record.read` refuses a file of another version. Where a stage may have had nothing to do, it leaves
`Skipped` with the reason, and `read_or_skipped` returns whichever is there.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from .features.spec import PROGRAM, FeatureSpec
from .modalities import Modality, Unimodal
from .schema import Record, Value, read_fields

__all__ = [
    "Abstention",
    "AdaptationResult",
    "BaselineResult",
    "BaselineRun",
    "BundleConfig",
    "Channel",
    "Configuration",
    "ConformalSets",
    "CorpusEvaluation",
    "CrossValidatedFold",
    "CrossValidationResult",
    "EvaluationResult",
    "FeatureSpec",
    "Figures",
    "FoldResult",
    "FusedFold",
    "FusionChoice",
    "FusionCrossValidation",
    "Interval",
    "ModalityResult",
    "PriorResult",
    "Protocol",
    "Registration",
    "SearchResult",
    "Skipped",
    "SkippedRun",
    "SystemName",
    "TrainResult",
    "TrainedOn",
    "Trial",
    "ValidationProfile",
    "read_or_skipped",
]

Channel = Literal["speech", "song", "both"]
Protocol = Literal["random", "actor", "emobox", "corpus", "manifest"]
#: of one of the original study's systems, such as `vggish-deep`
SystemName = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]

#: hyperparameters of one trial by name, `architecture` among them
Configuration = dict[str, bool | int | float | str | None]


@dataclass(frozen=True)
class Interval:
    """A figure and its confidence interval.

    Args:
        value: the figure itself
        low: the interval's lower bound; None for fewer than two actors
        high: the interval's upper bound; None for fewer than two actors
        actors: how many actors were drawn from; zero where that is not known
        performances: how many performances the figure is of; zero where that is not known
    """

    value: float
    low: float | None = None
    high: float | None = None
    actors: int = 0
    performances: int = 0

    @property
    def positive(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.low is not None and self.low > 0

    def __str__(self) -> str:
        return f"{self}"

    def __format__(self, sign: str) -> str:
        """Return `0.712 [0.634, 0.790]`, or `0.712` without bounds; with `+`, each has its sign."""
        # what lies halfway is rounded alike on every machine: sums differ in the last digits
        value, low, high = (
            "" if number is None else f"{round(number, 12):{sign}.3f}"
            for number in (self.value, self.low, self.high)
        )
        return f"{value} [{low}, {high}]" if low and high else value


#: by name: uar, accuracy, macro_f1, log_loss, calibration_error, recall_EMOTION, coverage,
#: selective_accuracy, ...
Figures = dict[str, Interval]


class Skipped(Record):
    """A stage had nothing to do for a modality.

    Args:
        reason: why, in a sentence
    """

    reason: str


class Trial(Value):
    """One configuration that a search tried.

    Args:
        run_id: its run in MLflow
        hyperparameters: its configuration
        val_uar: mean unweighted average recall over the inner folds
    """

    run_id: str
    hyperparameters: Configuration
    val_uar: float


class FusionChoice(Value):
    """A fusion, compared with the better unimodal model on the same performances.

    Args:
        performances: how many were compared on
        unimodal: UAR of each model alone
        best_unimodal: the better of them
        fused: UAR of the fusion
        difference: UAR of the fusion less that of the better model alone
        challenger: the architecture of the best fusion besides the late one; empty where one of the
            two was not tried
        gain: UAR of the challenger less that of the late fusion; None likewise
    """

    performances: int
    unimodal: dict[Unimodal, float]
    best_unimodal: Unimodal
    fused: float
    difference: Interval
    challenger: str = ""
    gain: Interval | None = None


class SearchResult(Record):
    """`results/search/MODALITY/search.json`: what a search chose.

    Args:
        run_id: the search's run in MLflow
        split_id: of the split that it was made on
        val_uar: of the best trial; None where there was nothing to choose by
        trials: best first
        members: the configurations that become the ensemble's members
        temperature: of the ensemble; None where there was nothing to fit it on
        fusion: for the fused modality, what the fusion was compared with
    """

    run_id: str
    split_id: str
    val_uar: float | None
    trials: list[Trial]
    members: list[Configuration]
    temperature: float | None
    fusion: FusionChoice | None = None


class TrainResult(Record):
    """`results/train/MODALITY/run.json`: which run trained the model, and how good it was.

    Args:
        run_id: in MLflow
        architecture: the members' architectures, joined by ` + `
        valid: figures on what the members were not trained on; None where there was nothing
        note: of a fusion, why it was chosen; else empty
    """

    run_id: str
    architecture: str
    valid: Figures | None
    note: str = ""


class TrainedOn(Value):
    """What a model was trained on.

    Args:
        performances: how many
        actors: how many
        corpora: by name; none for the synthetic sample, and where nothing was trained
    """

    performances: int
    actors: int
    corpora: list[str] = Field(default_factory=list)


class Abstention(Value):
    """When a model abstains, that is, when its prediction counts as "not sure".

    The figures are of cross-validated predictions of actors that the models were not trained on,
    see `evaluation.abstention`.

    Args:
        threshold: a prediction is "not sure" if the likeliest emotion's probability is below it
        coverage: the share of performances with an answer, that is, which are not "not sure"
        accuracy: the share of right answers among them
        accuracy_low: lower bound of `accuracy`; None for fewer than two actors
        performances: how many the figures are of
        actors: how many the figures are of
        confidence: of the interval over actors that `accuracy_low` is the lower end of
        target: what `accuracy_low` was to reach
        reached: whether it does; if not, `threshold` is the strictest that was tried
    """

    threshold: float
    coverage: float
    accuracy: float
    accuracy_low: float | None
    performances: int
    actors: int
    confidence: float
    target: float
    reached: bool

    def __str__(self) -> str:
        """Return the promise: what share of clips is answered, and how often that is right."""
        if self.accuracy_low is None:
            right = f"right in {self.accuracy:.0%} of them (one actor, hence no bound)"
        else:
            bound = f"{self.confidence:.0%} bound over actors"
            right = f"right in at least {_round_down(self.accuracy_low)} of them ({bound})"
        promise = f"answers {self.coverage:.0%} of clips, {right}"
        if self.reached:
            return promise
        return f"the target of {self.target:.0%} right answers is not reached: {promise}"


class ConformalSets(Value):
    """Which emotions a prediction cannot exclude, see `evaluation.conformal`.

    Args:
        threshold: a set holds the emotions whose probability is at least this, and the likeliest
        coverage: the share of clips of a new actor whose set holds the right emotion, at least, on
            average over actors
        mean_size: how many emotions a set holds on average
    """

    threshold: float
    coverage: float
    mean_size: float

    def __str__(self) -> str:
        """Return what the sets promise."""
        return (
            f"sets of {self.mean_size:.1f} emotions on average hold the right one for at least "
            f"{_round_down(self.coverage)} of clips (averaged over actors)"
        )


class AdaptationResult(Value):
    """How a model adapts to a speaker, see `models.adaptation`, and what that is worth.

    The figures are of speakers that neither the model nor the adaptation was fitted to.

    Args:
        feature: that the adaptation is computed from
        dimensions: of its space
        trust: as how many clips one counts whose emotion is not known
        weight: of the correction
        uar: by case, such as `neutral 2` or `even 20`, and `none` without a speaker
        difference: by case, the same less that of `none`
    """

    feature: str
    dimensions: int
    trust: float
    weight: float
    uar: Figures
    difference: Figures

    def __str__(self) -> str:
        """Return the recall without a speaker, and with the cases that are asked for most."""
        cases = [case for case in ("none", "neutral 2", "even 5", "even 20") if case in self.uar]
        figures = ", ".join(f"{case}: {self.uar[case]}" for case in cases)
        return f"to a speaker, by {self.feature}; UAR by what they are enrolled with: {figures}"


class BundleConfig(Record):
    """`bundle.json`: what a trained model is, and how its input is made.

    Args:
        modality: audio, visual or fused
        architecture: the members' architectures, joined by ` + `
        members: their configurations
        classes: the emotions, in the order of the probabilities
        features: by feature, what it was computed by
        limits: `min_duration_s` and `silence_dbfs`: below them a sound is refused
        split_id: of the split that it was trained on
        seed: of the run
        temperature: that its probabilities were divided by
        synthetic: trained on the synthetic sample, so that its answers mean nothing
        trained_on: how much it was trained on
        abstention: when its prediction is "not sure"; None where there was nothing to choose by
        conformal_sets: which emotions a prediction cannot exclude; None likewise
        adaptation: to a speaker; None where it does not adapt
        window_s: length of a timeline's window in seconds, where nobody asks for another
        hop_s: from one window to the next in seconds, likewise
        inputs: by feature, the fields of its preprocessor, see `models.preprocessing`
        untrained: it is the untrained prior of its modality, see `models.prior`
    """

    modality: Modality
    architecture: str
    members: list[Configuration]
    classes: list[str]
    features: dict[str, FeatureSpec]
    limits: dict[str, float]
    split_id: str
    seed: int
    temperature: float
    synthetic: bool
    trained_on: TrainedOn
    abstention: Abstention | None = None
    conformal_sets: ConformalSets | None = None
    adaptation: AdaptationResult | None = None
    window_s: float = 3.0
    hop_s: float = 1.0
    inputs: dict[str, dict[str, object]] = Field(default_factory=dict)
    untrained: bool = False

    @property
    def imported_features(self) -> str:
        """The features that another program computed, such as `openface (OpenFace 2)`.

        With any, the model cannot predict from a film. Empty where there are none.
        """
        imported = {name: spec for name, spec in sorted(self.features.items()) if spec.imported}
        return ", ".join(f"{name} ({spec.resources[PROGRAM]})" for name, spec in imported.items())


class PriorResult(Value):
    """How the untrained prior of a modality does on the test part, see `models.prior`.

    Args:
        test: its figures; None where the test part holds nothing
        difference: the trained model's UAR less the prior's, on the performances of both; None
            where there are none
    """

    test: Figures | None = None
    difference: Interval | None = None


class ModalityResult(Value):
    """How good a trained model is on the test part.

    Args:
        run_id: the run that trained it
        architecture: as in `TrainResult`
        test: figures on the test part; None where it holds no performance of the modality
        no_test_data: why there are none; else empty
        unimodal: for the fused model, its figures where one modality alone is there
        prior: how the untrained prior does; None where the modality has none
        skipped: why there is no model; else empty
    """

    run_id: str = ""
    architecture: str = ""
    test: Figures | None = None
    no_test_data: str = ""
    unimodal: dict[Unimodal, Figures] = Field(default_factory=dict)
    prior: PriorResult | None = None
    skipped: str = ""


class EvaluationResult(Record):
    """`results/evaluation/metrics.json`.

    Args:
        synthetic: the corpus is the synthetic sample, so that figures say nothing about accuracy
        protocol: of the split
        modalities: by modality
    """

    synthetic: bool
    protocol: Protocol
    modalities: dict[Modality, ModalityResult]


class RegisteredVersion(Value):
    """A version in the registry.

    Args:
        name: of the registered model
        version: its number
        model_id: of MLflow's logged model
        run_id: the run that trained it
        aliases: those that it got when it was registered
        not_champion: why it can never become the champion; else empty
        prior_reason: why it is the untrained prior and not the trained model; empty where it is not
    """

    name: str
    version: str
    model_id: str
    run_id: str
    aliases: list[str]
    not_champion: str = ""
    prior_reason: str = ""


class Registration(Record):
    """`results/registered.json`: by modality, the version or why there is none."""

    versions: dict[Modality, RegisteredVersion]
    skipped: dict[Modality, str] = Field(default_factory=dict)


class CorpusEvaluation(Record):
    """`summary.json` of `avemo evaluate`: how a version does on people of one corpus.

    Args:
        corpus: its name
        title: the corpus's own name
        model: the registered model's name, or that of the untrained prior
        number: of its version
        run_id: the run that trained it; empty where its files name none
        untrained: it is an untrained prior
        synthetic: it was trained on the synthetic sample, so that the figures mean nothing
        trained_on: the own names of the corpora that it was trained on; empty where its files name
            none
        familiar: the corpus is one of these
        right: how many clips' likeliest emotion is the true one
        figures: of the clips with an answer; intervals are drawn over speakers
        chance_level: the UAR of guessing
        test: the version's own figures on the test part that it was registered with; None where it
            has none
        left_out: by reason, how many clips have an emotion that is no class of the version
        failed: by finding, how many clips have no answer
        one_stream: how many clips a fused model answered from sound or picture alone
    """

    corpus: str
    title: str
    model: str
    number: str
    run_id: str
    untrained: bool
    synthetic: bool
    trained_on: list[str]
    familiar: bool
    right: int
    figures: Figures
    chance_level: float
    test: Figures | None
    left_out: dict[str, int]
    failed: dict[str, int]
    one_stream: int

    @property
    def label(self) -> str:
        """`avemo-audio version 3`."""
        return f"{self.model} version {self.number}"

    @property
    def clips(self) -> int:
        """How many clips have an answer."""
        return self.figures["uar"].performances

    @property
    def speakers(self) -> int:
        """How many speak in the clips with an answer."""
        return self.figures["uar"].actors

    @property
    def sentence(self) -> str:
        """How well the version does, in one sentence without a full stop."""
        source = ""
        if self.synthetic:
            source = ", trained on the synthetic sample,"
        elif self.trained_on:
            source = f", trained on {' and '.join(self.trained_on)},"
        people = "1 speaker" if self.speakers == 1 else f"{self.speakers:,} speakers"
        return (
            f"{self.label}{source} is right on {self.right:,} of {self.clips:,} clips of "
            f"{self.title} (UAR {self.figures['uar']}, {people}; guessing {self.chance_level:.3f})"
        )


class FoldResult(Value):
    """One fold of a cross-validation of the whole procedure.

    Args:
        fold: its number
        actors: who is tested
        members: the architecture of each model whose mean answer it is, chosen without these actors
        configurations: of the members
        temperature: what the answer's logarithms are divided by, fitted without the tested actors
        inner_uar: of the ensemble, on the actors that it was chosen by
        uar: on the tested actors
    """

    fold: int
    actors: Sequence[int | str]
    members: list[str]
    configurations: list[Configuration]
    temperature: float
    inner_uar: float
    uar: float


class CrossValidatedFold(FoldResult):
    """A fold's result, with its run in MLflow.

    Args:
        corpora: that the fold's performances are of
    """

    actors: list[str]
    corpora: list[str] = Field(default_factory=list)
    run_id: str
    run_name: str


class CrossValidationResult(Record):
    """`summary.json` of the stage `crossvalidate`.

    Args:
        figures: of all folds' predictions together, by metric
    """

    synthetic: bool
    protocol: Protocol
    run_id: str
    run_name: str
    folds: list[CrossValidatedFold]
    figures: dict[str, Interval]


class FusedFold(Value):
    """One fold of a cross-validation of the fusion, with its run in MLflow.

    Args:
        fold: its number
        actors: who is tested
        weights: by modality, of the late fusion; fitted without these actors
        uars: by system, on the tested actors
    """

    fold: int
    actors: list[str]
    weights: dict[Unimodal, float]
    uars: dict[str, float]
    run_id: str
    run_name: str


class FusionCrossValidation(Record):
    """`summary.json` of the stage `crossvalidate-fused`.

    A system is a modality alone or a way to fuse the two; all are of the same performances.

    Args:
        figures: by system, of all folds' predictions together, by metric
        gains: by fusion, its UAR less that of the better single modality
    """

    synthetic: bool
    protocol: Protocol
    run_id: str
    run_name: str
    folds: list[FusedFold]
    figures: dict[str, Figures]
    gains: Figures


class BaselineRun(Value):
    """A baseline on a channel, by a protocol.

    Args:
        predictions: the file's name, beside the record
        test: the figures on the test parts, by metric
    """

    channel: Channel
    protocol: Protocol
    experiment: str
    run_id: str
    run_name: str
    predictions: str
    test: dict[str, Interval]


class SkippedRun(Value):
    """A channel and protocol that a baseline could not be run on."""

    channel: Channel
    protocol: Protocol
    reason: str


class BaselineResult(Record):
    """`runs.json` of the stage `baselines`."""

    system: SystemName
    synthetic: bool
    runs: list[BaselineRun]
    skipped_runs: list[SkippedRun]


class ValidationProfile(Record):
    """`profile.json` of a version: what it predicted for its validation data, and how that was.

    The predictions are of performances whose actors the predicting models were not trained on.

    Args:
        modality: of the model
        performances: how many the profile is of
        emotions: how often each emotion was the likeliest
        unsure: how many predictions were "not sure"
        loudness_dbfs: 21 quantiles, from the lowest to the highest, of the sounds' peaks; empty
            where none is heard
        face_px: the same of the faces' sizes, the root of a box's area; empty where none is seen
    """

    modality: Modality
    performances: int
    emotions: dict[str, int]
    unsure: int
    loudness_dbfs: list[float]
    face_px: list[float]


AnyRecord = TypeVar("AnyRecord", bound=Record)


def _round_down(share: float) -> str:
    """Return a share in whole per cent, never more than it is."""
    return f"{math.floor(share * 100 + 1e-9)}%"


def read_or_skipped(record: type[AnyRecord], file: Path) -> AnyRecord | Skipped:
    """Read a record, or the reason why there is none.

    Raises:
        AvemoError: the file is missing or damaged, or holds something else
    """
    fields: Mapping[str, object] = read_fields(file)
    kind = Skipped if fields.get("record") == Skipped.__name__ else record
    return kind.parse(dict(fields), file)
