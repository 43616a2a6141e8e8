"""An idle connection holds little: one set of terms among all who have the same."""

from attacks.test_websocket_frames import logged_in
from running_server import Platform


async def test_who_may_do_the_same_shares_the_terms(platform: Platform) -> None:
    terms = platform.server.services.terms
    await logged_in(platform)
    (session,) = platform.server.services.sessions
    told = terms.told_now(session)
    assert terms.told_now(session) is told
    terms.review()
    assert terms.told_now(session) is told
