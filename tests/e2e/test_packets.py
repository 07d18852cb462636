"""What a daemon answers to packets that nobody sane sends, and to those that the BEPs describe: the
right reply or the right error, counted, never stored when it must not be, and still alive."""

import hashlib
import os
import socket
import unittest

from harness import SharedCase, wait_until
from krpc import Key, Peer, Raw, Responder, encode, mutable, signed_buffer, verify

CODE_PROTOCOL, CODE_UNKNOWN = 203, 204
CODE_TOO_BIG, CODE_SIGNATURE, CODE_SALT = 205, 206, 207
CODE_CAS, CODE_STALE = 301, 302


class PacketCase(SharedCase):
    """A mainline daemon, alone, and a peer made of bytes."""

    @classmethod
    def start_shared(cls, shared):
        cls.node = shared.start('--network', 'mainline')
        cls.port = cls.node.port

    def setUp(self):
        super().setUp()
        self.peer = Peer(self.port)
        self.addCleanup(self.peer.socket.close)

    def assert_refused(self, code, reply):
        self.assertEqual(reply.get('y'), b'e', reply)
        self.assertEqual(reply['e'][0], code, reply)
        self.assertIsInstance(reply['e'][1], bytes)

    def assert_not_stored(self, target):
        self.assertNotIn('v', self.peer.ask('get', {'target': target}))

    def assert_counts(self, counter, function, *arguments):
        before = self.node.counter(counter)
        result = function(*arguments)
        self.peer.ask('ping')
        self.assertGreater(self.node.counter(counter), before, counter)
        return result


class Queries(PacketCase):
    def test_ping_echoes_transaction_and_says_our_address(self):
        for transaction in (b'a', b'ab', b'\0\xff\n0', b'x' * 20):
            reply = self.peer.query('ping', transaction=transaction)
            self.assertEqual(len(reply['r']['id']), 20)
            self.assertEqual(len(reply['v']), 4)
            self.assertEqual(reply['ip'],
                             socket.inet_aton('127.0.0.1') + self.peer.port.to_bytes(2, 'big'))

    def test_id_is_the_one_that_getinfo_shows(self):
        self.assertEqual(self.peer.ask('ping')['id'].hex(), self.node.info()['id'])

    def list_nodes(self, method='find_node', name='target', **more):
        """The lists in the answer about a random target."""
        answer = self.peer.ask(method, {name: os.urandom(20), **more.pop('arguments', {})}, **more)
        return {key: answer[key] for key in ('nodes', 'nodes6') if key in answer}

    def known(self):
        """A node that the daemon knows: how it is listed, between others or alone."""
        node = Responder('ping', 'find_node')
        self.addCleanup(node.close)
        host, port = node.socket.getsockname()
        self.node.call('addnode', node.address)
        contact = node.id + socket.inet_aton(host) + port.to_bytes(2, 'big')
        wait_until(lambda: contact in self.list_nodes()['nodes'], 'it is listed')
        return contact

    def assert_lists(self, contact, lists):
        self.assertEqual(set(lists), {'nodes'})
        nodes = lists['nodes']
        contacts = [nodes[at:at + 26] for at in range(0, len(nodes), 26)]
        self.assertIn(contact, contacts)
        self.assertEqual({len(contact) for contact in contacts}, {26})
        self.assertLessEqual(len(contacts), 8)

    def test_find_node_and_get_list_whole_contacts(self):
        contact = self.known()
        for method, name in (('find_node', 'target'), ('get', 'target'),
                             ('get_peers', 'info_hash')):
            self.assert_lists(contact, self.list_nodes(method, name))

    def test_want_n6_is_taken(self):
        self.known()
        self.assertEqual(self.list_nodes(arguments={'want': ['n6']}), {'nodes6': b''})

    def test_want_of_unknown_families_and_unknown_keys_are_skipped(self):
        contact = self.known()
        self.assert_lists(contact, self.list_nodes(
            arguments={'want': ['n4', 'n9'], 'zz': [{'a': 1}]}, new={'b': ['c']}))

    def test_unknown_method_with_target_is_204(self):
        reply = self.peer.query('vote', {'target': os.urandom(20)})
        self.assert_refused(CODE_UNKNOWN, reply)

    def test_missing_or_wrong_arguments_are_203(self):
        for method, arguments in (('find_node', {}), ('get', {}), ('get_peers', {}),
                                  ('find_node', {'target': b'short'}),
                                  ('find_node', {'target': 5}), ('get', {'target': [b'x' * 20]}),
                                  ('ping', {'id': b'x' * 19}), ('announce_peer', {})):
            with self.subTest(method=method, arguments=arguments):
                self.assert_refused(CODE_PROTOCOL, self.peer.query(method, arguments))

    def test_peers_are_announced_with_a_token_alone(self):
        info_hash = os.urandom(20)
        token = self.peer.ask('get_peers', {'info_hash': info_hash})['token']
        announce = {'info_hash': info_hash, 'port': 6881}
        self.assertEqual(self.peer.error_of('announce_peer', {**announce, 'token': b'no'}),
                         CODE_PROTOCOL)
        self.peer.ask('announce_peer', {**announce, 'token': token})
        implied = {**announce, 'token': token, 'implied_port': 1}
        self.peer.ask('announce_peer', implied)
        values = self.peer.ask('get_peers', {'info_hash': info_hash})['values']
        ip = socket.inet_aton('127.0.0.1')
        self.assertIn(ip + self.peer.port.to_bytes(2, 'big'), values)


