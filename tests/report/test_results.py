"""The pages say what is published, and the same predictions make the same bytes."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from helpers.results import CHANNELS, publish

from avemo.baselines.published import SYSTEMS
from avemo.config import load_settings
from avemo.errors import AvemoError
from avemo.evaluation import metrics
from avemo.evaluation.abstention import risk_coverage, select_threshold, selective_figures
from avemo.evaluation.bootstrap import Bootstrap
from avemo.evaluation.conformal import fit_sets
from avemo.records import Abstention, Interval
from avemo.report import published
from avemo.report.pages import render_results, write_pages
from avemo.report.scored import score

ROOT = Path(__file__).parents[2]
SETTINGS = load_settings(ROOT)
SETTINGS = SETTINGS.model_copy(
    update={"evaluation": SETTINGS.evaluation.model_copy(update={"resamples": 200})}
)
BOOTSTRAP = Bootstrap.from_settings(SETTINGS)
FIGURES = {"accuracies.svg", "confusion.svg", "folds.svg", "reliability.svg"}
FIGURES |= {"risk_coverage.svg"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with predictions on real recordings, as they would be."""
    root = tmp_path_factory.mktemp("checkout")
    publish(root / published.FOLDER, skipped={"vggish-deep": "no weights_of_it"})
    pages = ["docs/results.md", "docs/results.html", "docs/experiments.md"]
    assert write_pages(root, SETTINGS) == pages
    return root


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs/results.md").read_text()


def text(folder: Path, **how: Any) -> str:
    return render_results(
        score(published.read(publish(folder, **how)), BOOTSTRAP, SETTINGS.abstention)
    )


def section(page: str, title: str) -> str:
    return page.partition(f"## {title}\n")[2].partition("\n## ")[0]


def figures(table: pd.DataFrame) -> dict[str, Interval]:
    return metrics.intervals(table, BOOTSTRAP)


def test_the_headline(root: Path, page: str) -> None:
    table = published.read_predictions(root / published.FOLDER / "champion/speech.csv", "it")
    scores = figures(table)
    head = page.partition("\n## ")[0]
    assert f"**UAR {scores['uar']}, accuracy {scores['accuracy']}**" in head
    assert "speech, 8 emotions, 384 performances of 12 actors" in head
    assert f"| the champion | {scores['uar']} |" in head
    assert re.findall(r"\| (0\.\d+) \|", head) == ["0.82", "0.751"]
    assert "Nothing was chosen on the fold that it is reported on" in head
    assert "95% interval of 200 draws" in head
    assert "`avemo report` made this page" in head
    assert "synthetic" not in page.lower()


def test_the_baselines_beside_what_was_published(root: Path, page: str) -> None:
    baselines = section(page, "Baselines").replace("\N{NO-BREAK SPACE}", " ")
    rows = [line.strip("| ").split(" | ") for line in baselines.splitlines() if "| `" in line]
    systems = [(f"`{name}`", channel) for name in ("lstm", "cnn") for channel in CHANNELS]
    assert [(row[0], row[1]) for row in rows] == systems
    shares = {(row[0], row[1]): row[2] for row in rows}
    assert shares["`lstm`", "both"] == "0.75"
    assert shares["`cnn`", "speech"] == "–"
    for system, channel, _, *ours in rows:
        expected = []
        for protocol in ("random", "actor"):
            name = f"{system.strip('`')}-{channel}-{protocol}.csv"
            scores = figures(
                published.read_predictions(root / published.FOLDER / "baselines" / name, name)
            )
            expected += [str(scores["accuracy"]), str(scores["uar"])]
        assert ours == expected


def test_what_was_not_run_is_a_line_for_each_cause(page: str) -> None:
    lines = [line for line in section(page, "Baselines").splitlines() if line.startswith("- ")]
    assert len(lines) == 2
    deep = "`vggish-deep` (speech, published: 0.48; song, published: 0.49; both, published: 0.62)"
    assert lines[0] == f"- {deep}: no weights\\_of\\_it"
    others = [name for name in SYSTEMS if name not in ("lstm", "cnn", "vggish-deep")]
    assert re.findall(r"`(.*?)`", lines[1]) == others
    assert "`face-vgg16` (both, published: 0.32), " in lines[1]
    assert lines[1].endswith(": no run of it is published")


