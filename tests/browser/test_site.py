"""The pages as the server serves them: they open, under its rules, and ask nobody else for anything."""

import pytest

from browser.site import Site

pytestmark = pytest.mark.system


@pytest.mark.parametrize("path", ["/", "/phone"])
async def test_a_page_opens_and_asks_no_other_origin(site: Site, path: str) -> None:
    window = await site.window(path)
    await window.page.get_by_role("heading", level=1).wait_for()
    nobody_is_logged_in = "401 (Unauthorized)"  # the console asks whether somebody is, and the browser tells of it
    assert [text for text in window.complaints if path == "/phone" or nobody_is_logged_in not in text] == []
    assert window.requests[0] == f"{site.address}{path}"
    assert window.foreign == []