class Puts(PacketCase):
    def setUp(self):
        super().setUp()
        self.key = Key()

    def test_immutable_is_stored_and_given_back_byte_for_byte(self):
        for value in (b'hello', 12, [b'a', [1, {'x': b'y'}]], {'b': b'', 'a': -3}, b'x' * 996):
            target = hashlib.sha1(encode(value)).digest()
            reply = self.peer.put({'v': value}, target)
            self.assertEqual(reply['y'], b'r', reply)
            answer = self.peer.ask('get', {'target': target})
            self.assertEqual(encode(answer['v']), encode(value))
            self.assertNotIn('k', answer)

    def test_mutable_is_stored_signed(self):
        for salt in (b'', b'foobar', b'\0' * 64):
            item = mutable(self.key, b'Hello World!', 4, salt)
            target = self.key.target(salt)
            self.assertEqual(self.peer.put(item, target)['y'], b'r')
            answer = self.peer.ask('get', {'target': target})
            self.assertEqual((answer['k'], answer['seq'], answer['v'], answer['sig']),
                             (self.key.public, 4, b'Hello World!', item['sig']))
            self.assertTrue(verify(answer['k'], signed_buffer(salt, 4, encode(answer['v'])),
                                   answer['sig']))

    def test_get_with_seq_leaves_out_what_is_not_newer(self):
        target = self.key.target()
        self.peer.put(mutable(self.key, b'v', 7), target)
        self.assertNotIn('v', self.peer.ask('get', {'target': target, 'seq': 7}))
        self.assertEqual(self.peer.ask('get', {'target': target, 'seq': 7})['seq'], 7)
        self.assertIn('v', self.peer.ask('get', {'target': target, 'seq': 6}))

    def test_bad_token_is_203(self):
        item, target = mutable(self.key, b'v'), self.key.target()
        for token in (b'', b'wrong', b'x' * 200, None):
            reply = self.assert_counts('queries_refused_token',
                                       lambda t=token: self.peer.put(item, target, token=t))
            self.assert_refused(CODE_PROTOCOL, reply)
        other = self.peer.token(os.urandom(20))
        self.assert_refused(CODE_PROTOCOL, self.peer.put(item, target, token=other))
        with Peer(self.port) as stranger:
            stolen = stranger.token(target)
        self.assert_refused(CODE_PROTOCOL, self.peer.put(item, target, token=stolen))
        self.assert_not_stored(target)

    def test_bad_signature_is_206(self):
        item, target = mutable(self.key, b'v'), self.key.target()
        for change in ({'sig': bytes(64)}, {'v': b'w'}, {'seq': 2}):
            reply = self.assert_counts('puts_refused_signature',
                                       lambda c=change: self.peer.put({**item, **c}, target))
            self.assert_refused(CODE_SIGNATURE, reply)
        other = Key()
        reply = self.peer.put({**item, 'k': other.public}, other.target())
        self.assert_refused(CODE_SIGNATURE, reply)
        self.assert_not_stored(target)

    def test_value_over_1000_bytes_is_205(self):
        value = b'x' * 997
        target = hashlib.sha1(encode(value)).digest()
        reply = self.assert_counts('puts_refused_size', self.peer.put, {'v': value}, target)
        self.assert_refused(CODE_TOO_BIG, reply)
        self.assert_refused(CODE_TOO_BIG,
                            self.peer.put(mutable(self.key, value), self.key.target()))
        self.assert_not_stored(target)

    def test_salt_over_64_bytes_is_207(self):
        salt = b's' * 65
        reply = self.peer.put(mutable(self.key, b'v', 1, salt), self.key.target(salt))
        self.assert_refused(CODE_SALT, reply)
        self.assert_not_stored(self.key.target(salt))

    def test_incomplete_put_is_203(self):
        item, target = mutable(self.key, b'v', 1, b'salt'), self.key.target(b'salt')
        for missing in ('k', 'sig', 'seq', 'v'):
            with self.subTest(missing=missing):
                reply = self.peer.put(item, target, **{missing: None})
                self.assert_refused(CODE_PROTOCOL, reply)
        for change in ({'k': b'x' * 31}, {'sig': b'x' * 63}, {'seq': b'1'}, {'cas': b'1'}):
            with self.subTest(change=change):
                self.assert_refused(CODE_PROTOCOL, self.peer.put({**item, **change}, target))
        self.assert_not_stored(target)

    def test_target_that_is_not_the_keys_is_refused(self):
        wrong = os.urandom(20)
        self.assert_refused(CODE_PROTOCOL, self.peer.put(mutable(self.key, b'v'), wrong))
        self.assert_not_stored(wrong)

    def test_negative_seq_is_203_and_the_highest_is_taken(self):
        target = self.key.target()
        self.assert_refused(CODE_PROTOCOL, self.peer.put(mutable(self.key, b'v', -1), target))
        self.assert_not_stored(target)
        self.assertEqual(self.peer.put(mutable(self.key, b'v', 2**63 - 1), target)['y'], b'r')
        self.assertEqual(self.peer.ask('get', {'target': target})['seq'], 2**63 - 1)

    def raw_put(self, arguments):
        """The packet of a put with exactly these arguments."""
        return encode({'t': 'aaaa', 'y': 'q', 'q': 'put', 'a': {'id': self.peer.id, **arguments}})

    def test_integers_that_are_none_make_no_message(self):
        """Beyond int64, with leading zeros, minus zero: the packet is dropped and counted."""
        target = self.key.target()
        item = {**mutable(self.key, b'v', 2**63), 'token': self.peer.token(target)}
        self.assertTrue(self.assert_counts('packets_malformed', self.peer.is_silent_for,
                                           self.raw_put(item)))
        self.assert_not_stored(target)
        for raw in (b'i01e', b'i-0e', b'02:ab'):
            target = hashlib.sha1(raw).digest()
            item = {'token': self.peer.token(target), 'v': Raw(raw)}
            self.assertTrue(self.assert_counts('packets_malformed', self.peer.is_silent_for,
                                               self.raw_put(item)))
            self.assert_not_stored(target)

    def test_stale_seq_is_302(self):
        target = self.key.target()
        self.assertEqual(self.peer.put(mutable(self.key, b'new', 5), target)['y'], b'r')
        reply = self.assert_counts('puts_refused_seq', self.peer.put,
                                   mutable(self.key, b'old', 4), target)
        self.assert_refused(CODE_STALE, reply)
        same_seq = self.peer.put(mutable(self.key, b'other', 5), target)
        self.assert_refused(CODE_STALE, same_seq)
        again = self.peer.put(mutable(self.key, b'new', 5), target)
        self.assertEqual(again['y'], b'r', 'equal seq and bytes refresh')
        self.assertEqual(self.peer.ask('get', {'target': target})['v'], b'new')

    def test_cas_mismatch_is_301(self):
        target = self.key.target()
        self.peer.put(mutable(self.key, b'one', 1), target)
        reply = self.assert_counts(
            'puts_refused_cas',
            lambda: self.peer.put(mutable(self.key, b'three', 3), target, cas=2))
        self.assert_refused(CODE_CAS, reply)
        self.assertEqual(self.peer.put(mutable(self.key, b'two', 2), target, cas=1)['y'], b'r')
        self.assertEqual(self.peer.ask('get', {'target': target})['v'], b'two')

    def test_value_that_is_not_canonical_is_refused(self):
        for raw in (b'd1:bi1e1:ai2ee', b'd1:ai1e1:ai2ee', b'ld1:bi1e1:ai2eee'):
            with self.subTest(raw=raw):
                target = hashlib.sha1(raw).digest()
                self.peer.send(self.raw_put({'token': self.peer.token(target), 'v': Raw(raw)}))
                reply = self.peer.receive(lambda m: m.get('t') == b'aaaa')
                self.assert_refused(CODE_PROTOCOL, reply)
                self.assert_not_stored(target)


