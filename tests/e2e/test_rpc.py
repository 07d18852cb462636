"""The socket: whatever a client sends, it gets a clear answer or is let go, and neither the daemon
nor its other clients notice."""

import json
import os
import socket
import stat
import unittest

from alice import AliceCase
from harness import RpcError, Rpc, TestCase, wait_until
from krpc import Responder

PARSE, INVALID, UNKNOWN, PARAMS = -32700, -32600, -32601, -32602
LINE_MAX = 2 * 1024 * 1024
BATCH_MAX = 100


class SocketCase(AliceCase):
    def setUp(self):
        super().setUp()
        self.rpc = self.node.connect()
        self.addCleanup(self.rpc.close)
        self.addCleanup(self.assert_alive)

    def assert_alive(self):
        self.assertTrue(self.node.is_alive(), self.node.log())
        self.assertEqual(self.node.info()['network'], self.node.network)

    def exchange(self, line):
        """The reply to one line, which must not end the connection."""
        self.rpc.send_raw(line if isinstance(line, bytes) else line.encode())
        self.rpc.send_raw('\n')
        return self.rpc.read()

    def assert_code(self, code, line, number=None):
        reply = self.exchange(line)
        self.assertEqual(reply['error']['code'], code, reply)
        self.assertEqual(reply['id'], number)
        self.assertTrue(reply['error']['data']['name'])
        self.assertEqual(self.rpc.call('pubkey', 'alice')[:0], '', 'the next line is answered')
        return reply['error']


class Lines(SocketCase):
    def test_lines_that_are_not_json(self):
        for line in ('{', 'hello', '{"a":1}}', '[1,]', '"', '{"jsonrpc":"2.0","jsonrpc":"2.0"}',
                     b'\xff\xfe', '{"id":1e999}', '{"id":9223372036854775808}', '\0'):
            with self.subTest(line=line):
                self.assert_code(PARSE, line)

    def test_json_that_is_no_request(self):
        for line in ('1', '"text"', 'null', 'true', '[]', '{}', '{"jsonrpc":"2.0","method":5}'):
            with self.subTest(line=line):
                self.assert_code(INVALID, line)
        self.assert_code(INVALID, '{"jsonrpc":"2.0","method":"getinfo","id":[]}')
        self.assert_code(INVALID, '{"jsonrpc":"2.0","method":"getinfo","id":4,"params":5}', 4)

    def test_blank_lines_and_carriage_returns_are_white_space(self):
        self.rpc.send_raw('\n\r\n  \n\n{"jsonrpc":"2.0","id":7,"method":"getinfo"}\r\n')
        self.assertEqual(self.rpc.read()['id'], 7)

    def test_ids_are_echoed(self):
        for number in (0, -1, 'text', 2**53, 1.5):
            reply = self.exchange(json.dumps({'jsonrpc': '2.0', 'id': number,
                                              'method': 'getinfo'}))
            self.assertEqual(reply['id'], number)

    def test_nesting_up_to_32(self):
        deep = '[' * 29 + ']' * 29
        with self.assertRaises(RpcError) as caught:
            self.rpc.call('getinfo', json.loads(deep))
        self.assertEqual(caught.exception.code, PARAMS)
        for depth in (33, 1000, 500000):
            self.assert_code(PARSE, '[' * depth + ']' * depth)
        brackets = json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'help', 'params': ['[' * 100]})
        self.assertNotEqual(self.exchange(brackets)['error']['code'], PARSE)

    def test_line_over_two_mebibytes(self):
        with self.node.connect() as other:
            call = other.send('getinfo')
            self.rpc.send_raw(b'"' + b'x' * LINE_MAX)
            self.rpc.send_raw(b'x' * 100000 + b'"\n')
            reply = self.rpc.read()
            self.assertEqual(reply['error']['code'], PARSE)
            self.assertIsNone(reply['id'])
            self.assertEqual(other.result(call)['network'], self.node.network)

    def test_line_of_almost_two_mebibytes(self):
        line = json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'dhtput',
                           'params': ['alice', 'big', 's', 'x' * (LINE_MAX - 200)]})
        self.assertEqual(self.exchange(line)['error']['code'], 205)

    def test_request_in_pieces(self):
        for byte in b'{"jsonrpc":"2.0","id":1,"method":"getinfo"}\n':
            self.rpc.send_raw(bytes([byte]))
        self.assertEqual(self.rpc.read()['id'], 1)


