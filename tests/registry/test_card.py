"""A model card says how good the model is and for whom, what it is for, and loudly what not."""

import pytest
from helpers.bundles import bundle_config
from helpers.lineage import new_lineage
from helpers.registered_versions import ROOT, new_predictions

from avemo.config import load_settings
from avemo.features.spec import FeatureSpec
from avemo.registry import card

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
    women = rows[rows["actor"] % 2 == 0]
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


def test_without_a_test_part_there_is_no_figure() -> None:
    _, text = render_card(skill=None)
    assert "there are no figures" in text
    assert "UAR" not in text


@pytest.mark.parametrize("length", [10, 4999, 5000, 5001, 20_000])
def test_the_database_takes_the_description(length: int) -> None:
    text = "word\n\n" * (length // 6) + "w" * (length % 6)
    description = card.shorten(text)
    assert len(description) <= 5000
    assert (description == text) == (length <= 5000)
    assert description == text or description.endswith("The rest is in `model_card.md`.\n")


def test_a_card_is_short_enough_to_be_shown_whole() -> None:
    _, text = render_card(synthetic=True)
    assert card.shorten(text) == text
