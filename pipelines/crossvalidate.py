"""crossvalidate: choosing and training, tested on each fold in turn."""

from avemo import quiet
from avemo.files import whole
from avemo.project import Project, stage
from avemo.settings import Settings
from avemo.tracking import pointer, store


def main(project: Project, settings: Settings, modality: str) -> None:
    found = pointer.read(project.search(modality) / "found.json")
    with whole(project.crossvalidation(modality)) as folder:
        folder.mkdir()
        if reason := _reason(settings, found):
            print(f"crossvalidate {modality}: left out: {reason}")
            pointer.write(folder / "summary.json", {"absent": reason})
            return
        store.connect(project)
        quiet.tensorflow()
        from avemo.evaluation.bootstrap import Interval
        from avemo.training.crossvalidate import crossvalidate
        from avemo.training.task import task

        made = crossvalidate(project, settings, task(project, settings, modality), found, folder)
        pointer.write(folder / "summary.json", made)
    uar = Interval(**made["figures"]["uar"])
    print(f"crossvalidate {modality}: UAR {uar}; next: avemo report --keep")


def _reason(settings: Settings, found: dict[str, object]) -> str:
    """Why there is nothing to do; empty where there is."""
    if "absent" in found:
        return str(found["absent"])
    if settings.search.budget == "quick":
        return "search.budget is quick, and this takes as long as a search for each fold"
    return "" if found["trials"] else "the search had nothing to choose by"


if __name__ == "__main__":
    stage(main, "modality")
