"""Commands that use networks: fit, predict, prepare."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ._words import UsageError, make_parser, parse, part, say

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser

    from ..data import LabelledSet


def fit_command(words: list[str]) -> None:
    """Train, and say how it came out."""
    from ..train.arguments import fit_parser, parse_fit

    if any(w in {"-h", "--help"} or w.partition("=")[0].endswith(".help") for w in words):
        fit_parser().parse_args(words if words[0].startswith("-") else words[1:])
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
    parser.add_argument("--image", type=str, default="image", help="Column with paths of images.")
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
    if bool(options.files) == bool(source):
        raise UsageError("give either files (or folders), or --data with its options")
    from ..report import write_predictions
    from ..train.predict import images_of
    from ..train.screening import is_for_molecules, score_all, screen

    checkpoint = Path(options.checkpoint)
    how = {"workers": options.workers, "on_error": options.on_error}
    molecules = not source and is_for_molecules(checkpoint)
    if source:
        found = score_all(checkpoint, _load(source, options.on_error), **how)
    elif molecules:
        if len(options.files) != 1:
            raise UsageError(f"give one CSV file of molecules, got {len(options.files)} files")
        columns = {"smiles": options.smiles, "name": options.id}
        found = screen(checkpoint, Path(options.files[0]), **columns, **how)
    else:
        paths = [Path(path) for path in options.files]
        images = images_of(checkpoint, paths, image=options.image, name=options.id)
        found = score_all(checkpoint, images, **how)
    write_predictions(options.output, found.predictions, failed=found.failed, order=found.order)
    count, bad = len(found.predictions), len(found.failed)
    if molecules:
        say(f"{count} molecules scored, {bad} SMILES cannot be read: {options.output}")
    else:
        more = f", {bad} cannot be read (see the column error)" if bad else ""
        say(f"{count} rows scored{more}: {options.output}")


def _load(source: list[str], on_error: str) -> "LabelledSet":
    """The rows of a source; files that cannot be read are no error here unless they are to be."""
    from ..data import FileSource, Molecules
    from ..train.arguments import parse_source

    found = parse_source(source)
    if isinstance(found, FileSource | Molecules) and found.on_error == "raise":
        found = replace(found, on_error="raise" if on_error == "error" else "skip")
    return found.load()


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
    if not source:
        raise UsageError("give --data with its options, such as --data CSV --data.csv cases.csv")
    from ..data import prepare_source
    from ..train.arguments import parse_source

    store = prepare_source(parse_source(source), size=options.size, workers=options.workers)
    say(f"{len(store)} images prepared: {store.folder}")
