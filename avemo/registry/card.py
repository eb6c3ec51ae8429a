"""A version's model card: what it is for, how good and for whom, and what one may do with it.

`model_card.md` and `model_card.html` stand among the version's files; the same text is its
description, which MLflow's UI shows.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from .. import page
from ..evaluation.bootstrap import Bootstrap
from ..evaluation.paired import MIN_ACTORS
from ..modalities import Modality
from ..records import BundleConfig, CorpusEvaluation, PriorResult
from ..settings import Settings
from ..templates import render
from ..tracking.lineage import Lineage
from .other_corpora import render_section
from .version_figures import compute_figures

__all__ = ["Subject", "render_html", "render_markdown"]

_INPUTS: dict[Modality, str] = {
    "audio": "sound",
    "visual": "the face",
    "fused": "sound and the face",
}
_PROTOCOLS = {
    "actor": "No actor is in two parts, and the test part was looked at once.",
    "emobox": "No actor is in two parts, which are EmoBox's, and the test part was looked at once.",
    "corpus": "Each fold is a corpus: the test part is of a corpus that the model was not trained "
    "on, and was looked at once.",
    "manifest": "Parts are those of the corpus's own split, in which a speaker may be in several; "
    "the test part was looked at once.",
    "random": "Parts were drawn by performance: actors are in several parts, so that the figures "
    "are too good for a new speaker.",
}


@dataclass(frozen=True)
class Subject:
    """What a card is about.

    Args:
        name: of the registered model
        bundle: what its bundle says of the model
        lineage: of the run that trained it; None where it logged none
        predictions: on the test part; None where it has none
        licences: of the pretrained weights inside
        prior: how the untrained prior does; None where the modality has none
        prior_predictions: its predictions on the test part; None where it has none
        prior_reason: why the version is the untrained prior; empty where it is a trained model
        other_corpora: evaluations of this very model
        corpus_licences: of the corpora that it was trained on, by their titles
    """

    name: str
    bundle: BundleConfig
    lineage: Lineage | None
    predictions: pd.DataFrame | None
    licences: str
    prior: PriorResult | None = None
    prior_predictions: pd.DataFrame | None = None
    prior_reason: str = ""
    other_corpora: Sequence[CorpusEvaluation] = ()
    corpus_licences: Mapping[str, str] = field(default_factory=dict)


def render_markdown(subject: Subject, settings: Settings) -> str:
    """Return the card."""
    bundle, lineage = subject.bundle, subject.lineage
    protocol = lineage.protocol if lineage else settings.split.protocol
    members = Counter(member["architecture"] for member in bundle.members)
    rows = subject.predictions
    return render(
        "avemo.registry",
        "model_card.md.j2",
        name=subject.name,
        input=_INPUTS[bundle.modality],
        synthetic=bundle.synthetic,
        classes=bundle.classes,
        figures=None
        if rows is None
        else compute_figures(rows, bundle, Bootstrap.from_settings(settings)),
        abstention=bundle.abstention,
        adaptation=bundle.adaptation,
        adaptation_rows=_adaptation_rows(bundle),
        conformal_sets=bundle.conformal_sets,
        temperature=bundle.temperature,
        corpus=settings.corpus.label,
        recordings=len(lineage.recordings) if lineage else 0,
        prior=subject.prior,
        prior_reason=subject.prior_reason,
        modality=bundle.modality,
        few_actors=_few_actors(bundle),
        trained_on=bundle.trained_on,
        other_corpora=render_section(subject.other_corpora),
        split=bundle.split_id,
        protocol=protocol,
        protocol_note=_PROTOCOLS[protocol],
        members=", ".join(f"{name} × {count}" for name, count in members.items()),
        features=sorted(bundle.features),
        imported=bundle.imported_features,
        min_duration_s=bundle.limits["min_duration_s"],
        licences=subject.licences,
        corpus_licences=subject.corpus_licences,
        lineage=lineage,
    )


def _few_actors(bundle: BundleConfig) -> int:
    """Return how many actors a model of the face was selected on, if they are too few; else 0."""
    actors = bundle.trained_on.actors
    has_face = bundle.modality != "audio" and not bundle.untrained
    return actors if has_face and actors < MIN_ACTORS else 0


def _adaptation_rows(bundle: BundleConfig) -> list[tuple[str, ...]]:
    """Return each case of enrolment with its UAR and the difference to no speaker."""
    if bundle.adaptation is None:
        return []
    differences = bundle.adaptation.difference
    return [
        (case, str(figure), "–" if case == "none" else f"{differences[case]:+}")
        for case, figure in bundle.adaptation.uar.items()
    ]


def render_html(subject: Subject, text: str) -> str:
    """Return the card as a page."""
    return page.html(subject.name, text, {})