class Malformed(PacketCase):
    def test_truncated_packets(self):
        whole = encode({'t': 'aaaa', 'y': 'q', 'q': 'get',
                        'a': {'id': self.peer.id, 'target': os.urandom(20)}})
        before = self.node.counter('packets_malformed')
        for size in range(0, len(whole)):
            self.peer.send(whole[:size])
        self.peer.ask('ping')
        self.assertGreaterEqual(self.node.counter('packets_malformed'), before + len(whole) - 2)

    def test_garbage_gets_no_answer(self):
        for packet in (b'', b'\0', b'hello', b'i5e', b'le', b'de', b'd1:t1:ae', os.urandom(1000),
                       b'd1:y1:qe', b'l' * 60000, b'd1:a' * 10000, b'99999999999999999999:x',
                       b'-1:', b'd1:t4:aaaa1:y1:xe'):
            with self.subTest(packet=packet[:20]):
                self.assertTrue(self.peer.is_silent_for(packet))

    def test_deep_nesting_is_refused(self):
        deep = Raw(b'l' * 40 + b'e' * 40)
        self.assert_counts('packets_malformed', self.peer.send, encode(
            {'t': 'deep', 'y': 'q', 'q': 'ping', 'a': {'id': self.peer.id, 'x': deep}}))

    def test_oversize_packet_is_not_fatal(self):
        self.peer.send(b'd1:ad2:id20:' + b'x' * 20 + b'1:z60000:' + b'z' * 60000 +
                       b'e1:q4:ping1:t2:bb1:y1:qe')
        self.peer.ask('ping')

    def test_answers_to_nothing_are_counted(self):
        for packet in ({'t': 'zzzz', 'y': 'r', 'r': {'id': self.peer.id}},
                       {'t': 'zzzz', 'y': 'e', 'e': [201, 'no']},
                       {'t': 'z' * 60, 'y': 'r', 'r': {'id': self.peer.id}}):
            self.assert_counts('replies_unexpected', self.peer.send, encode(packet))

    def dropped(self):
        """Packets that were no message, and answers to nothing."""
        return self.node.counter('packets_malformed') + self.node.counter('replies_unexpected')

    def test_errors_of_odd_shape_are_not_fatal(self):
        for error in ([], [201], ['x', 1], {}, 5, [2**63 - 1, 'x'], [[], []]):
            packet = encode({'t': 'zzzz', 'y': 'e', 'e': error})
            before = self.dropped()
            self.peer.send(packet)
            self.peer.ask('ping')
            self.assertEqual(self.dropped(), before + 1, error)

    def test_tagged_packet_on_mainline_is_foreign(self):
        packet = encode({'t': 'aaaa', 'y': 'q', 'q': 'ping', 'a': {'id': self.peer.id},
                         'nw': b'abcd'})
        self.assertTrue(self.assert_counts('packets_foreign_network', self.peer.is_silent_for,
                                           packet))

    def test_port_zero_nodes_and_broken_lists_are_not_fatal(self):
        bad = os.urandom(20) + socket.inet_aton('127.0.0.1') + b'\0\0'
        for nodes in (bad, b'x'):
            before = self.dropped()
            self.peer.send(encode({'t': 'zzzz', 'y': 'r', 'r': {'id': self.peer.id,
                                                                'nodes': nodes}}))
            self.peer.ask('ping')
            self.assertEqual(self.dropped(), before + 1, nodes)


