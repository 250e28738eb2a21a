"""Asks the rival's interpreter, AUCMAX_PEER_PYTHON, for its runs."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from running import Request, Result

PYTHON = os.environ.get("AUCMAX_PEER_PYTHON", "")
SERVER = Path(__file__).with_name("peer.py")


class RivalProcess:
    """The rival's process, started with the first run."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(self, request: Request) -> Result:
        """One run there.

        Raises:
            RuntimeError: if the process ended.
        """
        process = self._started()
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the rival's process has no pipes")
        with tempfile.TemporaryDirectory() as folder:
            scores = Path(folder) / "scores.npz"
            words = {"request": request.as_json(), "scores": str(scores)}
            process.stdin.write(json.dumps(words) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"{PYTHON} {SERVER.name} ended at {request}; see above")
            told = json.loads(line)
            found = {}
            if scores.exists():
                with np.load(scores) as file:
                    found = {name: file[name] for name in file.files}
        return Result(told["value"], told["round"], told["seconds"], found)

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            pipe = subprocess.PIPE
            environment = os.environ | {"OMP_NUM_THREADS": "1"}
            environment.pop("PYTHONPATH", None)  # it must not find what is installed for us
            self._process = subprocess.Popen(
                [PYTHON, "-W", "ignore", str(SERVER)],
                stdin=pipe, stdout=pipe, text=True, env=environment,
            )  # fmt: skip
        return self._process
