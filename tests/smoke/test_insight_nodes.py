#!/usr/bin/python3
"""Two shuntds, one shunt-insight, PostgreSQL: the two are one service, one of them goes and comes, and shunt-insight's past is in the database.

    client1 (by shuntd 1), client2 (by shuntd 2) ── br0 ── backend1, backend2: web; backend3: api (nginx)
                                                     │
                         lb0 ┄ shuntd 1 ┄┄┄┄┄┄┄┄┄┄┐  └── wire ── lb0 ┄ shuntd 2       (namespace lb2)
                                            shunt-insight ┄┄┄┄ a way that can be cut ┄┄┄┘
                                                  └── PostgreSQL                      (namespace lb)

Both shuntds have the same services; which one a client's packets go to, its neighbour table says.
"""

import json
import subprocess
import time

import harness
import postgres_server
from insight import Insight
from programs import program, wait_until
from second_shunt import Way, second_shunt

SERVICES = {"web": ("tcp", 80), "api": ("tcp", 81)}
POOLS = {"web": ("backend1", "backend2"), "api": ("backend3",)}  # no backend in both: what happens to one is no incident of the other's
PATIENCE = 20
STORED = "SELECT sum(opened) FROM kpi_1s JOIN dim_series ON dim_series.id = series_id WHERE backend_id = 0"  # of services as a whole


