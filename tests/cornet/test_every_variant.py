"""Every CORnet variant is in every table and in every list of all variants."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import brainscore_cornet
from brainscore_cornet.cornet.anatomy import TIME_STEPS
from brainscore_cornet.cornet.architectures import build_network
from brainscore_cornet.cornet.citations import bibtex
from brainscore_cornet.cornet.commitments import COMMITMENTS
from brainscore_cornet.cornet.weights.released import RELEASED
from brainscore_cornet.marques2020.tables import MODELS
from brainscore_cornet.submission.metadata import metadata
from brainscore_cornet.submission.variant import make_variant
from brainscore_cornet.training.recipes import RECIPES

PACKAGE = Path(brainscore_cornet.__file__).parent
NAME = r"(?<!\w)[`'\"]?(?:CORnet-|cornet_|-)?(RT|rt|[ZRSzrs])(?:_untrained)?\b[`'\"]?"
SEPARATOR = r"(?:,\s+(?:or\s+|and\s+)?|\s+(?:or|and)\s+)\"?\s*"
LIST = re.compile(rf"{NAME}(?:{SEPARATOR}{NAME}){{2,}}")
OF_2018 = {"Z", "R", "RT"}
"""What the paper of 2018 describes: a list of these alone is a list of something else."""


def lists_in(text: str) -> list[set[str]]:
    """The variants that each list of at least three of them names."""
    lists = [{name.upper() for name in re.findall(NAME, found[0])} for found in LIST.finditer(text)]
    return [named for named in lists if len(named) > 2]


@pytest.mark.parametrize("architecture", TIME_STEPS)
def test_every_table_has_every_variant(architecture):
    """Each variant has a network, commitments, weights, a recipe, a citation, metadata and registrations."""
    identifier = f"cornet_{architecture.lower()}"
    both = {identifier, f"{identifier}_untrained"}
    assert dict(build_network(architecture).times) == TIME_STEPS[architecture]
    assert both <= set(COMMITMENTS)
    assert RELEASED[identifier].architecture == architecture
    assert architecture in RECIPES
    assert "title" in bibtex(architecture)
    assert f"{identifier}_untrained" in MODELS
    assert identifier in metadata([make_variant(f"{identifier}_untrained")])
    assert both <= set(yaml.safe_load((PACKAGE / "plugins" / "models" / "metadata.yaml").read_text())["models"])
    registered = (PACKAGE / "plugins" / "models" / "__init__.py").read_text()
    assert all(f"model_registry['{name}']" in registered for name in both)


def test_every_list_has_every_variant():
    """Help texts, messages and docstrings that list the variants list all of them."""
    lists = {
        f"{path.relative_to(PACKAGE)}: {', '.join(sorted(named))}": named
        for path in sorted(PACKAGE.rglob("*.py"))
        for named in lists_in(path.read_text())
    }
    assert len(lists) >= 10
    assert not [where for where, named in lists.items() if named not in (set(TIME_STEPS), OF_2018)]


def test_an_incomplete_list_is_found():
    """The names are read in each of the forms in which they are written."""
    assert lists_in("`cornet_z`, `cornet_rt` or `cornet_s`") == [{"Z", "RT", "S"}]
    assert lists_in("CORnet-Z, -R, -RT and -S; V1, V2, V4") == [{"Z", "R", "RT", "S"}]
