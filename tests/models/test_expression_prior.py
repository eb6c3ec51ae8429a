"""The expression network's own answers, untrained, and fitted to few clips and to many."""

from collections.abc import Mapping

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.modalities import Modality
from avemo.models.hypermodel import Architectures
from avemo.models.preprocessing import SequencePreprocessor
from avemo.models.shrunk_fit import fit_shrunk
from avemo.pretrained.expression_mobilenet import MEAN_FEATURE, class_shares

AUDIO = "audio_log_probabilities"
Inputs = Mapping[str, NDArray[np.float32]]


def build(modality: Modality, name: str) -> keras.Model:
    preprocessors = {
        MEAN_FEATURE: SequencePreprocessor.unscaled(7),
        AUDIO: SequencePreprocessor.unscaled(len(EMOTIONS)),
    }
    return Architectures(modality, [name], preprocessors, {}, classes=EMOTIONS).build_from({})


def draw(count: int, seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).dirichlet(np.ones(7), (count, 1)).astype("f")


def draw_audio(count: int) -> NDArray[np.float32]:
    values = np.random.default_rng(2).dirichlet(np.ones(len(EMOTIONS)), (count, 1))
    return np.log(values).astype("f")


def predict(network: keras.Model, inputs: Inputs) -> NDArray[np.float32]:
    return np.asarray(network(inputs))


def test_untrained_it_is_the_mapped_expressions() -> None:
    expressions = draw(20)
    expected = expressions[:, 0] @ class_shares(EMOTIONS)
    network = build("visual", "expression_prior")
    np.testing.assert_allclose(predict(network, {MEAN_FEATURE: expressions}), expected, atol=1e-6)


@pytest.mark.slow
def test_ten_clips_cannot_spoil_it_and_two_thousand_can_correct_it() -> None:
    """All clips are of one emotion that the network never sees."""
    moves = {}
    for count in (10, 2000):
        network = build("visual", "expression_prior")
        inputs = {MEAN_FEATURE: draw(count)}
        before = predict(network, inputs)
        labels = np.full(count, EMOTIONS.index("fearful"))
        fit_shrunk(network, inputs, labels)
        moves[count] = float(np.abs(predict(network, inputs) - before).mean())
        kept = (predict(network, inputs).argmax(axis=1) == before.argmax(axis=1)).mean()
        assert kept > 0.7 if count == 10 else kept < 0.3
    assert moves[10] < 0.05 < 0.1 < moves[2000]


@pytest.mark.slow
def test_a_network_that_is_too_sure_gets_a_temperature() -> None:
    random = np.random.default_rng(3)
    labels = random.integers(2, len(EMOTIONS), 2000)
    expressions = np.full((len(labels), 1, 7), 1e-4, np.float32)
    sure = ["happy", "sad", "anger", "fear", "disgust", "surprise"]
    order = ["anger", "disgust", "fear", "happy", "neutral", "sad", "surprise"]
    for row, label in zip(expressions, labels, strict=True):
        name = sure[label - 2] if random.random() < 0.6 else sure[random.integers(6)]
        row[0, order.index(name)] = 1
    network = build("visual", "expression_prior")
    before = predict(network, {MEAN_FEATURE: expressions}).max(axis=1).mean()
    fit_shrunk(network, {MEAN_FEATURE: expressions}, labels)
    after = predict(network, {MEAN_FEATURE: expressions})
    assert before > 0.9
    assert after.max(axis=1).mean() < 0.75
    assert (after.argmax(axis=1) == labels).mean() > 0.6


def test_fused_it_is_the_product_of_what_is_heard_and_seen() -> None:
    visual, audio = draw(12), draw_audio(12)
    product = np.exp(audio[:, 0]) * (visual[:, 0] @ class_shares(EMOTIONS))
    expected = product / product.sum(axis=1, keepdims=True)
    network = build("fused", "late_prior")
    np.testing.assert_allclose(
        predict(network, {AUDIO: audio, MEAN_FEATURE: visual}), expected, atol=1e-5
    )


def test_fused_a_missing_modality_leaves_the_other_s_answer() -> None:
    visual, audio = draw(12), draw_audio(12)
    network = build("fused", "late_prior")
    alone = predict(network, {AUDIO: audio, MEAN_FEATURE: np.zeros_like(visual)})
    np.testing.assert_allclose(alone, np.exp(audio[:, 0]), atol=1e-5)
    alone = predict(network, {AUDIO: np.zeros_like(audio), MEAN_FEATURE: visual})
    np.testing.assert_allclose(alone, visual[:, 0] @ class_shares(EMOTIONS), atol=1e-5)


def test_fused_what_tells_nothing_loses_its_weight() -> None:
    """What is heard is right as often as it says, and what is seen is drawn."""
    labels = np.arange(2000) % len(EMOTIONS)
    named = np.where(np.random.default_rng(4).random(2000) < 0.6, labels, (labels + 3) % 8)
    audio = np.log(np.full((2000, 1, 8), 0.4 / 7, np.float32))
    audio[np.arange(2000), 0, named] = np.log(0.6)
    inputs = {AUDIO: audio, MEAN_FEATURE: draw(2000)}
    network = build("fused", "late_prior")
    fit_shrunk(network, inputs, labels)
    (weights,) = [np.exp(weight.numpy()[0]) for weight in network.trainable_variables]
    assert weights[0] > 0.5
    assert weights[1] < 0.3
