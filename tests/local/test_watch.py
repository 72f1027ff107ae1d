"""A change of the catalogue is told once."""

import os
from pathlib import Path

from stream_kpis.local.watch import Watch
from stream_kpis.settings import load


def test_a_file_that_comes_changes_or_goes_is_told_once(tmp_path: Path) -> None:
    """Of a folder and of a single file; what is no YAML is nobody's business."""
    single, folder = tmp_path / "single.yaml", tmp_path / "own"
    folder.mkdir()
    single.write_text("measures: {}")
    watch = Watch(load(environment={}, catalogue=(single, folder)))
    assert not watch.changed()
    (folder / "notes.txt").write_text("x")
    assert not watch.changed()
    added = folder / "added.yaml"
    added.write_text("measures: {}")
    assert [watch.changed(), watch.changed()] == [True, False]
    os.utime(single, ns=(1, 1))
    assert [watch.changed(), watch.changed()] == [True, False]
    added.unlink()
    single.unlink()
    assert [watch.changed(), watch.changed()] == [True, False]
