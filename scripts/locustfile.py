"""A Locust user for a service behind shunt: the routes of shunt-test-backend.

    locust -f scripts/locustfile.py --host http://198.51.100.10 --users 50 --spawn-rate 10 --run-time 1m --headless

Each user waits for its answer before it goes on: a closed loop. `scripts/traffic` is the open one.
"""

import random

from locust import HttpUser, between, task


class Visitor(HttpUser):
    """Mostly the front page, at times a document; as often as not on a new connection, which shunt balances anew."""

    wait_time = between(0.1, 1.0)

    def fresh(self):
        return {"Connection": "close"} if random.random() < 0.5 else {}

    @task(8)
    def front(self):
        self.client.get("/", headers=self.fresh())

    @task(2)
    def document(self):
        size = random.choice((200, 2_000, 20_000))
        with self.client.get(f"/api/data?bytes={size}&seed={random.randrange(1000)}", name="/api/data", headers=self.fresh(),
                             catch_response=True) as answer:
            if answer.status_code == 200 and len(answer.content) != size:
                answer.failure(f"{len(answer.content)} bytes in place of {size}")

    @task(1)
    def health(self):
        self.client.get("/health")
