"""MUNIT: content and style, many outputs of one input, learnt without pairs (Huang et al., 2018). Hooks only, imports no torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the parts of MUNIT."""
    return [
        Component(
            "munit_content_encoder",
            role="encoder",
            factory="i2ikit_munit.encoders:ContentEncoder",
            description="What an image shows, as maps without mean and deviation.",
        ),
        Component(
            "munit_style_encoder",
            role="encoder",
            factory="i2ikit_munit.encoders:StyleEncoder",
            description="How an image looks, as a few numbers.",
        ),
        Component(
            "munit_encoder",
            role="encoder",
            factory="i2ikit_munit.encoders:ContentStyleEncoder",
            description="Content as maps and style as a few numbers, by an encoder each.",
        ),
        Component(
            "munit_adain_decoder",
            role="generator",
            factory="i2ikit_munit.decoder:AdaINDecoder",
            description="Draws maps in a style, which drives the norms of its residual blocks.",
        ),
        Component(
            "style_loss",
            role="loss",
            factory="i2ikit_munit.losses:style_loss",
            description="The style that was drawn is found again in the translation.",
            curve="How far the style that is read off a translation is from the drawn one. A style of zeros would cost 0.8, the mean size "
            "of a normal number; it falls well below where translations show their style. Close to 0.8, all of them look alike.",
        ),
        Component(
            "content_loss",
            role="loss",
            factory="i2ikit_munit.losses:content_loss",
            description="The content of the source is found again in the translation.",
            curve="How far the content that is read off a translation is from that of the source. It falls and stays above 0. Contents "
            "have no unit: instance norms keep them near the size of 1.",
        ),
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return the paper's recipe, its ablations and variants, and the fast one."""
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
    """Return what reads the original code's weights."""
    return {"munit": "i2ikit_munit.official:import_official"}
