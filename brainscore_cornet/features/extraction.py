"""Extraction of features from images, into memory or into a file; an interrupted extraction can be resumed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import xarray as xr

from ..cornet.brain_model import CORnetModel, load_model
from ..cornet.commitments import TimeBin, bins_as_text
from ..cornet.errors import UserError, unknown_name
from ..cornet.inference.prepared import network_hash
from ..cornet.names import counted, shown
from ..cornet.progress_line import Work, report
from ..cornet.recording.record import Portion, Site
from ..cornet.recording.shapes import survey
from ..cornet.writing import output_path, write_text, writing
from . import layers, output_files
from .columns import writable
from .early_checks import LABELLED, ON_ERROR, check_output, images_table
from .extracted import Features, Stored, drop_pages, preprocessing, say_sizes
from .image_sources import Images, collect, look
from .shard_workers import ShardWorkers
from .sharded import compute_shard, join_shards
from .shards import Shard
from .unfinished import Unfinished

_logger = logging.getLogger(__name__)

_ALLOW = "--allow-uninformative"
IN_MEMORY = ".nc"  # a dataset in memory has the types of this format


def extract_features(
    model: str | CORnetModel,
    images,
    *,
    layers: Sequence[str] | None = None,
    time_steps: str | Sequence[int] = "all",
    time_bins: Sequence[TimeBin] | None = None,
    pool: bool = False,
    flat: bool = False,
    output: str | Path | None = None,
    on_error: str = "fail",
    allow_uninformative: bool = False,
    overwrite: bool = False,
    shard: str | None = None,
    join: bool = False,
    parallel: int | ShardWorkers | None = None,
    **options,
) -> xr.Dataset | None:
    """Return or write the activity of layers at time steps for images.

    Parameters
    ----------
    model
        An identifier such as `cornet_s`, or a model from `load_model`.
    images
        Folders, patterns, image files, lists of them (`.txt`, `.csv` with a column `stimulus_path`), PIL images, arrays
        (height, width) or (height, width, 3) of 8 bits, or a `StimulusSet`; one or a list.
    layers
        Layers such as `IT`, `IT.conv2`, `decoder.avgpool` or `logits`; by default the four regions' outputs and
        `decoder.avgpool`.
    time_steps
        `all` time steps that the image has reached, or a list of time steps.
    time_bins
        (start, end) in ms after stimulus onset, instead of time steps; mapped to time steps as in recordings.
    pool
        Whether to average over space.
    flat
        Whether `.npy` files have one axis for all units of an image, as in CORnet's own repository.
    output
        A file to write to: `.nc`, `.zarr`, `.npy`, `.csv`, `.parquet`, `.h5`, `.mat` or `.pt`. Memory then does not
        grow with the number of images, and the same call resumes an interrupted one.
    on_error
        For unreadable images: `fail`, or `skip`, which lists them in a file beside the output.
    allow_uninformative
        Whether activity that is the same for every image may be requested.
    overwrite
        Whether an existing output may be replaced.
    shard
        Part to compute and store beside the output; `3/16` is the third of sixteen.
    join
        Whether to join the shards, which were computed with otherwise the same arguments, into the output.
    parallel
        Processes of this machine that compute an output's shards, or `shard_workers.ShardWorkers` of a cluster; by
        default this process computes it alone.
    options
        Options of `load_model` for an identifier: `weights`, `times`, `time_mapping`, `image_size`, `device`, …

    Returns
    -------
    Dataset
        A variable for each layer, (time_step, presentation, channel, channel_x, channel_y), without the last two where
        there is no space; None where the features were written to a file.

    Raises
    ------
    UserError
        If an option is invalid, images are unreadable, or the output cannot be written.
    """
    if on_error not in ON_ERROR:
        raise unknown_name(on_error, ON_ERROR, "on_error")
    part = None if shard is None else Shard.parse(shard)
    if (part or join) and (output is None or (part and join)):
        raise UserError("Shards are computed (shard) and then joined (join) for an output.")
    if parallel is not None and (output is None or part or join):
        raise UserError(
            "Several processes compute an output's shards and join them: give an output, and no shard, no join."
        )
    if isinstance(parallel, int):
        parallel = ShardWorkers.of(parallel)
    output = None if output is None else output_path(output, "an output file")
    if output is not None:
        check_output(output)
    if options and not isinstance(model, str):
        raise UserError(f"{next(iter(options))} is an option for an identifier; this model is loaded already.")
    if isinstance(model, str):
        make = partial(load_model, model, **options)
        parallel = parallel and replace(parallel, make=parallel.make or make)
        model = make()
    found = collect(images)
    if output is not None:
        _check_apart(output, found)
    found = look(found, on_error, model.commitment.background)
    found = replace(found, table=writable(found.table, IN_MEMORY if output is None else output.suffix))
    arguments = {"requested": layers, "steps": time_steps, "bins": time_bins, "pool": pool, "flat": flat}
    arguments["uninformative"] = allow_uninformative
    extraction = Extraction(model, found, **arguments)
    extraction.check(output or Path(f"in memory{IN_MEMORY}"))
    if output is None:
        return output_files.dataset(extraction.in_memory(on_error))
    if part:
        compute_shard(extraction, output, part, on_error, overwrite)
    elif join:
        join_shards(extraction, output, on_error, overwrite)
    elif parallel is not None:
        parallel.extract(extraction, arguments, output, on_error, overwrite)
    else:
        extraction.into(output, on_error, overwrite)
    return None


def _check_apart(output: Path, found: Images) -> None:
    """Raise `UserError` if the output would overwrite an input."""
    target = output.resolve()
    written = {target, images_table(target)} if target.suffix == ".npy" else {target}
    for path in (*found.given, *(source for source in found.sources if isinstance(source, str))):
        resolved = Path(path).expanduser().resolve()
        if written & {resolved, *resolved.parents}:
            raise UserError(f"The output {output} would take the place of what it is made from, {path}.")


class Extraction:
    """The extraction of features from images with a model, whose arguments are those of `extract_features`."""

    def __init__(self, model: CORnetModel, images: Images, requested, steps, bins, pool, flat, uninformative) -> None:
        self.model, self.images, self._pool, self._flat = model, images, pool, flat
        self._activations = model.activations_model
        network = self._activations.network
        shapes = survey(network, self._activations.image_size)
        sites = layers.choose(network, model.commitment, shapes, requested, steps, bins, uninformative, _ALLOW)
        self._shapes = {site: shapes[site.layer][site.time_step] for site in sites}
        self._bins = bins_as_text(bins or ())

    @property
    def batch_size(self) -> int:
        return self._activations.batch_size

    def in_memory(self, on_error: str) -> Features:
        count = len(self.images)
        arrays = {site: np.empty((count, *shape), np.float32) for site, shape in self.pooled_shapes().items()}
        bad: dict[int, str] = {}
        for portion in self._stream(self.images, bad, on_error):
            portion.write(_flat(arrays))
        return self._features(arrays, bad)

    def into(self, output: Path, on_error: str, overwrite: bool) -> None:
        unfinished = Unfinished(output, self.request(on_error))
        with unfinished.opened(overwrite) as complete:
            if not complete:
                self.check_room(len(self.images), output, unfinished)
                self.finish(output, unfinished, self.fill(unfinished, self.images, on_error))

    def check(self, output: Path) -> None:
        output_files.check_table(self.images.table, self.pooled_shapes(), output)
        if output.suffix in LABELLED:
            say_sizes(self.pooled_shapes())

    def check_room(self, count: int, output: Path, *stored: Unfinished) -> None:
        reserved = sum(each.reserved() for each in stored)
        output_files.check_size(self.pooled_shapes(), count, output, reserved)

    def fill(self, unfinished: Unfinished, images: Images, on_error: str) -> Mapping[Site, np.ndarray]:
        arrays = unfinished.arrays(self.pooled_shapes(), len(images))
        if unfinished.done:
            _logger.warning("Resuming after %d of %d images.", unfinished.done, len(images))
        flat = _flat(arrays)
        try:
            for portion in self._stream(images, unfinished.bad, on_error, unfinished.done):
                portion.write(flat)
                unfinished.mark(portion.rows.stop)
                for array in arrays.values():
                    drop_pages(array)
        finally:  # also after Ctrl-C
            unfinished.record()
        return arrays

    def finish(self, output: Path, unfinished: Unfinished, arrays: Mapping[Site, Stored]) -> None:
        report(Work(f"Writing {output}"))
        with writing(output):
            features = self._features(arrays, unfinished.bad)
            unfinished.begin_writing()
            output_files.write(features, output, unfinished.folder)
            left_out = self.images.without(unfinished.bad).left_out
            listed = output.with_name(f"{output.name}.skipped.txt")
            if left_out:
                lines = [f"{shown(path)}\t{shown(reason)}\n" for path, reason in left_out.items()]
                write_text(listed, "".join(lines))
                said = counted(len(left_out), "image that cannot be used is", "images that cannot be used are")
                _logger.warning("%s left out, see %s.", said, listed)
            else:
                listed.unlink(missing_ok=True)  # of an earlier extraction
            unfinished.finish()

    def _stream(self, images: Images, bad: dict[int, str], on_error: str, first: int = 0) -> Iterator[Portion]:
        return self._activations.stream(
            images.sources,
            list(self._shapes),
            first=first,
            pool=self._pool,
            on_error=None if on_error == "fail" else lambda row, error: bad.__setitem__(row, str(error)),
        )

    def pooled_shapes(self) -> dict[Site, tuple[int, ...]]:
        return {site: shape[:1] if self._pool else shape for site, shape in self._shapes.items()}

    def _features(self, arrays: Mapping[Site, Stored], bad: Mapping[int, str]) -> Features:
        if len(bad) == len(self.images):
            raise UserError(f"None of the {len(self.images)} images can be used: {next(iter(bad.values()))}")
        kept = np.array([row for row in range(len(self.images)) if row not in bad])
        ordered = {site: arrays[site] for site in self._shapes}
        table = self.images.without(bad).table
        return Features(ordered, kept, table, self.model.commitment, self.attributes, self._flat)

    @cached_property
    def attributes(self) -> dict[str, str]:
        return {
            "model": self.model.identifier,
            "weights_sha256": network_hash(self._activations.network),
            "package": f"brainscore_cornet {version('brainscore_cornet')}",
            "preprocessing": preprocessing(self.model.commitment),
            "pooled": "mean over space" if self._pool else "no",
            **({"requested_time_bins": self._bins} if self._bins else {}),
        }

    def request(self, on_error: str) -> dict:
        """Return everything that the contents of the file depend on, as JSON."""
        return {
            **self.attributes,
            "images": self.images.fingerprint(),
            "sites": list(self._shapes),
            "precision": self._activations.precision,
            "batch_size": self._activations.batch_size,  # the last bits depend on it
            "on_error": on_error,
            "flat": self._flat,
        }


def _flat(arrays: Mapping[Site, np.ndarray]) -> dict[Site, np.ndarray]:
    return {site: array.reshape(len(array), -1) for site, array in arrays.items()}
