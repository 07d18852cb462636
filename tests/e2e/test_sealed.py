"""An encrypted value is read where a recipient's key is, and nowhere else; sealed bytes that are
copied into another record show nothing."""

import base64
import os
import unittest

from harness import Rpc, SharedCase
from krpc import Key, decode, encode, mutable

NO_KEY = 'no key of this daemon opens it'
READ_ONLY = 'not opened on the read-only socket'


class Sealed(SharedCase):
    """Alice, Bob and Carol have a daemon each, and everyone knows everyone; Alice's key and that of
    Mallory are in the test's hands too."""

    @classmethod
    def start_shared(cls, shared):
        cls.alice, cls.bob, cls.carol = cls.nodes = shared.network(3)
        cls.alice_key, cls.mallory = Key(), Key()
        cls.alice.call('importkey', 'alice', cls.alice_key.seed.hex())
        cls.bob.call('createkey', 'bob')
        cls.carol.call('createkey', 'carol')
        keys = {'alice': cls.alice_key.public.hex(), 'bob': cls.bob.call('pubkey', 'bob'),
                'carol': cls.carol.call('pubkey', 'carol'), 'mallory': cls.mallory.public.hex()}
        for node in cls.nodes:
            for name, key in keys.items():
                node.call('addcontact', name, key)

    def put(self, to, value='secret', resource=None, **named):
        resource = resource or self.resource()
        result = self.alice.call('dhtput', username='alice', resource=resource, type='s',
                                 value=value, to=to, **named)
        self.assertEqual(result['stored'], 3)
        return resource

    def element(self, node, resource, username='alice', **named):
        values = node.call('dhtget', username=username, resource=resource, type='s', **named)
        self.assertEqual(len(values), 1, values)
        self.assertIs(values[0].get('encrypted'), True, values)
        return values[0]

    def assert_read(self, node, resource, value='secret'):
        element = self.element(node, resource)
        self.assertEqual(element['p']['v'], value)
        self.assertNotIn('reason', element)

    def assert_closed(self, node, resource, reason=NO_KEY, username='alice'):
        element = self.element(node, resource, username)
        self.assertEqual(element['reason'], reason)
        self.assertEqual(set(element['p']), {'seq', 'target', 'time'})


class Reading(Sealed):
    def test_one_recipient_reads_it_and_nobody_else(self):
        resource = self.put('bob')
        self.assert_read(self.bob, resource)
        self.assert_closed(self.carol, resource)
        self.assert_closed(self.alice, resource)

    def test_two_recipients(self):
        resource = self.put('bob,carol')
        self.assert_read(self.bob, resource)
        self.assert_read(self.carol, resource)
        self.assert_closed(self.alice, resource)

    def test_the_signer_reads_it_when_she_names_herself(self):
        resource = self.put('bob,alice')
        self.assert_read(self.alice, resource)
        self.assert_closed(self.carol, resource)

    def test_every_kind_of_content(self):
        for value in (None, 39.010941, '', {'a': ['é', {}]}):
            with self.subTest(value=value):
                self.assert_read(self.bob, self.put('bob', value), value)
        content = bytes(range(256))
        resource = self.resource()
        self.alice.call('dhtput', username='alice', resource=resource, type='s', to='bob',
                        value_base64=base64.b64encode(content).decode())
        part = self.element(self.bob, resource)['p']
        self.assertEqual(base64.b64decode(part['v_base64']), content)

    def test_nothing_of_it_is_in_any_holders_record(self):
        resource = self.put('bob', 'a secret of some length')
        for node in self.nodes:
            raw = bytes.fromhex(self.element(node, resource, raw=True)['hexdata'])
            self.assertNotIn(b'secret', raw)
            self.assertNotIn(bytes.fromhex(self.bob.call('pubkey', 'bob')), raw)
            self.assertEqual(set(decode(decode_v(raw))), {'c', 't', 'x'})

    def test_open_value_says_nothing_of_encryption(self):
        resource = self.resource()
        self.alice.call('dhtput', 'alice', resource, 's', 'open')
        self.assertNotIn('encrypted', self.bob.call('dhtget', 'alice', resource, 's')[0])

    def test_a_value_becomes_open_and_encrypted_again(self):
        resource = self.put('bob', 1)
        self.alice.call('dhtput', 'alice', resource, 's', 2)
        self.assertEqual(self.carol.call('dhtget', 'alice', resource, 's')[0]['p']['v'], 2)
        self.put('carol', 3, resource)
        self.assert_closed(self.bob, resource)
        self.assert_read(self.carol, resource, 3)

    def test_the_read_only_socket_opens_nothing(self):
        resource = self.put('bob')
        with Rpc(os.path.join(self.bob.datadir, 'ro.sock')) as rpc:
            element = rpc.call('dhtget', 'alice', resource, 's')[0]
        self.assertEqual(element['reason'], READ_ONLY)
        self.assertNotIn('v', element['p'])
        self.assert_read(self.bob, resource)

    def test_signed_here_put_there(self):
        resource = self.resource()
        signed = self.alice.call('dhtsign', username='alice', resource=resource, type='s',
                                 value='later', to='bob')
        self.carol.call('dhtputraw', signed)
        self.assert_read(self.bob, resource, 'later')


