"""With nothing pinned but an authority's key, the names that it registers can be used on any node;
what it says is believed as long as it said, and no one else's word counts."""

import os
import time
import unittest

from harness import RpcError, SharedCase, TestCase, wait_until
from krpc import Key, Responder, mutable

NAME_LINKS_MAX = 8


def registration(signer, name, key, age_s=0, owner=None):
    """The item that binds `name` to `key` (hex) for an hour, written `age_s` ago. `owner`: whose
    key it shows, when that is not the signer's."""
    written_s = int(time.time()) - age_s
    value = {'j': '{"key":"%s"}' % key, 't': written_s, 'x': written_s + 3600}
    item = mutable(signer, value, salt=f'name/{name}'.encode())
    return {**item, 'k': (owner or signer).public}


class City(SharedCase):
    """The authority wabi and its sensors on the first of four nodes; the last knows wabi's key."""

    @classmethod
    def start_shared(cls, shared):
        cls.nodes = shared.network(4)
        cls.town, cls.reader = cls.nodes[0], cls.nodes[-1]
        cls.wabi = cls.town.call('createkey', 'wabi')
        cls.sensor = cls.town.call('createkey', 's7')
        cls.other = cls.town.call('createkey', 'other')
        cls.reader.call('addcontact', 'wabi', cls.wabi)
        cls.names = 0

    def name(self):
        """One not used before."""
        type(self).names += 1
        return f'name{self.names}'

    def register(self, name, key, authority='wabi', **named):
        return self.town.call('registername', name=name, pubkey=key, authority=authority, **named)

    def resolve(self, name, node=None, **named):
        return (node or self.reader).call('resolvename', name=name, **named)


class Use(City):
    def test_reading_of_a_sensor(self):
        put = self.register('sensor7', 's7')
        self.assertEqual((put['name'], put['key'], put['kept']), ('sensor7', self.sensor, True))
        self.assertEqual(put['stored'], 4)
        reading = {'lvl_percent': 61, 'lat': 39.010941, 'long': -8.5}
        self.town.call('dhtput', 's7', 'reading', 's', reading)
        shown = self.reader.cli('dhtget', 'sensor7@wabi', 'reading', 's')
        self.assertEqual(shown.code, 0, shown)
        self.assertEqual(shown.json()[0]['p']['v'], reading)
        self.assertEqual(shown.json()[0]['p']['target']['n'], 'sensor7@wabi')
        self.assertEqual(self.reader.call('pubkey', 'sensor7@wabi'), self.sensor)
        target = self.town.call('lookup', 's7', 'reading', 's')['target']
        self.assertEqual(self.reader.call('lookup', 'sensor7@wabi', 'reading', 's')['target'],
                         target)

    def test_the_authority_by_its_key(self):
        name = self.name()
        self.register(name, self.sensor)
        shown = self.resolve(f'{name}@{self.wabi}', self.nodes[1])
        self.assertEqual((shown['key'], shown['authority']), (self.sensor, self.wabi))

    def test_what_is_shown(self):
        name = self.name()
        self.register(name, 's7', ttl=1000)
        shown = self.resolve(f'{name}@wabi')
        self.assertEqual(set(shown), {'name', 'key', 'authority', 'time', 'expiry', 'cached',
                                      'chain'})
        self.assertEqual(shown['expiry'] - shown['time'], 1000)
        self.assertIs(shown['cached'], False)
        self.assertEqual(shown['chain'], [{'name': name, 'authority': self.wabi,
                                           'key': self.sensor, 'time': shown['time'],
                                           'expiry': shown['expiry']}])

    def test_read_only_socket(self):
        name = self.name()
        self.register(name, 's7')
        socket = os.path.join(self.reader.datadir, 'ro.sock')
        shown = self.reader.cli('--rpc-socket', socket, '-q', 'pubkey', f'{name}@wabi')
        self.assertEqual(shown.out.strip(), self.sensor, shown)
        shown = self.reader.cli('--rpc-socket', socket, 'resolvename', f'{name}@wabi')
        self.assertEqual(shown.code, 0, shown)
        shown = self.reader.cli('--rpc-socket', socket, 'registername', name, 'wabi', 'wabi')
        self.assertEqual(shown.code, 1)
        self.assertIn('read_only', shown.err)

    def test_many_calls_of_one_name_at_once(self):
        name = self.name()
        self.register(name, 's7')
        self.town.call('dhtput', 's7', 'many', 's', 1)
        with self.nodes[2].connect() as rpc:
            calls = [rpc.send('dhtget', f'{name}@{self.wabi}', 'many', 's') for _ in range(50)]
            for call in calls:
                self.assertEqual(rpc.result(call)[0]['k'], self.sensor)

    def test_signed_by_a_name(self):
        self.register('signer', 's7')
        signature = self.town.call('signmessage', 's7', 'text')
        self.assertTrue(self.reader.call('verifymessage', 'signer@wabi', signature, 'text'))


    def test_sealed_for_names(self):
        """Two names that the sender has to look up, and one that nobody has."""
        me = self.reader.call('createkey', 'me')
        self.register('to-sensor', 's7')
        self.register('to-reader', me)
        sender = self.nodes[1]
        key = sender.call('createkey', 'sender')
        names = f'to-sensor@{self.wabi},to-reader@{self.wabi}'
        sender.call('dhtput', username='sender', resource='note', type='s', value='secret',
                    to=names)
        for node in (self.town, self.reader):
            self.assertEqual(node.call('dhtget', key, 'note', 's')[0]['p']['v'], 'secret')
        self.assertNotIn('v', self.nodes[2].call('dhtget', key, 'note', 's')[0]['p'])
        self.assert_error('unknown_name', 404, sender.call, 'dhtput', username='sender',
                          resource='note', type='s', value='x', to=f'nobody@{self.wabi}')


