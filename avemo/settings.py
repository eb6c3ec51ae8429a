"""The types of params.yaml; `config.load_settings` reads it."""

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import (
    BeforeValidator,
    Field,
    SerializeAsAny,
    field_validator,
    model_validator,
)

from .errors import join_names
from .faces.settings import Settings as FaceSettings
from .features.names import extractor_names
from .modalities import MODALITIES, Modality, Unimodal
from .records import Protocol
from .schema import Strict

__all__ = ["SYNTHETIC_LABEL", "Labels", "Serving", "Settings"]

#: the tag of runs and versions that the synthetic sample made
SYNTHETIC_LABEL = "sample (synthetic)"

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


class Sample(Strict):
    """The synthetic sample corpus.

    Args:
        actors: how many
        channels: what they do
        intensities: how strongly each emotion is acted; neutral is always `normal`
        statements: how many each emotion is spoken with
        repetitions: of each statement
    """

    actors: Annotated[int, Field(ge=2, le=24)]
    channels: Annotated[list[Literal["speech", "song"]], Field(min_length=1)]
    intensities: Annotated[list[Literal["normal", "strong"]], Field(min_length=1)]
    statements: Annotated[int, Field(ge=1, le=2)]
    repetitions: Annotated[int, Field(ge=1, le=2)]


class Zenodo(Strict):
    """Which of the published archives are fetched."""

    record: Positive
    modalities: Annotated[list[Literal["audio", "video"]], Field(min_length=1)]
    channels: Annotated[list[Literal["speech", "song"]], Field(min_length=1)]
    actors: Annotated[
        list[Annotated[int, Field(ge=1, le=24)]],
        BeforeValidator(lambda value: [*range(1, 25)] if value == "all" else value),
        Field(min_length=1),
    ]
    parallel: Annotated[int, Field(ge=1, le=8)]
    keep_archives: bool


class Corpus(Strict):
    """Where the recordings come from."""

    source: Literal["sample", "path", "zenodo", "manifest"]
    path: str
    sample: Sample
    zenodo: Zenodo

    @property
    def synthetic(self) -> bool:
        """Whether the corpus is the synthetic sample: figures on it say nothing about accuracy."""
        return self.source == "sample"

    @property
    def label(self) -> str:
        """The tag of runs and versions."""
        return SYNTHETIC_LABEL if self.synthetic else self.source


#: it becomes part of a column's and of a metric's name, and stands in lists with commas or spaces
_ClassName = Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9_-]*$")]


class Labels(Strict):
    """The emotions that the models tell apart, and what each corpus's own emotions count as.

    Args:
        classes: in the order of the models' outputs
        corpora: by corpus, what its emotions count as; None leaves their recordings out
    """

    classes: Annotated[list[_ClassName], Field(min_length=2)]
    corpora: dict[str, dict[str, str | None]]

    @model_validator(mode="after")
    def _check_classes(self) -> "Labels":
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes: {self.classes} contains duplicates")
        for corpus, names in self.corpora.items():
            targets = {target for target in names.values() if target is not None}
            if unknown := sorted(targets - set(self.classes)):
                raise ValueError(
                    f"corpora.{corpus}: {join_names(unknown)} is not among classes, "
                    f"{', '.join(self.classes)}"
                )
        return self

    def class_of(self, corpus: str, emotion: str) -> str | None:
        """Return the class that a corpus's own emotion counts as; None if it is left out.

        Raises:
            KeyError: neither a class nor the corpus's mapping has the emotion
        """
        names = self.corpora.get(corpus, {})
        if emotion in names:
            return names[emotion]
        if emotion in self.classes:
            return emotion
        raise KeyError(emotion)


#: findings of recordings that can be used: a setting says whether they are
ConfigurableFinding = Literal[
    "silent", "too-short", "clipped", "trailing", "folder", "emotion", "identical"
]


class Catalogue(Strict):
    """Which recordings are set aside.

    Args:
        max_set_aside: the share of recordings that may be, at most
        min_duration_s: a shorter recording is `too-short`
        silence_dbfs: a sound whose peak stays below it is `silent`
        max_clipped_ratio: with a larger share of samples at full scale, a sound is `clipped`
        findings: whether a finding excludes a recording or only warns
    """

    max_set_aside: Share
    min_duration_s: Seconds
    silence_dbfs: Annotated[float, Field(lt=0)]
    max_clipped_ratio: Share
    findings: dict[ConfigurableFinding, Literal["exclude", "warn"]]

    @field_validator("findings")
    @classmethod
    def _complete(cls, value: dict[ConfigurableFinding, str]) -> dict[ConfigurableFinding, str]:
        missing = [name for name in get_args(ConfigurableFinding) if name not in value]
        if missing:
            raise ValueError(f"each class needs exclude or warn; {join_names(missing)} has none")
        return value