@pytest.mark.slow
def test_a_channel_that_was_left_out_says_why(tmp_path: Path) -> None:
    folder = publish(tmp_path / "published", systems=["lstm"])
    file = folder / "runs.json"
    facts = json.loads(file.read_text())
    (system,) = facts["systems"]
    (left,) = [
        run for run in system["runs"] if (run["channel"], run["protocol"]) == ("song", "actor")
    ]
    system["runs"].remove(left)
    system["skipped_runs"] = [
        {"channel": "song", "protocol": "actor", "reason": "there is no song"}
    ]
    file.write_text(json.dumps(facts))
    (folder / "baselines/lstm-song-actor.csv").unlink()
    page = render_results(score(published.read(folder), BOOTSTRAP, SETTINGS.abstention))
    assert "\n- `lstm` (song, unseen actors): there is no song\n" in page
    (row,) = re.findall(r"\| `lstm` \| song \|.*", page)
    assert row.endswith("] | not run | not run |")


def test_a_system_that_the_study_had_not(tmp_path: Path) -> None:
    page = text(tmp_path / "published", systems=["whisper-linear"], champions={})
    assert "The study had no `whisper-linear`." in page
    assert re.search(r"\| `whisper-linear` \| song \| – \| 0\.", page)


@pytest.mark.slow
def test_emobox_s_folds_have_a_table_of_their_own(tmp_path: Path, page: str) -> None:
    assert "EmoBox" not in page
    folder = publish(tmp_path / published.FOLDER, systems=["lstm"], emobox=["lstm"])
    beside = render_results(score(published.read(folder), BOOTSTRAP, SETTINGS.abstention))
    alone = text(tmp_path / "alone", systems=["lstm"])
    listed, other = (section(page, "Baselines").splitlines() for page in (beside, alone))
    added = [line for line in listed if line not in other]
    assert added[0].startswith("*The six test folds that EmoBox publishes for RAVDESS")
    for channel, row in zip(CHANNELS, added[3:], strict=True):
        rows = published.read_predictions(folder / f"baselines/lstm-{channel}-emobox.csv", "it")
        scores = {name: str(figures(rows)[name]) for name in ("accuracy", "uar")}
        cells = f"| `lstm` | {channel} | {scores['accuracy']} | {scores['uar']} |"
        assert row.replace("\N{NO-BREAK SPACE}", " ") == cells


def test_what_is_of_other_folds_is_not_emobox_s(tmp_path: Path) -> None:
    folder = publish(tmp_path / published.FOLDER, systems=["lstm"], emobox=["lstm"])
    shutil.copyfile(
        folder / "baselines/lstm-song-actor.csv", folder / "baselines/lstm-song-emobox.csv"
    )
    with pytest.raises(
        AvemoError, match=r"song-emobox\.csv: .* in another fold than EmoBox has it"
    ):
        published.read(folder)


def test_every_fold_emotion_and_sex(root: Path, page: str) -> None:
    table = published.read_predictions(root / published.FOLDER / "champion/speech.csv", "it")
    folds, emotions = section(page, "The champion by fold"), section(page, "By emotion")
    for fold in range(1, 7):
        scores = figures(table[table["fold"].eq(fold)])
        actors = f"{2 * fold - 1:02d}, {2 * fold:02d}"
        assert f"| {fold} | {actors} | 64 | {scores['uar']} | {scores['accuracy']} |" in folds
        assert f"| {fold} | 0.500 | 1.50 | whisper × 2, cnn × 1 |" in folds
    for emotion in table["true"].unique():
        assert f"| {emotion} | 48 | {figures(table)[f'recall_{emotion}']} |" in emotions
    for sex, rows in table.groupby("sex"):
        assert f"| {sex} | 6 | 192 | {figures(rows)['uar']} |" in section(page, "By sex")


