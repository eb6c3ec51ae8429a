import os

from hypothesis import settings

# a test must not reach for the developer's own cache, mirror or tracking store
for name in (
    "AVEMO_ASSETS_MIRROR",
    "AVEMO_ASSETS_ORIGIN",
    "AVEMO_CACHE",
    "AVEMO_ROOT",
    "AVEMO_ZENODO_ORIGIN",
):
    os.environ.pop(name, None)
for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_RUN_ID"):
    os.environ.pop(name, None)
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# how long an example takes says how busy the machine is, and nothing about the code
settings.register_profile("avemo", deadline=None)
settings.load_profile("avemo")