class Parameters(SocketCase):
    def assert_params_error(self, *words, method, params):
        reply = self.exchange(json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': method,
                                          'params': params}))
        self.assertEqual(reply['error']['code'], PARAMS, reply)
        for word in words:
            self.assertIn(word, reply['error']['message'])

    def test_wrong_types(self):
        for word, params in (('username', [5, 'x', 's']), ('resource', ['alice', None, 's']),
                             ('type', ['alice', 'x', 'q']), ('type', ['alice', 'x', 1]),
                             ('timeout_ms', ['alice', 'x', 's', 'soon']),
                             ('timeout_ms', ['alice', 'x', 's', -1]),
                             ('timeout_ms', ['alice', 'x', 's', 1.5])):
            self.assert_params_error(word, method='dhtget', params=params)
        self.assert_params_error('keep', method='dhtput', params={
            'username': 'alice', 'resource': 'x', 'type': 's', 'value': 1, 'keep': 'yes'})
        self.assert_params_error('seq', method='dhtput', params=['alice', 'x', 's', 1, 'alice', []])

    def test_missing_extra_and_unknown(self):
        self.assert_params_error('resource', method='dhtget', params=['alice'])
        self.assert_params_error('username', method='dhtget', params={'type': 's'})
        self.assert_params_error(method='getinfo', params=['x'])
        self.assert_params_error(method='dhtget',
                                 params=['alice', 'x', 's', 1, 1, 0, 'one too many'])
        self.assert_params_error('tiemout_ms', method='dhtget', params={
            'username': 'alice', 'resource': 'x', 'type': 's', 'tiemout_ms': 5})

    def test_unknown_method(self):
        reply = self.exchange('{"jsonrpc":"2.0","id":3,"method":"dhtgit"}')
        self.assertEqual((reply['error']['code'], reply['id']), (UNKNOWN, 3))
        self.assertEqual(reply['error']['data']['name'], 'unknown_method')

    def test_ids_and_keys_of_wrong_length(self):
        self.assert_params_error('target', method='getimmutable', params=['ab'])
        self.assert_params_error(method='addcontact', params=['bob', 'ab' * 31])
        self.assert_params_error(method='createkey', params=['Not A Name'])


class Kinds(SocketCase):
    """Batches, notifications, old-style requests, half-close."""

    def test_batch(self):
        self.rpc.send_raw('[{"jsonrpc":"2.0","id":1,"method":"getinfo"},'
                          '{"jsonrpc":"2.0","method":"getinfo"},5,'
                          '{"jsonrpc":"2.0","id":"b","method":"nothing"},'
                          '{"jsonrpc":"2.0","id":2,"method":"dhtget",'
                          '"params":["alice","x","s"]}]\n')
        replies = {reply['id']: reply for reply in self.rpc.read()}
        self.assertEqual(set(replies), {1, 2, 'b', None})
        self.assertIn('result', replies[1])
        self.assertEqual(replies[2]['result'], [])
        self.assertEqual(replies['b']['error']['code'], UNKNOWN)
        self.assertEqual(replies[None]['error']['code'], INVALID)

    def test_batch_of_notifications_gets_no_reply(self):
        self.rpc.send_raw('[{"jsonrpc":"2.0","method":"getinfo"}]\n')
        self.assertEqual(self.rpc.call('pubkey', 'alice')[:0], '')

    def test_batch_over_the_limit(self):
        one = '{"jsonrpc":"2.0","id":1,"method":"getinfo"}'
        self.rpc.send_raw('[' + ','.join([one] * (BATCH_MAX + 1)) + ']\n')
        self.assertEqual(self.rpc.read()['error']['code'], INVALID)
        self.rpc.send_raw('[' + ','.join([one] * BATCH_MAX) + ']\n')
        self.assertEqual(len(self.rpc.read()), BATCH_MAX)

    def test_batch_inside_a_batch_is_no_request(self):
        reply = self.exchange('[[[{"jsonrpc":"2.0","id":1,"method":"getinfo"}]]]')
        self.assertEqual([r['error']['code'] for r in reply], [INVALID])

    def test_notification_gets_no_reply_but_works(self):
        self.rpc.send_raw('{"jsonrpc":"2.0","method":"createkey","params":["quiet"]}\n')
        self.rpc.send_raw('{"jsonrpc":"2.0","method":"nothing"}\n')
        with self.node.connect() as other:
            wait_until(lambda: 'quiet' in json.dumps(other.call('listkeys')), 'the key is there')
        number = self.rpc.send('getinfo')
        self.assertEqual(self.rpc.read()['id'], number)

    def test_old_style_has_result_and_error(self):
        good = self.exchange('{"method":"dhtget","params":["alice","x","s"],"id":1}')
        self.assertEqual((good['result'], good['error'], good['id']), ([], None, 1))
        bad = self.exchange('{"method":"nothing","id":2}')
        self.assertIsNone(bad['result'])
        self.assertEqual(bad['error']['code'], UNKNOWN)

    def test_half_close_still_gets_its_replies(self):
        count = 50
        for _ in range(count):
            self.rpc.send('dhtput', 'alice', 'half', 's', 1)
        self.rpc.socket.shutdown(socket.SHUT_WR)
        ids = []
        while (reply := self.rpc.read()) is not None:
            ids.append(reply['id'])
        self.assertEqual(sorted(ids), list(range(1, count + 1)))


