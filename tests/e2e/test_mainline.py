"""On the public network's protocol, among nodes of other make: xord daemons find each other at the
rendezvous that those keep for them."""

import hashlib
import unittest

from harness import TestCase, wait_until
from test_libtorrent import DEADLINE_S, Torrent, libtorrent


@unittest.skipIf(libtorrent is None, 'python3-libtorrent is not installed')
class AmongOthers(TestCase):
    """Four libtorrent sessions that know each other; xord daemons start from them alone."""

    def setUp(self):
        super().setUp()
        self.others = [Torrent() for _ in range(4)]
        for one in self.others:
            for other in self.others:
                if one is not other:
                    one.session.add_dht_node(('127.0.0.1', other.session.listen_port()))
        for one in self.others:
            one.wait_for_node(3)

    def start_beside(self, other, *options):
        return self.start('--network', 'mainline', *options, bootstrap=other.address)

    def test_xord_daemons_meet(self):
        rendezvous = hashlib.sha1(b'xord rendezvous 1').digest()
        daemons = [self.start_beside(other) for other in self.others[:3]]
        for daemon in daemons:
            wait_until(lambda: daemon.info()['dht_xord_nodes'] == 2, 'it knows the other two',
                       DEADLINE_S)
            self.assertGreaterEqual(daemon.info()['dht_nodes'], 6)
        named = self.others[3].get_peers(rendezvous)[0]
        self.assertIn(named, [('127.0.0.1', daemon.port) for daemon in daemons])

    def test_multis_lie_on_xord_daemons_alone(self):
        first, second = [self.start_beside(other) for other in self.others[:2]]
        for daemon in (first, second):
            wait_until(lambda: daemon.info()['dht_xord_nodes'] == 1, 'they have met', DEADLINE_S)
            daemon.call('createkey', 'alice')
        for daemon, text in ((first, 'one'), (second, 'two')):
            put = daemon.call('dhtput', 'twister', 'hashtag', 'm', {'msg': text}, 'alice')
            self.assertEqual((put['stored'], put['tried'], put['rejected']), (2, 2, {}))
        for daemon in (first, second):
            values = daemon.call('dhtget', 'twister', 'hashtag', 'm')
            self.assertEqual({value['p']['v']['msg'] for value in values}, {'one', 'two'})

        put = first.call('dhtput', 'alice', 'profile', 's', 'on all nodes')
        self.assertGreater(put['stored'], 2)

    def test_a_client_finds_them_and_they_do_not_know_it(self):
        server = self.start_beside(self.others[0])
        client = self.start_beside(self.others[1], '--role', 'client')
        wait_until(lambda: client.info()['dht_xord_nodes'] == 1, 'the client knows the server',
                   DEADLINE_S)
        client.call('lookup', 'ab' * 20)
        self.assertEqual(server.info()['dht_xord_nodes'], 0)


if __name__ == '__main__':
    unittest.main()
