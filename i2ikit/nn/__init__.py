"""Layers and blocks that several plugins are built from."""

from i2ikit.nn.activation import FusedLeakyReLU as FusedLeakyReLU
from i2ikit.nn.blocks import ConvBlock as ConvBlock
from i2ikit.nn.blocks import ResidualBlock as ResidualBlock
from i2ikit.nn.convolution import Conv2d as Conv2d
from i2ikit.nn.discriminators import PatchDiscriminator as PatchDiscriminator
from i2ikit.nn.init import init_gaussian as init_gaussian
from i2ikit.nn.init import init_kaiming as init_kaiming
from i2ikit.nn.modulation import EqualLinear as EqualLinear
from i2ikit.nn.modulation import ModulatedConv as ModulatedConv
from i2ikit.nn.multiscale_discriminator import MultiscaleDiscriminator as MultiscaleDiscriminator
from i2ikit.nn.norms import AdaIN as AdaIN
from i2ikit.nn.norms import InstanceNorm as InstanceNorm
from i2ikit.nn.norms import LayerNorm as LayerNorm
from i2ikit.nn.padded_blocks import ConvEncoder as ConvEncoder
from i2ikit.nn.padded_blocks import Decoder as Decoder
from i2ikit.nn.padded_blocks import PaddedResidualBlock as PaddedResidualBlock
from i2ikit.nn.padded_conv import PaddedConv as PaddedConv
from i2ikit.nn.resample import Blur as Blur
from i2ikit.nn.resample import Downsample as Downsample
from i2ikit.nn.resample import Upsample as Upsample
from i2ikit.nn.upsample_conv import UpsampleConv as UpsampleConv
from i2ikit.nn.vgg import VGG16 as VGG16
