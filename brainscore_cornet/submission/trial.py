"""The trial of a submission: it is tested and scored in a copy of brainscore_vision, as Brain-Score does."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from .. import plugin_links
from ..cornet.architectures import build_network
from ..cornet.errors import UserError
from ..cornet.names import counted
from ..cornet.network import find_weights
from ..cornet.weights.download import DownloadError
from ..cornet.weights.released import RELEASED, accept, cache_folder, url_path
from ..python_children import environment, import_path, python
from ..scoring import EMBEDDED
from .rules.layout import Plugin
from .template import stand_in

BENCHMARK = EMBEDDED[0]
"""The embedded benchmark with the fewest stimuli."""
_PICTURES = ("rgb1.jpg", "rgb2.jpg", "rgb3.png")
"""Files that Brain-Score's generic tests read, and that its installations lack."""
_TIMEOUT = 1800  # s, for each step
_TAIL = 25  # lines of a failed step's output that are shown


@dataclass(frozen=True)
class Step:
    """One part of a trial."""

    name: str
    passed: bool
    seconds: float
    output: str
    """Output of its process, or the result of a comparison."""

    def __str__(self) -> str:
        if not self.passed:
            return f"Failed: {self.name}, after {self.seconds:.0f} s"
        found = _counted_tests(self.output.strip().rpartition("\n")[2])
        return f"Passed: {self.name}{f': {found}' if found else ''} ({self.seconds:.0f} s)"

    @property
    def tail(self) -> str:
        return "\n".join(self.output.rstrip().splitlines()[-_TAIL:])


def _counted_tests(line: str) -> str:
    """Return pytest's last line in words that say which tests did not run; any other line unchanged."""
    counts = {what: int(count) for count, what in re.findall(r"(\d+) (passed|deselected)\b", line)}
    if "passed" not in counts:
        return line
    slow = counts.get("deselected", 0)
    return counted(counts["passed"], "test") + (f", without {slow} marked slow, as on Brain-Score" if slow else "")


@dataclass(frozen=True)
class Model:
    """One model of the plugin; `base` and `options` are set if this package wrote it and can be compared with it."""

    identifier: str
    base: str | None = None
    options: dict | None = None
    file: Path | None = None
    """Its weight file on this machine, if given."""


def run_trial(
    plugin: Plugin, models: Sequence[Model], workspace: Path, say: Callable[[str], None] = lambda text: None
) -> list[Step]:
    """Run a plugin in an empty folder, and stop at the first step that fails.

    Raises
    ------
    UserError
        If pytest is missing or the disk has no space for a copy of brainscore_vision.
    """
    if missing := [name for name in ("pytest", "pytest_check") if importlib.util.find_spec(name) is None]:
        raise UserError(
            f"To try a submission, Brain-Score's tests need {' and '.join(missing)}: pip install pytest pytest-check. "
            "With --no-run it is only checked."
        )
    say("Copying brainscore_vision")
    try:
        library = copy_library(workspace)
        unpack(plugin, library)
        stands_in = [model.identifier for model in models if not _place_weights(model, workspace)]
    except OSError as error:
        raise UserError(f"Cannot prepare the trial in {workspace}: {error.strerror or error}.") from error
    if stands_in:
        say(f"Stand-in weights for {', '.join(stands_in)}: their own are not here and cannot be downloaded")
    runner = _Runner(workspace, library)
    folder = f"brainscore_vision/models/{plugin.name}"
    steps: list[Step] = []
    # as in brainscore_core 2.5's test_plugin.sh, whose marks these are
    tests = ["-m", "pytest", "-m", "not slow", "-p", "no:cacheprovider", "-q", "--plugin_directory", folder]
    tests += ["brainscore_vision/model_helpers/generic_plugin_tests.py", f"{folder}/test.py"]
    plans: list[tuple[str, Callable[[], tuple[int, str]]]] = [
        *((f"load_model('{model.identifier}')", lambda model=model: runner.load(model)) for model in models),
        ("Brain-Score's generic tests and the plugin's own", lambda: runner.run(tests)),
        *((f"{model.identifier} on {BENCHMARK}", lambda model=model: runner.score(model)) for model in models),
    ]
    for number, (name, plan) in enumerate(plans, 1):
        say(f"[{number}/{len(plans)}] {name}")
        start = time.monotonic()
        code, output = plan()
        steps.append(Step(name, code == 0, round(time.monotonic() - start, 1), output))
        if code:
            break
        say(str(steps[-1]))
    return steps