class Split(Strict):
    """How performances are split into train, valid and test.

    Args:
        protocol: folds disjoint by speaker (`actor`), EmoBox's of RAVDESS, a fold for each corpus,
            those of the manifest, or random ones, stratified by emotion
        folds: their number
        test_fold: the fold that is the test part
        valid_fold: the fold that is the validation part
    """

    protocol: Protocol
    folds: Annotated[int, Field(ge=3)]
    test_fold: Positive
    valid_fold: Positive

    @model_validator(mode="after")
    def _folds_differ(self) -> "Split":
        if max(self.test_fold, self.valid_fold) > self.folds:
            raise ValueError(f"test_fold and valid_fold must be at most folds, {self.folds}")
        if self.test_fold == self.valid_fold:
            raise ValueError("test_fold and valid_fold must be two different folds")
        if self.protocol == "emobox" and self.folds != 6:
            raise ValueError(f"folds is {self.folds}, and protocol emobox has 6: set folds to 6")
        return self


class Budget(Strict):
    """How long a modality is searched and trained.

    Args:
        trials: configurations that are tried
        epochs: of each fit
        members: of the ensemble
        left_out: architectures that are not searched
    """

    trials: Positive
    epochs: Positive
    members: Positive
    left_out: list[str] = Field(default_factory=list)


class Imported(Strict):
    """By extractor, where features are that other programs computed, from the project's folder."""

    openface: str


class Search(Strict):
    """One modality's search.

    Args:
        architectures: by name
        fallback: those that are searched where none of `architectures` has its features
        sampling_order: the architectures that random configurations are drawn of, one after
            another and again from the start; those without features are left out, and where none
            remains, every architecture has its turn
    """

    architectures: Annotated[list[str], Field(min_length=1)]
    fallback: list[str]
    sampling_order: list[str]
    batch_size: Positive
    quick: Budget
    full: Budget


class Searches(Strict):
    """The searches of the three modalities."""

    budget: Literal["quick", "full"]
    workers: Positive
    audio: Search
    visual: Search
    fused: Search

    @model_validator(mode="after")
    def _single_fusion(self) -> "Searches":
        if max(self.fused.quick.members, self.fused.full.members) > 1:
            raise ValueError("fused: members must be 1")
        return self

    def of(self, modality: Modality) -> Search:
        """Return the search of one modality."""
        search: Search = getattr(self, modality)
        return search

    def budget_of(self, modality: Modality) -> Budget:
        """Return the budget of one modality that `budget` names."""
        search = self.of(modality)
        return search.full if self.budget == "full" else search.quick

    def architectures_of(self, modality: Modality) -> list[str]:
        """Return the architectures of one modality that are searched, if they have features."""
        left_out = self.budget_of(modality).left_out
        return [name for name in self.of(modality).architectures if name not in left_out]

    @model_validator(mode="after")
    def _architectures_exist(self) -> "Searches":
        for modality in MODALITIES:
            search = self.of(modality)
            names = search.architectures + search.fallback
            if len(set(names)) < len(names):
                raise ValueError(f"{modality}.architectures: {names} contains duplicates")
            for key in ("architectures", "fallback"):
                for name in getattr(search, key):
                    _architecture_exists(modality, name, f"search.{modality}.{key}")
            if unknown := sorted(set(search.sampling_order) - set(names)):
                raise ValueError(
                    f"{modality}.sampling_order: {join_names(unknown)} is not among "
                    f"{', '.join(names)}"
                )
            for key, budget in (("quick", search.quick), ("full", search.full)):
                for name in budget.left_out:
                    _architecture_exists(modality, name, f"search.{modality}.{key}.left_out")
                if set(search.architectures) <= set(budget.left_out):
                    raise ValueError(
                        f"{modality}.{key}.left_out: every architecture is left out, "
                        "at least one must remain"
                    )
        return self


