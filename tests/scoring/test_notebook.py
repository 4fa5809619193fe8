"""The example notebook runs from its first cell to its last, and draws."""

from __future__ import annotations

import re
from pathlib import Path

from helpers.patience import PATIENCE

import brainscore_cornet

SMALLER = """{"cornet_z_untrained": __import__("functools").partial(load_model, "cornet_z_untrained", image_size=64)}"""
QUICKER = 'benchmarks = ["Marques2020light_DeValois1982-pref_or"]'  # which has the fewest stimuli
MODEL = 'load_model("cornet_s_untrained", image_size=64)'
NOTEBOOK = Path(brainscore_cornet.__file__).parent / "scoring" / "example.ipynb"


def test_notebook_runs(tmp_path):
    """The notebook runs in an empty folder without a network, and gives two figures, a table and a score."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:  # 224 px take a minute
        cell.source = cell.source.replace('score_models(["cornet_z_untrained"]', f"score_models({SMALLER}")
        cell.source = cell.source.replace('load_model("cornet_s_untrained")', MODEL)
        cell.source = re.sub(r"^benchmarks = .*$", QUICKER, cell.source, flags=re.MULTILINE)
    changed = [[each in cell.source for each in (SMALLER, MODEL, QUICKER)] for cell in notebook.cells]
    assert [sum(each) for each in zip(*changed, strict=True)] == [1, 1, 1]
    where = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=PATIENCE, kernel_name="python3", resources=where).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    shown = [output["data"] for output in outputs if "data" in output]
    assert sum("image/png" in data for data in shown) == 2
    assert any("text/html" in data and "pref_or" in data["text/html"] for data in shown)
    assert (tmp_path / "results" / "scores.csv").is_file()
