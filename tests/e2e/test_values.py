"""A value put on one of eight nodes comes back from any other exactly as it was put; what cannot be
put, or is not there, says so with its own error."""

import base64
import json
import unittest

from alice import AliceNetwork
from harness import SharedCase
from krpc import Key, Responder, encode, signed_buffer

VALUES = [None, True, False, 0, -5, 1, 39.010941, 1.75, -0.5, 1e300, 5e-324, 2**63 - 1, -2**63,
          '', 'text', 'Grüße, 世界 🌍 \u0000 \\ " /', [], {}, [None, [1, {'a': [True]}]],
          {'fullname': 'Alice', 'height': 1.75, 'ok': True, 'none': None, 'ключ': ['é']}]


class Network(AliceNetwork):
    """All nodes but the first know alice by her public key."""

    @classmethod
    def start_shared(cls, shared):
        super().start_shared(shared)
        for node in cls.nodes[1:]:
            node.call('addcontact', 'alice', cls.key)

    def put(self, resource, value, **named):
        return self.first.call('dhtput', username='alice', resource=resource, type='s',
                               value=value, **named)

    def get(self, resource, node=None, **named):
        return (node or self.last).call('dhtget', username='alice', resource=resource, type='s',
                                        **named)

    def all_of(self, method, node=None):
        """All pages of a list; small ones, so that there are several."""
        return (node or self.first).all_of(method, limit=7)

    def value(self, resource, node=None):
        values = self.get(resource, node)
        self.assertEqual(len(values), 1, values)
        return values[0]['p']['v']


class RoundTrip(Network):
    def test_each_value_comes_back_as_it_was_put(self):
        for value in VALUES:
            with self.subTest(value=value):
                resource = self.resource()
                self.put(resource, value)
                got = self.value(resource)
                self.assertEqual(got, value)
                self.assertIs(type(got), type(value))

    def test_numbers_keep_their_digits(self):
        resource = self.resource()
        self.put(resource, 39.010941)
        with self.last.connect() as rpc:
            rpc.send('dhtget', 'alice', resource, 's')
            self.assertIn('39.010941,', rpc.read_text().replace('}', ',').replace(' ', ''))

    def test_every_node_reads_it(self):
        resource = self.resource()
        result = self.put(resource, 'for all')
        self.assertEqual((result['stored'], result['kept'], result['seq']), (8, True, 1))
        self.assertRegex(result['target'], '^[0-9a-f]{40}$')
        for node in self.nodes:
            self.assertEqual(self.value(resource, node), 'for all')

    def test_bytes_come_back_as_base64(self):
        resource, content = self.resource(), bytes(range(256))
        self.first.call('dhtput', username='alice', resource=resource, type='s',
                        value_base64=base64.b64encode(content).decode())
        part = self.get(resource)[0]['p']
        self.assertEqual(base64.b64decode(part['v_base64']), content)

    def test_owner_by_hex_key(self):
        resource = self.resource()
        self.put(resource, 1)
        values = self.last.call('dhtget', self.key, resource, 's')
        self.assertEqual(values[0]['p']['target']['n'], self.key)
        self.assertEqual(values[0]['k'], self.key)

    def test_raw_and_verbose(self):
        resource = self.resource()
        self.put(resource, 'x')
        shown = self.get(resource, verbose=True, raw=True)
        self.assertTrue(shown['complete'])
        self.assertEqual(set(shown['lookup']), {'queried', 'replied', 'ms', 'hops'})
        verdict = self.last.call('dhtverify', shown['values'][0]['hexdata'])
        self.assertTrue(verdict['valid'], verdict)

    def test_largest_resource_name(self):
        resource = 'ü' * 32
        self.put(resource, 64)
        self.assertEqual(self.value(resource), 64)

    def test_many_puts_in_flight_on_one_connection(self):
        names = [self.resource() for _ in range(100)]
        with self.first.connect() as rpc:
            calls = [rpc.send('dhtput', 'alice', name, 's', {'n': name}) for name in names]
            for call in calls:
                self.assertEqual(rpc.result(call)['stored'], 8)
        with self.last.connect() as rpc:
            calls = [rpc.send('dhtget', 'alice', name, 's') for name in names]
            for name, call in zip(names, calls):
                self.assertEqual(rpc.result(call)[0]['p']['v'], {'n': name})


