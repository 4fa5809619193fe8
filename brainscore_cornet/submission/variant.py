"""Variants: the submitted models, with their identifiers and options."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..cornet.architectures import CLASSES
from ..cornet.commitments import COMMITMENTS, Commitment, get_commitment
from ..cornet.errors import UserError
from ..cornet.network import load_network, plain_integers
from ..cornet.preparation import checked_background, checked_resize
from ..cornet.time_bins import TimeMapping
from ..cornet.varied_commitment import commitment_for
from ..cornet.weights.released import checked_sha256, file_hash, locate
from ..cornet.weights.state_dicts import trained_with
from .request import check_weights, checked_identifier
from .rules.reachable import fetch_now


@dataclass(frozen=True)
class Variant:
    """One model of a submission."""

    identifier: str
    base: str
    """Registered model: `cornet_s` or, with its own initialization, `cornet_s_untrained`."""
    options: Mapping[str, Any]
    """Options of `load_model`: weights (a URL), weights_sha256, times, time_mapping, image_size, resize, background."""
    commitment: Commitment
    file: Path | None = None
    """Weight file on this machine: the owner's own, or the one just downloaded from its address."""
    downloaded: bool = False

    @property
    def weights_url(self) -> str | None:
        return self.options.get("weights")

    @property
    def shape(self) -> dict[str, Any]:
        """Options without those of the weights."""
        return _shape(self.options)

    @property
    def folder_name(self) -> str:
        """Folder of a plugin with this model alone, other than `cornet_s`, Brain-Score's own plugin for CORnet-S."""
        return "brainscore_" + re.sub(r"\W", "_", self.identifier)


REGISTERED = tuple(Variant(name, name, {}, commitment) for name, commitment in COMMITMENTS.items())
"""The models of this package, as in a pull request."""


def make_variant(
    model: str,
    *,
    identifier: str | None = None,
    weights: str | os.PathLike | None = None,
    weights_url: str | None = None,
    weights_sha256: str | None = None,
    times: int | Mapping[str, int] | None = None,
    time_mapping: TimeMapping | None = None,
    layers: Mapping[str, str] | None = None,
    image_size: int | None = None,
    resize: str | None = None,
    background: str | Iterable[int] | None = None,
) -> Variant:
    """Return a variant from its owner's options, after the checks that need no network.

    Parameters
    ----------
    weights
        Weight file on this machine, which gives the SHA-256 and is used in the trial.
    weights_url
        Address from which Brain-Score downloads the weights.
    weights_sha256
        SHA-256 of the weights; required if `weights` is not given and the URL cannot be downloaded now.

    Raises
    ------
    UserError
        If options are invalid or exclude each other.
    """
    base = get_commitment(model)
    file = None if weights is None else locate(weights)
    downloaded = False
    check_weights(model, file, weights_url)
    if weights_url is not None:
        if file is not None:
            found = file_hash(file)
            if weights_sha256 is not None and checked_sha256(weights_sha256) != found:
                raise UserError(f"{file} has the SHA-256 {found}, not {weights_sha256}: leave the option out.")
            weights_sha256 = found
        elif weights_sha256 is None:
            # never an older copy: Brain-Score will get the file that the address serves now
            file, downloaded = fetch_now(weights_url), True
            weights_sha256 = file_hash(file)
    elif weights_sha256 is not None:
        raise UserError("A SHA-256 belongs to weights of your own: name where they are with --weights-url.")
    if file is not None:  # written down, so that it holds without the file, too
        stated = trained_with(file, base.architecture)
        times = stated.times if times is None else times
        image_size = stated.image_size if image_size is None else image_size
    options = {
        "weights": weights_url,
        "weights_sha256": None if weights_sha256 is None else checked_sha256(weights_sha256),
        "times": plain_integers(times),
        "time_mapping": time_mapping,
        "layers": None if layers is None else dict(layers),
        "image_size": image_size,
        "resize": None if resize is None else checked_resize(resize),
        "background": checked_background(background),
    }
    options = {name: value for name, value in options.items() if value is not None}
    identifier = checked_identifier(identifier, model, has_options=bool(options))
    commitment = commitment_for(model, **_shape(options))
    if file is not None:
        # checks now that the file fits, rather than at Brain-Score
        classes = load_network(model, weights=file, times=times).decoder.linear.out_features
        if classes != CLASSES:
            raise UserError(f"{file} has {classes} classes: Brain-Score's tasks need ImageNet's {CLASSES}.")
    return Variant(identifier, model, options, replace(commitment, identifier=identifier), file, downloaded)


def _shape(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if not name.startswith("weights")}
