"""Reads weights from files without running any code in them, and hashes them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from i2ikit.errors import CheckpointError
from i2ikit.nn.weights import load_file


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a file: safetensors, or a state dict of ``torch.save``, alone or under "state_dict" in a checkpoint.

    Raises:
        CheckpointError: The file is missing or damaged, holds something else, or can only be read by running code.
    """
    found = load_file(Path(path), f'"{path}"')
    if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping):
        found = found["state_dict"]
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        raise CheckpointError(f'"{path}" must hold a state dict with tensors only; found a {type(found).__name__}.')
    return {str(name): value for name, value in found.items()}


def hash_file(path: str | Path) -> str:
    """Return the SHA-256 of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Return a SHA-256 of tensors, their names, types and shapes, for networks that are not read from a file."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        whole = tensor.detach().cpu().contiguous()
        found.update(f"{name} {whole.dtype} {list(whole.shape)}\n".encode())
        found.update(whole.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
