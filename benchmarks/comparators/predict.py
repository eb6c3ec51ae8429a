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
    """Predict films one after the other; print the last emotion and each film's seconds."""
    model = mlflow.pyfunc.load_model(folder)
    seconds = []
    emotions = []
    for film in films:
        start = process_time()
        prediction = model.predict(pd.DataFrame({"media": [Path(film)]}))
        seconds.append(process_time() - start)
        emotions.append(prediction["emotion"][0])
    print(json.dumps({"film_s": seconds, "emotions": emotions}))


if __name__ == "__main__":
    main(*sys.argv[1:])
