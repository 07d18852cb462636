"""Values of up to a mebibyte come back byte for byte through other nodes, or not at all; their
chunks are kept, dropped and lost with them. The form is made here a second time, from
docs/PROTOCOL.md."""

import base64
import hashlib
import json
import os
import pty
import subprocess
import threading
import time
import unittest

from alice import AliceNetwork
from harness import XORD, TestCase, clean_environment, wait_until
from krpc import Key, Raw, encode, signed_buffer

MEBIBYTE = 2**20
DATA, TARGETS, TOP = 960, 48, 40
LIFE_S = 30 * 86400


def chunk_v(body, expiry):
    return encode({'b': body, 'x': expiry})


def target_of(v):
    return hashlib.sha1(v).digest()


def slices(data, size):
    return [data[at:at + size] for at in range(0, len(data), size)]


class Large:
    """A large value cut by hand: `chunks` are the v of its items, lists first."""

    def __init__(self, content, kind=b'b'):
        self.expiry = int(time.time()) + LIFE_S - 60
        data = [chunk_v(part, self.expiry) for part in slices(content, DATA)]
        targets = [target_of(v) for v in data]
        lists = []
        if len(data) > TOP:
            lists = [chunk_v(part, self.expiry)
                     for part in slices(b''.join(targets), TARGETS * 20)]
        self.chunks = lists + data
        self.manifest = {'c': kind, 'h': hashlib.blake2b(content, digest_size=32).digest(),
                         'l': len(content), 'x': self.expiry,
                         'p': b''.join(map(target_of, lists)) if lists else b''.join(targets)}

    def record(self, key, salt, seq=1, **changes):
        """`hexdata` of the record, with changes to the manifest."""
        now = int(time.time())
        manifest = encode({**self.manifest, **changes})
        v = {'m': manifest, 't': now, 'x': now + 86400}
        item = {'k': key.public, 'salt': salt, 'seq': seq, 'v': v}
        item['sig'] = key.sign(signed_buffer(salt, seq, encode(v)))
        return encode(item).hex()


class Network(AliceNetwork):
    size = 6

    def put_bytes(self, resource, content, **named):
        return self.first.call('dhtput', username='alice', resource=resource, type='s',
                               value_base64=base64.b64encode(content).decode(), **named)

    def get_bytes(self, resource, node=None):
        part = (node or self.last).call('dhtget', self.key, resource, 's')[0]['p']
        return base64.b64decode(part['v_base64'])

    def kept(self, **named):
        return self.first.all_of('listputs', limit=1000, **named)


