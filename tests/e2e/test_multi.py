"""Many entries by many signers under one name: put anywhere, read everywhere, newest first, each in
a place of its own; deleted ones stay away; no signer pushes out the others."""

import base64
import hashlib
import itertools
import json
import os
import shutil
import time
import unittest

from harness import Rpc, RpcError, SharedCase, TestCase, wait_next_second, wait_until
from krpc import Key, Raw, Responder, encode

USERS = ('alice', 'bob', 'carol')
DAY_S = 86400


def target_of(name, resource):
    return hashlib.sha1(encode({'n': name, 'r': resource, 't': 'm'})).digest()


def signed_entry(key, name, resource, slot, seq, v, target=None):
    """`hexdata` of an entry, made by hand. `target` is what is signed, where it is another."""
    signed = b'xord multi 1\n' + encode([target or target_of(name, resource), slot, seq, Raw(v)])
    return encode({'k': key.public, 'n': name, 'r': resource, 'seq': seq,
                   'sig': key.sign(signed), 'slot': slot, 'v': Raw(v)}).hex()


def envelope(text, time_s=None, life_s=DAY_S):
    time_s = time_s or int(time.time())
    return encode({'j': text, 't': time_s, 'x': time_s + life_s})


def values_of(entries):
    return [entry['p']['v'] for entry in entries]


def held(node, target):
    """How many entries of this target the node holds for others."""
    return sum(item['target'] == target for item in node.all_of('liststored', limit=1000))


class Multis(SharedCase):
    """Four nodes, each user's key on one; a resource for each test."""

    @classmethod
    def start_shared(cls, shared):
        cls.nodes = shared.network(4)
        cls.homes = dict(zip(USERS, cls.nodes))
        cls.keys = {}
        for user, node in cls.homes.items():
            cls.keys[user] = node.call('createkey', user)
        cls.last = cls.nodes[-1]
        for user, key in cls.keys.items():
            cls.last.call('addcontact', user, key)

    @property
    def resource(self):
        return self.id().rsplit('.', 1)[1][-60:]

    def put(self, user, value, **named):
        return self.homes[user].call('dhtput', username='twister', resource=self.resource, type='m',
                                     value=value, sig_user=user, **named)

    def delete(self, user, **named):
        return self.homes[user].call('dhtput', username='twister', resource=self.resource, type='m',
                                     sig_user=user, delete=True, **named)

    def get(self, node=None, **named):
        return (node or self.last).call('dhtget', username='twister', resource=self.resource,
                                        type='m', **named)

    def values(self, node=None, **named):
        return values_of(self.get(node, **named))

    def put_in_order(self, *posts):
        """Posts (user, value) that are a second apart, so that their order is known."""
        for user, value in posts:
            self.put(user, value)
            wait_next_second()


