from __future__ import annotations

import threading

import pytest
from thurn_store_spool.index.schema import open_index


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_several_workers_make_it_at_once(tmp_path):
    """SQLite's change to WAL does not wait for others; a first start has several workers."""
    for number in range(60):
        directory = tmp_path / str(number)
        directory.mkdir()
        together, opened = threading.Barrier(4), []

        def work(directory=directory, together=together, opened=opened):
            together.wait(10)
            opened.append(open_index(directory, "alice"))

        workers = [threading.Thread(target=work) for _ in range(4)]
        for one in workers:
            one.start()
        for one in workers:
            one.join()
        assert len(opened) == 4  # one that fails says so and is missing here
        for connection in opened:
            connection.close()
