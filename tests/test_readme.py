"""What README and the guide say works: every block of Python runs, every command line parses."""

import re
import shlex
import textwrap
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jsonargparse", reason="the command line needs the extra `train`")

import aucmax
from aucmax import cli, data, losses, optim
from aucmax.commands import _words, judging, training
from aucmax.train.arguments import fit_parser, parse_fit

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md")), ROOT / "docs/tasks/molecules.md"]
FENCE = re.compile(r"^( *)```(\w+)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d+\.\d+")
SET_UP_FREE = [
    "python3.11 -m venv .venv && .venv/bin/pip install -q '.[train]' && .venv/bin/aucmax fit",
    "bash .ci/test.sh",
]


def of_page(pages: list[Path]) -> Any:
    return pytest.mark.parametrize("page", pages, ids=[page.name for page in pages])


def blocks(page: Path) -> list[tuple[str, str, int]]:
    """Language, text and line of every fenced block."""
    text = page.read_text()
    found = FENCE.finditer(text)
    return [(m[2], textwrap.dedent(m[3]), text[: m.start()].count("\n") + 2) for m in found]


def command_lines(page: Path) -> list[str]:
    """Lines of shell blocks, and code spans that begin with `aucmax`."""
    lines = [
        line
        for language, text, _ in blocks(page)
        if language == "sh"
        for line in text.replace("\\\n", " ").splitlines()
        if line.strip()
    ]
    prose = FENCE.sub("", page.read_text())
    return lines + re.findall(r"`(aucmax(?: [^`]+)?)`", " ".join(prose.split()))


@of_page([page for page in PAGES if any(kind == "python" for kind, _, _ in blocks(page))])
def test_python_blocks_run_and_print_what_is_shown(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {"__name__": "__main__"}
    last = ""
    for language, text, line in blocks(page):
        if language == "python":
            exec(compile("\n" * (line - 1) + text, str(page), "exec"), space)
            last = capsys.readouterr().out
        elif language == "text" and last:
            assert NUMBER.split(text) == NUMBER.split(last), f"{page.name}, line {line}"
            shown, printed = (list(map(float, NUMBER.findall(t))) for t in (text, last))
            assert shown == pytest.approx(printed, abs=0.02), f"{page.name}, line {line}"
            last = ""
        else:
            last = ""


class ParsedError(BaseException):
    """Raised in place of doing the work, once the options have been read."""


@of_page([page for page in PAGES if any(w.startswith("aucmax") for w in command_lines(page))])
def test_command_lines_parse(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def parse_only(parser: Any, words: list[str]) -> None:
        _words.parse(parser, words)
        raise ParsedError

    for module in (judging, training):
        monkeypatch.setattr(module, "parse", parse_only)
    for line in command_lines(page):
        program, *words = shlex.split(line, comments=True) or [""]
        if program != "aucmax" or not words:
            continue
        if any(word == "--help" or word.endswith(".help") for word in words):
            with pytest.raises(SystemExit, match="0"):
                cli.main(words)
        elif words[0] == "fit":
            parse_fit(words[1:])
        elif words[0] == "recipes":
            assert cli.main(words) == 0, line
        elif len(words) == 1:  # prose that names a command
            assert words[0] in cli.COMMANDS, line
        else:
            with pytest.raises(ParsedError):
                cli.main(words)


@of_page(PAGES)
def test_dotted_options_exist(page):
    known = {action.dest for action in fit_parser()._actions}
    for head, module in (("data", data), ("loss", losses), ("optimizer", optim)):
        for found in filter(lambda v: isinstance(v, type), vars(module).values()):
            names = {n for c in found.__mro__ for n in getattr(c.__init__, "__annotations__", ())}
            known |= {f"{head}.{name}" for name in names} | {f"{head}.help"}
    named = set(re.findall(r"--([a-z]+\.[a-z_]+)", page.read_text()))
    assert named <= known


@of_page([*PAGES, ROOT / "CONTRIBUTING.md"])
def test_links_to_files_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_readme_has_two_set_up_free_commands():
    lines = [line for kind, text, _ in blocks(README) if kind == "sh" for line in text.splitlines()]
    assert lines == SET_UP_FREE


def test_ci_runs_the_test_command():
    assert SET_UP_FREE[1] in (ROOT / ".ci" / "run").read_text().splitlines()
    script = (ROOT / ".ci" / "test.sh").read_text()
    assert "set -euo pipefail" in script
    assert "-m venv .venv" in script
    assert "pytest" in script


def test_readme_fits_one_screen():
    assert len(README.read_text().splitlines()) <= 75


def test_readme_names_every_loss():
    text = README.read_text()
    for name, value in vars(aucmax).items():
        if isinstance(value, type) and issubclass(value, losses.Loss):
            assert f"`{name}`" in text


def test_config_yaml_repeats_a_run(tmp_path):
    words = ["digits", "--loss", "PairwiseAUCLoss", "--loss.margin", "0.5", "--seeds", "2"]
    first, resolved = parse_fit(words)
    (tmp_path / "config.yaml").write_text(resolved)
    again, same = parse_fit([str(tmp_path / "config.yaml")])
    assert (again, same) == (first, resolved)