def decode_v(raw):
    """The bytes of v in hexdata: its last key."""
    return encode(decode(raw)['v'])


class Copied(Sealed):
    """Sealed bytes of Alice's for Bob, in a record they were not made for."""

    def copy(self, key, resource):
        source = self.put('bob')
        raw = bytes.fromhex(self.element(self.carol, source, raw=True)['hexdata'])
        item = mutable(key, decode(raw)['v'], salt=resource.encode())
        self.carol.call('dhtputraw', encode(item).hex())

    def test_by_another_signer(self):
        resource = self.resource()
        self.copy(self.mallory, resource)
        self.assert_closed(self.bob, resource, 'sealed by another signer', 'mallory')

    def test_to_another_target(self):
        resource = self.resource()
        self.copy(self.alice_key, resource)
        self.assert_closed(self.bob, resource, 'sealed for another target')

    def test_damaged(self):
        resource = self.put('bob')
        raw = bytes.fromhex(self.element(self.carol, resource, raw=True)['hexdata'])
        v = decode(raw)['v']
        v['c'] = v['c'][:-1] + bytes([v['c'][-1] ^ 1])
        item = mutable(self.alice_key, v, seq=2, salt=resource.encode())
        self.carol.call('dhtputraw', encode(item).hex())
        self.assert_closed(self.bob, resource, 'damaged')

    def test_as_an_immutable(self):
        raw = bytes.fromhex(self.element(self.carol, self.put('bob'), raw=True)['hexdata'])
        item = encode({'v': decode(raw)['v']})
        target = self.carol.call('dhtputraw', item.hex())['target']
        shown = self.bob.call('getimmutable', target)
        self.assertEqual((shown['encrypted'], set(shown)), (True, {'encrypted', 'reason'}))


class Refused(Sealed):
    def refused(self, name, code, says, **named):
        parameters = {'username': 'alice', 'resource': 'x', 'type': 's', 'value': 1} | named
        error = self.assert_error(name, code, self.alice.call, 'dhtput', **parameters)
        self.assertIn(says, error.message)
        return error

    def test_recipients(self):
        self.refused('unknown_name', 404, 'dave', to='bob,dave')
        self.refused('invalid_params', -32602, 'empty', to='bob,')
        self.refused('invalid_params', -32602, '02' + 62 * '0', to='02' + 62 * '0')
        many = ','.join(Key().public.hex() for _ in range(8))
        self.put(many)
        self.put(many + ',' + many)
        self.refused('invalid_params', -32602, 'at most 8', to=many + ',bob')

    def test_a_deletion(self):
        self.alice.call('dhtput', 'alice', 'x', 's', 1)
        self.assert_error('invalid_params', -32602, self.alice.call, 'dhtput', username='alice',
                          resource='x', type='s', delete=True, to='bob')


class CommandLine(Sealed):
    def test_quiet_prints_the_value_or_why_not(self):
        resource = self.resource()
        put = self.alice.cli('dhtput', 'alice', resource, 's', '"secret"', 'to=bob')
        self.assertEqual(put.code, 0, put)
        got = self.bob.cli('-q', 'dhtget', 'alice', resource, 's')
        self.assertEqual((got.code, got.out), (0, 'secret\n'))
        closed = self.carol.cli('-q', 'dhtget', 'alice', resource, 's')
        self.assertEqual((closed.code, closed.out), (1, ''))
        self.assertIn(NO_KEY, closed.err)
        shown = self.carol.cli('dhtget', 'alice', resource, 's')
        self.assertEqual((shown.code, shown.json()[0]['reason']), (0, NO_KEY))

    def test_help_says_who_reads_it(self):
        page = self.alice.cli('help', 'dhtput').out
        self.assertIn('bob,carol', page)
        self.assertIn('signer', page)


class Later(Sealed):
    def test_after_both_daemons_restarted(self):
        resource = self.put('bob')
        for node in (self.alice, self.bob):
            self.assertEqual(node.stop(), 0)
        for node in (self.alice, self.bob):
            node.bootstrap = self.carol.address
            node.start()
        self.assert_read(self.bob, resource)
        self.assert_closed(self.alice, resource)

    def test_a_recipient_whose_key_is_dropped_reads_no_more(self):
        self.carol.call('createkey', 'short')
        resource = self.put(self.carol.call('pubkey', 'short'))
        self.assert_read(self.carol, resource)
        self.carol.call('dropkey', 'short')
        self.assert_closed(self.carol, resource)

    def test_one_of_many_keys_opens_it(self):
        for number in range(30):
            self.carol.call('createkey', f'many{number}')
        for number in (29, 0, 17):
            resource = self.put(self.carol.call('pubkey', f'many{number}'), number)
            self.assert_read(self.carol, resource, number)


if __name__ == '__main__':
    unittest.main()
