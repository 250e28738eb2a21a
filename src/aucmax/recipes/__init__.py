"""Recipes: one YAML file for each task, read by ``aucmax fit`` and meant to be copied."""

from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path

from .._files import read_text


def recipe_names() -> list[str]:
    """Names of the recipes that the package carries."""
    names = (Path(file.name) for file in files(__name__).iterdir())
    return sorted(name.stem for name in names if name.suffix == ".yaml")


def recipe_text(recipe: str) -> str:
    """YAML of a recipe by name, or of a file by path.

    Raises:
        ValueError: if there is no such recipe and no such file, or the file is no text.
        OSError: if the file cannot be read.
    """
    if recipe in recipe_names():
        return (files(__name__) / f"{recipe}.yaml").read_text()
    path = Path(recipe)
    try:
        found = path.is_file()
    except (OSError, ValueError):  # no name that a file could have
        found = False
    if found:
        return read_text(path)
    near = get_close_matches(recipe, recipe_names())
    hint = f"; did you mean {near[0]}?" if near else ""
    known = ", ".join(recipe_names())
    raise ValueError(f"there is no recipe or file {recipe[:200]!r}; recipes are {known}{hint}")


def recipe_summary(recipe: str) -> str:
    """What a recipe is for: the first line of its YAML, a comment."""
    return recipe_text(recipe).splitlines()[0].lstrip("# ")