class Chain(City):
    def test_authorities_of_authorities(self):
        self.register('city', 'other')
        self.register('bob', 's7', 'other')
        shown = self.resolve('bob@city@wabi')
        self.assertEqual((shown['key'], shown['authority']), (self.sensor, self.other))
        self.assertEqual([link['name'] for link in shown['chain']], ['city', 'bob'])

    def test_eight_are_followed_and_nine_are_not(self):
        names = [f'd{i}' for i in range(NAME_LINKS_MAX + 1)]
        for name in names:
            self.register(name, 'wabi')
        eight = '@'.join(names[:NAME_LINKS_MAX]) + '@wabi'
        self.assertEqual(self.resolve(eight)['key'], self.wabi)
        self.assertEqual(self.reader.call('dhtget', eight, 'nothing', 's'), [])
        error = self.assert_error('name_too_deep', 508, self.resolve, names[-1] + '@' + eight)
        self.assertIn('8', error.message)

    def test_a_loop(self):
        self.register('there', 'other')
        self.register('back', 'wabi', 'other')
        self.assertEqual(self.resolve('back@there@wabi')['key'], self.wabi)
        self.assert_error('name_loop', 508, self.resolve, 'there@back@there@wabi')
        self.assert_error('name_loop', 508, self.reader.call, 'dhtget', 'there@back@there@wabi',
                          'x', 's')

    def test_malformed(self):
        for name in ('@wabi', 'bob@', 'bob@@wabi', 'Bob@wabi', 'x' * 33 + '@wabi'):
            self.assert_error('invalid_params', -32602, self.resolve, name)