class Reading(Multis):
    def test_posts_of_three_users_are_read_everywhere_newest_first(self):
        self.put_in_order(('alice', 'first'), ('bob', 'second'), ('carol', 'third'))
        for node in self.nodes:
            self.assertEqual(self.values(node), ['third', 'second', 'first'])
        entry = self.get()[0]
        self.assertEqual(entry['p']['target'], {'n': 'twister', 'r': self.resource, 't': 'm'})
        self.assertEqual((entry['sig_user'], entry['k']), ('carol', self.keys['carol']))
        self.assertEqual(set(entry['p']), {'seq', 'target', 'time', 'v', 'slot_hex'})

    def test_by_since_and_limit(self):
        self.put_in_order(('alice', 1), ('bob', 2), ('alice', 3))
        self.assertEqual(self.values(by='alice'), [3, 1])
        self.assertEqual(self.values(by=self.keys['bob'], min_multi=1), [2])
        self.assertEqual(self.values(limit=2), [3, 2])
        self.assertEqual(self.put('bob', 4, slot='latest')['slot'], 'latest')
        self.assertEqual(self.values(slot='latest', min_multi=1), [4])
        self.delete('bob', slot='latest')
        second = self.get()[1]['p']['time']
        self.assertEqual(self.values(since=second), [3, 2])
        self.assertEqual(self.values(since=second + 1000), [])

    def test_min_multi_ends_early(self):
        for number in range(5):
            self.put('alice', number)
        early = self.get(min_multi=3, verbose=True)
        self.assertFalse(early['complete'])
        self.assertGreaterEqual(len(early['values']), 3)
        self.assertEqual(early['lookup']['replied'], 0, 'what is held here was enough')
        whole = self.get(verbose=True)
        self.assertTrue(whole['complete'])
        self.assertEqual(len(whole['values']), 5)
        self.assertGreater(whole['lookup']['replied'], 0)

    def test_nobody_has_any(self):
        self.assertEqual(self.get(), [])
        self.assertEqual(self.get(verbose=True)['complete'], True)
        run = self.last.cli('dhtget', 'twister', self.resource, 'm')
        self.assertEqual((run.code, run.out), (4, '[]\n'))

    def test_positional_as_twister(self):
        self.homes['bob'].call('dhtput', 'twister', self.resource, 'm', 'hi', 'bob', 5)
        entry, = self.last.call('dhtget', 'twister', self.resource, 'm', 5000, 200, 1)
        self.assertEqual((entry['p']['v'], entry['p']['seq']), ('hi', 5))

    def test_the_read_only_socket_reads(self):
        self.put('alice', 'for all')
        with Rpc(os.path.join(self.last.datadir, 'ro.sock')) as rpc:
            entry, = rpc.call('dhtget', 'twister', self.resource, 'm')
            self.assertEqual(entry['p']['v'], 'for all')
            with self.assertRaises(RpcError) as caught:
                rpc.call('dhtput', 'twister', self.resource, 'm', 1, 'alice')
            self.assertEqual(caught.exception.code, 403)

    def test_command_line(self):
        home = self.homes['alice']
        for words in (['{"msg":"hi"}', 'alice'], ['two\nlines', 'alice'],
                      ['1', 'alice', 'slot=latest'], ['2', 'alice', 'slot=latest']):
            run = home.cli('dhtput', 'twister', self.resource, 'm', *words)
            self.assertEqual(run.code, 0, run)
        run = self.last.cli('dhtget', '-q', 'twister', self.resource, 'm')
        self.assertEqual((run.code, sorted(run.out.splitlines())),
                         (0, sorted(['{"msg":"hi"}', json.dumps('two\nlines'), '2'])))
        for words in (['{"msg":"hi"}', 'alice'], ['slot=latest', 'sig_user=alice']):
            run = home.cli('dhtput', 'twister', self.resource, 'm', *words, '--delete')
            self.assertEqual(run.code, 0, run)
        run = self.last.cli('dhtget', '-q', 'twister', self.resource, 'm')
        self.assertEqual(run.out, json.dumps('two\nlines') + '\n')
        run = home.cli('dhtput', 'twister', self.resource, 'm', '1')
        self.assertEqual(run.code, 1)
        self.assertIn('listkeys', run.err)


class Places(Multis):
    def test_a_repeated_post_is_one(self):
        self.assertEqual(self.put('alice', 'again')['seq'], 1)
        self.assertEqual(self.put('alice', 'again')['seq'], 2)
        self.put('bob', 'again')
        self.assertEqual(self.values(), ['again', 'again'])
        self.assertEqual(self.values(by='alice'), ['again'])

    def test_a_slot_has_one_entry_a_signer(self):
        for number in range(3):
            for user in USERS:
                self.put(user, [user, number], slot='latest')
        self.assertEqual(sorted(self.values()), [[user, 2] for user in USERS])
        self.assertEqual({entry['p']['slot'] for entry in self.get()}, {'latest'})

    def test_a_deletion_reaches_all(self):
        self.put('alice', 'by slot', slot='a')
        self.put('alice', 'by content')
        self.put('bob', 'stays')
        self.delete('alice', slot='a')
        self.delete('alice', value='by content')
        for node in self.nodes:
            self.assertEqual(self.values(node), ['stays'])
        slot = self.get()[0]['p']['slot_hex']
        self.delete('bob', slot_hex=slot)
        self.assertEqual(self.values(), [])
        self.assertEqual(self.put('alice', 'back', slot='a')['seq'], 3)
        self.assertEqual(self.values(), ['back'])

    def test_a_large_entry_is_read_when_asked_for_alone(self):
        content = os.urandom(50000)
        self.homes['bob'].call('dhtput', username='twister', resource=self.resource, type='m',
                               value_base64=base64.b64encode(content).decode(), sig_user='bob',
                               slot='photo')
        self.put('bob', 'small')
        listed = {entry['p'].get('slot'): entry for entry in self.get()}
        self.assertEqual(listed['photo']['large'], {'size': len(content)})
        self.assertNotIn('v_base64', listed['photo']['p'])
        alone = self.last.cli('dhtget', '-q', 'twister', self.resource, 'm', 'slot=photo')
        self.assertEqual(base64.b64decode(alone.out), content)
        both = self.last.cli('dhtget', '-q', 'twister', self.resource, 'm')
        self.assertEqual((both.code, both.out), (0, 'small\n'))
        self.assertIn('large', both.err)
        error = self.assert_error('too_big', 205, self.put, 'alice', 'x' * (1 << 20))
        self.assertEqual(error.data['limit'], 1 << 20)

    def test_a_sealed_entry(self):
        self.put('alice', 'secret', to=self.keys['carol'])
        self.put('alice', 'open')
        shown = {entry['p'].get('v') for entry in self.get(self.homes['carol'])}
        self.assertEqual(shown, {'secret', 'open'})
        closed, = [entry for entry in self.get() if 'reason' in entry]
        self.assertNotIn('v', closed['p'])

    def test_automatic_seq_goes_by_place_and_cas_too(self):
        self.assertEqual(self.put('alice', 1, slot='a')['seq'], 1)
        self.assertEqual(self.put('alice', 2, slot='a')['seq'], 2)
        self.assertEqual(self.put('alice', 1, slot='b')['seq'], 1)
        error = self.assert_error('cas_mismatch', 301, self.put, 'alice', 3, slot='a', cas=1)
        self.assertEqual(error.data['seq'], 2)
        self.assert_error('stale_seq', 302, self.put, 'alice', 3, slot='a', seq=2)


