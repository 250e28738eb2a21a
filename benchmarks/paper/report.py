"""Tables, figures and the page of the benchmark: ``python benchmarks/paper/report.py``.

Reads what run.py keeps; cells and methods of which a run is missing are left out. Writes
``paper.html``, ``paper_table.csv`` (a line for each cell, method and readout) and
``paper_summary.csv`` (a line for each method) beside it, and prints the summary.
"""

import argparse
import html
from dataclasses import replace
from pathlib import Path

from cells import DEVELOPMENT, REPORTED, Cell, ablations, adapted
from figures import heat_map, rank_figure
from methods import NAMES
from networks import NETWORKS
from plan import Scope
from stats import Found, all_found
from store import RESULTS, WORK, Store
from tables import REFERENCES, Line, lines, page_table, summary, write
from training import READOUTS

from aucmax.report.tables import text_table

JOINED = "bars join what is not told apart (Nemenyi, 95 %)"
FEWER_SEEDS, MOST_SEEDS = 3, 10
"""Of cells for development and of ablations; of some methods on reported cells."""
COUNTS = ("win", "tie", "loss")
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:76em;margin:2em auto;padding:0 1em}
table{border-collapse:collapse;font-size:13px}td,th{padding:2px 9px;text-align:right}
td{white-space:nowrap}td:first-child,th:first-child{text-align:left}tr:nth-child(even){background:#f3f3f3}
svg{max-width:100%;height:auto}h2{margin-top:2em}"""
EXPLAINED = """A cell is a task and a percentage of positives ("all": the natural one; CIFAR-10 is a
JPEG q75 copy; c10: its classes 0-4 against 5-9). Mean test AUC over {seeds} seeds (three in
development and ablations; on reported cells ten for the default and for its references, which are
chosen by the first {seeds}), each with another draw of the training rows; the learning rate by
validation AUC on other seeds, the round by each run's validation AUC. Every method has the same
number of passes through the network. A win (loss) is a paired 95 % interval, over seeds and test
rows, above (below) 0; the reference is the variant of cross-entropy, or of LibAUC, with the best
validation AUC on that cell, whatever its readout; "smooth" methods are trained as the default is:
one cycle, small batches, more weight decay; "copies": test images are scored by the mean over
mirrored and shifted copies, as the default does ("smooth CE balanced, copies" is cross-entropy as
the default). "best": the weights of the best round;
"ema": their moving average."""


def main() -> None:
    """Read, count, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="how many are reported")
    parser.add_argument("--readout", default="best", choices=READOUTS, help="of the figures")
    parser.add_argument("--network", default="", choices=NETWORKS, help="as for run.py")
    parser.add_argument("--full", action="store_true", help="as for run.py")
    parser.add_argument("--steps", type=int, default=0, help="as for run.py")
    parser.add_argument("--work", type=Path, default=WORK, help="as for run.py")
    parser.add_argument("--quick", action="store_true", help="what run.py --quick has kept")
    parser.add_argument("--figures", type=Path, help="folder for the figures of the documents")
    parser.add_argument("--lines", choices=NAMES, help="print a method's table for the documents")
    options = parser.parse_args()
    scope = Scope(tuple(range(options.seeds)))
    folder = RESULTS
    if options.quick:
        scope = replace(scope, seeds=scope.seeds[:2], choosing=scope.choosing[:1])
        folder = options.work / "quick"
    store = Store(folder)
    blocks: dict[str, list[Found]] = {}
    for title, cells in _titles().items():
        own = [
            adapted(cell, options.network, options.full, options.steps, options.quick)
            for cell in cells
        ]
        fewer = replace(scope, seeds=scope.seeds[:FEWER_SEEDS])
        more = replace(scope, most=MOST_SEEDS)
        blocks[title] = all_found(store, own, more if title == "Reported" else fewer)
    words = (options.network, "full" if options.full else "", options.steps and str(options.steps))
    name = "-".join(["paper", *(str(word) for word in words if word)])
    everything = [one for found in blocks.values() for one in found]
    if not everything:
        raise SystemExit("no method has all its runs on any cell yet; run run.py")
    if options.lines:
        print("\n".join(page_table(everything, options.lines)))
        return
    write(folder / f"{name}_table.csv", lines(everything))
    write(folder / f"{name}_summary.csv", _summaries(blocks))
    (folder / f"{name}.html").write_text(_page(blocks, len(scope.seeds), options.readout))
    if options.figures:
        options.figures.mkdir(parents=True, exist_ok=True)
        for figure, text in _figures(blocks["Reported"], options.readout).items():
            (options.figures / f"evidence-{figure}.svg").write_text(text)
    for title, found in blocks.items():
        print(f"{title}: {len(found)} cells\n")
        print(text_table(*_shown(summary(found))) if found else "", "\n")
    print(f"written: {folder / name}.html and CSV beside it")


