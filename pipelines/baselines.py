"""baselines: one of the original study's systems, on every channel and protocol."""

from avemo import quiet
from avemo.baselines import clips, summary
from avemo.io import whole
from avemo.paths import Project, stage
from avemo.settings import Settings
from avemo.tracking import json_file, store


def main(project: Project, settings: Settings, system: str) -> None:
    with whole(project.baseline(system)) as folder:
        folder.mkdir()
        try:
            there = clips.load(project, settings, system)
        except clips.Absent as reason:
            json_file.write(folder / "runs.json", {"system": system, "absent": str(reason)})
            print(f"baselines {system}: left out: {reason}")
            return
        store.connect(project)
        quiet.tensorflow()
        from avemo.baselines.checkpoints import clear
        from avemo.baselines.run import run

        found = run(project, settings, system, there, folder)
        json_file.write(folder / "runs.json", found)
    clear(project.kept(system))
    for one in found["left_out"]:
        print(f"baselines {system}: no {one['channel']} {one['protocol']}: {one['reason']}")
    for one in found["runs"]:
        print(f"baselines {system}: {summary.figures(one)}")


if __name__ == "__main__":
    stage(main, "system")
