"""A 3x3 convolution with 16 multiplications where the plain one has 36 (Lavin & Gray 2016, arXiv:1509.09308).

Tiles of 2x2 outputs are computed from tiles of 4x4 inputs that overlap by two, F(2x2, 3x3) in that paper's terms: an
input transform, one matrix product over the channels for each of the 16 places of a tile, and an output transform. In
single precision the error is about 2e-6 of the largest activity.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

# The transforms of one axis, from the paper's section 4.1; their Kronecker products are those of both axes.
_WEIGHT_TRANSFORM = torch.tensor([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
_INPUT_TRANSFORM = torch.tensor([[1.0, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
_OUTPUT_TRANSFORM = torch.tensor([[1.0, 1, 1, 0], [0, 1, -1, -1]])
_BIAS_PLACE = 5  # of the 16 places, the one that is added once to each of the four outputs

TILES = 200  # at a time, so that intermediate results stay in the processor's cache (measured)
_CHANNELS_AT_A_TIME = 16  # channels whose weights are transformed together, which limits the memory in double precision


class Winograd(nn.Module):
    """A 3x3 convolution with stride 1 and padding 1 of activity (batch, channel, height, width).

    Parameters
    ----------
    weight
        Transformed weights (16, in, out), as `weight_transform` returns them.
    bias
        (channel,)
    """

    input_transform: Tensor
    output_transform: Tensor

    def __init__(self, weight: nn.Parameter, bias: Tensor) -> None:
        super().__init__()
        self.weight = weight
        self.bias = nn.Parameter(bias.float(), requires_grad=False)
        self.register_buffer("input_transform", torch.kron(_INPUT_TRANSFORM, _INPUT_TRANSFORM), persistent=False)
        self.register_buffer("output_transform", torch.kron(_OUTPUT_TRANSFORM, _OUTPUT_TRANSFORM), persistent=False)

    @staticmethod
    def weight_transform(weight: Tensor) -> nn.Parameter:
        """Return weights (out, in, 3, 3) as (16, in, out), a matrix for each place of a tile."""
        transform = _WEIGHT_TRANSFORM.double()
        transformed = torch.empty(16, weight.shape[1], weight.shape[0])
        for part, columns in zip(
            weight.detach().split(_CHANNELS_AT_A_TIME), transformed.split(_CHANNELS_AT_A_TIME, dim=2), strict=True
        ):
            columns.copy_(torch.einsum("ia,jb,ocab->ijco", transform, transform, part.double()).flatten(0, 1))
        return nn.Parameter(transformed, requires_grad=False)

    def forward(self, activity: Tensor) -> Tensor:
        _, _, height, width = activity.shape
        down, across = -(-height // 2), -(-width // 2)  # tiles
        portions = activity.split(max(1, TILES // (down * across)))
        convolved = torch.cat([self._convolve(portion, down, across) for portion in portions])
        return convolved.permute(0, 3, 1, 2)[:, :, :height, :width]

    def _convolve(self, activity: Tensor, down: int, across: int) -> Tensor:
        """Return the convolution (batch, height, width, channel), with height and width rounded up to even numbers."""
        count, channels, height, width = activity.shape
        margins = (0, 0, 1, 2 * across - width + 1, 1, 2 * down - height + 1)
        padded = functional.pad(activity.permute(0, 2, 3, 1), margins)
        image, row, column, _ = padded.stride()
        tiles = padded.as_strided(
            (4, 4, count, down, across, channels), (row, column, image, 2 * row, 2 * column, 1)
        ).reshape(16, -1)
        inner = torch.bmm((self.input_transform @ tiles).view(16, -1, channels), self.weight)
        inner[_BIAS_PLACE] += self.bias
        outputs = (self.output_transform @ inner.view(16, -1)).view(2, 2, count, down, across, -1)
        return outputs.permute(2, 3, 0, 4, 1, 5).reshape(count, 2 * down, 2 * across, -1)