class Values(Network):
    def test_a_photo_through_the_command_line(self):
        photo = os.urandom(MEBIBYTE)
        path = self.write('photo.jpg', photo)
        done = self.first.cli('dhtput', 'alice', 'avatar', 's', '@' + path)
        self.assertEqual(done.code, 0, done.err)
        result = done.json()
        self.assertEqual((result['stored'], result['kept'], result['chunks']),
                         (6, True, {'count': 1116, 'stored_min': 6}))
        got = self.last.cli('-q', 'dhtget', self.key, 'avatar', 's')
        self.assertEqual((got.code, got.err), (0, ''))
        self.assertTrue(got.out_bytes == photo)

    def test_sizes(self):
        for size in (1, 961, 962, 963, 1000, 40 * DATA, 40 * DATA + 1, 48 * DATA + 1):
            resource, content = self.resource(), os.urandom(size)
            self.put_bytes(resource, content)
            self.assertEqual(self.get_bytes(resource), content, size)

    def test_json(self):
        resource = self.resource()
        value = {'list': [{'n': i, 'half': i / 2, 'text': 'Grüße ' * 3} for i in range(6000)]}
        self.first.call('dhtput', 'alice', resource, 's', value)
        element = self.last.call('dhtget', self.key, resource, 's')[0]
        self.assertEqual(element['p']['v'], value)
        self.assertIn('time', element['p'])
        got = self.last.cli('-q', 'dhtget', self.key, resource, 's')
        self.assertEqual(json.loads(got.out), value)

    def test_json_of_too_many_values_is_put_as_bytes(self):
        resource = self.resource()
        value = [1] * 70000
        self.assert_error('too_big', 205, self.first.call, 'dhtput', 'alice', resource, 's', value)
        path = self.write('many', json.dumps(value))
        self.assertEqual(self.first.cli('dhtput', 'alice', resource, 's', '@' + path).code, 1)
        self.assertEqual(self.first.cli('-b', 'dhtput', 'alice', resource, 's', '@' + path).code, 0)
        got = self.last.cli('-q', 'dhtget', self.key, resource, 's')
        self.assertEqual(json.loads(got.out), value)

    def test_a_long_string_is_a_string(self):
        resource = self.resource()
        self.first.call('dhtput', 'alice', resource, 's', 'ä' * 100000)
        self.assertEqual(self.last.call('dhtget', self.key, resource, 's')[0]['p']['v'],
                         'ä' * 100000)

    def test_one_byte_too_many(self):
        resource = self.resource()
        error = self.assert_error('too_big', 205, self.put_bytes, resource, bytes(MEBIBYTE + 1))
        self.assertEqual((error.data['limit'], error.data['size']), (MEBIBYTE, MEBIBYTE + 1))
        path = self.write('more', bytes(MEBIBYTE + 1))
        done = self.first.cli('dhtput', 'alice', resource, 's', '@' + path)
        self.assertEqual(done.code, 1)
        self.assertIn('1048576', done.err)
        self.assertEqual(self.last.call('dhtget', self.key, resource, 's'), [])

    def test_replaced_deleted_and_dropped(self):
        resource, content = self.resource(), os.urandom(100000)
        before = len(self.kept(chunks=True))
        self.put_bytes(resource, content)
        self.put_bytes(resource, content)
        self.assertEqual(len(self.kept(chunks=True)) - before, 105 + 3 + 1)
        self.assertEqual(self.kept()[-1]['kind'], 's')
        self.first.call('dhtput', username='alice', resource=resource, type='s', delete=True)
        wait_until(lambda: len(self.kept(chunks=True)) == before + 1, 'its chunks are dropped')
        self.assertEqual(self.last.call('dhtget', self.key, resource, 's'), [])
        target = self.put_bytes(resource, content)['target']
        item = [item for item in self.kept() if item['target'] == target][0]
        self.assertEqual(item['large'], {'size': 100000, 'chunks': 108})
        self.first.call('dropput', target)
        wait_until(lambda: len(self.kept(chunks=True)) == before, 'its chunks are dropped')

    def test_answered_before_it_is_out(self):
        resource, content = self.resource(), os.urandom(100000)
        result = self.put_bytes(resource, content, wait=False)
        self.assertEqual((result['seq'], result['kept']), (1, True))
        wait_until(lambda: self.last.call('dhtget', self.key, resource, 's'), 'it came out')
        self.assertEqual(self.get_bytes(resource), content)

    def test_many_at_once(self):
        contents = {self.resource(): os.urandom(30000) for _ in range(12)}
        with self.first.connect() as rpc:
            calls = [rpc.send('dhtput', username='alice', resource=resource, type='s',
                              value_base64=base64.b64encode(content).decode())
                     for resource, content in contents.items()]
            for call in calls:
                self.assertEqual(rpc.result(call)['chunks']['count'], 32)
        for resource, content in contents.items():
            self.assertEqual(self.get_bytes(resource), content)


class Sealed(Network):
    def test_for_bob_alone(self):
        self.last.call('createkey', 'bob')
        bob = self.last.call('pubkey', 'bob')
        content = os.urandom(200000)
        self.put_bytes('sealed', content, to=bob)
        element = self.last.call('dhtget', self.key, 'sealed', 's')[0]
        self.assertTrue(element['encrypted'])
        self.assertEqual(base64.b64decode(element['p']['v_base64']), content)
        closed = self.nodes[2].call('dhtget', self.key, 'sealed', 's')[0]
        self.assertTrue(closed['encrypted'])
        self.assertFalse({'v', 'v_base64'} & set(closed['p']))
        self.assertIn('reason', closed)
        value = {'list': list(range(1000))}
        self.first.call('dhtput', username='alice', resource='sealed', type='s', value=value,
                        to=bob)
        self.assertEqual(self.last.call('dhtget', self.key, 'sealed', 's')[0]['p']['v'], value)

    def test_the_limit_counts_the_sealing(self):
        self.last.call('createkey', 'carol')
        carol = self.last.call('pubkey', 'carol')
        error = self.assert_error('too_big', 205, self.put_bytes, 'full', bytes(MEBIBYTE),
                                  to=carol)
        self.assertEqual(error.data['size'], MEBIBYTE + error.data['sealing'])
        self.assertIn('encryption', error.message)


