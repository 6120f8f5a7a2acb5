"""Commands about billing stops."""

from pydantic import ConfigDict

from services.fields import Body, Text


class StopBilling(Body):
    """`PUT /v1/customers/{id}/billing-stop`: runs for all customers skip this one from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "dispute"}]})

    reason: Text