class Raws(Multis):
    def test_an_entry_signed_elsewhere(self):
        key = Key()
        raw = signed_entry(key, 'twister', self.resource, b'\x01\x02', 7, envelope('"away"'))
        result = self.last.call('dhtputraw', raw)
        self.assertEqual((result['seq'], result['target']),
                         (7, target_of('twister', self.resource).hex()))
        entry, = self.get(self.nodes[0], raw=True)
        self.assertEqual((entry['k'], entry['p']['v'], entry['p']['slot_hex'], entry['hexdata']),
                         (key.public.hex(), 'away', '0102', raw))

    def test_an_entry_of_another_target_is_refused(self):
        raw = signed_entry(Key(), 'twister', self.resource, b'a', 1, envelope('1'),
                           target=target_of('twister', 'elsewhere'))
        self.assertFalse(self.last.call('dhtverify', raw)['valid'])
        self.assert_error('bad_signature', 206, self.last.call, 'dhtputraw', raw)
        self.assertEqual(self.get(), [])

    def test_signed_here_put_there(self):
        raw = self.homes['bob'].call('dhtsign', 'twister', self.resource, 'm', [1, None], 'bob')
        self.assertEqual(self.last.call('dhtverify', raw), {'valid': True, 'reason': None})
        self.nodes[0].call('dhtputraw', raw)
        self.assertEqual(self.values(), [[1, None]])

    def test_bad_entries(self):
        make = lambda slot, v: signed_entry(Key(), 'twister', self.resource, slot, 1, v)
        self.assert_error('salt_too_long', 207, self.last.call, 'dhtputraw',
                          make(b'x' * 33, envelope('1')))
        self.assert_error('too_big', 205, self.last.call, 'dhtputraw',
                          make(b'x', envelope('"%s"' % ('x' * 1000))))
        for slot, v in ((b'', envelope('1')), (b'x', encode('no envelope')), (b'x', encode({})),
                        (b'x', encode({'j': '1'})), (b'x', envelope('1', int(time.time()) + 9999))):
            self.assert_error('invalid_params', -32602, self.last.call, 'dhtputraw', make(slot, v))
        self.assertEqual(self.get(), [])


