"""What a feature was computed by: written into its store, and into each model that takes it."""

import json

from pydantic import Field, JsonValue

from ..schema import Value

__all__ = ["PROGRAM", "FeatureSpec"]

#: among the resources of an imported feature: the program that computed it
PROGRAM = "program"


class FeatureSpec(Value):
    """What a feature was computed by: two features with the same specification are comparable.

    Args:
        extractor: its name
        version: of the extractor's code
        settings: the extractor's, as in params.yaml
        resources: what else the result depends on: of the faces the `detector`; of an imported
            feature the `program` that computed it; else by asset, the name of the file, which of a
            network's graph tells weights and version, see `runtime.pretrained_graphs`
        derived_from: what it was computed from, such as the faces; None for the recording itself
    """

    extractor: str
    version: int
    settings: dict[str, JsonValue]
    resources: dict[str, str] = Field(default_factory=dict)
    derived_from: "FeatureSpec | None" = None

    @property
    def imported(self) -> bool:
        """Whether another program computed it, so that it cannot be computed from a film."""
        return PROGRAM in self.resources

    def to_json(self) -> str:
        """Return the specification as one line of JSON, the same for equal specifications."""
        fields: dict[str, object] = self.model_dump(mode="json")
        return json.dumps(fields, sort_keys=True)