class Sequence(Network):
    def test_seq_rises_by_itself(self):
        resource = self.resource()
        self.assertEqual([self.put(resource, n)['seq'] for n in range(3)], [1, 2, 3])
        self.assertEqual(self.value(resource), 2)

    def test_explicit_seq_and_the_next_automatic_one(self):
        resource = self.resource()
        self.assertEqual(self.put(resource, 'a', seq=33)['seq'], 33)
        self.assertEqual(self.put(resource, 'b')['seq'], 34)

    def test_stale_seq_is_302_and_says_what_was_seen(self):
        resource = self.resource()
        self.put(resource, 'new', seq=10)
        for seq in (9, 10):
            error = self.assert_error('stale_seq', 302, self.put, resource, 'old', seq=seq)
            self.assertEqual(error.data['seq'], 10)
        self.assertEqual(self.value(resource), 'new')

    def test_refused_put_replaces_no_kept_one(self):
        resource = self.resource()
        target = self.put(resource, 'kept', seq=10)['target']
        self.assert_error('stale_seq', 302, self.put, resource, 'old', seq=3)
        kept = [put['seq'] for put in self.all_of('listputs') if put['target'] == target]
        self.assertEqual(kept, [10])

    def test_cas(self):
        resource = self.resource()
        self.put(resource, 1, seq=1)
        self.assert_error('cas_mismatch', 301, self.put, resource, 3, seq=3, cas=2)
        self.assertEqual(self.put(resource, 2, seq=2, cas=1)['seq'], 2)
        self.assertEqual(self.value(resource), 2)

    def test_automatic_seq_from_two_daemons_with_one_key(self):
        """Both daemons hold the key; neither knows of the other's puts but from the network."""
        seed = self.first.cli('-q', 'exportkey', 'alice')
        self.assertEqual(seed.code, 0, seed)
        resource = self.resource()
        other = self.nodes[3]
        other.call('importkey', 'shared', seed.out.strip().strip('"'))
        for n in range(6):
            if n % 2:
                other.call('dhtput', 'shared', resource, 's', n)
            else:
                self.put(resource, n)
        got = self.get(resource)[0]['p']
        self.assertEqual((got['seq'], got['v']), (6, 5))

    def test_concurrent_puts_of_one_resource_queue(self):
        resource = self.resource()
        with self.first.connect() as rpc:
            calls = [rpc.send('dhtput', 'alice', resource, 's', n) for n in range(10)]
            seqs = sorted(rpc.result(call)['seq'] for call in calls)
        self.assertEqual(seqs, list(range(1, 11)))
        self.assertEqual(self.get(resource)[0]['p']['seq'], 10)

    def test_deletion(self):
        resource = self.resource()
        self.put(resource, 'here')
        self.first.call('dhtput', username='alice', resource=resource, type='s', delete=True)
        self.assertEqual(self.get(resource), [])
        self.put(resource, 'again')
        self.assertEqual(self.value(resource), 'again')

    def test_min_seq(self):
        resource = self.resource()
        self.put(resource, 'x', seq=5)
        self.assertEqual(len(self.get(resource, min_seq=5)), 1)
        self.assertEqual(self.get(resource, min_seq=6), [])


class Refused(Network):
    def test_miss_is_an_empty_array(self):
        self.assertEqual(self.get('nobody-put-this'), [])
        self.assertTrue(self.get('nobody-put-this', verbose=True)['complete'])

    def test_unknown_name_says_how_to_pin_it(self):
        error = self.assert_error('unknown_name', 404, self.first.call, 'dhtget', 'bob', 'x', 's')
        self.assertIn('addcontact', error.message)

    def test_no_key(self):
        self.assert_error('no_key', 401, self.last.call, 'dhtput', 'alice', 'x', 's', 1)

    def test_another_signer_is_refused(self):
        self.first.call('createkey', 'mallory')
        self.assert_error('invalid_params', -32602, self.first.call, 'dhtput', 'alice', 'x', 's',
                          1, 'mallory')

    def test_too_big_names_the_limit(self):
        resource = self.resource()
        error = self.assert_error('too_big', 205, self.put, resource, 'x' * 2**20)
        self.assertEqual(error.data['limit'], 2**20)
        self.assertEqual(self.get(resource), [])
        error = self.assert_error('too_big', 205, self.first.call, 'putimmutable', 'x' * 1000)
        self.assertEqual(error.data['limit'], 1000)

    def test_long_resource(self):
        self.assert_error('salt_too_long', 207, self.put, 'x' * 65, 1)
        self.assert_error('salt_too_long', 207, self.put, 'ü' * 33, 1)
        self.assert_error('invalid_params', -32602, self.put, '', 1)


