"""The progress bar of a training, or of other work: lines that fit any terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from i2ikit.core.visible_text import make_visible
from i2ikit.train.progress import Lines, Progress, RemainingTime, Silent, SlowLoaderHint, fit_parts, format_speed, list_losses

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

BAR_WIDTH = (8, 40)
"""Least and largest width of the bar in characters."""
TURN = 4.0
"""Seconds for which losses are shown that do not all fit into one line."""


class Bar(Silent):
    """Shows steps, a bar, the remaining time and the speed in one line of a terminal, and losses, or another task, in a second one.

    Losses that do not fit are shown by turns. Without a training, a task has the bar.

    Args:
        console: Default: standard output.
    """

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console

        self._clock, self._hint, self._done = RemainingTime(), SlowLoaderHint(), 0
        self._record: Mapping[str, Any] = {}
        self._task: tuple[str, int, int] | None = None
        self._task_clock = RemainingTime()
        self._console = console or Console(highlight=False)
        self._live: Any = None
        self._has_begun = False

    def say(self, text: str) -> None:
        self._console.print(make_visible(text), markup=False, soft_wrap=True)

    def begin(self, done: int, steps: int) -> None:
        self._clock.begin(done, steps)
        self._done, self._record, self._has_begun = done, {}, True
        self._start()

    def advance(self, done: int) -> None:
        self._done = done

    def report(self, record: Mapping[str, Any]) -> None:
        self._done, self._record = record["step"], record
        hint = self._hint.update(record)
        if hint:
            self.say(hint)

    def show_task(self, title: str, done: int, total: int) -> None:
        if self._task is None or self._task[0] != title:
            self._task_clock.begin(done, total)
        self._task = (title, done, total) if done < total else None
        if self._task is not None:
            self._start()
        elif not self._has_begun:
            self.close()

    def close(self) -> None:
        if self._live is not None:
            self._live.transient = not self._has_begun  # only the bar of a training stays
            self._live.stop()
            self._live, self._has_begun = None, False

    def _start(self) -> None:
        from rich.live import Live

        if self._live is None:
            # What is printed appears above the bar, only if standard output is a terminal, too: else a pipe would get nothing.
            shared = sys.stdout is not None and sys.stdout.isatty()
            self._live = Live(
                console=self._console, get_renderable=self.render, refresh_per_second=4, vertical_overflow="crop", redirect_stdout=shared
            )
            self._live.start()

    def render(self) -> RenderableType:
        """Return the lines for the present width of the terminal."""
        from rich.console import Group

        width = max(10, self._console.width - 1)  # some terminals wrap a line that fills them
        steps = [self._render_steps(width)] if self._has_begun else []  # a task may come before the training
        return Group(*steps, self._render_details(width))

    def _render_steps(self, width: int) -> RenderableType:
        done, total = self._done, self._clock.total
        ending = [self._clock.describe(done), format_speed(self._record)]
        return render_bar([f"step {done:,}/{total:,}", *filter(None, ending)], done, total, width)

    def _render_details(self, width: int) -> RenderableType:
        from rich.text import Text

        if self._task is not None:
            title, done, total = self._task
            texts = list(filter(None, [title, f"{done:,}/{total:,}", self._task_clock.describe(done)]))
            if not self._has_begun:
                return render_bar(texts, done, total, width)
            return Text("  ".join(fit_parts(texts, width))[:width], no_wrap=True)
        pages = split_losses(list_losses(self._record), width)
        return Text(pages[int(time.monotonic() / TURN) % len(pages)] if pages else "", no_wrap=True, overflow="crop")


def make_progress(silent: bool = False) -> Progress:
    """Return a progress bar if standard output is a terminal, else plain lines."""
    if silent:
        return Silent()
    return Bar() if sys.stdout is not None and sys.stdout.isatty() else Lines()


def render_bar(parts: Sequence[str], done: int, total: int, width: int) -> RenderableType:
    """Return a line with the first text, a bar, and as many of the other texts as fit into a width; in a narrow terminal without a bar."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    texts = fit_parts(parts, width - BAR_WIDTH[0] - 2)
    room = width - sum(len(text) + 2 for text in texts)
    if room < BAR_WIDTH[0] or len(texts) < min(2, len(parts)):
        return Text("  ".join(fit_parts(parts, width))[:width], no_wrap=True, overflow="crop")
    line = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    bar = ProgressBar(total=max(1, total), completed=done, width=min(room, BAR_WIDTH[1]))
    line.add_row(Text(texts[0]), bar, *map(Text, texts[1:]))
    return line


def split_losses(players: Mapping[str, Sequence[str]], width: int) -> list[str]:
    """Return losses in lines of at most ``width`` characters; each line repeats the name of its player."""
    whole = " | ".join(f"{player} {' '.join(terms)}" for player, terms in players.items())
    if len(whole) <= width:
        return [whole] if whole else []
    lines: list[str] = []
    for player, terms in players.items():
        line = player
        for term in terms:
            if line != player and len(line) + 1 + len(term) > width:
                lines.append(line)
                line = player
            line += f" {term}"
        lines.append(line)
    return [line[:width] for line in lines]
