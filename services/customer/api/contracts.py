"""Commands about contracts."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.customer.api.answers import Answer, Expected, Writing, edited
from services.customer.application import CustomerApplication
from services.customer.commands.contracts import (
    AmendContract,
    CancelContract,
    PauseContract,
    ResumeContract,
    SignContract,
    TerminateContract,
)
from services.http import created, problems

CHANGE_PROBLEMS = problems(404, 409, 412, 422)


def router(application: CustomerApplication) -> APIRouter:
    api = APIRouter(tags=["contracts"])

    @api.post("/contracts", status_code=201, responses=problems(404, 409, 422))
    def sign_contract(body: SignContract, asked: Writing, response: Response) -> Answer:
        """Sign a contract from a plan, with what differs from it, or with items of its own."""
        answer = application.sign_contract(body, asked)
        return created(response, f"/v1/contracts/{answer['contractId']}", answer)

    @api.post("/contracts/{contract_id}/amendments", responses=CHANGE_PROBLEMS)
    def amend_contract(
        contract_id: UUID, body: AmendContract, asked: Writing, expected: Expected, response: Response
    ) -> Answer:
        """Change prices and quantities, add and remove items, or move to another version of the plan, from a day on."""
        return edited(response, application.amend_contract(contract_id, body, asked, expected))

    @api.post("/contracts/{contract_id}/pause", responses=CHANGE_PROBLEMS)
    def pause_contract(
        contract_id: UUID, body: PauseContract, asked: Writing, expected: Expected, response: Response
    ) -> Answer:
        """Pause: nothing is billed from a day on until the contract is resumed."""
        return edited(response, application.pause_contract(contract_id, body, asked, expected))

    @api.post("/contracts/{contract_id}/resume", responses=CHANGE_PROBLEMS)
    def resume_contract(
        contract_id: UUID, body: ResumeContract, asked: Writing, expected: Expected, response: Response
    ) -> Answer:
        """Resume from a day on; from the first day of the pause on, that takes it back."""
        return edited(response, application.resume_contract(contract_id, body, asked, expected))

    @api.post("/contracts/{contract_id}/termination", responses=CHANGE_PROBLEMS)
    def terminate_contract(
        contract_id: UUID, body: TerminateContract, asked: Writing, expected: Expected, response: Response
    ) -> Answer:
        """End the contract by ordinary notice as its term allows, or extraordinarily at any date for a reason."""
        return edited(response, application.terminate_contract(contract_id, body, asked, expected))

    @api.post("/contracts/{contract_id}/cancellation", responses=CHANGE_PROBLEMS)
    def cancel_contract(
        contract_id: UUID, body: CancelContract, asked: Writing, expected: Expected, response: Response
    ) -> Answer:
        """Cancel: the contract is as if it had never been; possible only while nothing of it was billed."""
        return edited(response, application.cancel_contract(contract_id, body, asked, expected))

    return api
