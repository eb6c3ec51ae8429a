"""search: the best architecture and hyperparameters of one modality."""

from avemo import quiet
from avemo.project import Project, stage
from avemo.settings import Settings
from avemo.tracking import pointer, store


def main(project: Project, settings: Settings, modality: str) -> None:
    store.connect(project)
    quiet.tensorflow()
    from avemo.training.search import OBJECTIVE, search
    from avemo.training.task import Absent, task

    try:
        found = search(project, settings, task(project, settings, modality))
    except Absent as reason:
        found = {"absent": str(reason)}
        print(f"search {modality}: left out: {reason}")
    else:
        best = found["best"]
        score = f"{OBJECTIVE} {best[OBJECTIVE]:.3f}" if best[OBJECTIVE] else "nothing to choose by"
        chosen = best["hyperparameters"]["architecture"]
        print(f"search {modality}: {chosen} of {len(found['trials'])} trials, {score}")
    pointer.write(project.search(modality), found)


if __name__ == "__main__":
    stage(main, "modality")
