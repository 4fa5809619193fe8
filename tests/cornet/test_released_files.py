"""The released files themselves: only with a network, `pytest -m network`."""

import pytest
import torch
from reference.synthetic_weights import images

from brainscore_cornet.cornet.network import load_network
from brainscore_cornet.cornet.weights.released import RELEASED, fetch, mismatch

pytestmark = pytest.mark.network


@pytest.mark.parametrize("identifier", RELEASED)
def test_a_released_file_is_what_its_record_says(identifier):
    """It matches its published hashes, fits the network, and gives finite logits that differ between images."""
    path = fetch(RELEASED[identifier])
    assert mismatch(RELEASED[identifier], path) is None
    with torch.inference_mode():
        logits = load_network(identifier)(images(2))
    assert torch.isfinite(logits).all()
    assert not torch.equal(logits[0], logits[1])
