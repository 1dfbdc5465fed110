"""How a table is named everywhere: in YAML, asset keys, events, locations and messages."""

from dataclasses import dataclass

# The slice key of tables that have no windows.
STATIC = "static"

# The owner and layer of tables that project.yaml declares.
PROJECT_OWNER = "project"
SHARED_LAYER = "shared"


@dataclass(frozen=True, order=True)
class TableRef:
    """A table by owner (a use case or `project`), layer and name; written `owner.layer.name`."""

    owner: str
    layer: str
    name: str

    def __str__(self) -> str:
        return f"{self.owner}.{self.layer}.{self.name}"

    @classmethod
    def parse(cls, text: str) -> "TableRef":
        """Read `owner.layer.name`.

        Raises:
            ValueError: The text does not have three parts.
        """
        parts = text.split(".")
        if len(parts) != 3 or not all(parts):
            raise ValueError(
                f"'{text}' is not a table name such as 'flight_delays.silver.schedule'"
            )
        return cls(*parts)

    @classmethod
    def shared(cls, name: str) -> "TableRef":
        """Return the reference of a table of project.yaml."""
        return cls(PROJECT_OWNER, SHARED_LAYER, name)
