"""An extension of the reference's docstring reader, used by mkdocs.yml alone."""

import re
from typing import Any

import griffe


class DocstringSections(griffe.Extension):
    """Shows a section `Example:` as executed code: the reader knows it under its plural name only."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rename the section in the docstring of every object."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        """Leave out parameters that are not public."""
        for name in [each.name for each in func.parameters if each.name.lstrip("*").startswith("_")]:
            del func.parameters[name]
