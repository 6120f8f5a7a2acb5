"""The use cases of billing: follow the customer log, bill what runs ask for, define the seller and its logo, show documents
and give out their files, record payments, issue credit notes.

Each is one transaction: the events, the numbers, the read model and the position in the feed become
true together or not at all. A crash anywhere leaves what was committed, and the rest is done again.
"""

from services.billing.application.corrections import Corrections
from services.billing.application.deliveries import Deliveries
from services.billing.application.explanations import Explanations
from services.billing.application.payments import Payments
from services.billing.application.previews import Previews
from services.billing.application.proposals import Proposals
from services.billing.application.runs import Runs

__all__ = ["BillingApplication"]


class BillingApplication(Deliveries, Runs, Previews, Proposals, Corrections, Explanations, Payments):
    """Runs, documents and payments; `pool` is on billing's own schema, where its event log and read model live."""
