"""MUNIT: multimodal unpaired translation by content and style codes (Huang et al., 2018). Contains only hooks and does not import torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the components of MUNIT."""
    return [
        Component(
            "munit_content_encoder",
            role="encoder",
            factory="i2ikit_munit.encoders:ContentEncoder",
            description="Content encoder of MUNIT: strided convolutions and residual blocks with instance norm; returns a content map.",
        ),
        Component(
            "munit_style_encoder",
            role="encoder",
            factory="i2ikit_munit.encoders:StyleEncoder",
            description="Style encoder of MUNIT: strided convolutions and global average pooling, without norm; returns a style vector.",
        ),
        Component(
            "munit_encoder",
            role="encoder",
            factory="i2ikit_munit.encoders:ContentStyleEncoder",
            description="Encoder of MUNIT: a content encoder and a style encoder; returns a content map and a style vector.",
        ),
        Component(
            "munit_adain_decoder",
            role="generator",
            factory="i2ikit_munit.decoder:AdaINDecoder",
            description="Decoder of MUNIT: residual blocks whose instance norms take scale and shift from the style (AdaIN).",
        ),
        Component(
            "style_loss",
            role="loss",
            factory="i2ikit_munit.losses:style_loss",
            description="Style reconstruction loss of MUNIT: the encoder recovers the sampled style from the translation.",
            curve="Mean absolute error between the sampled style and the style that is encoded from the translation. A style of zeros "
            "has 0.8, the mean absolute value of a normal number. The curve falls well below that if translations show their "
            "style. Near 0.8, all translations look alike.",
        ),
        Component(
            "content_loss",
            role="loss",
            factory="i2ikit_munit.losses:content_loss",
            description="Content reconstruction loss of MUNIT: the encoder recovers the content of the source from the translation.",
            curve="Mean absolute error between the content of the source and the content that is encoded from the translation. The "
            "curve falls and stays above 0. Contents have no unit; instance norms keep their values near 1.",
        ),
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return the recipe of the paper, its ablations and variants, and the fast variant."""
    return {
        "munit": "i2ikit_munit.recipe:MUNIT",
        "munit-without-image-recon": "i2ikit_munit.recipe:MUNIT_WITHOUT_IMAGE_RECON",
        "munit-without-content-recon": "i2ikit_munit.recipe:MUNIT_WITHOUT_CONTENT_RECON",
        "munit-without-style-recon": "i2ikit_munit.recipe:MUNIT_WITHOUT_STYLE_RECON",
        "munit-style-cycle": "i2ikit_munit.recipe:MUNIT_STYLE_CYCLE",
        "munit-vgg": "i2ikit_munit.recipe:MUNIT_VGG",
        "munit-fast": "i2ikit_munit.recipe:MUNIT_FAST",
    }


@hookimpl
def i2ikit_importers() -> dict[str, str]:
    """Return the importer for weights of the original code."""
    return {"munit": "i2ikit_munit.official:import_official"}
