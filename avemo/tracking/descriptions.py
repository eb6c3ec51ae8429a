"""What the MLflow UI says of each experiment and registered model."""

__all__ = ["EXPERIMENTS", "EXPERIMENT_TAGS", "MAX_LENGTH", "MODELS", "shorten"]

#: of a version's description in MLflow's database, in characters
MAX_LENGTH = 5000

_RUNS = (
    "A run `search` compares architectures and hyperparameters on inner folds; each trial is a "
    "child run. A run `train` fits what the search chose; the stage evaluate adds its figures on "
    "the test part. Compare runs `train` by `test_uar`, with its interval from `test_uar_low` to "
    "`test_uar_high`, and trials by `uar`. UAR is the unweighted average recall; guessing among "
    "N emotions has 1/N. The tag `avemo.corpus` says which runs are of the synthetic sample."
)
_ALIASES = (
    "The alias `champion` is the version that is served, `candidate` the newest, `previous` the "
    "champion before. `avemo registry check` says what a candidate must show."
)
_FROM = {
    "audio": "Emotion from sound alone.",
    "visual": "Emotion from the speaker's face alone.",
    "fused": "Emotion from sound and face together.",
}

#: of the experiments `avemo/NAME`, in Markdown
EXPERIMENTS = {name: f"{text} {_RUNS}" for name, text in _FROM.items()} | {
    "baselines": "The original study's systems, one run for each system, channel and protocol; "
    "folds and variants are child runs. They have the metrics of the other experiments' runs.",
    "watch": "Folders that `avemo watch` watches, a run for each: how many clips have which "
    "emotion, and the shares of those that are not sure and of those with a finding, over the "
    "number of clips.",
}
#: of the registered models `avemo-NAME`
MODELS = {f"avemo-{name}": f"{text} {_ALIASES}" for name, text in _FROM.items()}
#: by which the UI shows runs, metrics and models, and not traces and prompts
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}


def shorten(text: str, limit: int = MAX_LENGTH) -> str:
    """Return as much of a card as MLflow's database takes."""
    if len(text) <= limit:
        return text
    rest = "\n\nThe rest is in `model_card.md`.\n"
    return text[: limit - len(rest)].rpartition("\n\n")[0] + rest
