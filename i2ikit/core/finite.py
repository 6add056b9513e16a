"""The error for a step whose losses or gradients are not finite, read on the host one step later."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from i2ikit.errors import NonFiniteLossError


def raise_if_not_finite(reports: Sequence[tuple[str, tuple[str, ...], Tensor, Tensor, object]], done: int) -> None:
    """Read the flags of the last step on the host.

    Args:
        reports: For each turn: player, names of the terms, their flags, the flag of the whole turn, and the image files.
        done: The number of the step.

    Raises:
        NonFiniteLossError: A loss or a gradient was NaN or infinite.
    """
    for player, names, flags, finite, files in reports:
        if not bool(finite):
            bad = [name for name, flag in zip(names, flags.tolist(), strict=True) if not flag]
            what = " and ".join(f'"{name}"' for name in bad) or f'The gradient of "{player}"'
            paths = [str(file) for file in files] if isinstance(files, (list, tuple)) else []
            where = f" Image files of the batch: {', '.join(paths[:8])}{', ...' if len(paths) > 8 else ''}." if paths else ""
            raise NonFiniteLossError(
                f"{what} became NaN or infinite in step {done}. This update and the rest of the step were skipped.{where} "
                f"Check the images and the losses that you wrote, or use a lower learning rate.",
                terms=bad,
                step=done,
                files=paths,
            )
