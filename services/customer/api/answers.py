"""What the customer service's routes share: who asks, which version is edited, and how an edit is answered."""

from typing import Annotated, Any

from fastapi import Depends, Response

from services.events import Asked
from services.http import asking, expected_version

Writing = Annotated[Asked, Depends(asking("customers:write"))]
Administering = Annotated[Asked, Depends(asking("admin"))]
Billing = Annotated[Asked, Depends(asking("billing:run"))]
Expected = Annotated[int | None, Depends(expected_version)]
Answer = dict[str, Any]


def edited(response: Response, answer: Answer) -> Answer:
    """An edit's answer, with the new version as ETag."""
    response.headers["ETag"] = f'"{answer["version"]}"'
    return answer
