"""Extraction of features from images, into memory or into a file; an interrupted extraction can be resumed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np
import xarray as xr

from ..cornet.brain_model import CORnetModel, load_model
from ..cornet.commitments import TimeBin
from ..cornet.errors import UserError, unknown_name
from ..cornet.inference.prepared import network_hash
from ..cornet.names import shown
from ..cornet.progress_line import Work, report
from ..cornet.recording.record import Portion, Site
from ..cornet.recording.shapes import survey
from ..cornet.writing import output_path, write_text, writing
from . import layers, output_files
from .columns import writable
from .early_checks import LABELLED, ON_ERROR, check_output, images_table
from .extracted import Features, drop_pages, preprocessing, say_sizes
from .image_sources import Images, collect, look
from .shards import Shard, find_shards
from .unfinished import Unfinished

_logger = logging.getLogger(__name__)

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
    output = None if output is None else output_path(output, "an output file")
    if output is not None:
        check_output(output)
    if options and not isinstance(model, str):
        raise UserError(f"{next(iter(options))} is an option for an identifier; this model is loaded already.")
    model = load_model(model, **options) if isinstance(model, str) else model
    found = collect(images)
    if output is not None:
        _check_apart(output, found)
    found = look(found, on_error, model.commitment.background)
    found = replace(found, table=writable(found.table, IN_MEMORY if output is None else output.suffix))
    extraction = _Extraction(model, found, layers, time_steps, time_bins, pool, flat, allow_uninformative)
    extraction.check(output or Path(f"in memory{IN_MEMORY}"))
    if output is None:
        return output_files.dataset(extraction.in_memory(on_error))
    if part:
        extraction.part_of(output, part, on_error, overwrite)
    elif join:
        extraction.joined_into(output, on_error, overwrite)
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


class _Extraction:
    def __init__(self, model: CORnetModel, images: Images, requested, steps, bins, pool, flat, uninformative) -> None:
        self._model, self._images, self._pool, self._flat = model, images, pool, flat
        self._activations = model.activations_model
        network = self._activations.network
        shapes = survey(network, self._activations.image_size)
        sites = layers.choose(network, model.commitment, shapes, requested, steps, bins, uninformative)
        self._shapes = {site: shapes[site.layer][site.time_step] for site in sites}
        self._bins = "" if bins is None else " ".join(f"{start}-{end}" for start, end in bins)

    def in_memory(self, on_error: str) -> Features:
        count = len(self._images)
        arrays = {site: np.empty((count, *shape), np.float32) for site, shape in self._pooled_shapes().items()}
        bad: dict[int, str] = {}
        for portion in self._stream(self._images, bad, on_error):
            portion.write(_flat(arrays))
        return self._features(arrays, bad)

    def into(self, output: Path, on_error: str, overwrite: bool) -> None:
        unfinished = Unfinished(output, self._request(on_error))
        with unfinished.opened(overwrite) as complete:
            if not complete:
                self._check_size(len(self._images), output, unfinished)
                self._finish(output, unfinished, self._into(unfinished, self._images, on_error))

    def check(self, output: Path) -> None:
        output_files.check_table(self._images.table, self._pooled_shapes(), output)
        if output.suffix in LABELLED:
            say_sizes(self._pooled_shapes())

    def part_of(self, output: Path, shard: Shard, on_error: str, overwrite: bool) -> None:
        part = self._part(shard)
        unfinished = Unfinished(output, {**self._request(on_error), "shard": shard.kind}, shard.kind)
        with unfinished.opened(overwrite) as complete:
            if complete:
                return
            self._check_size(len(part), output, unfinished)
            if len(part):
                self._into(unfinished, part, on_error)
            else:
                unfinished.begin()
        _logger.warning("Shard %d of %d is done; when all are, --join.", shard.number, shard.count)

    def joined_into(self, output: Path, on_error: str, overwrite: bool) -> None:
        request, parts = self._request(on_error), []
        unfinished = Unfinished(output, request)
        with ExitStack() as opened:
            if opened.enter_context(unfinished.opened(overwrite)):
                return
            for shard in find_shards(output):
                images = self._part(shard)
                part = Unfinished(output, {**request, "shard": shard.kind}, shard.kind)
                opened.enter_context(part.opened(False))
                if (done := part.count_done(len(images))) != len(images):
                    raise UserError(f"Shard {shard.number}/{shard.count} of {output} has done {done} of {len(images)}.")
                parts.append((shard, part, images))
            self._check_size(len(self._images), output, unfinished)
            arrays = unfinished.arrays(self._pooled_shapes(), len(self._images))
            for shard, part, images in parts:
                rows = shard.rows(len(self._images), self._activations.batch_size)
                if len(images):
                    for site, array in part.arrays(self._pooled_shapes(), len(images)).items():
                        arrays[site][rows] = array
                        drop_pages(array)
                        drop_pages(arrays[site])
                if part.done != len(images):
                    raise UserError(f"Shard {shard.number}/{shard.count} of {output} is damaged: compute it again.")
                unfinished.bad.update({rows.start + row: reason for row, reason in part.bad.items()})
            unfinished.mark(len(self._images))
            self._finish(output, unfinished, arrays)
            for _, part, _ in parts:
                part.remove()

    def _check_size(self, count: int, output: Path, unfinished: Unfinished) -> None:
        output_files.check_size(self._pooled_shapes(), count, output, unfinished.reserved())

    def _part(self, shard: Shard) -> Images:
        rows = shard.rows(len(self._images), self._activations.batch_size)
        return Images(self._images.table.iloc[rows], self._images.sources[rows])

    def _into(self, unfinished: Unfinished, images: Images, on_error: str) -> Mapping[Site, np.ndarray]:
        arrays = unfinished.arrays(self._pooled_shapes(), len(images))
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

    def _finish(self, output: Path, unfinished: Unfinished, arrays: Mapping[Site, np.ndarray]) -> None:
        report(Work(f"Writing {output}"))
        with writing(output):
            features = self._features(arrays, unfinished.bad)
            output_files.write(features, output, unfinished.folder)
            left_out = self._images.without(unfinished.bad).left_out
            listed = output.with_name(f"{output.name}.skipped.txt")
            if left_out:
                lines = [f"{shown(path)}\t{shown(reason)}\n" for path, reason in left_out.items()]
                write_text(listed, "".join(lines))
                _logger.warning("%d images cannot be used and are left out, see %s.", len(left_out), listed)
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

    def _pooled_shapes(self) -> dict[Site, tuple[int, ...]]:
        return {site: shape[:1] if self._pool else shape for site, shape in self._shapes.items()}

    def _features(self, arrays: Mapping[Site, np.ndarray], bad: Mapping[int, str]) -> Features:
        if len(bad) == len(self._images):
            raise UserError(f"None of the {len(self._images)} images can be used: {next(iter(bad.values()))}")
        kept = np.array([row for row in range(len(self._images)) if row not in bad])
        ordered = {site: arrays[site] for site in self._shapes}
        table = self._images.without(bad).table
        return Features(ordered, kept, table, self._model.commitment, self._attributes, self._flat)

    @cached_property
    def _attributes(self) -> dict[str, str]:
        return {
            "model": self._model.identifier,
            "weights_sha256": network_hash(self._activations.network),
            "package": f"brainscore_cornet {version('brainscore_cornet')}",
            "preprocessing": preprocessing(self._model.commitment),
            "pooled": "mean over space" if self._pool else "no",
            **({"requested_time_bins": self._bins} if self._bins else {}),
        }

    def _request(self, on_error: str) -> dict:
        """Return everything that the contents of the file depend on, as JSON."""
        return {
            **self._attributes,
            "images": self._images.fingerprint(),
            "sites": list(self._shapes),
            "precision": self._activations.precision,
            "batch_size": self._activations.batch_size,  # the last bits depend on it
            "on_error": on_error,
            "flat": self._flat,
        }


def _flat(arrays: Mapping[Site, np.ndarray]) -> dict[Site, np.ndarray]:
    return {site: array.reshape(len(array), -1) for site, array in arrays.items()}
