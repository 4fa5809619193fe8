"""Dissimilarity matrices of images, for each layer and time step, from one pass through the network."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import xarray as xr

from ..cornet.brain_model import CORnetModel
from ..cornet.commitments import TimeBin
from ..cornet.preparation import PATH
from ..cornet.recording.record import is_decoded
from ..cornet.recording.shapes import survey
from ..cornet.writing import scratch_array, write_aside, writing
from ..metrics.samples import Samples
from .columns import text
from .image_sources import collect, look
from .layers import choose


def dissimilarities(
    model: CORnetModel,
    images,
    distance: str = "correlation",
    *,
    layers: Sequence[str] | None = None,
    time_steps: str | Sequence[int] = "all",
    time_bins: Sequence[TimeBin] | None = None,
    pool: bool = False,
    on_error: str = "fail",
) -> xr.Dataset:
    """Return the variable `rdm` (site, stimulus, other), with the layer and time step of each site.

    Parameters
    ----------
    distance
        `correlation` (1 - Pearson's r over units), `euclidean`, or `cosine` (1 - cosine).
    images, layers, time_steps, time_bins, pool, on_error
        As in `extract_features`.
    """
    found = look(collect(images), on_error, model.commitment.background)
    activations, commitment = model.activations_model, model.commitment
    shapes = survey(activations.network, activations.image_size)
    sites = choose(activations.network, commitment, shapes, layers, time_steps, time_bins)
    with tempfile.TemporaryDirectory(prefix="brainscore_cornet-rdm-") as folder:
        arrays = {}
        for number, site in enumerate(sites):
            shape = shapes[site.layer][site.time_step]
            units = int(np.prod(shape[:1] if pool else shape))
            file = Path(folder) / f"{number}.float32"
            arrays[site] = scratch_array(file, (len(found), units))
        for portion in activations.stream(found.sources, sites, pool=pool):
            portion.write(arrays)
        matrices = np.stack([_matrix(arrays.pop(site), distance) for site in sites])
    missing = (np.nan, np.nan)
    bins = [
        missing
        if is_decoded(site.layer)
        else commitment.time_bins[site.layer.split(".")[0]].get(site.time_step, missing)
        for site in sites
    ]
    return xr.Dataset(
        {"rdm": (("site", "stimulus", "other"), matrices)},
        coords={
            "layer": ("site", [site.layer for site in sites]),
            "time_step": ("site", [site.time_step for site in sites]),
            "time_bin_start": ("site", [float(start) for start, _ in bins]),
            "time_bin_end": ("site", [float(end) for _, end in bins]),
            **{
                name: ("stimulus", found.table[name].map(text).astype(str))
                for name in (PATH, "stimulus_id")
                if name in found.table
            },
        },
        attrs={
            "distance": distance,
            "model": model.identifier,
            "package": f"brainscore_cornet {version('brainscore_cornet')}",
        },
    )


def write_rdms(found: xr.Dataset, output: Path) -> None:
    """Write dissimilarities as netCDF, or as the HDF5 file that rsatoolbox's `load_rdm` reads."""
    with writing(output):
        if output.suffix == ".nc":
            write_aside(output, lambda part: found.to_netcdf(part, engine="netcdf4"))
            return
        from rsatoolbox.rdm import RDMs  # pyright: ignore[reportPrivateImportUsage]

        rdms = RDMs(
            found["rdm"].values,
            dissimilarity_measure=found.attrs["distance"],
            descriptors={"model": found.attrs["model"]},
            rdm_descriptors={
                "layer": found["layer"].values.tolist(),
                "time_step": found["time_step"].values.tolist(),
            },
            pattern_descriptors={"stimulus": found[PATH].values.tolist()},
        )
        write_aside(output, lambda part: rdms.save(str(part), file_type="hdf5", overwrite=True))


def _matrix(values: np.ndarray, distance: str) -> np.ndarray:
    """Return the dissimilarities of rows (row, unit), from products that are summed over portions of units."""
    means = values.mean(1, dtype=float, keepdims=True) if distance == "correlation" else 0.0
    products = np.zeros((len(values), len(values)))
    for _, columns in Samples([values]).portions():
        part = columns.astype(float) - means
        products += part @ part.T
    squares = np.diag(products)
    if distance == "euclidean":
        found = np.sqrt(np.maximum(squares[:, np.newaxis] + squares - 2 * products, 0))
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            lengths = np.sqrt(squares)
            found = 1 - np.clip(products / lengths / lengths[:, np.newaxis], -1, 1)
    np.fill_diagonal(found, 0)
    return found
