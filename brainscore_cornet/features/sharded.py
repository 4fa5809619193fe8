"""Extraction in shards: each is computed by itself, and when all are complete, they are joined into the output."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..cornet.errors import UserError
from ..cornet.recording.record import Site
from .extracted import JoinedRows
from .image_sources import Images
from .shards import Shard, find_shards, shards_beside
from .unfinished import Unfinished

if TYPE_CHECKING:
    from .extraction import Extraction

_logger = logging.getLogger(__name__)


def compute_shard(extraction: Extraction, output: Path, shard: Shard, on_error: str, overwrite: bool) -> None:
    """Compute one shard of all images of an extraction, and store it beside the output."""
    images = images_of(extraction, shard)
    if compute_rows(extraction, images, output, shard, extraction.request(on_error), on_error, overwrite):
        _logger.warning("Shard %d of %d is done; when all are, --join.", shard.number, shard.count)


def compute_rows(
    extraction: Extraction,
    images: Images,
    output: Path,
    shard: Shard,
    request: Mapping[str, Any],
    on_error: str,
    overwrite: bool = False,
) -> bool:
    """Compute a shard, of which these are the images, unless the whole output is complete; return whether it was not.

    Parameters
    ----------
    request
        The request of the whole extraction.
    """
    unfinished = stored(output, shard, request)
    with unfinished.opened(overwrite) as complete:
        if complete:
            return False
        extraction.check_room(len(images), output, unfinished)
        if len(images):
            extraction.fill(unfinished, images, on_error)
        else:
            unfinished.begin()
    return True


def join_shards(extraction: Extraction, output: Path, on_error: str, overwrite: bool) -> None:
    """Join all shards of an extraction, which are complete, into its output."""
    request, parts = extraction.request(on_error), []
    unfinished = Unfinished(output, request)
    with ExitStack() as opened:
        if opened.enter_context(unfinished.opened(overwrite)):
            remove_shards(output, request)
            return
        for shard in find_shards(output):
            images = images_of(extraction, shard)
            part = stored(output, shard, request)
            opened.enter_context(part.opened(False))
            if (done := part.count_done(len(images))) != len(images):
                raise UserError(f"Shard {shard.number}/{shard.count} of {output} has done {done} of {len(images)}.")
            parts.append((shard, part, images))
        extraction.check_room(len(extraction.images), output, unfinished, *(part for _, part, _ in parts))
        shapes = extraction.pooled_shapes()
        found: dict[Site, list[np.ndarray]] = {site: [] for site in shapes}
        unfinished.begin()
        for shard, part, images in parts:
            rows = shard.rows(len(extraction.images), extraction.batch_size)
            if len(images):
                for site, array in part.arrays(shapes, len(images)).items():
                    found[site].append(array)
            if part.done != len(images):
                raise UserError(f"Shard {shard.number}/{shard.count} of {output} is damaged: compute it again.")
            unfinished.bad.update({rows.start + row: reason for row, reason in part.bad.items()})
        extraction.finish(output, unfinished, {site: JoinedRows(arrays) for site, arrays in found.items()})
        for _, part, _ in parts:
            part.remove()


def remove_shards(output: Path, request: Mapping[str, Any]) -> None:
    """Remove what an interrupted joining has left of the shards of a request whose output is complete."""
    for shard in shards_beside(output):
        stored(output, shard, request).remove_own()


def images_of(extraction: Extraction, shard: Shard) -> Images:
    """Return the images of a shard."""
    rows = shard.rows(len(extraction.images), extraction.batch_size)
    return Images(extraction.images.table.iloc[rows], extraction.images.sources[rows])


def stored(output: Path, shard: Shard, request: Mapping[str, Any]) -> Unfinished:
    """Return a shard's folder beside the output."""
    return Unfinished(output, {**request, "shard": shard.kind}, shard.kind)
