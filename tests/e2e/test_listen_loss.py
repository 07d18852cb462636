"""Listening in a network that loses a fifth of all packets, each way, while holders are killed at
random: every value comes, once, in order."""

import contextlib
import random
import threading
import unittest

from harness import Rpc, TestCase, XordError, wait_until
from relay import Relay

DAEMONS = 12
KILLED = 4
SINGLES = 10
ENTRIES = 10
LOSS = 0.2


class Heard:
    """What a stream tells, read as it comes."""

    def __init__(self, daemon, *of):
        self.rpc = Rpc(daemon.socket_path, timeout_s=None)
        self.stream = self.rpc.listen(*of)
        self.events = []
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        with contextlib.suppress(XordError):  # the daemon ends with the test
            for event in self.stream:
                self.events.append(event)

    def values(self):
        return [event['value']['p']['v'] for event in self.events if event['event'] == 'value']

    def seqs(self):
        return [event['value']['p']['seq'] for event in self.events if event['event'] == 'value']

    def has(self, event):
        return any(told['event'] == event for told in self.events)


class Loss(TestCase):
    def setUp(self):
        super().setUp()
        self.random = random.Random(7)
        self.relay = Relay(DAEMONS, seed=7)
        self.addCleanup(self.relay.close)
        first = self.start(bind=self.relay.bind(0))
        self.relay.know(0, first.port)
        bootstrap = self.relay.address(0)
        for number in range(1, DAEMONS):
            self.daemon(bind=self.relay.bind(number), bootstrap=bootstrap).spawn()
        for daemon in self.daemons[1:]:
            daemon.wait_ready()
        self.listener, self.putter, *self.others = self.daemons
        self.key = self.putter.call('createkey', 'alice')

    def kill_one(self):
        victim = self.random.choice([other for other in self.others if other.is_alive()])
        victim.kill()

    def expect(self, heard, value):
        wait_until(lambda: value in heard.values(), f'{value!r} is heard, after {heard.values()}')

    def test_every_value_comes_once_and_in_order(self):
        single = Heard(self.listener, self.key, 'profile', 's')
        multi = Heard(self.listener, 'wabi', 'readings', 'm')
        wait_until(lambda: single.has('synced') and multi.has('synced'), 'all is read')
        self.relay.loss = LOSS
        for number in range(SINGLES):
            self.putter.call('dhtput', 'alice', 'profile', 's', number, seq=number + 1)
            if number % 2 == 1 and number // 2 < KILLED:
                self.kill_one()
            self.expect(single, number)
        # With a seq of its own, a put that is tried again is no second value.
        calls = [self.putter.rpc.start('dhtput', 'wabi', 'readings', 'm', number, 'alice', seq=1)
                 for number in range(ENTRIES)]
        for call in calls:
            call.result()
        for number in range(ENTRIES):
            self.expect(multi, number)
        self.assertEqual(single.values(), list(range(SINGLES)))
        self.assertEqual(single.seqs(), sorted(set(single.seqs())))
        self.assertEqual(sorted(multi.values()), list(range(ENTRIES)))
        for heard in (single, multi):
            self.assertEqual([event['n'] for event in heard.events],
                             list(range(1, len(heard.events) + 1)))
            self.assertFalse(heard.has('expired') or heard.has('gap') or heard.has('end'))
        self.assertGreater(self.relay.lost, self.relay.carried * LOSS / 4)


if __name__ == '__main__':
    unittest.main()
