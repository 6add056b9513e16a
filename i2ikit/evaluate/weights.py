"""Weights that a user has on disk: read without running anything that lies in the file, and known by their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from i2ikit.errors import CheckpointError
from i2ikit.nn.weights import load_file


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a file: safetensors, or what ``torch.save`` wrote of a state dict or of a checkpoint with one in "state_dict".

    Raises:
        CheckpointError: The file is missing, damaged, holds something else, or would have to run code to be read.
    """
    found = load_file(Path(path), f'"{path}"')
    if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping):
        found = found["state_dict"]
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        raise CheckpointError(f'"{path}" holds a {type(found).__name__}, and no state dict of tensors alone.')
    return {str(name): value for name, value in found.items()}


def digest(path: str | Path) -> str:
    """Return the SHA-256 of a file, the same for the same bytes anywhere."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(tensors: Mapping[str, Tensor]) -> str:
    """Return a SHA-256 of tensors, their names, types and shapes, for networks that were trained here and lie in no file."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        whole = tensor.detach().cpu().contiguous()
        found.update(f"{name} {whole.dtype} {list(whole.shape)}\n".encode())
        found.update(whole.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