class Refused(Multis):
    def test_each_bad_input_has_its_error(self):
        home, resource = self.homes['alice'], self.resource
        error = self.assert_error('salt_too_long', 207, self.put, 'alice', 1, slot='x' * 33)
        self.assertEqual(error.data['limit'], 32)
        error = self.assert_error('invalid_params', -32602, home.call, 'dhtput', 'twister',
                                  resource, 'm', 1)
        self.assertIn('sig_user', error.message)
        self.assert_error('no_key', 401, home.call, 'dhtput', 'twister', resource, 'm', 1,
                          self.keys['bob'])
        self.assert_error('unknown_name', 404, home.call, 'dhtput', 'twister', resource, 'm', 1,
                          'nobody')
        self.assert_error('salt_too_long', 207, home.call, 'dhtget', 'x' * 65, resource, 'm')
        self.assert_error('salt_too_long', 207, home.call, 'dhtget', 'x', 'ü' * 33, 'm')
        self.assert_error('invalid_params', -32602, home.call, 'dhtget', '', resource, 'm')
        self.assert_error('invalid_params', -32602, self.get, min_seq=1)
        self.assert_error('invalid_params', -32602, self.get, limit=0)
        self.assert_error('unknown_name', 404, self.get, by='nobody')
        self.assert_error('unknown_name', 404, self.put, 'alice', 1, to='nobody')
        self.assert_error('invalid_params', -32602, self.delete, 'alice')
        self.assert_error('invalid_params', -32602, self.delete, 'alice', value=1, slot='a')
        self.assertEqual(self.get(), [])


class Deletions(TestCase):
    def test_an_old_holder_that_comes_back_does_not_bring_it_back(self):
        first, second, old = self.network(3)
        first.call('createkey', 'alice')
        target = first.call('dhtput', 'board', 'notes', 'm', 'regret', 'alice')['target']
        self.assertEqual(held(old, target), 1)
        old.kill()
        first.call('dhtput', username='board', resource='notes', type='m', value='regret',
                   sig_user='alice', delete=True)
        old.start()
        for node in (old, first, second, old):
            self.assertEqual(node.call('dhtget', 'board', 'notes', 'm'), [])
        self.assert_error('stale_seq', 302, first.call, 'dhtput', 'board', 'notes', 'm', 'regret',
                          'alice', 1)


class Hostile(Responder):
    """A node that claims to hold entries. `page(after)` is what it says to a query for a page,
    `entries(keys)` what it brings."""

    def __init__(self, network, page, entries):
        self.top = {'nw': hashlib.sha1(network.encode()).digest()[:4], 'v': b'XO\x00\x01'}
        self.page, self.entries = page, entries
        self.pages = self.fetches = 0
        super().__init__()

    def answer(self, message):
        asked = message['a']
        result = {'id': self.id, 'nodes': b'', 'token': b'tokentok'}
        if message['q'] == b'xget':
            result['count'] = 100000
            if 'after' in asked:
                self.pages += 1
                result.update(self.page(asked['after']))
            if 'keys' in asked:
                self.fetches += 1
                result['entries'] = self.entries(asked['keys'])
        return {'r': result, **self.top}


def brief(key, seq=1, size=200):
    return key + seq.to_bytes(8, 'big') + size.to_bytes(2, 'big')


class HostileHolders(TestCase):
    """One of the holders lies; what an honest one holds is read all the same, and nothing else."""

    LATE = 2**62

    def read(self, page, entries):
        """The values that are read beside this holder, and the holder, after it was asked."""
        hostile = Hostile(self.network_name, page, entries)
        self.addCleanup(hostile.close)
        node = self.start(bootstrap=hostile.address)
        node.call('createkey', 'alice')
        node.call('dhtput', 'board', 'notes', 'm', 'honest', 'alice')
        values = node.call('dhtget', 'board', 'notes', 'm', 5000, 1000)
        self.assertEqual(values_of(values), ['honest'])
        self.assertGreater(hostile.pages, 0)
        return hostile

    def entry(self, key, target, slot=b'a', v=None):
        v = v or envelope('"forged"')
        signed = b'xord multi 1\n' + encode([target, slot, 1, Raw(v)])
        return {'k': key.public, 'seq': 1, 'sig': key.sign(signed), 'slot': slot, 'v': Raw(v)}

    def place(self, key, slot=b'a'):
        return hashlib.sha1(target_of('board', 'notes') + key.public + slot).digest()

    def test_entries_of_others(self):
        key = Key()
        forged = self.entry(key, target_of('board', 'elsewhere'))
        hostile = self.read(lambda after: {'briefs': brief(self.place(key))},
                            lambda keys: [forged])
        self.assertGreater(hostile.fetches, 0)

    def test_another_entry_than_the_claimed(self):
        other = self.entry(Key(), target_of('board', 'notes'))
        hostile = self.read(lambda after: {'briefs': brief(os.urandom(20))}, lambda keys: [other])
        self.assertGreater(hostile.fetches, 0)

    def test_endless_pages(self):
        """Each page goes on, and claims what never comes."""
        count = itertools.count()

        def page(after):
            position = (self.LATE - next(count)).to_bytes(8, 'big') + os.urandom(20)
            return {'briefs': b''.join(brief(os.urandom(20)) for _ in range(28)), 'next': position}

        hostile = self.read(page, lambda keys: [])
        self.assertLess(hostile.pages, 200)

    def test_pages_that_go_back(self):
        position = self.LATE.to_bytes(8, 'big') + bytes(20)
        hostile = self.read(lambda after: {'briefs': brief(os.urandom(20)), 'next': position},
                            lambda keys: [])
        self.assertLess(hostile.pages, 4)

    def test_forged_positions_and_briefs(self):
        hostile = self.read(lambda after: {'briefs': b'x' * 31, 'next': b'short'}, lambda keys: [])
        self.assertLess(hostile.pages, 10)


