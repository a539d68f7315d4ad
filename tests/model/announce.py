"""What may be seen of an event that is no frame: announcements of VIPs (item 2), and held fragments that time is over for."""

from .packet import ARP, IPV6, read_link

ALL_NODES = bytes.fromhex("ff02" + "00" * 13 + "01")


class Quiet:
    """What the specification allows to happen while the world changes."""

    def __init__(self, state, slack):
        self.config = state.config
        self.slack = slack

    def check(self, seen):
        problems = [f"nothing is announced by {one}" for one in seen.get("out", []) if not self.announces(one)]
        dropped = {reason: count for reason, count in seen.get("dropped", {}).items() if count}
        if set(dropped) - {"fragment_limit"} or dropped.get("fragment_limit", 0) > self.slack:
            problems.append(f"dropped {dropped}, at most {self.slack} fragment_limit is allowed")
        return problems

    def doubts(self, seen):
        return set()

    def announces(self, one):
        """Gratuitous ARP (RFC 5227), or an unsolicited advertisement (RFC 4861 7.2.6), of a VIP that is announced so."""
        frame, port = bytes.fromhex(one["hex"]), self.config.ports.get(one["port"]) if self.config else None
        link = read_link(frame)
        if port is None or one["kind"] != "originated" or link is None or link.source != port.mac:
            return False
        body = frame[link.at:]
        if link.type == ARP:
            address, right = body[14:18], body[8:14] == port.mac and body[14:18] == body[24:28] and link.destination == b"\xff" * 6
        elif link.type == IPV6:
            address, right = body[48:64], body[24:40] == ALL_NODES and body[40:42] == b"\x88\0" and body[66:72] == port.mac
        else:
            return False
        vip = self.config.vip(address)
        return right and vip is not None and self.config.announced(vip)
