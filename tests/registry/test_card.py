"""A model card says how good the model is and for whom, what it is for, and loudly what not."""

import dataclasses

import pytest
from helpers.bundles import bundle_config, new_abstention, new_sets
from helpers.lineage import new_lineage
from helpers.registered_versions import ROOT, new_predictions

from avemo.config import load_settings
from avemo.features.spec import FeatureSpec
from avemo.records import AdaptationResult, Interval, PriorResult
from avemo.registry import card
from avemo.tracking.descriptions import shorten

BUNDLE = {
    "members": [{"architecture": "cnn"}, {"architecture": "cnn"}, {"architecture": "lstm"}],
    "features": {"logmel": FeatureSpec(extractor="logmel", version=1, settings={})},
    "temperature": 1.25,
}
LINEAGE = new_lineage(dirty=True, seed=7)


def render_card(skill: float | None = 0.9, **bundle: object) -> tuple[card.Subject, str]:
    table = new_predictions(skill) if skill else None
    config = bundle_config(**BUNDLE | bundle)
    subject = card.Subject("avemo-audio", config, LINEAGE, table, "OpenAI: MIT")
    settings = load_settings(ROOT)
    corpus = settings.corpus.model_copy(update={"source": "path"})
    return subject, card.render_markdown(subject, settings.model_copy(update={"corpus": corpus}))


def test_what_it_says() -> None:
    _, text = render_card()
    rows = new_predictions(0.9)
    women = rows[rows["sex"].eq("female")]
    assert text.startswith("# avemo-audio: emotion from sound\n")
    for expected in (
        f"On the test part: {len(rows)} performances of 8 actors",
        "| unweighted average recall (UAR) | 0.9",
        "| surprised | 32 | ",
        f"| women | {len(women)} | ",
        f"| men | {len(rows) - len(women)} | ",
        "after a temperature of 1.25",
        "Corpus: path, 2 recordings. Trained on 64 performances of 4 actors; split s1, ",
        "protocol actor. No actor is in two parts",
        "cnn × 2, lstm × 1, on logmel",
        "CC BY-NC-SA 4.0",
        "OpenAI: MIT",
        'load_model("models:/avemo-audio@champion")',
        "Commit 0123abc with changes that were not committed; run r1",
    ):
        assert expected in text
    assert "synthetic" not in text


def test_the_sample_is_said_before_anything_else() -> None:
    subject, text = render_card(synthetic=True)
    assert text.splitlines()[2].startswith("> **Trained on the synthetic sample corpus")
    assert "CC BY-NC-SA" not in text
    page = card.render_html(subject, text)
    assert page.startswith("<!doctype html>")
    assert "<blockquote>" in page
    assert page.count("<table>") == 3


@pytest.mark.parametrize(
    ("actors", "modality", "warned"),
    [(2, "visual", True), (3, "visual", False), (2, "audio", False)],
)
def test_a_model_of_the_face_that_few_actors_selected(
    actors: int, modality: str, warned: bool
) -> None:
    trained_on = {"performances": 10, "actors": actors}
    _, text = render_card(modality=modality, trained_on=trained_on)
    assert ("Selected and trained on 2 actors: too few to tell" in text) == warned


def test_what_it_says_of_the_untrained_prior() -> None:
    assert "Sound has no untrained prior to compare with" in render_card()[1]
    subject, _ = render_card(modality="visual", untrained=True)
    difference = Interval(-0.25, -0.4, -0.1, actors=4, performances=60)
    prior = PriorResult(difference=difference)
    for reason, expected in (
        ("", "UAR less that of the untrained prior, on the same performances: -0.250 [-0.400, "),
        ("it is worse", "Nothing was learnt from this corpus, because it is worse."),
        (
            "it is worse",
            "The trained model's UAR less that of this prior, on the same performances",
        ),
    ):
        own = dataclasses.replace(subject, prior=prior, prior_reason=reason)
        assert expected in card.render_markdown(own, load_settings(ROOT))


def test_when_it_is_not_sure() -> None:
    assert "Not sure" not in render_card()[1]
    text = render_card(abstention=new_abstention(0.57), conformal_sets=new_sets(0.1))[1]
    promise = (
        'A prediction is "not sure" if the likeliest emotion\'s probability is below 0.57. '
        "**Answers 82% of clips, right in at least 80% of them (95% bound over actors)**, by "
        "cross-validated predictions of 100 performances of 24 actors, unheard in "
        "training. On the test part it answers 1.000 [1.000, 1.000], right in 0.9"
    )
    assert promise in text
    assert (
        "hold the right one for at least 90% of clips (averaged over actors); on the test" in text
    )


def test_a_target_that_is_not_reached_is_no_promise() -> None:
    abstention = new_abstention(0.9, accuracy_low=0.41, coverage=0.1, reached=False)
    text = render_card(skill=0.2, synthetic=True, abstention=abstention)[1]
    assert "**Synthetic sample: what follows promises nothing about people.**" in text
    assert (
        "**The target of 80% right answers is not reached: answers 10% of clips, right in " in text
    )
    assert "at least 41% of them" in text
    assert "On the test part it answers 0.000 [0.000, 0.000]. The bound" in text


def test_without_a_test_part_there_is_no_figure() -> None:
    _, text = render_card(skill=None)
    assert "there are no figures" in text
    assert "UAR" not in text


@pytest.mark.parametrize("length", [10, 4999, 5000, 5001, 20_000])
def test_the_database_takes_the_description(length: int) -> None:
    text = "word\n\n" * (length // 6) + "w" * (length % 6)
    description = shorten(text)
    assert len(description) <= 5000
    assert (description == text) == (length <= 5000)
    assert description == text or description.endswith("The rest is in `model_card.md`.\n")


def test_a_card_is_short_enough_to_be_shown_whole() -> None:
    abstention = new_abstention(0.9, accuracy_low=0.41, reached=False)
    _, text = render_card(synthetic=True, abstention=abstention, conformal_sets=new_sets(0.1))
    assert shorten(text) == text


def test_what_adaptation_to_a_speaker_is_worth() -> None:
    uar = {"none": Interval(0.7, 0.6, 0.8, 8, 64), "even 20": Interval(0.8, 0.7, 0.9, 8, 64)}
    difference = {"none": Interval(0.0, 0.0, 0.0), "even 20": Interval(0.1, 0.05, 0.15)}
    adaptation = AdaptationResult(
        feature="whisper_stats",
        dimensions=7,
        trust=0.5,
        weight=0.5,
        uar=uar,
        difference=difference,
    )
    _, text = render_card(adaptation=adaptation)
    assert "64 performances of 8 speakers" in text
    assert "| none | 0.700 [0.600, 0.800] | – |" in text
    assert "| even 20 | 0.800 [0.700, 0.900] | +0.100 [+0.050, +0.150] |" in text
    assert str(adaptation).endswith("none: 0.700 [0.600, 0.800], even 20: 0.800 [0.700, 0.900]")
    _, text = render_card()
    assert "Adaptation" not in text