def _figures(found: list[Found], readout: str) -> dict[str, str]:
    methods = _methods(found, readout)
    return {"gaps": heat_map(found, methods, readout), "ranks": rank_figure(found, readout)}


def _titles() -> dict[str, list[Cell]]:
    return {"Reported": REPORTED, "Development": DEVELOPMENT, "Ablations": ablations()}


def _summaries(blocks: dict[str, list[Found]]) -> list[Line]:
    return [{"cells_of": title} | line for title, f in blocks.items() for line in summary(f)]


def _shown(table: list[Line]) -> tuple[list[str], list[list[str]]]:
    """Header and cells of a summary."""
    counts = ["win/tie/loss", "... to CE as the default", "... to LibAUC"]
    header = ["method", "readout", "rank", "gap to best CE", *counts]
    rows = []
    for line in table:
        counts = ["/".join(str(line[f"{p}_{c}"]) for c in COUNTS) for p in REFERENCES.values()]
        numbers = [f"{line['rank']:.2f}", f"{line['mean_gap']:+.4f}"]
        rows.append([line["method"], line["readout"], *numbers, *counts])
    return header, rows


def _means(found: list[Found], readout: str) -> tuple[list[str], list[list[str]]]:
    """Header and cells of mean and spread of each method on each cell."""
    header = ["method", *(one.cell.name for one in found)]
    rows = []
    for method in _methods(found, readout):
        entries = [one.entries.get((method, readout)) for one in found]
        texts = [
            "" if e is None else f"{e.mean:.3f} ± {e.test.std(ddof=min(1, len(e.test) - 1)):.3f}"
            for e in entries
        ]
        rows.append([method, *texts])
    return header, rows


def _methods(found: list[Found], readout: str) -> list[str]:
    return [name for name in NAMES if any((name, readout) in one.entries for one in found)]


def _page(blocks: dict[str, list[Found]], seeds: int, readout: str) -> str:
    parts = [f"<p>{html.escape(EXPLAINED.format(seeds=seeds))}</p>"]
    for title, found in blocks.items():
        if not found:
            continue
        parts += [f"<h2>{title}: {len(found)} cells</h2>", _table(*_shown(summary(found)))]
        parts += [f"<h3>Average ranks ({readout}); {JOINED}</h3>", rank_figure(found, readout)]
        parts += ["<h3>Gap to the best cross-entropy, hundredths of AUC; bold: a win or loss</h3>"]
        parts += [heat_map(found, _methods(found, readout), readout)]
        parts += [f"<h3>Test AUC, mean ± standard deviation of seeds ({readout})</h3>"]
        parts += [_table(*_means(found, readout))]
    title = "AUC losses against cross-entropy"
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en">{head}<h1>{title}</h1>{"".join(parts)}</html>\n'


def _table(header: list[str], rows: list[list[str]]) -> str:
    def line(tag: str, words: list[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(w)}</{tag}>" for w in words) + "</tr>"

    return f"<table>{line('th', header)}{''.join(line('td', row) for row in rows)}</table>"


if __name__ == "__main__":
    main()
