"""Pages in Markdown, filled in from the templates that stand beside the code that uses them."""

from . import page

__all__ = ["render"]


def render(package: str, template: str, **values: object) -> str:
    """Return a template of a package, filled in.

    A template has `table`, and the filters `code`, `plain` and `thousands`, besides Jinja's own.

    Args:
        package: whose folder `templates` has it, such as `avemo.report`
        template: the file's name, such as `results.md.j2`
        values: what the template names

    Raises:
        jinja2.UndefinedError: the template names a value that is not among them
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(package),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["table"] = page.table
    environment.filters |= {"code": page.code, "plain": page.plain, "thousands": "{:,}".format}
    return environment.get_template(template).render(**values)
