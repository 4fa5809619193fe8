"""A 3x3 convolution with 16 multiplications where the plain one has 36 (Lavin & Gray 2016, arXiv:1509.09308).

Squares of 2x2 outputs are computed from squares of 4x4 inputs that overlap by two, F(2x2, 3x3) in that paper's terms:
a small matrix product on the way in, one matrix product of all channels for each of the 16 places, a small one on the
way out. Of the largest activity, single precision loses about 2e-6 this way.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

# The paper's section 4.1: of one axis; both axes together are the Kronecker product.
_KERNEL = torch.tensor([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
_INPUT = torch.tensor([[1.0, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
_OUTPUT = torch.tensor([[1.0, 1, 1, 0], [0, 1, -1, -1]])
_ADDED_ONCE = 5  # the place, of 16, that counts once in each of the four outputs

SQUARES = 200  # at a time, so that what is between the products stays in the processor's cache (measured)
_AT_A_TIME = 16  # channels whose weights are transformed, so that they are not in memory again in double precision


class Winograd(nn.Module):
    """What a 3x3 convolution with stride 1 and padding 1 computes, (batch, channel, height, width).

    Parameters
    ----------
    products
        Of `transformed`.
    bias
        (channel,)
    """

    input_transform: Tensor
    output_transform: Tensor

    def __init__(self, products: nn.Parameter, bias: Tensor) -> None:
        super().__init__()
        self.products = products
        self.bias = nn.Parameter(bias.float(), requires_grad=False)
        self.register_buffer("input_transform", torch.kron(_INPUT, _INPUT), persistent=False)
        self.register_buffer("output_transform", torch.kron(_OUTPUT, _OUTPUT), persistent=False)

    @staticmethod
    def transformed(weight: Tensor) -> nn.Parameter:
        """Weights (out, in, 3, 3) as (16, in, out): a matrix for each place of a square."""
        kernel = _KERNEL.double()
        products = torch.empty(16, weight.shape[1], weight.shape[0])
        for some, columns in zip(weight.detach().split(_AT_A_TIME), products.split(_AT_A_TIME, dim=2), strict=True):
            columns.copy_(torch.einsum("ia,jb,ocab->ijco", kernel, kernel, some.double()).flatten(0, 1))
        return nn.Parameter(products, requires_grad=False)

    def forward(self, activity: Tensor) -> Tensor:
        _, _, height, width = activity.shape
        down, across = -(-height // 2), -(-width // 2)  # squares
        portions = activity.split(max(1, SQUARES // (down * across)))
        convolved = torch.cat([self._convolve(portion, down, across) for portion in portions])
        return convolved.permute(0, 3, 1, 2)[:, :, :height, :width]

    def _convolve(self, activity: Tensor, down: int, across: int) -> Tensor:
        """(batch, height, width, channel), both sides even."""
        count, channels, height, width = activity.shape
        margins = (0, 0, 1, 2 * across - width + 1, 1, 2 * down - height + 1)
        padded = functional.pad(activity.permute(0, 2, 3, 1), margins)
        image, row, column, _ = padded.stride()
        squares = padded.as_strided(
            (4, 4, count, down, across, channels), (row, column, image, 2 * row, 2 * column, 1)
        ).reshape(16, -1)
        inner = torch.bmm((self.input_transform @ squares).view(16, -1, channels), self.products)
        inner[_ADDED_ONCE] += self.bias
        outputs = (self.output_transform @ inner.view(16, -1)).view(2, 2, count, down, across, -1)
        return outputs.permute(2, 3, 0, 4, 1, 5).reshape(count, 2 * down, 2 * across, -1)
