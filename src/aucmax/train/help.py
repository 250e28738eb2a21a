"""The help of ``aucmax fit`` and of the classes that it takes."""

from .arguments import fit_parser
from .option_errors import CLASSES, OptionError, check_class_name
from .typed import is_trusted
from .words import units


def show_help(argv: list[str]) -> bool:
    """Print the help that is asked for, of the command or of a class; return whether it was.

    Raises:
        OptionError: if there is no such class, or it may not be imported.
    """
    words = argv if argv and argv[0].startswith("-") else argv[1:]
    if any(word in {"-h", "--help"} for word in words):
        fit_parser().parse_args(["--help"])
        return True
    asked = [i for i, word in enumerate(words) if word.partition("=")[0].endswith(".help")]
    if not asked:
        return False
    option, equals, name = words[asked[0]].partition("=")
    key = option.removeprefix("--").removesuffix(".help")
    if key not in CLASSES:
        raise OptionError([f"{option}: only --data, --loss and --optimizer have help of a class"])
    rest = words[asked[0] + 1 :]
    name = name if equals else rest[0] if rest and not rest[0].startswith("-") else ""
    others = [word for i, word in enumerate(words) if i not in {asked[0], asked[0] + 1}]
    trusted = is_trusted(units(others)) if "--trust_imports" in " ".join(others) else False
    check_class_name(key, name, trusted=trusted)
    fit_parser().parse_args([f"{option}={name}"])
    return True
