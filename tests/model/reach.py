"""What a run of the differential test must have met, so that its agreement says something: every reason and kind, and each kind of
packet that the generator makes in each mode and family. `Reached` counts; `missing` says what never came."""

from collections import Counter

from .configurations import FORWARDS

FAMILIES = (4, 6)

# What ends a packet in one process with its own clock: neither full rings (threads, a thousand punted in a second), nor a device or a
# kernel that refuses.
ANYWHERE = ("sent", "punted", "held", "cut", "answered echo", "answered ttl", "answered too_big", "answered arp", "answered nd") + tuple(
    "dropped " + reason for reason in (
        "not_our_mac not_ip truncated bad_header bad_checksum bad_source options extension_headers fragment fragment_limit loop ttl "
        "too_big no_service no_backend no_neighbour not_on_link no_host_interface bogus_icmp answer_limit echo").split())


def wanted():
    """[(actor, mode, family, fate)] that a run over some dozen seeds must have seen."""
    rows = []

    def each(actor, fates, forwards=FORWARDS, families=FAMILIES):
        rows.extend((actor, forward, family, fate) for forward in forwards for family in families for fate in fates)
    each("tcp_flow", ["sent"])
    each("sizes", ["sent", "answered too_big"])
    each("sizes", ["cut", "dropped too_big"], families=(4,))
    each("segment_sizes", ["sent"])
    each("errors", ["sent", "dropped bogus_icmp"])
    each("echoes", ["answered echo", "dropped too_big"])
    each("datagram", ["sent", "held", "dropped fragment"])
    each("ttls", ["answered ttl", "dropped ttl"])
    each("bad_sources", ["dropped bad_source"])
    each("extension_chains", ["sent", "dropped extension_headers"], families=(6,))
    each("option_lists", ["sent", "dropped options"], families=(4,))
    each("tunnels", ["sent", "dropped loop"], [one for one in FORWARDS if one != "nat"])
    each("tunnels", ["dropped loop"], ["nat"])
    each("replies", ["sent", "answered too_big"], ["nat"])
    each("reply_datagram", ["sent", "held", "dropped fragment"], ["nat"])
    each("errors_from_inside", ["sent"], ["nat"])
    return rows


class Reached:
    def __init__(self):
        self.anywhere, self.kinds = Counter(), Counter()

    def note(self, event, seen):
        """A frame and what was seen of it; of a burst's frames only the fates count, not whose they were."""
        if event["type"] not in ("frame", "frames"):
            self.anywhere.update("dropped " + reason for reason, count in seen.get("dropped", {}).items() if count)
            return
        fates = self.fates(seen) if event["type"] == "frame" else {"dropped " + one for one, count in seen["dropped"].items() if count}
        self.anywhere.update(fates)
        if "of" in event:
            actor, forward, family = event["of"].split()
            self.kinds.update((actor, forward, int(family), fate) for fate in fates)

    @staticmethod
    def fates(seen):
        kinds = {one["kind"] for one in seen["out"]}
        reasons = [reason for reason, count in seen["dropped"].items() if count]
        found = {"dropped " + reason for reason in reasons}
        if "originated" in kinds:
            found |= {"answered " + reason for reason in reasons}
        elif seen.get("originated"):
            found.add("cut")
        return found | (kinds & {"sent", "punted"}) or {"held"}

    def missing(self):
        lost = [fate for fate in ANYWHERE if not self.anywhere[fate]]
        return lost + [" ".join(map(str, row)) for row in wanted() if not self.kinds[row]]

    def __str__(self):
        return ", ".join(f"{fate} {count}" for fate, count in self.anywhere.most_common())