class Hostile(Network):
    def setUp(self):
        super().setUp()
        self.owner = Key()
        self.content = os.urandom(45 * DATA)
        self.large = Large(self.content)

    def put_chunks(self, *left_out):
        for index, v in enumerate(self.large.chunks):
            if index not in left_out:
                self.first.call('dhtputraw', hexdata=encode({'v': Raw(v)}).hex(), keep=False)

    def put_record(self, seq=1, **changes):
        self.first.call('dhtputraw', hexdata=self.large.record(self.owner, b'r', seq, **changes),
                        keep=False)

    def get(self):
        return self.last.call('dhtget', self.owner.public.hex(), 'r', 's')

    def test_made_by_hand_and_read(self):
        self.put_chunks()
        self.put_record()
        self.assertEqual(base64.b64decode(self.get()[0]['p']['v_base64']), self.content)

    def test_a_missing_chunk_is_named(self):
        self.put_chunks(17)
        self.put_record()
        error = self.assert_error('not_found', 404, self.get)
        self.assertEqual(error.data['chunk'], 17)
        self.assertEqual(error.data['of'], 46)
        self.assertEqual(error.data['target'], target_of(self.large.chunks[17]).hex())
        done = self.last.cli('-q', 'dhtget', self.owner.public.hex(), 'r', 's')
        self.assertEqual((done.code, done.out), (1, ''))
        self.assertIn('chunk 17 of 46', done.err)

    def test_what_is_refused(self):
        self.put_chunks()
        self_target = hashlib.sha1(self.owner.public + b'r').digest()
        p, length = self.large.manifest['p'], len(self.content)
        cases = [dict(p=self_target), dict(p=b''), dict(p=p * 2), dict(p=p[:-1]),
                 dict(l=0, p=b''), dict(l=MEBIBYTE + 1), dict(l=2**62), dict(l=-1),
                 dict(l=length - 1), dict(l=length + 1), dict(h=bytes(32)), dict(h=b''),
                 dict(c=b'm'), dict(c=b''), dict(x=self.large.expiry + 1), dict(x=-1), dict(z=b'')]
        for seq, changes in enumerate(cases, 1):
            self.put_record(seq, **changes)
            self.assert_error('malformed', 203, self.get)
        self.put_record(len(cases) + 1)
        self.assertEqual(len(self.get()), 1)

    def test_chunks_of_other_things(self):
        """A list that holds anything but targets of the data, and data that are lists."""
        chunks = self.large.chunks
        self.put_chunks()
        self.put_record(1, p=target_of(chunks[1]))
        self.assert_error('malformed', 203, self.get)
        self.put_record(2, l=DATA, p=target_of(chunks[0]))
        self.assert_error('malformed', 203, self.get)
        self.put_record(3, p=os.urandom(20))
        self.assertEqual(self.assert_error('not_found', 404, self.get).data['chunk'], 0)


class Progress(Network):
    def test_notifications_come_before_the_result(self):
        content = base64.b64encode(os.urandom(MEBIBYTE)).decode()
        with self.first.connect() as rpc:
            call = rpc.send('dhtput', username='alice', resource='p', type='s',
                            value_base64=content, progress=True)
            self.check_lines(rpc, call)
        with self.last.connect() as rpc:
            call = rpc.send('dhtget', username=self.key, resource='p', type='s', progress=True)
            self.check_lines(rpc, call)

    def check_lines(self, rpc, call):
        last = {'done': 0, 'bytes': 0}
        while (line := rpc.read()).get('id') is None:
            self.assertEqual(line['method'], 'progress')
            told = line['params']
            self.assertEqual(told['call'], call)
            self.assertGreater(told['done'], last['done'])
            self.assertGreaterEqual(told['bytes'], last['bytes'])
            last = told
        self.assertEqual((line['id'], 'error' in line), (call, False))
        self.assertEqual((last['done'], last['of'], last['bytes']), (1116, 1116, MEBIBYTE))

    def test_none_without_asking_and_none_of_small_values(self):
        with self.first.connect() as rpc:
            for value, named in (('x' * 5000, {}), ('x', {'progress': True})):
                call = rpc.send('dhtput', username='alice', resource='q', type='s', value=value,
                                **named)
                self.assertEqual(rpc.read()['id'], call)

    def on_terminal(self, *arguments):
        """What a command writes to a terminal as its standard error, and its standard output."""
        master, slave = pty.openpty()
        process = subprocess.Popen([XORD, '--rpc-socket', self.first.socket_path, *arguments],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=slave,
                                   env=clean_environment())
        os.close(slave)
        shown = []
        reader = threading.Thread(target=self.read_all, args=(master, shown))
        reader.start()
        out = process.communicate()[0]
        reader.join()
        os.close(master)
        self.assertEqual(process.returncode, 0)
        return b''.join(shown), out

    @staticmethod
    def read_all(master, shown):
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:
                return
            if not data:
                return
            shown.append(data)

    def test_a_bar_on_a_terminal_alone(self):
        content = os.urandom(MEBIBYTE)
        path = self.write('photo', content)
        shown, out = self.on_terminal('dhtput', 'alice', 'bar', 's', '@' + path)
        self.assertIn(b'\r[', shown)
        self.assertTrue(shown.endswith(b'\r\x1b[K'), shown[-80:])
        self.assertEqual(json.loads(out)['chunks']['count'], 1116)
        shown, out = self.on_terminal('-q', 'dhtget', 'alice', 'bar', 's')
        self.assertTrue(out == content)
        self.assertTrue(shown == b'' or shown.endswith(b'\r\x1b[K'))
        done = self.first.cli('dhtput', 'alice', 'bar', 's', '@' + path)
        self.assertEqual((done.code, done.err), (0, ''))


