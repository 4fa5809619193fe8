"""What is submitted: a model under the identifier that its owner wants, and the options that make it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..cornet.architectures import CLASSES
from ..cornet.brain_model import commitment_for
from ..cornet.commitments import COMMITMENTS, Commitment, TimeBins, get_commitment
from ..cornet.errors import UserError
from ..cornet.network import load_network, plain_integers
from ..cornet.weights.released import checked_sha256, file_hash, locate
from .rules.reachable import fetch_now


@dataclass(frozen=True)
class Variant:
    """One model of a submission."""

    identifier: str
    base: str
    """Which CORnet: `cornet_s` or, with its own initialization, `cornet_s_untrained`."""
    options: Mapping[str, Any]
    """What `load_model` takes beside: weights (a URL), weights_sha256, times, time_mapping, image_size."""
    commitment: Commitment
    file: Path | None = None
    """The weights on this machine: the owner's own, or as they were just downloaded from their address."""
    downloaded: bool = False

    @property
    def weights_url(self) -> str | None:
        return self.options.get("weights")

    @property
    def shape(self) -> dict[str, Any]:
        """The options but for the weights."""
        return _shape(self.options)

    @property
    def folder_name(self) -> str:
        """Of a plugin that holds this model alone; Brain-Score's own plugin for CORnet-S is called `cornet_s`."""
        return "brainscore_" + re.sub(r"\W", "_", self.identifier)


REGISTERED = tuple(Variant(name, name, {}, commitment) for name, commitment in COMMITMENTS.items())
"""The models of this package, as a pull request brings them."""


def make_variant(
    model: str,
    *,
    identifier: str | None = None,
    weights: str | os.PathLike | None = None,
    weights_url: str | None = None,
    weights_sha256: str | None = None,
    times: int | Mapping[str, int] | None = None,
    time_mapping: TimeBins | None = None,
    image_size: int | None = None,
) -> Variant:
    """A variant from what its owner says, checked as far as no network is needed.

    Parameters
    ----------
    weights
        The file on this machine; gives the SHA-256, and is what the submission is tried with.
    weights_url
        Where Brain-Score will find it.
    weights_sha256
        Of the file; needed where `weights` is not given and the URL cannot be downloaded now.

    Raises
    ------
    UserError
        For options that the model cannot have, or that do not go together.
    """
    base = get_commitment(model)
    file = None if weights is None else locate(weights)
    downloaded = False
    _check_weights(base, file, weights_url)
    if weights_url is not None:
        if file is not None:
            found = file_hash(file)
            if weights_sha256 is not None and checked_sha256(weights_sha256) != found:
                raise UserError(f"{file} has the SHA-256 {found}, not {weights_sha256}: leave the option out.")
            weights_sha256 = found
        elif weights_sha256 is None:
            # never an older copy: what the address gives now is what Brain-Score will get
            file, downloaded = fetch_now(weights_url), True
            weights_sha256 = file_hash(file)
    elif weights_sha256 is not None:
        raise UserError("A SHA-256 belongs to weights of your own: name where they are with --weights-url.")
    options = {
        "weights": weights_url,
        "weights_sha256": None if weights_sha256 is None else checked_sha256(weights_sha256),
        "times": plain_integers(times),
        "time_mapping": time_mapping,
        "image_size": image_size,
    }
    options = {name: value for name, value in options.items() if value is not None}
    if identifier is None:
        if options:
            raise UserError(
                f"This is not {model} as it is registered: give it an identifier of its own, such as "
                f"--identifier {model}_mylab"
            )
        identifier = model
    check_identifier(identifier)
    commitment = commitment_for(model, **_shape(options))
    if file is not None:
        # read now rather than by Brain-Score: it has to fit
        classes = load_network(model, weights=file, times=times).decoder.linear.out_features
        if classes != CLASSES:
            raise UserError(f"{file} has {classes} classes: Brain-Score's tasks need ImageNet's {CLASSES}.")
    return Variant(identifier, model, options, replace(commitment, identifier=identifier), file, downloaded)


def _shape(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if not name.startswith("weights")}


def check_identifier(identifier: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.]*", identifier):
        better = re.sub(r"[^A-Za-z0-9_.]+", "_", identifier).strip("._") or "cornet_s_mylab"
        raise UserError(
            f"{identifier!r} cannot be an identifier: Brain-Score's website takes no hyphen, and its scripts no space, "
            f"quote or bracket. Use letters, digits and underscores, such as {better}."
        )


def _check_weights(base: Commitment, file: Path | None, url: str | None) -> None:
    if url is not None and not re.match(r"https?://[^\s'\"\\]+$", url):
        raise UserError(f"Expected --weights-url to be a URL that anybody can download (https://…), received {url!r}.")
    if file is None and url is None:
        return
    if not base.trained:
        trained = base.identifier.removesuffix("_untrained")
        raise UserError(f"{base.identifier} starts from its initialization: submit weights as {trained}.")
    if url is None:
        raise UserError(
            f"Brain-Score cannot see {file}: put it where anybody can download it, and add --weights-url https://…"
        )
