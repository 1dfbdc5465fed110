"""Deliveries of one table, recorded as its runs and the sensor of files record them."""

from dataclasses import dataclass
from datetime import datetime, timezone

from mlops_dagster.data.delivery_events import (
    DeliveryLate,
    DeliverySetAside,
    delivery_stream,
    record_ingested,
)
from mlops_dagster.data.file_digests import DeliveredFile
from mlops_dagster.data.file_index import FileIndexed, index_stream
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.fence import Claim
from mlops_dagster.state.store import EventStore

ORDERS = TableRef("shop", "bronze", "orders")
JANUARY, FEBRUARY, MARCH = "2013-01", "2013-02", "2013-03"
AS_OF = datetime(2013, 4, 1, tzinfo=timezone.utc)


def file(name: str, digest: str = "") -> DeliveredFile:
    """Return a file whose content is named by the digest."""
    return DeliveredFile(path=f"orders/{name}", digest=digest or name, bytes=1, modified_ns=1)


@dataclass(frozen=True)
class Deliveries:
    """Records deliveries of the orders.

    Attributes:
        store: Where.
        tell: Somebody asks to be told of them.
        run_id: Who records them.
    """

    store: EventStore
    tell: bool = True
    run_id: str = "run-1"

    def ingest(self, *files: DeliveredFile, window: str = JANUARY) -> None:
        held = Claim("slice", 1, "token", AS_OF, self.run_id)
        record_ingested(self.store, ORDERS, window, files, held, tells_late=self.tell)

    def refuse(
        self, *files: DeliveredFile, differences: tuple[str, ...] = (), window: str = JANUARY
    ) -> None:
        event = DeliverySetAside(
            token="t",
            files=files,
            reason="orders/a.csv:7: the file cannot be read as CSV, found 'canary;4711",
            problem="the file cannot be read as CSV",
            differences=differences,
            tell=self.tell,
        )
        self._append(event, window)

    def come_too_late(self, *files: DeliveredFile, window: str = JANUARY) -> None:
        digests = tuple(file.digest for file in files)
        self._append(DeliveryLate(files=files, late=digests, tell=self.tell), window)

    def index(self, one: DeliveredFile, *windows: str) -> None:
        """Record which windows a file has rows of."""
        event = FileIndexed(
            digest=one.digest,
            read_as="",
            records=dict.fromkeys(windows, 1),
            home=windows[-1],
            homeless=0,
        )
        self.store.append_next(index_stream(ORDERS), event, as_of=AS_OF, run_id=self.run_id)

    def _append(self, event: DeliverySetAside | DeliveryLate, window: str) -> None:
        stream = delivery_stream(ORDERS, window)
        self.store.append_next(stream, event, as_of=AS_OF, run_id=self.run_id)