class Life(TestCase):
    def make(self, count, size=300000):
        nodes = self.network(count)
        nodes[0].call('createkey', 'alice')
        self.key = nodes[0].call('pubkey', 'alice')
        self.content = os.urandom(size)
        self.text = base64.b64encode(self.content).decode()
        return nodes

    def put(self, node, rpc=None):
        rpc = rpc or node.rpc
        return rpc.send('dhtput', username='alice', resource='r', type='s', value_base64=self.text,
                        progress=True)

    def get(self, node):
        values = node.call('dhtget', self.key, 'r', 's')
        return base64.b64decode(values[0]['p']['v_base64']) if values else None

    def test_the_publisher_is_gone(self):
        nodes = self.make(4)
        nodes[0].rpc.result(self.put(nodes[0]))
        nodes[0].kill()
        nodes[1].kill()
        self.assertTrue(self.get(nodes[3]) == self.content)

    def test_kept_over_a_kill(self):
        nodes = self.make(3)
        result = nodes[0].rpc.result(self.put(nodes[0]))
        for node in nodes:
            node.kill()
        nodes[0].start()
        items = nodes[0].call('listputs')['items']
        self.assertEqual([(item['target'], item['large']) for item in items],
                         [(result['target'], {'size': 300000, 'chunks': 320})])
        self.assertTrue(self.get(nodes[0]) == self.content)
        other = self.start(bootstrap=nodes[0].address)
        self.assertTrue(self.get(other) == self.content)
        wait_until(lambda: other.call('liststored', limit=1)['items'],
                   'chunks are republished to a node that never saw them', 40)

    def kept(self, node):
        """Whether chunks are kept, and whether the value is."""
        values = len(node.call('listputs')['items'])
        return node.info()['kept_puts'] > values, values > 0

    def test_a_client_that_vanishes(self):
        """What was kept of its put is dropped, unless it was done before the client was gone."""
        nodes = self.make(3, MEBIBYTE)
        idle = nodes[0].info()['under_way']
        for _ in range(3):
            with nodes[0].connect() as rpc:
                self.put(nodes[0], rpc)
                self.assertEqual(rpc.read()['method'], 'progress')
            wait_until(lambda: nodes[0].info()['under_way'] <= idle, 'its operations have ended')
            wait_until(lambda: len(set(self.kept(nodes[0]))) == 1,
                       'no chunks are kept without a value that needs them')
            if self.kept(nodes[0])[1]:
                self.assertTrue(self.get(nodes[0]) == self.content)
        nodes[0].rpc.result(self.put(nodes[0]))
        self.assertTrue(self.get(nodes[1]) == self.content)

    def test_clients_that_vanish_one_after_the_other(self):
        """What a put has begun is taken over by the next of the same content, and dropped by it."""
        nodes = self.make(3, MEBIBYTE)
        for _ in range(3):
            with nodes[0].connect() as rpc:
                self.put(nodes[0], rpc)
                wait_until(lambda: nodes[0].info()['kept_puts'] > 0, 'it has begun')
        wait_until(lambda: len(set(self.kept(nodes[0]))) == 1,
                   'no chunks are kept without a value that needs them')


if __name__ == '__main__':
    unittest.main()
