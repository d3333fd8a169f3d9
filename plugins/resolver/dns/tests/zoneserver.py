"""A nameserver for tests, on dnspython: it has the zones of a text, and does what a test says.

It answers as a recursive nameserver does: aliases are followed, a "no" has its zone's SOA. A test
may put an answer of its own in `script`: a function from the query to what is sent back.
"""

from __future__ import annotations

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import trio
from thurn_testing.contracts.resolver import SAMPLE
from trio import socket

FOLLOWED = 12


def rrsets(zone):
    found = {}
    for line in zone.splitlines():
        owner, ttl, of_class, kind, values = line.split(None, 4)
        one = dns.rrset.from_text(owner, int(ttl), of_class, kind, values)
        known = found.setdefault((one.name, one.rdtype), one)
        known.update(one)
    return found


def plain(name):
    return dns.name.from_text(name)


class ZoneServer:
    """See `thurn_testing.contracts.resolver.SampleDns` for its switches."""

    def __init__(self, zone=SAMPLE, port=0):
        self.port = port
        self.sets = rrsets(zone)
        self.existing = {above for name, _ in self.sets for above in ancestors(name)}
        self.queries = []  # (name, type, "udp" or "tcp", query)
        self.script = {}
        self.truncates_udp = False
        self._failing, self._signed, self._held = {}, set(), {}
        self._asked = trio.Event()
        self._nursery = None

    async def __aenter__(self):
        while not await self._bind():
            pass
        self._tcp.listen()
        return self

    async def _bind(self):
        """Whether one port could be had for both; somebody else may have it for one."""
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            await self._udp.bind(("127.0.0.1", self.port))
            port = self._udp.getsockname()[1]
            await self._tcp.bind(("127.0.0.1", port))
        except OSError:
            if self.port:
                raise
            self.close()
            return False
        self.port = port
        return True

    async def __aexit__(self, *exception):
        self.close()

    def close(self):
        self._udp.close()
        self._tcp.close()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    async def serve(self):
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._serve_udp)
            nursery.start_soon(self._serve_tcp)

    async def _serve_udp(self):
        while True:
            try:
                octets, peer = await self._udp.recvfrom(65_535)
            except (OSError, trio.ClosedResourceError):
                return
            self._nursery.start_soon(self._answer_udp, octets, peer)

    async def _answer_udp(self, octets, peer):
        for datagram in await self._answers(octets, "udp"):
            await self._udp.sendto(datagram, peer)

    async def _serve_tcp(self):
        while True:
            try:
                accepted, _ = await self._tcp.accept()
            except (OSError, trio.ClosedResourceError):
                return
            self._nursery.start_soon(self._answer_tcp, trio.SocketStream(accepted))

    async def _answer_tcp(self, stream):
        async with stream:
            octets = await stream.receive_some(65_535)
            for message in await self._answers(octets[2:], "tcp"):
                await stream.send_all(len(message).to_bytes(2, "big") + message)

    async def _answers(self, octets, by):
        query = dns.message.from_wire(octets)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True)
        self.queries.append((name, dns.rdatatype.to_text(question.rdtype), by, query))
        self._asked.set()
        self._asked = trio.Event()
        if name in self._held:
            await self._held[name].wait()
        say = self.script.get(name, self.answer)
        said = say(query, by)
        answers = said if isinstance(said, list) else [said]
        return [
            one.to_wire(max_size=65_535) if isinstance(one, dns.message.Message) else one
            for one in answers
        ]

    def answer(self, query, by):
        """What the zones say."""
        response = dns.message.make_response(query, recursion_available=True)
        name, kind = query.question[0].name, query.question[0].rdtype
        authentic = True
        for _ in range(FOLLOWED):
            text = name.to_text(omit_final_dot=True)
            if text in self._failing and not (query.flags & dns.flags.CD):
                return self.failure(query, self._failing[text])
            authentic = authentic and any(name.is_subdomain(plain(one)) for one in self._signed)
            if (name, kind) in self.sets:
                response.answer.append(self.sets[name, kind])
                break
            if (name, dns.rdatatype.CNAME) not in self.sets:
                self._say_no(response, name)
                break
            alias = self.sets[name, dns.rdatatype.CNAME]
            response.answer.append(alias)
            name = alias[0].target
        else:
            return self.failure(query, [])
        if authentic and query.flags & dns.flags.AD:
            response.flags |= dns.flags.AD
        if self.truncates_udp and by == "udp":
            return truncated(query)
        return response

    def _say_no(self, response, name):
        if name not in self.existing:
            response.set_rcode(dns.rcode.NXDOMAIN)
        for above in ancestors(name):
            if (above, dns.rdatatype.SOA) in self.sets:
                response.authority.append(self.sets[above, dns.rdatatype.SOA])
                return

    @staticmethod
    def failure(query, extended_errors):
        response = dns.message.make_response(query, recursion_available=True)
        response.set_rcode(dns.rcode.SERVFAIL)
        options = [dns.edns.EDEOption(code) for code in extended_errors]
        response.use_edns(0, options=options)
        return response

    def fail(self, name):
        self._failing[name] = []
        self.script[name] = lambda query, by: self.failure(query, [])

    def forge(self, name):
        self._failing[name] = [dns.edns.EDECode.DNSSEC_BOGUS]

    def heal(self, name):
        del self._failing[name]
        self.script.pop(name, None)

    def sign(self, domain):
        self._signed.add(domain)

    def hold(self, name):
        self._held[name] = trio.Event()

    def release(self, name):
        self._held.pop(name).set()

    def asked(self, name):
        return sum(one[0] == name for one in self.queries)

    async def wait_asked(self, name):
        while not self.asked(name):
            await self._asked.wait()

    async def wait_queries(self, count):
        while len(self.queries) < count:
            await self._asked.wait()


def ancestors(name):
    while name != dns.name.root:
        yield name
        name = name.parent()


def truncated(query):
    response = dns.message.make_response(query, recursion_available=True)
    response.flags |= dns.flags.TC
    return response


def respond(query, *lines, rcode=dns.rcode.NOERROR, authority=(), flags=dns.flags.RA):
    """A response with these records: `name ttl class type values`."""
    response = dns.message.make_response(query)
    response.flags |= flags
    response.set_rcode(rcode)
    for section, texts in ((response.answer, lines), (response.authority, authority)):
        for line in texts:
            owner, ttl, of_class, kind, values = line.split(None, 4)
            section.append(dns.rrset.from_text(owner, int(ttl), of_class, kind, values))
    return response
