"""What is no yes and no no for @include and @skip: told and charged alike, by whichever way a document is executed."""

from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.test_bad_input import code


@pytest.mark.parametrize("value", [[], {}, [True], 1, "true", None, 0.5], ids=repr)
@pytest.mark.parametrize("given", ["@include(if: $x)", "@skip(if: $x)"])
async def test_what_is_no_switch_is_told_and_charged_also_by_a_document_that_is_compiled(
    api: Api, given: str, value: Any
) -> None:
    known = f"query($x: Boolean!) {{ viewer {{ subject role {given} }} }}"
    for _ in range(3):  # by then it is compiled
        await api(known, {"x": True})
    answers = [await api(text, {"x": value}) for text in (known, known.replace("viewer", "\n viewer"))]
    compiled, fresh = [answer.response.json() for answer in answers]
    assert code(compiled) == code(fresh) == "BAD_USER_INPUT"
    assert answers[0].response.status_code == answers[1].response.status_code
    assert [each["message"] for each in compiled["errors"]] == [each["message"] for each in fresh["errors"]]
    assert compiled["extensions"]["cost"]["requested"] == fresh["extensions"]["cost"]["requested"]
