"""Real peers: libtorrent, which nobody here wrote, and xord read what the other put, verify it, and
announce and find torrents through each other."""

import hashlib
import os
import time
import unittest

from harness import TestCase, wait_until
from krpc import Key, encode

try:
    import libtorrent
except ImportError:
    libtorrent = None

DEADLINE_S = 40  # libtorrent's own lookups wait seconds for what does not answer
SETTINGS = {
    'listen_interfaces': '127.0.0.1:0', 'enable_dht': True, 'enable_lsd': False,
    'enable_upnp': False, 'enable_natpmp': False,
    # Its rules for the public network forbid many nodes on one address; on loopback all are.
    'dht_restrict_routing_ips': False, 'dht_restrict_search_ips': False,
    'dht_enforce_node_id': False, 'dht_prefer_verified_node_ids': False,
    # It shuts out an address that sends more packets a second; on loopback that is everybody.
    'dht_block_ratelimit': 1000000,
}


def expanded_secret(seed):
    """libtorrent's form of a secret key: the clamped hash of the seed."""
    digest = bytearray(hashlib.sha512(seed).digest())
    digest[0] &= 248
    digest[31] = digest[31] & 63 | 64
    return bytes(digest)


class Torrent:
    """One libtorrent session with its DHT on loopback."""

    def __init__(self, *bootstrap):
        mask = libtorrent.alert.category_t
        self.session = libtorrent.session({
            **SETTINGS, 'dht_bootstrap_nodes': ','.join(bootstrap),
            'alert_mask': mask.dht_notification | mask.dht_operation_notification |
                          mask.status_notification})

    @property
    def address(self):
        return f'127.0.0.1:{self.session.listen_port()}'

    def wait_for(self, kind, want=lambda alert: True):
        """The first alert of this kind, past ones included. What it holds must be read before the
        next call, so `want` reads it."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            self.session.wait_for_alert(200)
            for alert in self.session.pop_alerts():
                if isinstance(alert, kind):
                    found = want(alert)
                    if found:
                        return found
        raise AssertionError(f'libtorrent raised no {kind.__name__} in {DEADLINE_S} s')

    def wait_for_node(self, count):
        """Until it knows so many nodes; those it was told to start from are not among them."""
        def known():
            self.session.post_dht_stats()
            return self.wait_for(libtorrent.dht_stats_alert, lambda alert: sum(
                bucket['num_nodes'] for bucket in alert.routing_table) + 1) > count
        wait_until(known, f'libtorrent knows {count} nodes', DEADLINE_S)

    def announce(self, info_hash, folder):
        """Takes up a torrent, as a client with a magnet link does; it announces its own port."""
        torrent = libtorrent.parse_magnet_uri('magnet:?xt=urn:btih:' + info_hash.hex())
        torrent.save_path = folder
        self.session.add_torrent(torrent)

    def get_mutable(self, public_key, salt):
        """(text of the value, seq). Only as text: the Python binding gives a value's content for
        byte strings alone, and an envelope is a dictionary."""
        self.session.dht_get_mutable_item(public_key, salt)
        return self.wait_for(libtorrent.dht_mutable_item_alert,
                             lambda alert: alert.seq and (alert.message(), alert.seq))

    def get_immutable(self, target):
        self.session.dht_get_immutable_item(libtorrent.sha1_hash(target))
        return self.wait_for(libtorrent.dht_immutable_item_alert, lambda alert: alert.item['value'])

    def get_peers(self, info_hash):
        """The first peers that somebody names, as (ip, port)."""
        self.session.dht_get_peers(libtorrent.sha1_hash(info_hash))
        return self.wait_for(
            libtorrent.dht_get_peers_reply_alert,
            lambda alert: str(alert.info_hash) == info_hash.hex() and alert.peers())


@unittest.skipIf(libtorrent is None, 'python3-libtorrent is not installed')
class RealPeers(TestCase):
    """Three xord nodes on the mainline protocol, and a libtorrent session that starts from one."""

    def setUp(self):
        super().setUp()
        self.nodes = self.network(3, '--network', 'mainline')
        self.first, self.second = self.nodes[:2]
        self.torrent = Torrent(self.first.address)
        self.torrent.wait_for_node(2)

    def test_xord_reads_what_libtorrent_put(self):
        target = bytes.fromhex(str(self.torrent.session.dht_put_immutable_item('from afar')))
        self.assertEqual(target, hashlib.sha1(encode('from afar')).digest())
        stored = self.torrent.wait_for(libtorrent.dht_put_alert, lambda alert: alert.num_success)
        self.assertGreaterEqual(stored, 2)
        self.assertEqual(self.second.call('getimmutable', target.hex())['v'], 'from afar')

        key = Key()
        self.torrent.session.dht_put_mutable_item(expanded_secret(key.seed), key.public,
                                                  b'salted', b'pepper')
        self.torrent.wait_for(libtorrent.dht_put_alert, lambda alert: alert.num_success)
        values = self.second.call('dhtget', key.public.hex(), 'pepper', 's')
        self.assertEqual(values[0]['p']['v'], 'salted')
        self.assertEqual(values[0]['k'], key.public.hex())

    def test_libtorrent_reads_what_xord_put(self):
        target = self.first.call('putimmutable', 'from xord')['target']
        self.assertEqual(self.torrent.get_immutable(bytes.fromhex(target)), b'from xord')

        self.first.call('createkey', 'alice')
        key = bytes.fromhex(self.first.call('pubkey', 'alice'))
        for number in (1, 2):
            self.first.call('dhtput', 'alice', 'profile', 's', {'n': number})
        text, seq = self.torrent.get_mutable(key, 'profile')
        self.assertIn('{"n":2}', text)
        self.assertEqual(seq, 2)

    def test_xord_finds_what_only_libtorrent_holds(self):
        """libtorrent is among the holders: with all of xord's gone it alone has the value."""
        wait_until(lambda: self.first.info()['dht_nodes'] == 3, 'xord knows libtorrent')
        self.first.call('createkey', 'alice')
        key = self.first.call('pubkey', 'alice')
        stored = self.first.call('dhtput', 'alice', 'x', 's', 'held elsewhere')['stored']
        self.assertEqual(stored, 4)
        for node in self.nodes:
            node.kill()
        reader = self.start('--network', 'mainline', bootstrap=self.torrent.address)
        self.assertEqual(reader.call('dhtget', key, 'x', 's')[0]['p']['v'], 'held elsewhere')

    def test_torrents_are_announced_and_found(self):
        info_hash = os.urandom(20)
        self.torrent.announce(info_hash, self.folder)
        peers = wait_until(lambda: self.second.call('peers', info_hash.hex()),
                           'xord finds what libtorrent announced', DEADLINE_S)
        self.assertIn(self.torrent.address, peers)

        other = Torrent(self.second.address)
        other.wait_for_node(2)
        self.assertIn(('127.0.0.1', self.torrent.session.listen_port()),
                      other.get_peers(info_hash))

        self.first.call('announce', 'cd' * 20, 7000)
        self.assertIn(('127.0.0.1', 7000), other.get_peers(b'\xcd' * 20))


@unittest.skipIf(libtorrent is None, 'python3-libtorrent is not installed')
class ForeignHolders(TestCase):
    """A xord client among libtorrent sessions, which hold what it listens to and push nothing."""

    def test_xord_listens_to_what_libtorrent_alone_holds(self):
        first = Torrent()
        other = Torrent(first.address)
        first.wait_for_node(1)
        xord = self.start('--network', 'mainline', '--role', 'client', bootstrap=first.address)
        wait_until(lambda: xord.info()['dht_nodes'] == 2, 'xord knows both')
        key = Key()
        client = xord.connect()
        self.addCleanup(client.close)
        stream = client.listen(key.public.hex(), 'pepper', 's')
        self.assertEqual(stream.next(DEADLINE_S)['event'], 'synced')
        self.assertEqual(xord.info()['subscriptions'],
                         {'listening': 1, 'polling': 1, 'serving': 0})
        other.session.dht_put_mutable_item(expanded_secret(key.seed), key.public, b'salted',
                                           b'pepper')
        told = stream.next(DEADLINE_S)
        self.assertEqual((told['event'], told['value']['p']['v']), ('value', 'salted'))


if __name__ == '__main__':
    unittest.main()