class Kept(TestCase):
    def test_kept_entries_reach_others_after_a_restart(self):
        keeper = self.start()
        keeper.call('createkey', 'alice')
        for number in range(3):
            target = keeper.call('dhtput', 'board', 'notes', 'm', number, 'alice')['target']
        self.assertEqual(len(keeper.call('listputs')['items']), 3)
        keeper.stop()
        keeper.start()
        fresh = self.start(bootstrap=keeper.address)
        self.assertEqual(sorted(values_of(fresh.call('dhtget', 'board', 'notes', 'm'))), [0, 1, 2])
        wait_until(lambda: held(fresh, target) == 3, 'the new node holds them', 60)
        self.assertTrue(keeper.call('dropput', target))
        self.assertEqual(keeper.call('listputs')['items'], [])


class Many(TestCase):
    """Twelve nodes, so that some hold nothing of a target."""

    def fill(self, node, signers, posts, size):
        """All posts of all signers, many in flight."""
        for signer in signers:
            node.call('createkey', signer)
        target = None
        with Rpc(node.socket_path, 60) as rpc:
            waiting = []
            for number in range(posts):
                for signer in signers:
                    text = f'{signer} {number} '.ljust(size, '.')
                    waiting.append(rpc.send('dhtput', username='city', resource='news', type='m',
                                            value=text, sig_user=signer, keep=False))
                if len(waiting) >= 100:
                    target = [rpc.result(call) for call in waiting][-1]['target']
                    waiting = []
            for call in waiting:
                target = rpc.result(call)['target']
        return target

    def test_500_entries_by_50_signers_are_read_from_a_node_that_holds_none(self):
        nodes = self.network(12)
        signers = [f's{number}' for number in range(50)]
        target = self.fill(nodes[0], signers, 10, 700)
        reader = next(node for node in nodes if held(node, target) == 0)
        with Rpc(reader.socket_path, 60) as rpc:
            result = rpc.call('dhtget', username='city', resource='news', type='m', verbose=True,
                              timeout_ms=30000, timeout_multi_ms=5000)
        self.assertTrue(result['complete'])
        found = {value.rstrip('. ') for value in values_of(result['values'])}
        self.assertEqual(found, {f'{signer} {number}' for signer in signers
                                 for number in range(10)})
        times = [entry['p']['time'] for entry in result['values']]
        self.assertEqual(times, sorted(times, reverse=True))
        signer = nodes[0].call('pubkey', signers[-1])
        mine = reader.call('dhtget', username='city', resource='news', type='m', by=signer,
                           min_multi=1, timeout_ms=30000, timeout_multi_ms=5000)
        self.assertEqual({entry['k'] for entry in mine}, {signer})
        self.assertEqual(len(mine), 10)
        early = reader.call('dhtget', username='city', resource='news', type='m', verbose=True,
                            min_multi=20)
        self.assertTrue(20 <= len(early['values']) < 500, len(early['values']))
        self.assertFalse(early['complete'])

    def test_one_signer_does_not_push_out_the_others(self):
        nodes = self.network(3, '--multi-entries', '64')
        quiet = [f'quiet{number}' for number in range(5)]
        self.fill(nodes[0], quiet[:3], 1, 20)
        self.fill(nodes[1], ['loud'], 600, 20)
        target = self.fill(nodes[0], quiet[3:], 1, 20)
        for node in nodes:
            self.assertEqual(held(node, target), 64)
            found = {value.split()[0] for value in values_of(node.call('dhtget', 'city', 'news',
                                                                       'm'))}
            self.assertEqual(found, {*quiet, 'loud'})


if __name__ == '__main__':
    unittest.main()