def copy_library(workspace: Path) -> Path:
    """Return a folder with a copy of the installed brainscore_vision, with Brain-Score's own models only."""
    library = workspace / "library"
    installed = plugin_links.plugin_folder("models").parents[1]
    shutil.copytree(installed, library / installed.name, ignore=shutil.ignore_patterns(plugin_links.NAME))
    for kind in ("benchmarks", "data"):  # the trial's benchmark is one of them
        shutil.copytree(plugin_links.source_folder(kind), library / installed.name / kind / plugin_links.NAME)
    pictures = library / installed.name / "model_helpers" / "generic_plugin_tests_resources"
    pictures.mkdir(exist_ok=True)
    drawn = stand_in.draw_pictures(pictures, 256, len(_PICTURES))
    for name, path in zip(_PICTURES, drawn, strict=True):
        if not (pictures / name).exists():
            from PIL import Image

            Image.open(path).save(pictures / name)
        Path(path).unlink()
    return library


def unpack(plugin: Plugin, library: Path) -> None:
    for name, data in plugin.files.items():
        path = library / "brainscore_vision" / "models" / plugin.name / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _place_weights(model: Model, workspace: Path) -> bool:
    """Put a model's weights into its download folder; returns False if stand-in weights were made."""
    options = model.options or {}
    if model.base is None or (model.base not in RELEASED and "weights" not in options):
        return True
    url = options.get("weights")
    name = url_path(url).relative_to(cache_folder()) if url else Path(RELEASED[model.base].filename)
    target = _torch_home(workspace) / "hub" / "checkpoints" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source = model.file or find_weights(model.base, url or "released", options.get("weights_sha256"))
        assert source is not None  # only a network's own initialization has no file
        target.symlink_to(source.absolute())
    except DownloadError:
        pass
    except UserError as error:
        if not isinstance(error.__cause__, DownloadError):
            raise
    if target.exists():
        return True
    architecture = model.base.removeprefix("cornet_").upper()
    network = stand_in.fill(build_network(architecture, options.get("times")))
    state = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"state_dict": state, "architecture": architecture}, target)
    accept(target)
    return False


def _torch_home(workspace: Path) -> Path:
    return workspace / "home" / "torch"


class _Runner:
    """Runs Python with the copy as brainscore_vision, and without access to the user's files."""

    def __init__(self, workspace: Path, library: Path) -> None:
        self._library = library
        home = workspace / "home"
        home.mkdir(exist_ok=True)
        self._without = workspace / "without"
        self._without.mkdir()
        (self._without / "brainscore_cornet.py").write_text(
            "raise ImportError('brainscore_cornet is not installed at Brain-Score')\n"
        )
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "BRAINSCORE_CORNET_WEIGHTS"},
            "HOME": str(home),
            "TORCH_HOME": str(_torch_home(workspace)),
            "BRAINSCORE_HOME": str(home / "brain-score"),
            "RESULTCACHING_HOME": str(home / "results"),
            "BS_INSTALL_DEPENDENCIES": "no",
            "PYTHONWARNINGS": "ignore",
            "PYTEST_ADDOPTS": "",
        }

    def run(self, arguments: Sequence[str], *, with_package: bool = False) -> tuple[int, str]:
        """Return exit code and output of `python …`, without this package, which is not installed at Brain-Score."""
        paths = [self._library] if with_package else [self._without, self._library]
        inherited = import_path() if with_package else []
        try:
            result = subprocess.run(
                python(*arguments),
                cwd=self._library,
                env=environment({}, [*map(str, paths), *inherited], self._environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_TIMEOUT,
            )
        except subprocess.TimeoutExpired as error:
            return 1, f"{error.output or ''}\nIt was stopped after {_TIMEOUT} s."
        return result.returncode, result.stdout

    def load(self, model: Model) -> tuple[int, str]:
        code = (
            "import sys, brainscore_vision\n"
            f"assert brainscore_vision.__file__.startswith({str(self._library)!r})\n"
            f"print(brainscore_vision.load_model({model.identifier!r}).identifier)"
        )
        returned, output = self.run(["-c", code])
        if returned == 0 and (found := output.strip().splitlines()[-1]) != model.identifier:
            return 1, f"The model calls itself {found!r}, and is registered as {model.identifier!r}."
        return returned, output

    def score(self, model: Model) -> tuple[int, str]:
        request = {
            "identifier": model.identifier,
            "benchmark": BENCHMARK,
            "base": model.base,
            "options": model.options,
        }
        module = f"{__package__}.comparison"
        return self.run(["-m", module, repr(request)], with_package=True)
