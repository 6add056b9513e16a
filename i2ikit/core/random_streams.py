"""Random draws as named streams: each draw depends on (seed, step, batch, translation, name) and on nothing else.

A draw is made for all rows of the batch, over every process and every micro-batch, and each takes its own rows. Two processes
therefore draw what one would, and adding a loss never changes what another one draws.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from attrs import evolve, frozen
from torch import Tensor

from i2ikit.errors import PlanError

Sampler = Callable[[tuple[int, ...], torch.Generator | None], Tensor]


@frozen
class Share:
    """Which rows of the whole batch this process holds in this micro-batch: part ``index`` of ``count`` equal ones."""

    index: int = 0
    count: int = 1

    def of(self, whole: Tensor) -> Tensor:
        """Return this share's rows.

        Raises:
            PlanError: The rows cannot be shared equally.
        """
        if whole.shape[0] % self.count:
            raise PlanError(f"A batch of {whole.shape[0]} rows cannot be split into {self.count} equal parts. Choose a multiple of it.")
        rows = whole.shape[0] // self.count
        return whole[self.index * rows : (self.index + 1) * rows]


@frozen
class RandomStreams:
    """The streams of one batch in one step.

    Attributes:
        path: What the streams are keyed by so far: seed, step, batch, translation.
        given: Draws that replace a stream, by name; "a_to_b/alpha" before "alpha".
        whole: Tensors of the whole batch, over all processes and micro-batches, for draws that look at all rows.
        device, dtype: Where draws are made, and of which kind: the images'.
        seen: Notes the name of every draw, where somebody wants to know.
        player: Whose draws these are, where each player draws for itself; its name then stands before those in ``given``, or is left out.
    """

    path: tuple[object, ...] = ()
    given: Mapping[str, Tensor] = {}
    share: Share = Share()
    whole: Mapping[str, Tensor] = {}
    device: torch.device = torch.device("cpu")
    dtype: torch.dtype = torch.float32
    seen: set[str] | None = None
    player: str = ""

    def within(self, name: str) -> RandomStreams:
        """Return the streams of one translation."""
        return evolve(self, path=(*self.path, name))

    def by(self, player: str) -> RandomStreams:
        """Return the streams of one player, where each draws for itself."""
        return evolve(self, path=(*self.path, player), player=player)

    def seed(self, name: str) -> int:
        """Return the seed of one stream."""
        text = "/".join(map(str, (*self.path, name)))
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1

    def replaced(self, name: str) -> Tensor | None:
        """Return the tensor that was given for a stream, if any."""
        names = [f"{self.path[-1] if self.path else ''}/{name}", name]
        names = [f"{self.player}/{each}" for each in names if self.player] + names
        if self.seen is not None:
            self.seen.update(names)
        found = next((self.given[each] for each in names if each in self.given), None)
        return None if found is None else found.to(self.device)

    def draw(self, name: str, shape: tuple[int, ...], sample: Sampler) -> Tensor:
        """Draw a tensor [B, ...] of ``shape`` from the stream ``name``.

        Raises:
            PlanError: A given draw has another number of elements.
        """
        given = self.replaced(name)
        if given is not None:
            for candidate in (given, self.share.of(given)):
                if candidate.numel() == torch.Size(shape).numel():
                    return candidate.reshape(shape).to(self.dtype)
            raise PlanError(f'Draw "{name}" was given as {list(given.shape)}; needed are {list(shape)}. Give one value a row.')
        whole = (shape[0] * self.share.count, *shape[1:])
        return self.share.of(sample(whole, self.generator(name)))

    def uniform(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Draw uniformly from [0, 1)."""
        return self.draw(name, shape, lambda size, generator: torch.rand(size, generator=generator, **self._kind))

    def normal(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Draw from the standard normal distribution."""
        return self.draw(name, shape, lambda size, generator: torch.randn(size, generator=generator, **self._kind))

    @property
    def _kind(self) -> dict[str, Any]:
        return {"device": self.device, "dtype": self.dtype}

    def generator(self, name: str) -> torch.Generator | None:
        """Return a fresh generator of one stream; None where the device has none (a rehearsal)."""
        if self.device.type == "meta":
            return None
        return torch.Generator(self.device).manual_seed(self.seed(name))

    @contextmanager
    def seeded(self, name: str) -> Iterator[None]:
        """Run code that draws from torch's global generator, such as dropout, on a named stream.

        What such code draws cannot be shared out by rows: each process and each micro-batch has a stream of its own.
        """
        if self.device.type == "meta":
            yield
            return
        devices = [self.device] if self.device.index is not None else []
        with torch.random.fork_rng(devices, device_type=self.device.type):
            torch.manual_seed(self.seed(f"{name}/{self.share.index}" if self.share.count > 1 else name))
            yield
