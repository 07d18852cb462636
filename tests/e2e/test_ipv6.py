"""The same over IPv6: nodes on ::1 find each other and hand values on; a node of both families
joins the two."""

import unittest

from harness import TestCase, wait_until
from krpc import Key, Peer, mutable


class IPv6(TestCase):
    def test_put_and_get_on_loopback(self):
        nodes = self.network(3, bind='::1')
        nodes[0].call('createkey', 'alice')
        nodes[0].call('dhtput', 'alice', 'x', 's', 'six')
        key = nodes[0].call('pubkey', 'alice')
        self.assertEqual(nodes[2].call('dhtget', key, 'x', 's')[0]['p']['v'], 'six')
        self.assertIn('[::1]:', str(nodes[0].call('listnodes')))

    def test_packets(self):
        node = self.network(2, '--network', 'mainline', bind='::1')[0]
        with Peer(node.port, host='::1') as peer:
            reply = peer.query('find_node', {'target': b'x' * 20})
            self.assertEqual(reply['ip'], bytes(15) + b'\1' + peer.port.to_bytes(2, 'big'))
            self.assertEqual(len(reply['r']['nodes6']), 38)
            self.assertNotIn('nodes', reply['r'])
            key = Key()
            self.assertEqual(peer.put(mutable(key, b'v6'), key.target())['y'], b'r')
            self.assertEqual(peer.ask('get', {'target': key.target()})['v'], b'v6')

    def test_both_families(self):
        four = self.start()
        six = self.start(bind='::1')
        both = self.start('--bind', '::1', bootstrap=[four.address, six.address])
        wait_until(lambda: both.info()['dht_nodes'] == 2, 'a node of each family is in the table')
        both.call('createkey', 'alice')
        key = both.call('pubkey', 'alice')
        self.assertEqual(both.call('dhtput', 'alice', 'x', 's', 46)['stored'], 3)
        for node in (four, six):
            self.assertEqual(node.call('dhtget', key, 'x', 's')[0]['p']['v'], 46)


if __name__ == '__main__':
    unittest.main()