class Change(City):
    def test_another_key(self):
        name = self.name()
        self.register(name, 's7')
        before = self.resolve(f'{name}@wabi')
        self.assertNotIn('previous', before)
        self.register(name, 'other')
        after = self.resolve(f'{name}@wabi')
        self.assertEqual(after['key'], self.other)
        self.assertEqual(after['previous'], {'key': self.sensor, 'time': before['time'],
                                             'changed': after['time']})
        self.assertNotIn('warning', after)

    def test_unregistered(self):
        name = self.name()
        self.register(name, 's7')
        self.resolve(f'{name}@wabi')
        shown = self.town.cli('registername', name, 'wabi', '--delete')
        self.assertEqual(shown.code, 0, shown)
        self.assertIsNone(shown.json()['key'])
        error = self.assert_error('unknown_name', 404, self.resolve, f'{name}@wabi')
        self.assertIn('unregistered', error.message)
        error = self.assert_error('unknown_name', 404, self.reader.call, 'dhtget',
                                  f'{name}@wabi', 'x', 's')

    def test_ended(self):
        """Its own daemon still keeps it: it is not renewed before its next turn, and then counts
        for nobody."""
        name = self.name()
        self.register(name, 's7', ttl=1)
        ends = self.resolve(f'{name}@wabi')['expiry']

        def failure():
            try:
                self.reader.call('pubkey', f'{name}@wabi')
            except RpcError as error:
                return error
            return None

        error = wait_until(failure, 'the registration ends')
        self.assertEqual((error.name, error.code), ('unknown_name', 404))
        self.assertIn(str(ends), error.message)

    def test_no_key_in_it(self):
        name = self.name()
        self.town.call('dhtput', 'wabi', f'name/{name}', 's', {'pubkey': self.sensor})
        self.assert_error('bad_registration', 422, self.resolve, f'{name}@wabi')

    def test_only_the_authority_registers(self):
        self.assert_error('no_key', 401, self.reader.call, 'registername', 'x', self.sensor,
                          'wabi')


class Hostile(TestCase):
    """The only other node answers with an item of the test's."""

    def setUp(self):
        super().setUp()
        self.wabi, self.forger = Key(), Key()
        self.bob = self.forger.public.hex()

    def resolve(self, item, methods=('ping', 'find_node', 'get'), **named):
        peer = Responder(*methods, item=item)
        self.addCleanup(peer.close)
        reader = self.start('--network', 'mainline', bootstrap=peer.address)
        return reader.call('resolvename', name=f'bob@{self.wabi.public.hex()}', **named)

    def assert_refused(self, item):
        error = self.assert_error('unknown_name', 404, self.resolve, item)
        self.assertIn('forged or ended: 1', error.message)

    def test_genuine(self):
        self.assertEqual(self.resolve(registration(self.wabi, 'bob', self.bob))['key'], self.bob)

    def test_signed_by_another(self):
        self.assert_refused(registration(self.forger, 'bob', self.bob, owner=self.wabi))

    def test_of_another(self):
        self.assert_refused(registration(self.forger, 'bob', self.bob))

    def test_of_another_name(self):
        self.assert_refused(registration(self.wabi, 'alice', self.bob))

    def test_ended(self):
        self.assert_refused(registration(self.wabi, 'bob', self.bob, age_s=3 * 3600))

    def test_nothing(self):
        error = self.assert_error('unknown_name', 404, self.resolve, {})
        self.assertIn('registername bob PUBKEY', error.message)
        self.assertIn('addcontact bob PUBKEY', error.message)

    def test_silence(self):
        self.assert_error('timeout', 408, self.resolve, {}, ('ping', 'find_node', 'get_peers'),
                          timeout_ms=200)