class ReadOnlyPeer(PacketCase):
    def introduced(self, **top):
        """A node that has sent a query, and would answer ours."""
        node = Responder('ping', 'find_node')
        self.addCleanup(node.close)
        query = {'t': 'aa', 'y': 'q', 'q': 'find_node', 'a': {'id': node.id, 'target': node.id}}
        node.socket.sendto(encode({**query, **top}), ('127.0.0.1', self.port))
        return node

    def nodes_near(self, node):
        return self.peer.ask('find_node', {'target': node.id})['nodes']

    def test_read_only_peer_is_answered_and_never_listed(self):
        """BEP 43: even one that would answer our pings has no place in the table, and gets none."""
        with Peer(self.port, ro=1) as peer:
            peer.ask('find_node', {'target': os.urandom(20)})
        read_only = self.introduced(ro=1)
        other = self.introduced()
        wait_until(lambda: other.id in self.nodes_near(other), 'who can be asked is listed')
        self.assertNotIn(read_only.id, self.nodes_near(read_only))
        self.assertEqual(read_only.heard, [])

    def test_peer_that_never_answered_us_is_not_listed(self):
        self.peer.ask('ping')
        with Peer(self.port) as other:
            nodes = other.ask('find_node', {'target': self.peer.id}).get('nodes', b'')
        self.assertNotIn(self.peer.id, nodes)


class PrivateNetwork(SharedCase):
    @classmethod
    def start_shared(cls, shared):
        cls.node = shared.start()
        cls.port = cls.node.port

    def test_packets_without_our_tag_are_dropped_and_counted(self):
        before = self.node.counter('packets_foreign_network')
        with Peer(self.port) as peer:
            peer.send_query('ping')
            peer.send_query('ping', nw=b'zzzz')
            peer.send_query('ping', nw=b'')
            wait_until(lambda: self.node.counter('packets_foreign_network') >= before + 2,
                       'foreign packets are counted')
            peer.socket.settimeout(0.2)
            with self.assertRaises(TimeoutError):
                peer.socket.recv(2000)

    def test_two_private_networks_do_not_meet(self):
        other = self.shared.daemon('--network', 'elsewhere', bootstrap=self.node.address)
        other.spawn().wait_accepting()
        self.assert_error('offline', 503, other.call, 'waitready')
        self.assertEqual(self.node.info()['dht_nodes'], 0)


if __name__ == '__main__':
    unittest.main()
