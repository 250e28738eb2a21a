"""Commands that use networks: fit, predict, prepare."""

from pathlib import Path

from ._words import UsageError, make_parser, parse, part, say


def fit_command(words: list[str]) -> None:
    """Train, and say how it came out."""
    from ..train.arguments import parse_fit, show_help

    if show_help(words):
        return
    config, resolved = parse_fit(words)
    from ..train import fit

    outcome = fit(config, resolved)
    if outcome is None:  # another process tells
        return
    say(f"\n{outcome.table}\n\n{outcome.verdict}")
    say(f"run folder: {outcome.folder}   report: {outcome.folder / 'report.html'}")


def predict_command(words: list[str]) -> None:
    """Score images or molecules by a checkpoint."""
    parser = make_parser(
        "predict",
        "Score images or molecules by a checkpoint of `aucmax fit` (or a forest.npz): image files, "
        "folders of them, one CSV file with a column of SMILES, or a source with labels as in "
        "`aucmax fit`, --data CLASS --data.NAME value. A SMILES that cannot be read gets a row "
        "with an error.",
    )
    parser.add_argument("checkpoint", type=str, help="Such as runs/NAME/02-aucm/best.ckpt.")
    parser.add_argument(
        "files", type=str, nargs="*", help="Image files, folders of them, or one CSV of SMILES."
    )
    parser.add_argument("--output", type=str, default="predictions.csv", help="CSV to write.")
    parser.add_argument("--workers", type=int, default=0, help="Processes that read.")
    parser.add_argument("--smiles", type=str, help="Column with SMILES [as in training].")
    parser.add_argument("--id", type=str, help="Column with names of molecules [rows from 0].")
    source, others = part(words, "data")
    options = parse(parser, others)
    if bool(options.files) == bool(source):
        raise UsageError("give either files (or folders), or --data with its options")
    from ..report import write_predictions
    from ..train.arguments import parse_source
    from ..train.predict import images_of
    from ..train.screening import is_for_molecules, score_by, screen

    checkpoint = Path(options.checkpoint)
    if source:
        predictions = score_by(checkpoint, parse_source(source).load(), workers=options.workers)
    elif is_for_molecules(checkpoint):
        if len(options.files) != 1:
            raise UsageError(f"give one CSV file of molecules, got {len(options.files)} files")
        csv = Path(options.files[0])
        columns = {"smiles": options.smiles, "name": options.id}
        found = screen(checkpoint, csv, **columns, workers=options.workers)
        write_predictions(options.output, found.predictions, failed=found.failed, order=found.order)
        count, bad = len(found.predictions), len(found.failed)
        say(f"{count} molecules scored, {bad} SMILES cannot be read: {options.output}")
        return
    else:
        images = images_of(checkpoint, [Path(path) for path in options.files])
        predictions = score_by(checkpoint, images, workers=options.workers)
    write_predictions(options.output, predictions)
    say(f"{len(predictions)} rows scored: {options.output}")


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
