"""The command that lists, shows and copies recipes."""

from pathlib import Path

from .._files import write_text
from ._words import UsageError, say


def recipes_command(words: list[str]) -> None:
    """List, show or copy recipes."""
    from ..recipes import recipe_names, recipe_summary, recipe_text

    if not words or words == ["list"]:
        width = max(map(len, recipe_names()))
        for name in recipe_names():
            say(f"{name:{width}}  {recipe_summary(name)}")
    elif words[0] == "show" and len(words) == 2:
        say(recipe_text(words[1]).rstrip())
    elif words[0] == "copy" and len(words) in {2, 3}:
        place = Path(words[2] if len(words) == 3 else f"{words[1]}.yaml")
        if place.exists():
            raise FileExistsError(f"{place} exists already: give another name after {words[1]!r}")
        write_text(place, recipe_text(words[1]))
        say(f"{place}: change it, then run aucmax fit {place}")
    elif words[0] in {"-h", "--help"}:
        say("usage: aucmax recipes [list | show NAME | copy NAME [FILE]]")
    else:
        raise UsageError("say one of: recipes list, recipes show NAME, recipes copy NAME [FILE]")