class Pinned(TestCase):
    """A daemon for which wabi is the authority of bare names."""

    def setUp(self):
        super().setUp()
        self.town = self.start()
        self.wabi = self.town.call('createkey', 'wabi')
        self.bob = self.town.call('createkey', 'bob')
        self.impostor = self.town.call('createkey', 'impostor')
        self.town.call('registername', 'bob', 'bob', 'wabi')
        self.town.call('dhtput', 'bob', 'hello', 's', 'it is me')
        self.reader = self.daemon('--authority', 'wabi', bootstrap=self.town.address).start()

    def warnings(self):
        return self.reader.info()['warnings']

    def test_a_bare_name(self):
        self.assertIn('addcontact wabi', self.warnings()[0])
        error = self.assert_error('unknown_name', 404, self.reader.call, 'pubkey', 'bob')
        self.assertIn('addcontact', error.message)
        self.reader.call('addcontact', 'wabi', self.wabi)
        self.assertEqual(self.warnings(), [])
        self.assertEqual(self.reader.call('dhtget', 'bob', 'hello', 's')[0]['p']['v'], 'it is me')
        self.assertEqual(self.reader.call('resolvename', 'bob')['authority'], self.wabi)

    def test_the_pin_goes_first_and_a_warning_says_so(self):
        self.reader.call('addcontact', 'wabi', self.wabi)
        self.reader.call('addcontact', 'bob', self.bob)
        self.assertEqual(self.reader.call('resolvename', 'bob')['key'], self.bob)
        self.assertEqual(self.warnings(), [])
        self.town.call('registername', 'bob', 'impostor', 'wabi')
        shown = self.reader.call('resolvename', 'bob')
        self.assertEqual(shown['key'], self.bob)
        self.assertEqual(shown['registered']['key'], self.impostor)
        self.assertEqual(len(self.warnings()), 1)
        self.assertEqual(shown['warning'], self.warnings()[0])
        self.assertIn('bob is pinned to', shown['warning'])
        self.assertEqual(self.reader.call('dhtget', 'bob', 'hello', 's')[0]['k'], self.bob)
        shown = self.reader.call('resolvename', 'bob@wabi')
        self.assertEqual((shown['key'], shown['pinned']['key']), (self.impostor, self.bob))
        self.assertEqual(shown['previous']['key'], self.bob)
        self.assertEqual(self.reader.log().count('bob is pinned to'), 1)

    def test_the_use_of_a_pin_finds_out_by_itself(self):
        self.town.call('registername', 'bob', 'impostor', 'wabi')
        self.reader.call('addcontact', 'wabi', self.wabi)
        self.reader.call('addcontact', 'bob', self.bob)
        self.assertEqual(self.reader.call('dhtget', 'bob', 'hello', 's')[0]['k'], self.bob)
        wait_until(self.warnings, 'a warning')
        self.assertIn(self.impostor, self.warnings()[0])

    def test_a_bad_setting_names_its_place(self):
        conf = self.write('bad.conf', '\nauthority = wabi@city\n')
        refused = self.reader.cli('--conf', conf, '--check-config')
        self.assertIn(f'{conf}:2:', refused.err)
        self.assertIn('authority', refused.err)


class Gone(TestCase):
    def test_known_names_outlive_the_network_and_a_restart(self):
        town = self.start()
        wabi = town.call('createkey', 'wabi')
        first, second = town.call('createkey', 'a'), town.call('createkey', 'b')
        town.call('registername', 'bob', 'a', 'wabi')
        reader = self.daemon('--role', 'client', bootstrap=town.address).start()
        reader.call('addcontact', 'wabi', wabi)
        reader.call('resolvename', 'bob@wabi')
        town.call('registername', 'bob', 'b', 'wabi')
        reader.call('resolvename', 'bob@wabi')
        town.kill()
        reader.stop()
        reader.spawn().wait_accepting()
        shown = reader.call('resolvename', name='bob@wabi', timeout_ms=2000)
        self.assertEqual((shown['key'], shown['cached']), (second, True))
        self.assertEqual(shown['previous']['key'], first)
        with self.assertRaises(RpcError) as caught:
            reader.call('resolvename', name='carol@wabi', timeout_ms=2000)
        self.assertIn(caught.exception.code, (408, 503), caught.exception)

    def test_the_knowledge_is_saved_while_it_runs(self):
        town = self.start()
        town.call('createkey', 'wabi')
        town.call('registername', 'bob', 'wabi', 'wabi')
        path = os.path.join(town.datadir, 'names')
        wait_until(lambda: os.path.exists(path), 'the names are saved')
        town.kill()
        self.assertEqual(town.start().call('resolvename', 'bob@wabi')['name'], 'bob@wabi')

    def test_an_authority_that_restarts_keeps_its_names(self):
        town = self.start()
        wabi = town.call('createkey', 'wabi')
        target = town.call('registername', 'bob', 'wabi', 'wabi')['target']
        town.stop()
        town.start()
        kept = [put['target'] for put in town.call('listputs')['items']]
        self.assertEqual(kept, [target])
        reader = self.start(bootstrap=town.address)
        self.assertEqual(reader.call('resolvename', f'bob@{wabi}')['key'], wabi)


if __name__ == '__main__':
    unittest.main()
