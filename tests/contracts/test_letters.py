"""What every adapter of the outbox does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from record_samples import NOW, later

from kaizenml.core.letter import LEASE_SECONDS, Letter, LetterState, answered, letter_id
from kaizenml.core.notice import Answer
from kaizenml.core.ports import Books
from kaizenml.errors import ConflictError, NotFoundError


def letter(event: int, *, to: str = "ops", due: float = 0) -> Letter:
    return Letter(letter_id(f"serial-{to}", event), to, event, "alert.opened", NOW, later(due))


def delivered(books: Books, *events: int, to: str = "ops") -> None:
    for event in events:
        books.letters.add([letter(event, to=to)])
        (held,) = books.letters.take(to, "me", NOW, limit=1)
        books.letters.save(answered(held, Answer(204), NOW, 0.5), fence=held.fence)


def ids(*events: int, to: str = "ops") -> list[str]:
    return [letter(event, to=to).id for event in events]


def test_a_letter_is_written_once(books: Books) -> None:
    books.letters.add([letter(1), letter(2)])
    books.letters.add([letter(2, due=5), letter(3)])
    books.letters.add([])

    assert [each.id for each in books.letters.newest()] == ids(3, 2, 1)
    assert books.letters.get(ids(2)[0]) == letter(2)
    with pytest.raises(NotFoundError, match="letter"):
        books.letters.get("msg_serial-ops_9")


def test_what_is_due_is_taken_the_longest_due_first_and_by_one_sender(books: Books) -> None:
    books.letters.add([letter(1, due=-1), letter(2, due=-2), letter(3, due=1), letter(4, to="dev")])

    first = books.letters.take("ops", "me", NOW, limit=1)
    rest = books.letters.take("ops", "you", NOW, limit=9)

    assert [each.event for each in (*first, *rest)] == [2, 1]
    assert (first[0].state, first[0].sender, first[0].attempts, first[0].fence) == ("leased", "me", 1, 1)
    assert books.letters.get(ids(2)[0]) == first[0]
    assert books.letters.take("ops", "me", NOW, limit=9) == []
    assert [each.event for each in books.letters.take("ops", "me", later(2), limit=9)] == [1, 2, 3]


def test_a_letter_whose_sender_is_lost_is_taken_by_the_next_and_the_lost_one_is_refused(books: Books) -> None:
    books.letters.add([letter(1)])
    (lost,) = books.letters.take("ops", "lost", NOW, limit=1)
    at = NOW + timedelta(seconds=LEASE_SECONDS)

    assert books.letters.take("ops", "next", at - timedelta(seconds=1), limit=1) == []
    (held,) = books.letters.take("ops", "next", at, limit=1)

    assert (held.sender, held.attempts, held.fence) == ("next", 2, 2)
    with pytest.raises(ConflictError, match="Another sender"):
        books.letters.save(answered(lost, Answer(204), at, 0.5), fence=lost.fence)
    books.letters.save(answered(held, Answer(204), at, 0.5), fence=held.fence)
    assert books.letters.get(held.id).state is LetterState.DELIVERED


def test_the_next_due_is_that_of_the_subscriptions_asked_for(books: Books) -> None:
    assert books.letters.next_due(["ops"]) is None
    books.letters.add([letter(1, due=3), letter(2, due=2), letter(3, to="dev", due=1)])
    delivered(books, 4, to="done")

    assert books.letters.next_due(["ops", "done"]) == later(2)
    assert books.letters.next_due(["ops", "dev"]) == later(1)
    assert books.letters.next_due(["done"]) is None
    assert books.letters.next_due([]) is None


def test_letters_are_found_and_counted_by_subscription_and_state(books: Books) -> None:
    books.letters.add([letter(1), letter(2, due=1), letter(1, to="dev")])
    (held,) = books.letters.take("ops", "me", NOW, limit=1)
    books.letters.save(answered(held, Answer(410), NOW, 0.5), fence=held.fence)

    assert [each.id for each in books.letters.newest("ops", LetterState.DEAD)] == ids(1)
    assert [each.id for each in books.letters.newest(state=LetterState.PENDING)] == [*ids(1, to="dev"), *ids(2)]
    assert len(books.letters.newest(limit=2)) == 2
    counts = books.letters.counts()
    assert counts["ops"] == {"pending": 1, "leased": 0, "delivered": 0, "dead": 1}
    assert counts["dev"]["pending"] == 1


def test_of_letters_in_a_state_the_newest_are_kept_and_of_others_all(books: Books) -> None:
    delivered(books, 1, 2, 3)
    delivered(books, 4, to="dev")
    books.letters.add([letter(5)])

    assert books.letters.clear("ops", LetterState.DELIVERED, keep=1) == 2
    assert [each.event for each in books.letters.newest("ops")] == [5, 3]
    assert books.letters.clear("ops", LetterState.DELIVERED, keep=1) == 0
    assert books.letters.clear("ops") == 2
    assert [each.event for each in books.letters.newest()] == [4]
