"""Last positions are known while they are fresh, and no longer."""

from pttserver.ids import SubscriberId
from pttserver.places.whereabouts import Whereabouts
from pttserver.wire.signalling import Position

ANNA, BERT = SubscriberId("sub_1"), SubscriberId("sub_2")


def at(at_ms: int) -> Position:
    return Position(latitude=1, longitude=2, accuracy_m=3, at_ms=at_ms)


def test_too_old_is_not_known_before_anybody_expires_it():
    places = Whereabouts(lifetime_ms=1000)
    places.put(ANNA, at(5000))
    assert places.last(ANNA, 5999) == at(5000)
    assert places.last(ANNA, 6000) is None
    assert list(places.all(5999)) == [(ANNA, at(5000))]
    assert list(places.all(6000)) == []


def test_what_expired_leaves_only_its_time():
    places = Whereabouts(lifetime_ms=1000)
    places.put(ANNA, at(5000))
    places.put(BERT, at(5500))
    assert places.expire(6000) == [ANNA]
    assert places.known() == [BERT]
    assert places.past(ANNA) == (None, 5000, 0)


def test_what_was_let_go_starts_anew():
    places = Whereabouts(lifetime_ms=1000)
    places.put(ANNA, at(5000))
    assert places.forget(ANNA, 5100)
    assert not places.forget(ANNA, 5200)
    assert places.last(ANNA, 5100) is None
    assert places.past(ANNA) == (None, None, 5200)