class Clients(TestCase):
    """Clients that vanish, flood or never read."""

    def setUp(self):
        super().setUp()
        slow = Responder('ping', 'find_node')
        self.addCleanup(slow.close)
        self.node = self.start('--network', 'mainline', bootstrap=slow.address)
        self.node.call('createkey', 'alice')

    def clients(self):
        return self.node.info()['clients']

    def test_client_that_vanishes_in_mid_call(self):
        before = self.clients()
        gone = [self.node.connect() for _ in range(20)]
        for rpc in gone:
            for number in range(10):
                rpc.send('dhtget', 'alice', f'x{number}', 's')
            rpc.send_raw('{"jsonrpc":"2.0",')
            rpc.close()
        wait_until(lambda: self.clients() == before, 'vanished clients are forgotten')
        self.assertTrue(self.node.is_alive())

    def test_client_that_never_reads_is_not_read_from(self):
        deaf = self.node.connect()
        self.addCleanup(deaf.close)
        deaf.socket.setblocking(False)
        line = b'{"jsonrpc":"2.0","id":1,"method":"help"}\n' * 500
        sent = 0
        try:
            while sent < 200 * 1024 * 1024:
                sent += deaf.socket.send(line)
                self.node.info()
        except BlockingIOError:
            pass
        self.assertLess(sent, 20 * 1024 * 1024, 'it stops being read from')
        self.assertLess(self.resident_kib(), 100 * 1024)
        self.assertEqual(self.node.info()['network'], 'mainline')

    def resident_kib(self):
        with open(f'/proc/{self.node.process.pid}/status', encoding='ascii') as status:
            return int(next(line for line in status if line.startswith('VmRSS')).split()[1])

    def test_slow_get_delays_no_getinfo(self):
        slow = self.node.rpc.send('dhtget', 'alice', 'slow', 's')
        quick = self.node.rpc.send('getinfo')
        order = [self.node.rpc.read()['id'] for _ in range(2)]
        self.assertEqual(order, [quick, slow])

    def test_too_many_calls_in_flight_are_busy(self):
        with self.node.connect() as rpc:
            calls = [rpc.send('dhtget', 'alice', f'x{n}', 's') for n in range(1500)]
            codes = [(rpc.wait(call).get('error') or {}).get('code', 0) for call in calls]
        self.assertTrue(set(codes) <= {0, 408, 429, 503}, set(codes))
        self.assertEqual(len(codes), 1500)


class ReadOnlySocket(SocketCase):
    @property
    def ro_path(self):
        return os.path.join(self.node.datadir, 'ro.sock')

    def test_modes(self):
        def mode(path):
            return stat.S_IMODE(os.stat(path).st_mode)
        self.assertEqual(mode(self.node.socket_path), 0o660)
        self.assertEqual(mode(self.ro_path), 0o666)

    def test_reading_methods_work(self):
        with Rpc(self.ro_path) as rpc:
            self.assertEqual(rpc.call('getinfo')['network'], self.node.network)
            self.assertEqual(rpc.call('dhtget', 'alice', 'nothing', 's'), [])
            self.assertIn('dhtget', rpc.call('help'))

    def test_all_that_changes_or_shows_the_owners_is_refused(self):
        with Rpc(self.ro_path) as rpc:
            for method, *params in (('dhtput', 'alice', 'x', 's', 1), ('createkey', 'bob'),
                                    ('listkeys',), ('listcontacts',), ('listputs',),
                                    ('getconfig',), ('exportkey', 'alice'), ('stop',),
                                    ('ping', '127.0.0.1:1'), ('addnode', '127.0.0.1:1'),
                                    ('dropkey', 'alice'), ('reload',), ('setlog', 'debug'),
                                    ('signmessage', 'alice', 'x'), ('putimmutable', 1),
                                    ('dhtsign', 'alice', 'x', 's', 1),
                                    ('createwalletuser', 'bob'), ('dumpprivkey', 'alice')):
                with self.subTest(method=method):
                    self.assert_error('read_only', 403, rpc.call, method, *params)


if __name__ == '__main__':
    unittest.main()
