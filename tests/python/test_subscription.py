"""Subscriptions: named readers of one queue, by hand and through handlers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import msgq
from msgq.subscription import Subscription


def values(found: list[msgq.Delivery]) -> list[Any]:
    for each in found:
        each.ack()
    return [each.value() for each in found]


def test_each_gets_every_message(any_app: msgq.App) -> None:
    orders = any_app.queue("orders")
    audit, mail = orders.subscribe("audit"), orders.subscribe("mail")
    orders.enqueue_many([1, 2, 3])
    assert (audit.lag(), mail.lag()) == (3, 3)
    assert values(audit.claim(10, wait=10)) == [1, 2, 3]
    assert values(orders.claim(10, wait=10)) == [1, 2, 3]
    assert (audit.lag(), mail.lag()) == (0, 3)
    assert [each.subscription_name for each in orders.subscriptions()] == ["audit", "mail"]
    assert any_app.stats().depth_of("orders@audit").source == "orders"
    mail.delete()
    assert any_app.queues() == ["orders", "orders@audit"]


def test_a_handler_has_its_own_retries_and_dead_letters(any_app: msgq.App) -> None:
    shipped: list[int] = []
    noted: list[Any] = []

    @any_app.handler(queue="orders", name="ship")
    def ship(number: int) -> None:
        shipped.append(number)

    @any_app.handler(
        queue="orders", subscription="audit", start="earliest",
        retry=msgq.RetryPolicy(max_attempts=2, base=0, jitter=0),
    )  # fmt: skip
    def audit(order: Any) -> None:
        noted.append(order)
        raise ValueError("no")

    @any_app.handler(queue="orders", subscription="mail", name="ship")
    def mail(number: int) -> None:
        noted.append(("mail", number))

    with any_app.worker() as worker:
        ship.enqueue(7)
        worker.run_until_idle(30)
    assert shipped == [7]
    assert sorted(map(str, noted)) == sorted(map(str, [[7], [7], ("mail", 7)]))
    assert any_app.queue("orders").depth().dead == 0
    assert [each.reason for each in any_app.queue("orders@audit").dead()] != []
    assert any_app.queue("orders").subscription("mail").lag() == 0


def test_a_topic_is_replayed_within_its_retention(any_app: msgq.App) -> None:
    news = any_app.queue("news")
    news.create(topic=True, retention="1h")
    web = news.subscribe("web")
    first = news.enqueue("a").id
    second = news.enqueue("b").id
    assert news.depth().waiting == 0
    assert (news.settings().topic, news.settings().retention) == (True, 3600.0)
    assert values(web.claim(10, wait=10)) == ["a", "b"]
    assert web.seek(first) == 2
    assert web.seek(str(second)) == 1
    assert web.seek("latest") == 0
    assert web.seek(timedelta(minutes=1)) == 2
    assert values(web.claim(10, wait=10)) == ["a", "b"]
    assert values(news.subscribe("app", start="earliest").claim(10, wait=10)) == ["a", "b"]


def test_wrong_use_is_told(any_app: msgq.App) -> None:
    orders = any_app.queue("orders")
    audit = orders.subscribe("audit")
    with pytest.raises(msgq.errors.StoreRejectedError, match="only reads: send to 'orders'"):
        audit.enqueue(1)
    with pytest.raises(msgq.NotFoundError, match="not kept for the subscriptions of queue"):
        audit.seek("018f2b9c-0000-7000-8000-000000000000")
    with pytest.raises(msgq.NotFoundError, match="orders@none"):
        orders.subscription("none").seek("latest")
    with pytest.raises(msgq.ConfigError, match="begins at latest, earliest"):
        orders.subscribe("x", start="never")
    for name in ("", "a@b"):
        with pytest.raises(msgq.ConfigError, match="without '@'"):
            orders.subscribe(name)
    with pytest.raises(msgq.ConfigError, match="overflow='drop_oldest'"):
        audit.alter(max_length=5)
    with pytest.raises(msgq.ConfigError, match="max_length= can be set"):
        audit.alter(topic=True)
    audit.alter(max_length=5, overflow="drop_oldest")
    assert audit.settings().max_length == 5
    assert repr(audit).startswith("Subscription('orders@audit'")
    assert isinstance(audit, Subscription)


def test_sync_refuses() -> None:
    app = msgq.App("sync://")

    @app.handler(queue="orders", subscription="audit")
    def audit(order: Any) -> None: ...

    with pytest.raises(msgq.UnsupportedError, match="can have no subscription 'audit'"):
        audit.enqueue(1)
    with pytest.raises(msgq.UnsupportedError):
        app.queue("orders").subscribe("audit")
