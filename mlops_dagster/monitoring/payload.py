"""The frozen base of everything monitoring computes and stores as JSON."""

from pydantic import BaseModel, ConfigDict


class Payload(BaseModel):
    """A frozen model whose JSON reads back equal, bit for bit, infinities included."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")