def test_calibration_before_and_after(root: Path, page: str) -> None:
    before, after = (
        figures(published.read_predictions(root / published.FOLDER / name, name))
        for name in ("champion/speech-uncalibrated.csv", "champion/speech.csv")
    )
    listed = section(page, "Calibration")
    for name, figure in (("expected calibration error", "calibration_error"), ("log-loss",) * 2):
        key = figure.replace("-", "_")
        assert f"| {name} | {before[key]} | {after[key]} |" in listed


def test_the_explanation_quotes_the_real_promise() -> None:
    page = (ROOT / "docs/results.md").read_text()
    quote = section(page, "Abstention").partition("> ")[2].partition("\n")[0].replace("**", "")
    assert quote.startswith("Threshold 0.")
    assert f"> {quote}" in (ROOT / "docs/explanation/abstention.md").read_text()


def test_abstention_beside_what_holds_on_the_other_folds(root: Path, page: str) -> None:
    table = published.read_predictions(root / published.FOLDER / "champion/speech.csv", "it")
    listed = section(page, "Abstention")
    limits = SETTINGS.abstention

    def select(rows: pd.DataFrame) -> Abstention:
        return select_threshold(
            rows, BOOTSTRAP, target=limits.min_accuracy, min_coverage=limits.min_coverage
        )

    chosen = select(table)
    assert f"> Threshold {chosen.threshold:.2f}: **{chosen}**." in listed
    assert "performances of 12 actors that were unheard in training" in listed
    others = select(table[table["fold"].ne(2)])
    tested = table[table["fold"].eq(2)]
    figures = selective_figures(tested, others.threshold, BOOTSTRAP)
    row = f"| {figures['coverage']} | {figures['selective_accuracy']} |"
    assert f"| 2 | {others.threshold:.2f}" in listed
    assert row in listed
    assert f"{fit_sets(table, limits.set_coverage)}" in listed
    assert f"{risk_coverage(table).area:.3f}" in listed


def test_the_runs_behind_it(root: Path, page: str) -> None:
    facts = published.read_manifest(root / published.FOLDER)
    listed = section(page, "The runs behind it")
    (best,) = facts.champions
    runs = [best.run, *(fold.run for fold in best.folds)]
    runs += [baseline.run for system in facts.systems for baseline in system.runs]
    assert len(runs) == 1 + 6 + 2 * 6
    for run in runs:
        cells = f"| {run.experiment} | {run.run_name} | `{run.run_id}` | `{run.commit[:12]}` |"
        assert cells in listed


@pytest.mark.slow
def test_the_synthetic_sample_is_called_so_everywhere(tmp_path: Path) -> None:
    folder = tmp_path / published.FOLDER
    page = text(folder, systems=["lstm"], synthetic=True)
    assert page.startswith("# Results\n\n> **Synthetic.**")
    assert "**On the synthetic sample:** **UAR" in page
    tables = re.findall(r"(.*)\n\n\|.*\n\| -", page)
    assert len(tables) == 10
    for caption in tables:
        assert caption.startswith("**Synthetic sample, no statement about accuracy.** ")
    write_pages(tmp_path, SETTINGS)
    real = tmp_path / "real"
    publish(real / published.FOLDER, systems=["lstm"])
    write_pages(real, SETTINGS)
    for name in FIGURES:  # the pictures say so too
        loud, plain = (root / "docs/results" / name for root in (tmp_path, real))
        assert loud.read_bytes() != plain.read_bytes()


@pytest.mark.slow
def test_a_champion_without_baselines_and_baselines_without_a_champion(tmp_path: Path) -> None:
    alone = text(tmp_path / "champion", systems=())
    (line,) = re.findall(r"^- .*: no run of it is published$", alone, re.MULTILINE)
    assert all(f"`{name}`" in line for name in SYSTEMS)
    assert "not run |" not in alone
    page = text(tmp_path / "baselines", champions={})
    assert "No champion's predictions are published yet" in page
    assert "## Calibration" not in page
    assert "## Abstention" not in page


