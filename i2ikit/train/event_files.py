"""Event files of TensorBoard: a resumed training removes the events of steps that it does again."""

from __future__ import annotations

import io
from pathlib import Path

from i2ikit.pixels import write_atomically


def remove_events_after(folder: Path, step: int) -> None:
    """Remove the events of steps after ``step`` from all event files in a folder. Requires the package tensorboard.

    TensorBoard skips repeated steps only if it reads the files in their order; other programs show them twice.

    Raises:
        DataError: A file cannot be written.
    """
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    for path in sorted(folder.glob("events.out.tfevents.*")):
        records = list(RawEventFileLoader(str(path)).Load())
        kept = [record for record in records if not (event := Event.FromString(record)).HasField("summary") or event.step <= step]
        if len(kept) < len(records):
            content = io.BytesIO()
            writer = RecordWriter(content)
            for record in kept:
                writer.write(record)
            write_atomically(path, content.getvalue())
