"""A template is filled in with everything that it names, or not at all."""

import jinja2
import pytest

from avemo.templates import render


def test_a_name_without_a_value_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="is undefined"):
        render("avemo.report", "experiments.md.j2")