class Baselines(Strict):
    """How the original study's systems are trained."""

    channels: Annotated[
        list[Literal["speech", "song", "both"]],
        BeforeValidator(lambda value: ["speech", "song", "both"] if value == "all" else value),
        Field(min_length=1),
    ]
    protocols: Annotated[list[Literal["random", "actor", "emobox"]], Field(min_length=1)]
    epochs: Positive
    patience: Positive
    batch_size: Positive

    @field_validator("channels", "protocols")
    @classmethod
    def _once(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError(f"{value} contains duplicates")
        return value


class Evaluation(Strict):
    """Confidence intervals of the figures.

    Args:
        resamples: bootstrap samples of the actors
        confidence: of the intervals, such as 0.95
    """

    resamples: Annotated[int, Field(ge=100)]
    confidence: Annotated[float, Field(gt=0.5, lt=1)]


class Abstention(Strict):
    """When a prediction is "not sure", and how large conformal sets are.

    Args:
        min_accuracy: the share of right answers that the lower bound must reach
        min_coverage: thresholds under which a smaller share of clips is answered are not tried
        set_coverage: how often a conformal set holds the right emotion, at least
    """

    min_accuracy: Annotated[float, Field(gt=0, lt=1)]
    min_coverage: Annotated[float, Field(gt=0, le=1)]
    set_coverage: Annotated[float, Field(gt=0, lt=1)]


class Adaptation(Strict):
    """How the adaptation of audio models to a speaker is chosen and measured.

    Args:
        draws: of enrolments of each mix and size, for each speaker
        max_loss: in unweighted average recall, that no mix may cost on the folds to choose by
        false_alarms: the share of a person's own clips that are taken for another's
    """

    draws: Annotated[int, Field(ge=1, le=100)]
    max_loss: Annotated[float, Field(ge=0, lt=1)]
    false_alarms: Annotated[float, Field(gt=0, lt=1)]


class Timeline(Strict):
    """The windows of a timeline, unless whoever asks for one says otherwise."""

    window_s: Annotated[float, Field(gt=0, le=60)]
    hop_s: Annotated[float, Field(gt=0)]

    @model_validator(mode="after")
    def _check_hop(self) -> "Timeline":
        if self.hop_s > self.window_s:
            raise ValueError(
                f"hop_s is {self.hop_s:g}, at most window_s ({self.window_s:g}) is expected: a"
                " longer hop would leave time out"
            )
        return self


class ShadowLimits(Strict):
    """What a candidate must show in the comparison of `avemo serve --shadow`.

    Args:
        min_compared: clips that at least one of the two versions gave an emotion for, at least
        min_sources: that these are of, at least: persons, cameras, projects
        min_agreement: the lower bound of the share of the same answers, at least
        max_distance: the upper bound of the mean total variation of the probabilities, at most
    """

    min_compared: Positive = 200
    min_sources: Annotated[int, Field(ge=2)] = 5
    min_agreement: Share = 0.9
    max_distance: Share = 0.1


class Promotion(Strict):
    """What a candidate must show before it becomes the champion.

    Args:
        min_uar: unweighted average recall on the test part, at least
        min_recall: the recall of the emotion that is recognised worst, at least
        max_calibration_error: at most
        margin: by how much the lower bound of the difference in UAR to the champion may lie
            below 0
        prior_margin: the same for the difference to the untrained prior of the modality
        max_sex_gap: between the UAR on women and on men, at most
        max_latency_ratio: of the time that an answer takes to the champion's, at most
        max_size_ratio: of the version's bytes to the champion's, at most
        require_key: the file of the public key that must have signed it, from the project's folder;
            empty where no signature is required
        shadow: in the comparison with the champion on real requests; None where none is required
    """

    min_uar: Share
    min_recall: Share
    max_calibration_error: Share
    margin: Share
    prior_margin: Share
    max_sex_gap: Share
    max_latency_ratio: Annotated[float, Field(gt=0)]
    max_size_ratio: Annotated[float, Field(gt=0)]
    require_key: str = ""
    shadow: ShadowLimits | None = None


class ServedSpeakers(Strict):
    """What `avemo serve` keeps of people whom its clients enrol: statistics, and no voice.

    Args:
        keep: whether it keeps anything
        retention_days: after the last clip, a person's statistics are deleted
        max_speakers: who is kept at most
        max_clips: of each
    """

    keep: bool = False
    retention_days: Annotated[float, Field(gt=0)] = 30.0
    max_speakers: Positive = 1000
    max_clips: Positive = 100


class ServedShadow(Strict):
    """The version that `avemo serve` compares with the one that answers.

    Args:
        version: its alias, such as `candidate`, or its number; empty where none is compared
        share: of the clips, that it is asked for, too
        report_s: from one writing of the report to the next
        niceness: of its process, from 0, like all others, to 19, whatever nobody else wants
    """

    version: str = ""
    share: Annotated[float, Field(gt=0, le=1)] = 0.2
    report_s: Seconds = 300.0
    niceness: Annotated[int, Field(ge=0, le=19)] = 19


class Serving(Strict):
    """What `avemo serve` takes and how long it waits; it works without a params.yaml, too.

    Args:
        purpose: what the answers are for, in a sentence; needed beyond this machine
        max_upload_mb: the body of a request, at most
        max_timeline_mb: of a request for a timeline
        max_json_mb: of a request in JSON, which is read into memory
        max_files: in one request
        max_queue_s: seconds of media that wait for a worker; what comes beyond is refused
        timeout_s: from a request's first byte to the last of its answer
        timeline_timeout_s: the same for a timeline
        timelines: that are computed at a time
        idle_s: a sender that sends nothing for so long is refused
        spool_mb: uploads on disk, of all requests together
        poll_s: from one look at the alias to the next
        load_timeout_s: a new version must load and answer its example in this time
        drain_s: for the requests under way when the service is stopped
        require_key: as in `Promotion`, for each version that answers
        speakers: what is kept of people
        record: the folder that answers are recorded in, from the project's folder; None for none
        record_days: how long a recorded answer is kept
        shadow: what is compared with the version that answers
    """

    purpose: str = ""
    max_upload_mb: Annotated[float, Field(gt=0)] = 200.0
    max_timeline_mb: Annotated[float, Field(gt=0)] = 2000.0
    max_json_mb: Annotated[float, Field(gt=0)] = 32.0
    max_files: Positive = 64
    max_queue_s: Seconds = 300.0
    timeout_s: Seconds = 60.0
    timeline_timeout_s: Seconds = 3600.0
    timelines: Positive = 2
    idle_s: Seconds = 10.0
    spool_mb: Annotated[float, Field(gt=0)] = 4000.0
    poll_s: Seconds = 5.0
    load_timeout_s: Seconds = 120.0
    drain_s: Seconds = 30.0
    require_key: str = ""
    speakers: ServedSpeakers = ServedSpeakers()
    record: str | None = None
    record_days: Annotated[float, Field(gt=0, le=36_500)] = 30.0
    shadow: ServedShadow = ServedShadow()


class Ray(Strict):
    """The cluster that `engine: ray` runs on."""

    address: str


class Settings(Strict):
    """All of params.yaml; each extractor has the settings that its module declares."""

    seed: Positive
    engine: Literal["local", "ray"]
    ray: Ray
    corpus: Corpus
    labels: Labels
    catalogue: Catalogue
    split: Split
    extractors: dict[str, SerializeAsAny[Strict]]
    imported: Imported
    faces: FaceSettings
    search: Searches
    baselines: Baselines
    evaluation: Evaluation
    abstention: Abstention
    adaptation: Adaptation
    timeline: Timeline
    promotion: Promotion
    serving: Serving = Field(default_factory=Serving)

    @property
    def cluster(self) -> str | None:
        """The Ray cluster to compute features on, if any."""
        return self.ray.address if self.engine == "ray" else None

    @property
    def baseline_protocols(self) -> list[Protocol]:
        """The protocols that baselines are run by: EmoBox's, too, if the split is EmoBox's."""
        named: list[Protocol] = list(self.baselines.protocols)
        is_missing = self.split.protocol == "emobox" and "emobox" not in named
        return [*named, "emobox"] if is_missing else named

    def extractors_of(self, modality: Unimodal) -> dict[str, Strict]:
        """Return the settings of the extractors of one modality."""
        names = extractor_names(modality)
        return {name: value for name, value in self.extractors.items() if name in names}


def _architecture_exists(modality: str, name: str, key: str) -> None:
    folder = Path(__file__).parent / "models" / ("fusion" if modality == "fused" else modality)
    known = sorted(file.stem for file in folder.glob("[a-z]*.py"))
    if name not in known:
        raise ValueError(f"{name!r} is unknown; {key} takes {', '.join(known)}")
