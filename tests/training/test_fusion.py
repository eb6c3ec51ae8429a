"""A fusion is fitted to what each model answers for those that it does not know, and only then."""

from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from helpers.training_task import dataset, project, settings

from avemo.emotions import EMOTIONS
from avemo.errors import CorpusError
from avemo.evaluation import metrics
from avemo.models import preprocessing
from avemo.models.hypermodel import Architectures
from avemo.tracking import json_file
from avemo.training import fusion, stacking

COLUMNS = list(metrics.PROBABILITIES)


def answered(rows, skill, seed):
    """A model's answers for some performances: the better, the higher the skill."""
    draw = np.random.default_rng(seed)
    scores = draw.normal(size=(len(rows), len(EMOTIONS)))
    places = [EMOTIONS.index(name) for name in rows["emotion"]]
    scores[np.arange(len(rows)), places] += skill
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    table = rows[["performance", "actor", "fold", "part"]].assign(true=rows["emotion"])
    return table.assign(**dict(zip(COLUMNS, chances.T, strict=True)))


def found_by(project, part, table, split="0123456789ab", temperature=1.0):
    """What the search of a part leaves."""
    folder = project.search(part)
    folder.mkdir(parents=True, exist_ok=True)
    json_file.write(
        folder / "found.json",
        {"split": split, "temperature": temperature, "members": [{"architecture": part}]},
    )
    if table is not None:
        table.to_csv(folder / stacking.FILE, index=False)


@pytest.fixture
def unseen():
    """The performances that are not tested on."""
    rows = dataset().rows
    return rows[rows["part"].ne("test")]


def test_the_performances_that_both_have_answered_for(tmp_path, unseen):
    made = project(tmp_path)
    heard, seen = answered(unseen, 1, 1), answered(unseen[::2], 1, 2)
    found_by(made, "audio", heard, temperature=2.0)
    found_by(made, "visual", seen)
    found = fusion.with_answers(made, dataset())
    assert found.rows["performance"].tolist() == seen["performance"].tolist()
    assert "test" not in set(found.rows["part"])
    first = np.exp(found.features["audio_answers"][0][0])
    chances = np.sqrt(heard.iloc[0][COLUMNS].to_numpy(float))  # at a temperature of two
    np.testing.assert_allclose(first, chances / chances.sum(), atol=1e-5)


def test_the_answers_of_another_split_are_refused(tmp_path, unseen):
    made = project(tmp_path)
    found_by(made, "audio", answered(unseen, 1, 1))
    found_by(made, "visual", answered(unseen, 1, 2), split="ba9876543210")
    with pytest.raises(CorpusError, match="visual"):
        fusion.with_answers(made, dataset())


def test_where_nothing_was_judged_there_are_no_answers(tmp_path, unseen):
    made = project(tmp_path)
    found_by(made, "audio", answered(unseen, 1, 1))
    found_by(made, "visual", None)
    assert len(fusion.with_answers(made, dataset())) == 0


def trial(architecture):
    return {"hyperparameters": {"architecture": architecture}}


def choice(tables):
    """Chooses the first trial, which answers as its table says."""
    return lambda trials: (
        {"members": [trials[0]["hyperparameters"]]},
        tables[trials[0]["hyperparameters"]["architecture"]],
    )


@pytest.mark.parametrize(
    ("skill", "wins", "architecture"), [(6.0, True, "attention"), (0.5, False, "late")]
)
def test_only_what_is_surely_better_is_taken(tmp_path, unseen, skill, wins, architecture):
    made = project(tmp_path)
    found_by(made, "audio", answered(unseen, 2, 1))
    found_by(made, "visual", answered(unseen, 1, 2))
    tables = {"attention": answered(unseen, skill, 3), "late": answered(unseen, 2, 1)}
    trials = [trial("attention"), trial("late")]
    found, given = fusion.settled(made, settings(), trials, choice(tables))
    assert found["members"] == [{"architecture": architecture}]
    pd.testing.assert_frame_equal(given, tables[architecture])
    fused = found["fusion"]
    assert (fused["wins"], fused["better"]) == (wins, "audio")
    assert fused["alone"]["audio"] > fused["alone"]["visual"]
    value, low, high = fused["difference"]
    assert low <= value <= high
    assert value == pytest.approx(fused["fused"] - fused["alone"]["audio"])
    said = fusion.note(found)
    assert ("better than either model alone" in said) is wins
    assert "against audio alone" in said


def test_every_way_to_fuse_is_told_by_its_best_trial(tmp_path, unseen):
    made = project(tmp_path)
    found_by(made, "audio", answered(unseen, 2, 1))
    found_by(made, "visual", answered(unseen, 1, 2))
    tables = {"attention": answered(unseen, 3, 3), "late": answered(unseen, 2, 1)}
    trials = [trial("attention"), trial("late"), trial("attention")]
    rows = fusion.compared(made, trials, choice(tables))
    assert list(rows["system"].unique()) == ["audio", "visual", "attention", "late"]
    for name, table in tables.items():
        own = rows.loc[rows["system"].eq(name), list(metrics.PROBABILITIES)]
        np.testing.assert_array_equal(own, table[list(metrics.PROBABILITIES)])
    assert (
        rows.groupby("system")["performance"].agg(lambda one: " ".join(sorted(one))).nunique() == 1
    )


class Part:
    """A trained model of one feature."""

    def __init__(self, name, columns, seed):
        keras.utils.set_random_seed(seed)
        given = keras.Input((2, columns), name=name)
        x = keras.layers.Dense(len(EMOTIONS), activation="softmax")(keras.layers.Flatten()(given))
        self.network = keras.Model({name: given}, x)
        self.preprocessors = {
            name: preprocessing.SequencePreprocessor(2, [0.0] * columns, [1.0] * columns)
        }


def test_the_whole_goes_by_way_of_each_model_s_own_answer():
    bundles = {"audio": Part("heard", 3, 1), "visual": Part("seen", 5, 2)}
    late = Architectures("fused", ["late"], fusion.identities(), {}).build_from({})
    draw = np.random.default_rng(3)
    late.set_weights([draw.normal(size=w.shape) for w in late.get_weights()])
    whole = fusion.whole(late, bundles)
    given = {"heard": draw.normal(size=(4, 2, 3)), "seen": draw.normal(size=(4, 2, 5))}
    given["seen"][0] = 0  # missing
    logs = {}
    for part, name in (("audio", "heard"), ("visual", "seen")):
        chances = bundles[part].network.predict({name: given[name]}, verbose=0)
        logs[f"{part}_answers"] = np.log(chances)[:, None]
    logs["visual_answers"][0] = 0
    found = whole.predict(given, verbose=0)
    np.testing.assert_allclose(found, late.predict(logs, verbose=0), atol=1e-5)


def test_a_fusion_with_nothing_to_learn_from_stays_what_it_begins_with():
    from avemo.training.fit import fit

    data = replace(dataset(), features={name: dataset().features["whisper"] for name in ("x",)})
    nothing = data.where(data.rows["part"].eq("none"))
    late = Architectures("fused", ["late"], fusion.identities(), {})
    network = late.build_from({})
    before = [w.copy() for w in network.get_weights()]
    options = {"augmentation": late.augmentation_for({}), "epochs": 1, "batch_size": 4, "seed": 1}
    assert fit(network, nothing, fusion.identities(), **options).empty
    assert all(np.array_equal(*both) for both in zip(before, network.get_weights(), strict=True))
