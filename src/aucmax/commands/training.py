"""Commands that use networks: fit, predict, prepare."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ._words import UsageError, check_output, check_workers, make_parser, parse, part, say

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser

    from ..data import LabelledSet


def fit_command(words: list[str]) -> None:
    """Train, and say how it came out."""
    from ..train.arguments import parse_fit
    from ..train.help import show_help

    if show_help(words):
        return
    config, resolved = parse_fit(words)
    from ..train import fit

    outcome = fit(config, resolved)
    if outcome is None:  # another process tells
        return
    say(f"\n{outcome.table}\n\n{outcome.verdict}")
    say(f"run folder: {outcome.folder}   report: {outcome.folder / 'report.html'}")


def _predict_parser() -> "ArgumentParser":
    parser = make_parser(
        "predict",
        "Score images or molecules by a checkpoint of `aucmax fit` (or a forest.npz): image files, "
        "folders of them, CSV files that list images, one CSV file with a column of SMILES, or a "
        "source with labels as in `aucmax fit`, --data CLASS --data.NAME value. What cannot be "
        "read gets a row with an error.",
    )
    parser.add_argument("checkpoint", type=str, help="Such as runs/NAME/02-aucm/best.ckpt.")
    parser.add_argument(
        "files", type=str, nargs="*", help="Image files, folders of them, or CSV files."
    )
    parser.add_argument("--output", type=str, default="predictions.csv", help="CSV to write.")
    parser.add_argument("--workers", type=int, default=0, help="Processes that read.")
    parser.add_argument("--smiles", type=str, help="Column with SMILES [as in training].")
    parser.add_argument("--image", type=str, help="Column with paths of images [image].")
    parser.add_argument(
        "--id", type=str, help="Column with names [paths of images; molecules from 0]."
    )
    parser.add_argument(
        "--on_error",
        type=Literal["error", "skip"],
        default="skip",
        help="What an image or a SMILES that cannot be read does: error stops and names it; skip "
        "gives it a row with an error and no score, and goes on.",
    )
    return parser


def predict_command(words: list[str]) -> None:
    """Score images or molecules by a checkpoint."""
    source, others = part(words, "data")
    options = parse(_predict_parser(), others)
    check_workers(options.workers)
    if bool(options.files) == bool(source):
        raise UsageError("give either files (or folders), or --data with its options")
    from ..report import write_predictions
    from ..train.arguments import parse_source
    from ..train.predict import images_of
    from ..train.screening import is_for_molecules, score_all, screen

    checkpoint = Path(options.checkpoint)
    check_output(options.output, [checkpoint, *options.files, *_beside(checkpoint)])
    how = {"workers": options.workers, "on_error": options.on_error}
    molecules = not source and is_for_molecules(checkpoint)
    if source:
        _refuse_columns(options, ["smiles", "id", "image"], "--data.* names the columns")
        origin = parse_source(source)
        check_output(options.output, _files_of(origin))
        data = _load(origin, options.on_error)
        check_output(options.output, _images_of(data))
        found = score_all(checkpoint, data, **how)
    elif molecules:
        if len(options.files) != 1:
            raise UsageError(f"give one CSV file of molecules, got {len(options.files)} files")
        _refuse_columns(options, ["image"], f"{checkpoint} is for molecules")
        columns = {"smiles": options.smiles, "name": options.id}
        found = screen(checkpoint, Path(options.files[0]), **columns, **how)
    else:
        paths = [Path(path) for path in options.files]
        unused = ["smiles"] if any(_is_table(path) for path in paths) else ["smiles", "id", "image"]
        _refuse_columns(options, unused, f"{checkpoint} is for images, which have no such column")
        images = images_of(checkpoint, paths, image=options.image or "image", name=options.id)
        check_output(options.output, _images_of(images))
        found = score_all(checkpoint, images, **how)
    write_predictions(options.output, found.predictions, failed=found.failed, order=found.order)
    count, bad = len(found.predictions), len(found.failed)
    if molecules:
        say(f"{count} molecules scored, {bad} SMILES cannot be read: {options.output}")
    else:
        more = f", {bad} cannot be read (see the column error)" if bad else ""
        say(f"{count} rows scored{more}: {options.output}")


def _load(source: Any, on_error: str) -> "LabelledSet":
    """The rows of a source; files that cannot be read are no error here unless they are to be."""
    from ..data import FileSource, Molecules

    if isinstance(source, FileSource | Molecules) and source.on_error == "raise":
        source = replace(source, on_error="raise" if on_error == "error" else "skip")
    return source.load()


def _is_table(path: Path) -> bool:
    """Whether a path is that of a CSV and not of images."""
    return path.suffix.lower() in (".csv", ".tsv", ".tab", ".txt")


def _refuse_columns(options: Any, names: list[str], reason: str) -> None:
    """Refuse names of columns where there are none, which would be without effect.

    Raises:
        UsageError: names the options.
    """
    given = [f"--{name}" for name in names if getattr(options, name) is not None]
    if given:
        raise UsageError(f"{' and '.join(given)}: {reason}; leave it out")


def _beside(checkpoint: Path) -> list[Path]:
    """The forest that a checkpoint of a blend is read with."""
    return list((checkpoint.parent / "../forest").glob("*"))


def _files_of(source: Any) -> list[Path]:
    """Files that the options of a source name."""
    values = [str(value) for value in vars(source).values() if isinstance(value, str | Path)]
    paths = [Path(value).expanduser() for value in values if value and "\0" not in value]
    return [path for path in paths if path.is_file()]


def _images_of(data: Any) -> Sequence[str]:
    """Files of images, if they are in files."""
    from ..data import ImageSet
    from ..data._index import paths_of

    return (paths_of(data.images) or ()) if isinstance(data, ImageSet) else ()


def prepare_command(words: list[str]) -> None:
    """Resize a source's images once, into a file that training reads."""
    parser = make_parser(
        "prepare",
        "Decode and resize all images of a source once, into a file beside the data that `aucmax "
        "fit` with the same --model.image_size then reads. A killed run goes on where it was. "
        "The source is given as in `aucmax fit`: --data CLASS --data.NAME value.",
    )
    parser.add_argument("--size", type=int, required=True, help="Side in pixels, such as 224.")
    parser.add_argument("--workers", type=int, default=2, help="Processes that decode.")
    source, others = part(words, "data")
    options = parse(parser, others)
    check_workers(options.workers)
    if not source:
        raise UsageError("give --data with its options, such as --data CSV --data.csv cases.csv")
    from ..data import prepare_source
    from ..train.arguments import parse_source
    from ..train.transforms import largest_size

    if not 1 <= options.size <= largest_size():
        raise UsageError(
            f"--size must be at least 1 and such that an image fits into memory, got {options.size}"
        )
    store = prepare_source(parse_source(source), size=options.size, workers=options.workers)
    say(f"{len(store)} images prepared: {store.folder}")
