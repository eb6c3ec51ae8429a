"""The versions that answer during a whole run, wherever it is computed.

An alias that moves meanwhile changes nothing; another process gets the versions, not the aliases.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from ..inference.adaptation import SpeakerStatistics
from ..inference.prediction import Prediction
from ..inference.timeline_row import TimelineRow
from ..media.clip import Clip
from ..media.span import Windows
from ..modalities import Modality
from ..paths import find_project
from ..tracking import lookup, store
from ..tracking.keys import PublicKey
from .predictor import PRIOR, Champions, RegisteredModel
from .speaker import Speaker

__all__ = ["Answering", "Enrolled", "PinnedVersions", "Timeline", "VersionId"]


@dataclass(frozen=True)
class VersionId:
    """What tells a version from every other: two with the same seal hold the same files.

    Args:
        name: of the registered model
        number: of the version
        seal: checksum of its files' checksums; empty for a version without
    """

    name: str = ""
    number: str = ""
    seal: str = ""

    @classmethod
    def of(cls, version: lookup.Version) -> VersionId:
        """Return the identity of a version."""
        return cls(version.name, version.number, version.seal)

    @property
    def label(self) -> str:
        """`avemo-fused version 3`, as `Prediction.model` has it."""
        return lookup.version_label(self.name, self.number)


@dataclass(frozen=True)
class PinnedVersions:
    """One version for all clips, or the champions, of which each clip gets the one for its streams.

    Args:
        tracking_uri: where they are registered; empty for the untrained prior
        uri: what the user named for all clips; empty for the champions
        version: what `uri` names; None for the champions, and where it names no version
        champions: by modality; none where one version answers for all clips
        require_key: that must have signed them; None where no signature is required
    """

    tracking_uri: str
    uri: str = ""
    version: lookup.Version | None = None
    champions: Mapping[Modality, lookup.Version] = field(default_factory=dict)
    require_key: PublicKey | None = None

    @classmethod
    def resolve(
        cls,
        uri: str | None,
        *,
        report: Callable[[str], None] = lambda activity: None,
        require_key: PublicKey | None = None,
    ) -> PinnedVersions:
        """Return the versions that answer from now on.

        Args:
            uri: of one model for all clips; None for the champions
            report: is called with what is about to be done
            require_key: see `PinnedVersions`

        Raises:
            AvemoError: the registry cannot be asked
            SettingsError: there is no project here, see `paths.find_project`
        """
        if uri == PRIOR:  # which is in no registry
            version = RegisteredModel(uri, report=report).version
            return cls("", uri=uri, version=version, require_key=require_key)
        store.connect(find_project(), spool=False)
        tracking_uri = os.environ[store.TRACKING_URI]
        if uri:
            model = RegisteredModel(uri, report=report)
            return cls(tracking_uri, uri=uri, version=model.version, require_key=require_key)
        champions = Champions(report).find_versions()
        return cls(tracking_uri, champions=champions, require_key=require_key)

    def find(self, label: str) -> lookup.Version | None:
        """Return the version of a label; None where none of these has it."""
        return next((version for version in self._versions if version.label == label), None)

    @cached_property
    def identities(self) -> dict[str, VersionId]:
        """The identity of each version by its label."""
        return {version.label: VersionId.of(version) for version in self._versions}

    @property
    def _versions(self) -> list[lookup.Version]:
        return [self.version] if self.version else list(self.champions.values())

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The emotions that the versions tell apart, each once."""
        names = (name for version in self._versions for name in version.classes)
        return tuple(dict.fromkeys(names))

    @cached_property
    def key(self) -> str:
        """What changes whenever another version may answer for a clip."""
        named = [
            [identity.name, identity.number, identity.seal] for identity in self.identities.values()
        ]
        fields: list[object] = [self.uri if not named else "", sorted(named)]
        if self.require_key:  # a result without the check does not stand for one with it
            fields.append(self.require_key.fingerprint)
        text = json.dumps(fields)
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def answering(self) -> Answering:
        """What answers in this process; files are checked and loaded on the first clip."""
        if self.tracking_uri:
            os.environ.setdefault(store.TRACKING_URI, self.tracking_uri)
        if not self.uri:
            return Answering(Champions(versions=self.champions, require_key=self.require_key))
        model = RegisteredModel(self.uri, require_key=self.require_key)
        model.version = self.version
        return Answering(model)


class Timeline(NamedTuple):
    """What a version predicts for windows that slide over a clip.

    Args:
        model: the version's label
        classes: the emotions that it tells apart, in its order
        windows: that slide over the clip
        rows: may raise `MediaError` as long as there is none
    """

    model: str
    classes: tuple[str, ...]
    windows: Windows
    rows: Iterator[TimelineRow]


class Enrolled(NamedTuple):
    """What a clip says of its speaker.

    Args:
        model: the version's label
        statistics: in its space
    """

    model: str
    statistics: SpeakerStatistics


class Answering:
    """What answers for clips: one model, or the champions.

    Args:
        models: either
    """

    def __init__(self, models: RegisteredModel | Champions) -> None:
        self._models = models

    def predict(self, file: Path, *, speaker: Speaker | None = None) -> Prediction:
        """Return the prediction for a clip.

        Args:
            file: of the clip
            speaker: whom it is adapted to

        Raises:
            AvemoError: no model is registered, or it cannot be loaded or run
        """
        return self._models.predict(Clip(file), speaker=speaker)

    def enrol(self, file: Path, *, neutral: bool) -> Enrolled:
        """Return what a clip says of its speaker.

        Args:
            file: of the clip
            neutral: the person speaks neutrally in it

        Raises:
            MediaError: the clip cannot be used, or the version that answers for it does not adapt
            AvemoError: as `predict` does
        """
        model = self._model_for(file)
        return Enrolled(model.label, model.enrol(file, neutral=neutral))

    def timeline(
        self,
        file: Path,
        *,
        window_s: float | None,
        hop_s: float | None,
        speaker: Speaker | None = None,
        adapt: bool = False,
    ) -> Timeline:
        """Return a clip's timeline; its rows are computed as they are taken.

        Args:
            file: of the clip
            window_s: length of a window; None for the version's own
            hop_s: from the start of a window to that of the next; None for the version's own
            speaker: whom it is adapted to from the start
            adapt: to each person in the clip, as it goes

        Raises:
            MediaError: the clip holds nothing that a registered model takes, or the model does not
                adapt, or not by what is known of the speaker
            AvemoError: no model is registered, it cannot be loaded or run, or there are no such
                windows
        """
        model = self._model_for(file)
        return Timeline(
            model.label,
            model.classes,
            model.windows(window_s, hop_s),
            model.timeline(file, window_s=window_s, hop_s=hop_s, speaker=speaker, adapt=adapt),
        )

    def _model_for(self, file: Path) -> RegisteredModel:
        if isinstance(self._models, RegisteredModel):
            return self._models
        return self._models.model_for(Clip(file))