def test_a_single_actor_has_no_interval(tmp_path: Path) -> None:
    folder = publish(tmp_path / "published", systems=())
    facts = json.loads((folder / "runs.json").read_text())
    facts["champions"][0]["folds"] = facts["champions"][0]["folds"][:1]
    for name in ("champion/speech.csv", "champion/speech-uncalibrated.csv"):
        rows = pd.read_csv(folder / name)
        rows = rows[rows["performance"].str.endswith("-01")]
        rows.to_csv(folder / name, index=False)
    uar = metrics.uar_of(rows)
    facts["champions"][0]["folds"][0] |= {"actors": [1], "uar": uar}
    facts["champions"][0]["performances"] = len(rows)
    (folder / "runs.json").write_text(json.dumps(facts))
    page = render_results(score(published.read(folder), BOOTSTRAP, SETTINGS.abstention))
    assert f"**UAR {uar:.3f}, accuracy" in page


def test_the_page_holds_its_figures_and_markdown_names_them(root: Path, page: str) -> None:
    assert set(re.findall(r"\]\(results/(\w+\.svg)\)", page)) == FIGURES
    assert {file.name for file in (root / "docs/results").iterdir()} == FIGURES
    html = (root / "docs/results.html").read_text()
    sources = re.findall(r'src="([^"]*)"', html)
    assert len(sources) == len(FIGURES)
    for source in sources:
        start, _, content = source.partition(",")
        assert start == "data:image/svg+xml;base64"
        assert b"<svg" in base64.b64decode(content)
    assert html.count("<table>") == len(re.findall("^[|] -", page, re.MULTILINE))
    assert "http" not in html.partition("<body>")[2]


@pytest.mark.slow
def test_a_rebuild_elsewhere_changes_nothing(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / published.FOLDER, tmp_path / published.FOLDER)
    for file in (tmp_path / published.FOLDER).rglob(
        "*.csv"
    ):  # in another order of rows and columns
        rows = pd.read_csv(file, dtype=str).sample(frac=1, random_state=1)
        rows[rows.columns[::-1]].to_csv(file, index=False)
    write_pages(tmp_path, SETTINGS)
    written = sorted(file for file in (tmp_path / "docs").rglob("*") if file.is_file())
    assert len(written) == 3 + len(FIGURES)
    for file in written:
        assert file.read_bytes() == (root / file.relative_to(tmp_path)).read_bytes(), file
    assert str(tmp_path) not in (tmp_path / "docs/results.html").read_text()


COMMAND = """
import sys
from avemo.cli import main
code = main(["report"])
print(*{name.partition(".")[0] for name in sys.modules} & {"mlflow", "tensorflow", "keras", "av"})
sys.exit(code)
"""


@pytest.mark.slow
def test_the_command_takes_kept_predictions_and_nothing_else(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / published.FOLDER, tmp_path / published.FOLDER)
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    environment = os.environ | {"AVEMO_ROOT": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", COMMAND], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    pages = "docs/results.md and docs/results.html and docs/experiments.md"
    assert ended.stdout == f"{pages} are written\n\n"
    assert not (tmp_path / "mlruns").exists()
    file = tmp_path / published.FOLDER / "champion/speech.csv"
    file.write_text(file.read_text().replace(",sad,", ",calm,", 1))
    before = (tmp_path / "docs/results.md").read_bytes()
    ended = subprocess.run(
        [sys.executable, "-c", COMMAND], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(
        "avemo: results/audio/champion/speech.csv: 01-04-01-01-01-01 is by its name"
    )
    assert (tmp_path / "docs/results.md").read_bytes() == before


def test_what_the_search_tried_is_held_against_the_defaults(root: Path) -> None:
    page = (root / "docs/experiments.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `trial")]
    assert [row.split(" | ")[0] for row in rows] == ["| `trial 01 cnn`", "| `trial 00 cnn`"]
    assert "| cnn: units 32 | +0.020, better in 2 of 2 | 0.520 |" in rows[0]
    assert "| cnn: its defaults | – | 0.500 |" in rows[1]