class TwoNodes(harness.SmokeTest):
    def setUp(self):
        super().setUp()
        if reason := postgres_server.missing():
            self.skipTest(reason)
        try:
            program("shunt-insight")
        except FileNotFoundError as error:
            self.skipTest(str(error))
        self.first_port = 20000

    def start_all(self):
        """Two shuntds with every backend up, and shunt-insight, which has read both."""
        bed = self.bed("l2", services=SERVICES, clients=2, health=harness.HTTP_HEALTH)
        for pool in bed.config["pool"]:
            pool["backend"] = [backend for backend in pool["backend"] if backend["name"] in POOLS[pool["name"]]]
        for backend in bed.backends:
            harness.start_nginx(bed.topology, backend, 80, 81)
        self.first, self.second = bed.daemon, second_shunt(bed)
        self.second.start(self.second.config)
        bed.start()
        wait_until(lambda: len(self.second.backends("up")) == 3, PATIENCE, "three backends up at the second")
        for client, shunt in zip(bed.clients, (self.first, self.second)):
            client.namespace.ip(f"neighbour replace {bed.vip} lladdr {shunt.port()['mac']} dev eth0 nud permanent")
        self.start_insight(bed)
        return bed

    def start_insight(self, bed):
        self.postgres = postgres_server.PostgresServer(bed.topology)
        self.addCleanup(self.postgres.stop)
        self.way = Way(f"{self.second.folder}/way", self.second.socket)
        self.addCleanup(self.way.cut)
        self.insight = Insight(bed, api={"anonymous": "operator"}, warehouse={"url": self.postgres.url}, hosts={"enabled": False})
        self.insight.config["node"].append({"name": "lb2", "api": f"unix:{self.way.path}", "records": f"{self.second.folder}/run/records"})
        self.addCleanup(self.insight.stop)
        of_bed = bed.evidence
        bed.evidence = lambda: f"{of_bed()}\n--- the second shuntd's log\n{self.second.log()[-3000:]}\n--- shunt-insight's log\n{self.insight.log()}"
        self.insight.start()
        self.wait_node("lb2", "up")

    def rest(self, bed):
        """Nothing more is under way: accounts are compared in such moments. The harness does it with the first shuntd."""
        self.insight.stop()
        self.postgres.stop()
        for shunt, config in ((self.first, bed.config), (self.second, self.second.config)):
            for pool in config["pool"]:
                pool["health"] = None
            shunt.reload(config)
        self.second.check_account({"arp": None, "no_neighbour": None})
        self.second.stop()

    # -- traffic, and what is said of it

    def send(self, client, requests, service="web"):
        """Each from a port of its own, so that each is a flow."""
        begin, self.first_port = self.first_port, self.first_port + requests
        done = subprocess.run(["nsenter", f"--net={client.namespace.path}", program("shunt-traffic"), "--target",
                               f"{self.beds[0].vip}:{SERVICES[service][1]}", "--json", "--quiet", "--requests", str(requests), "--concurrent", "10",
                               "--ports", f"{begin}-{begin + requests - 1}"], capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(json.loads(done.stdout)["ok"], requests)

    @staticmethod
    def counted(shunt, service="web"):
        """Flows, as a shuntd's own counter has them."""
        return next(one["new_flows"] for one in shunt.answer("services")["services"] if one["name"] == service)

    def wait_opened(self, flows, service="web"):
        """Until both nodes together opened so many, as shunt-insight says."""
        def told():
            return self.insight.answer(f"kpis?window=300&service={service}")["totals"]["opened"]
        try:
            wait_until(lambda: told() == flows, PATIENCE, f"{flows} flows of {service}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {told()}; the nodes have {[self.opened_at(node) for node in ('lb1', 'lb2')]}") from None

    def opened_at(self, node, service="web"):
        """Flows of one node in the last minutes."""
        return sum(self.flows_by_second(f"&node={node}&service={service}").values())

    def flows_by_second(self, words):
        now = int(time.time())
        told = self.insight.answer(f"timeseries?from={now - 200}&to={now + 10}&points=300{words}")
        self.assertEqual(told["step"], 1)
        return {second: round(flows) for second, flows in zip(told["t"], told["flows"]) if flows is not None}

    def wait_node(self, name, state):
        def fits(frame):
            return any(node["name"] == name and node["state"] == state for node in frame["nodes"])
        return self.insight.wait_frame(fits, PATIENCE, f"{name} is {state}")

    # -- the tests

    def test_both_together(self):
        bed = self.start_all()
        self.send(bed.clients[0], 200)
        self.send(bed.clients[1], 300)
        self.send(bed.clients[1], 50, "api")
        self.assertEqual([self.counted(shunt) for shunt in (self.first, self.second)], [200, 300])
        self.wait_opened(500)
        self.wait_opened(50, "api")
        self.assertEqual([self.opened_at(node) for node in ("lb1", "lb2")], [200, 300])
        told = [(one["service"], one["pool"], one["name"]) for one in self.insight.answer("backends")["backends"]]
        self.assertEqual(sorted(told), sorted((pool, pool, name) for pool, names in POOLS.items() for name in names))
        self.check_drain(bed)
        self.check_cut(bed)
        self.check_restart(bed)
        self.rest(bed)

    def check_drain(self, bed):
        """Both nodes do it, and none of them sends the backend another flow."""
        def state():
            return [(one["admin"], one["new_flows"]) for shunt in (self.first, self.second) for one in shunt.answer("backends")["backends"]
                    if one["name"] == "backend1"]
        answers = self.insight.change("drain", pool="web", backend="backend1", drain=True)
        self.assertEqual([(one["node"], one["status"]) for one in answers], [("lb1", 200), ("lb2", 200)])
        before = state()
        self.assertEqual([admin for admin, _ in before], ["draining", "draining"])
        for client in bed.clients:
            self.send(client, 50)
        self.assertEqual(state(), before)
        self.insight.wait_frame(lambda frame: [one["state"] for one in frame["backends"] if one["name"] == "backend1"] == ["drain"], PATIENCE,
                                "backend1 is shown as draining")
        self.insight.change("drain", pool="web", backend="backend1", drain=False)
        self.assertEqual([admin for admin, _ in state()], ["enabled", "enabled"])
        self.wait_opened(600)

    def check_cut(self, bed):
        """The second one's API is out of reach while it serves on: what it counts meanwhile is counted later."""
        self.way.cut()
        frame = self.wait_node("lb2", "down")
        self.assertEqual([(node["name"], node["state"]) for node in frame["nodes"]], [("lb1", "up"), ("lb2", "down")])
        self.assertEqual({one["state"] for one in frame["backends"]}, {"up"}, "the first one knows them")
        for client in bed.clients:
            self.send(client, 100)
        wait_until(lambda: self.opened_at("lb1") == 350, PATIENCE, "the first one's figures go on")
        self.assertEqual(self.opened_at("lb2"), 350, "the second one's don't")
        self.assertEqual([self.counted(shunt) for shunt in (self.first, self.second)], [350, 450])
        self.way.mend()
        self.wait_node("lb2", "up")
        self.wait_opened(800)

    def check_restart(self, bed):
        """The second one ends and begins anew: what the old one counted stays, what the new one counts comes on top."""
        self.second.stop()
        self.wait_node("lb2", "down")
        self.send(bed.clients[0], 60)
        wait_until(lambda: self.opened_at("lb1") == 410, PATIENCE, "the first one's figures go on")
        self.second.start(self.second.config)
        wait_until(lambda: len(self.second.backends("up")) == 3, PATIENCE, "three backends up at the second")
        bed.clients[1].namespace.ip(f"neighbour replace {bed.vip} lladdr {self.second.port()['mac']} dev eth0 nud permanent")
        self.send(bed.clients[1], 70)
        self.wait_node("lb2", "up")
        self.assertEqual([self.counted(shunt) for shunt in (self.first, self.second)], [410, 70])
        self.wait_opened(930)

    def test_killed(self):
        bed = self.start_all()
        for client in bed.clients:
            self.send(client, 100)
        bed.topology.kill_host(bed.backends[1])
        incident = wait_until(self.open_incidents, PATIENCE, "an incident")[0]
        wait_until(lambda: self.postgres.number(STORED) == 200, PATIENCE, "200 flows in PostgreSQL")
        wait_until(lambda: self.postgres.number(f"SELECT count(*) FROM incident WHERE id = {incident['id']}") == 1, PATIENCE, "the incident in PostgreSQL")
        before = self.busy_seconds()
        self.assertEqual(sum(before.values()), 200)
        self.insight.kill()
        self.insight.start()
        self.wait_node("lb2", "up")
        self.assertEqual(self.busy_seconds(), before)
        self.assertIn((incident["id"], incident["opened"]), [(one["id"], one["opened"]) for one in self.open_incidents()])
        for client in bed.clients:
            self.send(client, 40)
        self.wait_opened(280)
        self.check_next_incident(bed, incident)
        self.rest(bed)

    def open_incidents(self):
        return self.insight.answer("incidents?open=1")["incidents"]

    def busy_seconds(self):
        return {second: flows for second, flows in self.flows_by_second("&service=web").items() if flows > 0}

    def check_next_incident(self, bed, incident):
        """What another service suffers is another incident, with the next number."""
        bed.topology.kill_host(bed.backends[2])
        others = wait_until(lambda: [one for one in self.open_incidents() if one["root"] and one["root"]["service"] == "api"], PATIENCE, "api's incident")
        self.assertGreater(others[0]["id"], incident["id"])
        self.assertIn(incident["opened"], [one["opened"] for one in self.open_incidents() if one["id"] == incident["id"]])


if __name__ == "__main__":
    harness.main()
