"""Deterministic stand-in weights for a CORnet, so that two implementations can be compared number by number.

The released weights cannot be downloaded on a machine without internet access. `fill` overwrites every
parameter and buffer of a model by a rule that depends only on the model's name, the tensor's name and a seed,
so any implementation whose state dict has the released names and shapes gets the same network.
"""

import zlib

import numpy as np
import torch


def fill(model: torch.nn.Module, name: str, seed: int = 0) -> torch.nn.Module:
    """Overwrite `model`'s state in place and return it in eval mode.

    :param model: a CORnet whose state dict has the released names, without the `module.` prefix
    :param name: 'Z', 'R', 'RT' or 'S'
    :param seed: another network for every seed
    """
    state = model.state_dict()
    for key, tensor in state.items():
        rng = np.random.RandomState((zlib.crc32(f"{name}/{key}".encode()) + seed) % 2**32)
        if tensor.ndim > 1:  # convolution and linear weights: He scaling keeps activity in range over depth
            fan_in = int(np.prod(tensor.shape[1:]))
            values = rng.standard_normal(tensor.shape) * np.sqrt(2 / fan_in)
        elif key.endswith("num_batches_tracked"):
            continue
        elif key.endswith("running_var"):
            values = rng.uniform(0.5, 1.5, tensor.shape)
        elif "norm" in key and key.endswith("weight"):
            values = 1 + 0.1 * rng.standard_normal(tensor.shape)
        else:  # biases and running means
            values = 0.1 * rng.standard_normal(tensor.shape)
        state[key] = torch.from_numpy(values.astype(np.float32))
    model.load_state_dict(state)
    return model.eval()


def images(count: int = 2, seed: int = 0) -> torch.Tensor:
    """A batch of normalized pixel noise over a smooth gradient, shape (count, 3, 224, 224), float32."""
    rng = np.random.RandomState(1000 + seed)
    ramp = np.linspace(-1, 1, 224)
    smooth = np.stack([np.outer(ramp, ramp), np.tile(ramp, (224, 1)), np.tile(ramp[:, None], (1, 224))])
    noise = rng.standard_normal((count, 3, 224, 224))
    gain = rng.uniform(0.5, 1.5, (count, 1, 1, 1))
    return torch.from_numpy((gain * smooth[None] + 0.5 * noise).astype(np.float32))
