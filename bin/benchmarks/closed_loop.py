"""A closed loop of load: as soon as an indicator is done, another is sent, so that workers never run dry."""

import threading
from types import TracebackType

from sqlalchemy import create_engine, text

from bin.benchmarks.pool_app import ASKED, STAGES, TABLE, app, chain_for
from config.settings import Settings

_LOOK_EVERY_S = 0.1


class ClosedLoop:
    """Keeps `in_flight` chains under way from a thread of its own, while the context lasts.

    Parameters
    ----------
    settings
        Where the stores are.
    in_flight
        Indicators sent and not yet done.
    """

    def __init__(self, settings: Settings, in_flight: int) -> None:
        self._in_flight = in_flight
        self._engine = create_engine(settings.database_address)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._sent = 0
        self.error: Exception | None = None

    def __enter__(self) -> "ClosedLoop":
        with self._engine.begin() as connection:
            connection.execute(text(TABLE))
            connection.execute(text("TRUNCATE bench_results"))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(10)
        self._engine.dispose()

    def done(self) -> int:
        """Indicators through all seven stages so far."""
        return self._count("SELECT count(*) FROM bench_results WHERE stage = :last", last=STAGES)

    def answers(self) -> int:
        """Answers stored so far. They come more evenly than `done`: indicators that were sent together end together."""
        query = "SELECT count(*) FROM bench_results WHERE stage BETWEEN :first AND :last"
        return self._count(query, first=ASKED[0], last=ASKED[-1])

    def _count(self, query: str, **values: int) -> int:
        with self._engine.connect() as connection:
            return int(connection.execute(text(query), values).scalar_one())

    def _run(self) -> None:
        try:
            with app.producer_pool.acquire(block=True) as producer:
                while not self._ended.wait(_LOOK_EVERY_S):
                    for _ in range(self._in_flight - (self._sent - self.done())):
                        self._sent += 1
                        chain_for(f"indicator-{self._sent}").apply_async(producer=producer)
        except Exception as error:  # noqa: BLE001  # told by whoever measures
            self.error = error
