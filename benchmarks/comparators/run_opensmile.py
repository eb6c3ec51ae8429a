"""Extract eGeMAPSv02 from recordings with openSMILE, in an environment of its own.

Called with the recordings; prints JSON.
"""

import json
import sys
from importlib.metadata import version
from time import process_time

import opensmile


def main(files: list[str]) -> None:
    """Time openSMILE's functionals on files, one after the other."""
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02,
        feature_level=opensmile.FeatureLevel.Functionals,
        num_workers=1,
    )
    smile.process_file(files[0])
    start = process_time()
    table = smile.process_files(files)
    seconds = process_time() - start
    print(
        json.dumps(
            {
                "version": version("opensmile"),
                "features": table.shape[1],
                "file_s": seconds / len(files),
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1:])
