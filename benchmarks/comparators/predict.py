"""Predict films by a registered version as MLflow loads it, in an environment of its own.

Called with the version's folder and with films; prints JSON.
"""

import json
import sys
from pathlib import Path
from time import process_time

import mlflow.pyfunc
import pandas as pd


def main(folder: str, *films: str) -> None:
    """Predict films one after the other; print their emotions, and each step's processor time."""
    imports_s = process_time()
    model = mlflow.pyfunc.load_model(folder)
    load_s = process_time() - imports_s
    seconds = []
    emotions = []
    for film in films:
        start = process_time()
        prediction = model.predict(pd.DataFrame({"media": [Path(film)]}))
        seconds.append(process_time() - start)
        emotions.append(prediction["emotion"][0])
    figures = {"imports_s": imports_s, "load_s": load_s, "film_s": seconds, "emotions": emotions}
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
