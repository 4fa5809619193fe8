"""What a command that lacks packages tells to install works in any folder."""

from __future__ import annotations

import shlex
import subprocess
import sys
from importlib.metadata import metadata, version

import pytest
from packaging.requirements import Requirement

from brainscore_cornet.extras import install_line

EXTRAS = metadata("brainscore_cornet").get_all("Provides-Extra")


@pytest.mark.parametrize("extra", EXTRAS)
def test_packages_are_named(extra):
    """The line names the extra's packages, in the versions that are installed here, and no folder."""
    pip, install, *packages = shlex.split(install_line(extra))
    assert (pip, install) == ("pip", "install")
    requirements = list(map(Requirement, packages))
    assert requirements
    for each in requirements:
        assert each.url is None
        assert version(each.name) in each.specifier


def test_recipes_need_no_extra():
    """Submissions state how a network was trained, on machines where nothing can be trained."""
    code = "import sys; sys.modules['pytorch_lightning'] = None; from brainscore_cornet.training import recipes"
    subprocess.run([sys.executable, "-P", "-c", code], check=True)


def test_requirements_of_all_are_left_out():
    """What is installed with the package anyway, such as torch, is not in the line."""
    assert " matplotlib" in install_line("report")
    assert all("torch>" not in install_line(extra) for extra in EXTRAS)