class Raw(Network):
    def test_signed_elsewhere_put_here(self):
        key = Key()
        item = {'k': key.public, 'salt': b'away', 'seq': 3, 'v': b'from afar'}
        item['sig'] = key.sign(signed_buffer(b'away', 3, encode(b'from afar')))
        result = self.first.call('dhtputraw', encode(item).hex())
        self.assertEqual((result['seq'], result['target']), (3, key.target(b'away').hex()))
        values = self.last.call('dhtget', key.public.hex(), 'away', 's')
        self.assertEqual(values[0]['p']['v'], 'from afar')
        broken = encode({**item, 'sig': bytes(64)}).hex()
        self.assert_error('bad_signature', 206, self.first.call, 'dhtputraw', broken)
        self.assertFalse(self.first.call('dhtverify', broken)['valid'])
        self.assert_error('invalid_params', -32602, self.first.call, 'dhtputraw', 'abcd')

    def test_sign_then_put_raw(self):
        resource = self.resource()
        hexdata = self.first.call('dhtsign', 'alice', resource, 's', {'a': 1})
        self.assertTrue(self.last.call('dhtverify', hexdata)['valid'])
        self.assertEqual(self.get(resource), [], 'dhtsign puts nothing')
        self.last.call('dhtputraw', hexdata)
        self.assertEqual(self.value(resource), {'a': 1})

    def test_immutable(self):
        for value in ('some text', {'json': [1, None]}, 'Grüße'):
            target = self.first.call('putimmutable', value)['target']
            self.assertEqual(self.last.call('getimmutable', target)['v'], value)

    def test_stored_and_dropped(self):
        resource = self.resource()
        target = self.put(resource, 1)['target']
        self.assertIn(target, [put['target'] for put in self.all_of('listputs')])
        self.assertIn(target, [item['target'] for item in self.all_of('liststored', self.last)])
        self.assertIs(self.first.call('dropput', target), True)
        self.assertNotIn(target, [put['target'] for put in self.all_of('listputs')])
        self.assert_error('not_found', 404, self.first.call, 'dropput', target)

    def test_lookup_and_peers(self):
        target = 'ab' * 20
        shown = self.first.call('lookup', target)
        self.assertGreaterEqual(len(shown['closest']), 7)
        for key in ('target', 'trace', 'hops', 'ms'):
            self.assertIn(key, shown)
        self.first.call('announce', target, 6881)
        self.assertIn('127.0.0.1:6881', self.last.call('peers', target))

    def test_ping_and_nodes(self):
        pong = self.first.call('ping', self.last.address)
        self.assertEqual(pong['id'], self.last.info()['id'])
        self.assertIn(pong['id'], json.dumps(self.first.call('listnodes')))


class NobodyThere(SharedCase):
    """A miss, a time-out and being offline are three different answers."""

    @classmethod
    def start_shared(cls, shared):
        cls.alone = shared.start()
        dead = Responder()  # an address that was somebody's, and is nobody's once closed
        cls.offline = shared.daemon(bootstrap=dead.address)
        cls.client = shared.daemon('--role', 'client', bootstrap=dead.address)
        dead.close()
        cls.offline.spawn().wait_accepting()
        cls.client.spawn().wait_accepting()
        cls.slow = Responder('ping', 'find_node')
        shared.addCleanup(cls.slow.close)
        cls.waiting = shared.start('--network', 'mainline', bootstrap=cls.slow.address)
        for node in (cls.alone, cls.offline, cls.client, cls.waiting):
            node.call('createkey', 'alice')

    def test_first_node_is_not_offline(self):
        self.assertEqual(self.alone.call('dhtget', 'alice', 'x', 's'), [])
        self.assertEqual(self.alone.call('dhtput', 'alice', 'y', 's', 1)['stored'], 1)
        self.assertEqual(self.alone.call('dhtget', 'alice', 'y', 's')[0]['p']['v'], 1)

    def test_offline(self):
        self.assert_error('offline', 503, self.offline.call, 'waitready')
        self.assertEqual(self.offline.info()['state'], 'offline')
        error = self.assert_error('offline', 503, self.offline.call, 'dhtget', 'alice', 'x', 's')
        self.assertIn('no node answers', error.message)

    def test_offline_what_is_kept_is_taken_however_large(self):
        self.assert_error('offline', 503, self.client.call, 'waitready')
        for resource, value in (('small', 'x'), ('large', 5000 * 'x')):
            result = self.client.call('dhtput', 'alice', resource, 's', value)
            self.assertEqual((result['stored'], result['kept']), (0, True), resource)
            self.assertEqual(self.client.call('dhtget', 'alice', resource, 's')[0]['p']['v'],
                             value)
            error = self.assert_error('offline', 503, self.client.call, 'dhtput',
                                      username='alice', resource=resource + '2', type='s',
                                      value=value, keep=False)
            self.assertEqual((error.data['tried'], error.data['rejected']), (0, {}), resource)
        self.assertEqual(self.client.cli('dhtput', 'alice', 'more', 's', 5000 * 'y').code, 5)

    def test_timeout(self):
        self.assert_error('timeout', 408, self.waiting.call, 'dhtget', username='alice',
                          resource='x', type='s', timeout_ms=10)

    def test_client_tells_them_apart_by_exit_code(self):
        self.assertEqual(self.alone.cli('dhtget', 'alice', 'nothing', 's').code, 4)
        self.assertEqual(self.offline.cli('dhtget', 'alice', 'x', 's').code, 6)
        self.assertEqual(self.waiting.cli('dhtget', 'alice', 'x', 's', 'timeout_ms=10').code, 5)


if __name__ == '__main__':
    unittest.main()
