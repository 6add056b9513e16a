"""Random numbers from named streams. A draw depends only on (seed, step, batch, translation, name).

A draw is made for all rows of the batch, over all processes and micro-batches; each of them takes its own rows. Two processes therefore
use the same random numbers as one, and an additional loss never changes the random numbers of another loss.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from attrs import evolve, frozen
from torch import Tensor

from i2ikit.core.former_names import player_key, stream_key
from i2ikit.errors import PlanError

Sampler = Callable[[tuple[int, ...], torch.Generator | None], Tensor]


@frozen
class Share:
    """The rows of the whole batch that this process has in this micro-batch: part ``index`` of ``count`` equal parts."""

    index: int = 0
    count: int = 1

    def take_rows(self, whole: Tensor) -> Tensor:
        """Return the rows of this share.

        Raises:
            PlanError: The number of rows is not a multiple of ``count``.
        """
        if whole.shape[0] % self.count:
            raise PlanError(
                f"A batch of {whole.shape[0]} rows cannot be split into {self.count} equal parts. Use a batch size that is a multiple of "
                f"{self.count}."
            )
        rows = whole.shape[0] // self.count
        return whole[self.index * rows : (self.index + 1) * rows]


@frozen
class RandomStreams:
    """The random streams of one batch in one step.

    Attributes:
        path: The first parts of the stream keys: seed, step, batch, translation.
        replacements: Tensors that replace a draw, by its name; "a_to_b/alpha" takes precedence over "alpha".
        share: The rows of this process and micro-batch.
        whole_batch: Tensors of the whole batch, over all processes and micro-batches, for draws that depend on all rows.
        device: The device of the draws: that of the images.
        dtype: The data type of the draws: that of the images.
        requested: Collects the names of all draws; None if they are not recorded.
        player: The player of these streams, if each player has its own draws. The names in ``replacements`` may then start with it.
        step: The number of finished training steps; 0 at inference.
        rows: A key for each row. Each row is then drawn from a stream of its own, so that it does not depend on the other rows. Empty in
            training.
    """

    path: tuple[object, ...] = ()
    replacements: Mapping[str, Tensor] = {}
    share: Share = Share()
    whole_batch: Mapping[str, Tensor] = {}
    device: torch.device = torch.device("cpu")
    dtype: torch.dtype = torch.float32
    requested: set[str] | None = None
    player: str = ""
    step: int = 0
    rows: tuple[object, ...] = ()

    def for_translation(self, name: str) -> RandomStreams:
        """Return the streams of one translation."""
        return evolve(self, path=(*self.path, name))

    def for_player(self, player: str) -> RandomStreams:
        """Return the streams of one player, for recipes in which each player has its own draws."""
        return evolve(self, path=(*self.path, player), player=player)

    def get_key(self, name: str) -> str:
        """Return the key from which the seed of one stream is made. In keys, renamed views and players keep their names of version 0.1."""
        path = [player_key(self.player) if self.player and part == self.player else part for part in self.path]
        return "/".join(map(str, (*path, stream_key(name))))

    def seed(self, name: str) -> int:
        """Return the seed of one stream."""
        return int.from_bytes(hashlib.blake2b(self.get_key(name).encode(), digest_size=8).digest(), "little") >> 1

    def find_replacement(self, name: str) -> Tensor | None:
        """Return the tensor that replaces a draw; None if there is none."""
        names = [f"{self.path[-1] if self.path else ''}/{name}", name]
        names = [f"{self.player}/{each}" for each in names if self.player] + names
        if self.requested is not None:
            self.requested.update(names)
        found = next((self.replacements[each] for each in names if each in self.replacements), None)
        return None if found is None else found.to(self.device)

    def draw(self, name: str, shape: tuple[int, ...], sample: Sampler) -> Tensor:
        """Draw a tensor [B, ...] of the given shape from the stream ``name``.

        Raises:
            PlanError: The tensor that replaces this draw has another number of elements, or there are row keys for another number of rows.
        """
        replacement = self.find_replacement(name)
        if replacement is not None:
            for candidate in (replacement, self.share.take_rows(replacement if replacement.ndim else replacement[None])):
                if candidate.numel() == torch.Size(shape).numel():
                    return candidate.reshape(shape).to(self.dtype)
            raise PlanError(
                f'The draw "{name}" is replaced by a tensor of shape {list(replacement.shape)}; expected {list(shape)}. '
                f"Pass values for each row."
            )
        if self.rows:
            if len(self.rows) != shape[0]:
                raise PlanError(f'The draw "{name}" has the shape {list(shape)}; expected one row for each of {len(self.rows)} images.')
            return torch.cat([sample((1, *shape[1:]), self.generator(f"{name}/{row}")) for row in self.rows])
        whole = (shape[0] * self.share.count, *shape[1:])
        return self.share.take_rows(sample(whole, self.generator(name)))

    def uniform(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Draw uniform random numbers from [0, 1).

        Raises:
            PlanError: A tensor that replaces this draw has another number of elements, or values outside [0, 1].
        """
        drawn = self.draw(name, shape, lambda size, generator: torch.rand(size, generator=generator, **self._tensor_options))
        if self.replacements and self.find_replacement(name) is not None and not bool(((drawn >= 0) & (drawn <= 1)).all()):
            raise PlanError(
                f'The draw "{name}" is replaced by values from {float(drawn.min()):g} to {float(drawn.max()):g}; expected uniform random '
                "numbers in [0, 1)."
            )
        return drawn

    def normal(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Draw standard normal random numbers."""
        return self.draw(name, shape, lambda size, generator: torch.randn(size, generator=generator, **self._tensor_options))

    @property
    def _tensor_options(self) -> dict[str, Any]:
        return {"device": self.device, "dtype": self.dtype}

    def generator(self, name: str) -> torch.Generator | None:
        """Return a new random number generator of one stream; None on the meta device (in a rehearsal)."""
        if self.device.type == "meta":
            return None
        return torch.Generator(self.device).manual_seed(self.seed(name))

    @contextmanager
    def seed_torch(self, name: str) -> Iterator[None]:
        """Return a context in which torch's global random numbers, for example of dropout, come from a named stream.

        These numbers cannot be distributed by rows: each process and each micro-batch has a separate stream. With row keys there should
        be one row only.
        """
        if self.device.type == "meta":
            yield
            return
        devices = [self.device] if self.device.index is not None else []
        with torch.random.fork_rng(devices, device_type=self.device.type):
            part = (self.share.index,) if self.share.count > 1 else self.rows
            torch.manual_seed(self.seed("/".join(map(str, (name, *part)))))
            yield
