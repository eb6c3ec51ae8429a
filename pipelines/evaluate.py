"""evaluate: every trained model on the test part."""

from avemo import quiet
from avemo.io import whole
from avemo.paths import Project, stage
from avemo.settings import Settings
from avemo.tracking import store


def main(project: Project, settings: Settings) -> None:
    store.connect(project)
    quiet.tensorflow()
    from avemo.evaluation.evaluate import evaluate
    from avemo.evaluation.table import lines

    with whole(project.evaluation) as folder:
        folder.mkdir()
        found = evaluate(project, settings, folder)
    print("\n".join(lines(found)))


if __name__ == "__main__":
    stage(main)
