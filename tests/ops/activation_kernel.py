"""A kernel outside bias_act that uses its activation functions. It needs a file of its own, because Triton resolves names by module."""

import triton
import triton.language as tl

from i2ikit.ops.bias_act.kernel_activation import finish, finish_slope


@triton.jit
def store_result_and_slope(source, target, ACTIVATION: tl.constexpr, SIZE: tl.constexpr):
    offset = tl.arange(0, SIZE)
    y = finish(tl.load(source + offset), 0.2, 1.5, 2.0, ACTIVATION, True)
    tl.store(target + offset, y)
    tl.store(target + SIZE + offset, finish_slope(y, 0.2, 1.5, 2.0, ACTIVATION, True, True))
