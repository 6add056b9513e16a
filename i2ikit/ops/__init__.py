"""Operators of image-to-image networks, each with a definition in plain torch, a fast CPU implementation, and a Triton kernel for GPUs."""

from i2ikit.ops.adain import adain as adain
from i2ikit.ops.bias_act import bias_act as bias_act
from i2ikit.ops.filtered_lrelu import filtered_lrelu as filtered_lrelu
from i2ikit.ops.filters import fir_filter as fir_filter
from i2ikit.ops.filters import lowpass_filter as lowpass_filter
from i2ikit.ops.modulated_conv import modulated_conv as modulated_conv
from i2ikit.ops.resample_conv import resample_conv as resample_conv
from i2ikit.ops.upfirdn import upfirdn as upfirdn
from i2ikit.ops.upfirdn_act import upfirdn_act as upfirdn_act
