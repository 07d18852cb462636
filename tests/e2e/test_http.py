"""HTTP: the sockets answer curl with their own rights; the page's TCP door answers its own names
alone and changes nothing; and what is too long, too slow or gone costs the daemon little."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import unittest

from harness import (MEMORY_FACTOR, SharedCase, TestCase, die_with_parent, resident_kb, run_cli,
                     wait_until)
from krpc import Responder

HEAD_BYTES = 10_000_000
# The daemon's memory, over what it was, while it is sent such a head.
GROWN_KB_MAX = 2048 * MEMORY_FACTOR


class UnixConnection(http.client.HTTPConnection):
    """http.client over a Unix socket."""

    def __init__(self, path):
        super().__init__('localhost', timeout=15)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(connection, method, path, body=None, **headers):
    """Status, headers and body of one exchange."""
    connection.request(method, path, body, {name.replace('_', '-'): value
                                            for name, value in headers.items()})
    reply = connection.getresponse()
    return reply.status, reply.headers, reply.read().decode()


def request(method, *params):
    return json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': method, 'params': params})


class Doors(SharedCase):
    @classmethod
    def start_shared(cls, shared):
        cls.node = shared.start('--http', '127.0.0.1:0', '--http-host', 'xord.example.org')
        cls.node.call('createkey', 'alice')

    def setUp(self):
        super().setUp()
        host, port = self.node.info()['http'].split(':')
        self.page = http.client.HTTPConnection(host, int(port), timeout=15)
        self.full = UnixConnection(self.node.socket_path)
        self.read_only = UnixConnection(os.path.join(self.node.datadir, 'ro.sock'))
        for connection in (self.page, self.full, self.read_only):
            self.addCleanup(connection.close)

    def test_the_answer_comes_without_notifications(self):
        put = json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'dhtput',
                          'params': {'username': 'alice', 'resource': 'large', 'type': 's',
                                     'value': 'x' * 5000, 'progress': True}})
        _, _, body = ask(self.full, 'POST', '/', put)
        self.assertEqual(json.loads(body)['result']['seq'], 1)

    def test_calls_over_a_socket_have_its_rights(self):
        put = request('dhtput', 'alice', 'profile', 's', {'a': 1})
        status, headers, body = ask(self.full, 'POST', '/', put)
        self.assertEqual((status, headers['Content-Type']), (200, 'application/json'))
        self.assertEqual(json.loads(body)['result']['stored'], 1)
        for door in (self.read_only, self.page):
            status, _, body = ask(door, 'POST', '/', put)
            self.assertEqual((status, json.loads(body)['error']['data']['name']),
                             (200, 'read_only'))
            status, _, body = ask(door, 'POST', '/', request('dhtget', 'alice', 'profile', 's'))
            self.assertEqual(json.loads(body)['result'][0]['p']['v'], {'a': 1})

    def test_a_key_is_exported_to_its_owner_alone(self):
        _, _, body = ask(self.full, 'POST', '/', request('exportkey', 'alice'))
        self.assertEqual(len(json.loads(body)['result']), 64)
        for door in (self.read_only, self.page):
            _, _, body = ask(door, 'POST', '/', request('exportkey', 'alice'))
            self.assertEqual(json.loads(body)['error']['code'], 403)

    @unittest.skipUnless(shutil.which('curl'), 'no curl')
    def test_curl_over_the_socket(self):
        def curl(*arguments):
            return subprocess.run(
                ['curl', '-sS', '--max-time', '15', '--unix-socket', self.node.socket_path,
                 *arguments], capture_output=True, text=True, check=True,
                preexec_fn=die_with_parent).stdout
        reply = curl('http://x/', '-d', request('pubkey', 'alice'))
        self.assertEqual(json.loads(reply)['result'], self.node.call('pubkey', 'alice'))
        self.assertIn('\nxord_packets_in_total ', curl('http://x/metrics'))

    def test_pages(self):
        for door in (self.page, self.full, self.read_only):
            status, headers, body = ask(door, 'GET', '/')
            self.assertEqual((status, headers.get_content_type()), (200, 'text/html'))
            self.assertIn('<title>xord', body)
            _, _, body = ask(door, 'GET', '/status')
            replies = {reply['id']: reply['result'] for reply in json.loads(body)}
            self.assertEqual(replies['info']['id'], self.node.info()['id'])
            status, headers, body = ask(door, 'GET', '/metrics')
            self.assertEqual(headers['Content-Type'], 'text/plain; version=0.0.4; charset=utf-8')

    def test_hosts(self):
        for host in ('127.0.0.1', 'localhost:1', '[::1]:80', 'XORD.example.org:80'):
            self.assertEqual(ask(self.page, 'GET', '/', Host=host)[0], 200, host)
        for host in ('evil.com', 'localhost.evil.com', '192.0.2.1', 'example.org'):
            for path in ('/', '/metrics', '/status', '/nothing'):
                status, _, body = ask(self.page, 'GET', path, Host=host)
                self.assertEqual(status, 403, host)
                self.assertIn('http-host', body)
            status, _, _ = ask(self.page, 'POST', '/', request('getinfo'), Host=host)
            self.assertEqual(status, 403)
            self.assertEqual(ask(self.full, 'GET', '/', Host=host)[0], 200,
                             'a Unix socket has no name')
            self.assertEqual(ask(self.page, 'GET', f'http://{host}/metrics')[0], 403,
                             'the target counts, not the header')
        self.assertEqual(ask(self.page, 'GET', 'http://localhost/metrics', Host='evil.com')[0], 200)

    def test_a_page_of_another_site_calls_nothing(self):
        for door in (self.page, self.full, self.read_only):
            status, _, _ = ask(door, 'POST', '/', request('getinfo'), Origin='http://evil.com')
            self.assertEqual(status, 403)
            status, headers, _ = ask(door, 'GET', '/status', Origin='http://evil.com')
            self.assertEqual((status, headers['Access-Control-Allow-Origin']), (403, None))

    def test_wrong_methods_and_paths(self):
        for door in (self.page, self.full):
            for method, path, status in (('PUT', '/', 405), ('DELETE', '/metrics', 405),
                                         ('GET', '/../etc/passwd', 404), ('POST', '/x', 404),
                                         ('OPTIONS', '/', 405)):
                self.assertEqual(ask(door, method, path)[0], status, (method, path))

    def long_exchange(self, door, start, rest):
        """Sends without end until the daemon answers or lets go; what it said."""
        door.connect()
        before = resident_kb(self.node.process)
        door.sock.sendall(start)
        try:
            for _ in range(0, HEAD_BYTES, len(rest)):
                door.sock.sendall(rest)
        except OSError:
            pass
        grown = resident_kb(self.node.process) - before
        self.assertLess(grown, GROWN_KB_MAX)
        said = b''
        try:
            while data := door.sock.recv(65536):
                said += data
        except OSError:
            pass
        return said

    def test_a_head_of_ten_megabytes(self):
        get = b'GET / HTTP/1.1\r\nHost: localhost\r\n'
        for start, rest in ((get + b'X: ', b'x' * 65536), (get, b'A: bcdefg\r\n' * 1000)):
            said = self.long_exchange(self.full, start, rest)
            self.assertRegex(said, rb'^HTTP/1.1 431 ')
            self.long_exchange(self.page, start, rest)  # TCP's reset may overtake the answer
        self.assertEqual(ask(UnixConnection(self.node.socket_path), 'GET', '/')[0], 200)
        self.assertRegex(self.node.call('getmetrics'),
                         r'\nxord_http_requests_total\{code="431"\} [4-9]')

    def test_a_body_over_two_mebibytes(self):
        status, _, body = ask(self.full, 'POST', '/', 'x' * (2 * 1024 * 1024 + 1))
        self.assertEqual(status, 413)
        self.assertIn('2 MiB', body)

    def test_a_half_closed_request_is_answered(self):
        for door in (self.page, self.full):
            door.connect()
            door.sock.sendall(b'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
            door.sock.shutdown(socket.SHUT_WR)
            self.assertRegex(door.sock.recv(100), rb'^HTTP/1.1 200 ')

    def test_clients_that_read_nothing_cost_little(self):
        before = resident_kb(self.node.process)
        connections = []
        for _ in range(100):
            connection = UnixConnection(self.node.socket_path)
            connection.connect()
            connection.sock.setblocking(False)
            self.addCleanup(connection.close)
            connections.append(connection)
            try:
                for _ in range(200):
                    connection.sock.send(b'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n')
            except BlockingIOError:
                pass
        self.assertEqual(self.node.info()['state'], 'alone')
        # One answer each is held; all that were asked for would be 600 MB.
        self.assertLess(resident_kb(self.node.process) - before, 100 * 256 * MEMORY_FACTOR)


class Events(TestCase):
    """What the daemon does, as server-sent events."""

    def setUp(self):
        super().setUp()
        self.other, self.node = self.network(2, '--http', '127.0.0.1:0')
        self.node.call('createkey', 'alice')

    def open(self):
        """Asks for the events; the connection, and its reply."""
        host, port = self.node.info()['http'].split(':')
        connection = http.client.HTTPConnection(host, int(port), timeout=15)
        self.addCleanup(connection.close)
        connection.request('GET', '/events')
        return connection, connection.getresponse()

    def is_let_in(self):
        connection, reply = self.open()
        reply.close()
        connection.close()
        return reply.status == 200

    def watch(self):
        _, reply = self.open()
        self.assertEqual(reply.status, 200)
        return reply

    def next_event(self, reply):
        while line := reply.readline():
            if line.startswith(b'data: '):
                return json.loads(line.removeprefix(b'data: '))
        return None

    def test_a_lookup_step_by_step(self):
        reply = self.watch()
        self.assertEqual(reply.headers['Content-Type'], 'text/event-stream')
        self.node.call('lookup', '5' * 40)
        told = []
        while not told or told[-1]['event'] != 'ended':
            event = self.next_event(reply)
            if event.get('target') == '5' * 40:
                told.append(event)
        self.assertEqual([event['event'] for event in told], ['started', 'step', 'step', 'ended'])
        self.assertEqual([event['step'] for event in told[1:3]], ['asked', 'answered'])
        self.assertEqual(told[2]['id'], self.other.info()['id'])

    def test_no_calls_and_no_names_are_told(self):
        reply = self.watch()
        self.node.call('dhtput', 'alice', 'profile', 's', 'content')
        self.node.call('lookup', '5' * 40)
        while (event := self.next_event(reply)).get('target') != '5' * 40:
            self.assertIn(event['class'], ('lookups', 'nodes', 'store'))
            for word in ('alice', 'profile', 'content', self.node.call('pubkey', 'alice')):
                self.assertNotIn(word, json.dumps(event))

    def test_a_stop_ends_the_stream(self):
        reply = self.watch()
        reply.readline()
        self.assertEqual(self.node.stop(), 0)
        while self.next_event(reply) is not None:
            pass

    def test_too_many(self):
        opened = [self.open() for _ in range(17)]
        self.assertEqual([reply.status for _, reply in opened], 16 * [200] + [503])
        for connection, reply in opened:
            reply.close()
            connection.close()
        wait_until(self.is_let_in, 'those that have gone make room')

    def test_subscriptions_need_a_connection_of_their_own(self):
        connection = UnixConnection(self.node.socket_path)
        _, _, body = ask(connection, 'POST', '/', request('monitor'))
        self.assertEqual(json.loads(body)['error']['data']['name'], 'cancelled')


class Waiting(TestCase):
    def test_a_long_call_ends_when_its_client_vanishes(self):
        slow = Responder('ping', 'find_node')
        self.addCleanup(slow.close)
        node = self.start('--network', 'mainline', bootstrap=slow.address)
        node.call('createkey', 'alice')
        connection = UnixConnection(node.socket_path)
        connection.request('POST', '/', request('dhtget', 'alice', 'x', 's', 60000))
        wait_until(lambda: node.info()['under_way'] == 1, 'the call is under way')
        self.assertEqual(node.info()['clients'], 2)
        connection.close()
        wait_until(lambda: node.info()['under_way'] == 0, 'the call was cancelled')

    def test_a_stop_answers_calls_under_way(self):
        slow = Responder('ping', 'find_node')
        self.addCleanup(slow.close)
        node = self.start('--network', 'mainline', bootstrap=slow.address)
        node.call('createkey', 'alice')
        connection = UnixConnection(node.socket_path)
        connection.request('POST', '/', request('dhtget', 'alice', 'x', 's', 60000))
        wait_until(lambda: node.info()['under_way'] == 1, 'the call is under way')
        self.assertEqual(node.stop(), 0)
        self.assertEqual(json.loads(connection.getresponse().read())['error']['code'], -32002)


def has_library(node):
    """Whether libmicrohttpd and what it brings along are in the daemon's memory: all or none."""
    with open(f'/proc/{node.process.pid}/maps', encoding='utf-8') as maps:
        mapped = maps.read()
    names = [name in mapped for name in ('/libmicrohttpd.', '/libgnutls.')]
    assert names[0] == names[1], names
    return all(names)


class Library(TestCase):
    """libmicrohttpd costs as much as all the rest, and is loaded by who speaks HTTP."""

    def without(self):
        """The environment where libmicrohttpd cannot be loaded: an empty file is found first."""
        self.write('libmicrohttpd.so.12', '')
        return {'LD_LIBRARY_PATH': self.folder}

    def test_it_is_loaded_by_the_first_request(self):
        node = self.start()
        node.call('createkey', 'alice')
        self.assertFalse(has_library(node))
        self.assertEqual(ask(UnixConnection(node.socket_path), 'GET', '/metrics')[0], 200)
        self.assertTrue(has_library(node))
        self.assertEqual(node.stop(), 0, node.log())

    def test_it_is_loaded_for_the_page(self):
        self.assertTrue(has_library(self.start('--http', '127.0.0.1:0')))

    def test_where_it_is_missing_requests_are_told_so(self):
        node = self.start(env=self.without())
        for _ in range(3):
            status, _, body = ask(UnixConnection(node.socket_path), 'GET', '/metrics')
            self.assertEqual(status, 503)
            self.assertIn('HTTP needs libmicrohttpd', body)
        self.assertEqual(node.log().count('HTTP needs libmicrohttpd'), 1, node.log())
        self.assertEqual(node.info()['state'], 'alone')
        self.assertEqual(node.stop(), 0, node.log())

    def test_where_it_is_missing_the_page_is_not_served(self):
        done = run_cli('--datadir', self.path('n'), '--port', '0', '--bind', '127.0.0.1',
                       '--http', '127.0.0.1:0', env=self.without())
        self.assertEqual(done.code, 1, done)
        self.assertIn('HTTP needs libmicrohttpd', done.err)


class Starting(TestCase):
    def test_a_taken_port(self):
        with socket.create_server(('127.0.0.1', 0)) as other:
            port = other.getsockname()[1]
            done = run_cli('--datadir', self.path('n'), '--port', '0', '--bind', '127.0.0.1',
                           '--http', f'127.0.0.1:{port}')
        self.assertEqual(done.code, 1, done)
        self.assertRegex(done.err, rf'another process listens on TCP 127\.0\.0\.1:{port}')

    def test_an_address_that_is_not_here(self):
        done = run_cli('--datadir', self.path('n'), '--port', '0', '--bind', '127.0.0.1',
                       '--http', '192.0.2.1:0', '--http-public')
        self.assertEqual(done.code, 1, done)
        self.assertIn('cannot listen on TCP 192.0.2.1', done.err)

    def test_others_reach_it_only_when_said_so(self):
        done = run_cli('--check-config', '--http', '0.0.0.0:80')
        self.assertEqual(done.code, 2, done)
        self.assertRegex(done.err, r'--http.*http-public')
        for options in (('--http', '0.0.0.0:80', '--http-public'), ('--http', '[::1]:80'),
                        ('--http', 'off')):
            self.assertEqual(run_cli('--check-config', *options).code, 0, options)
        for value in ('80', 'localhost:80', '127.0.0.1', '127.0.0.1:70000', ''):
            done = run_cli('--check-config', '--http', value)
            self.assertNotEqual(done.code, 0, value)
            self.assertIn('IP:PORT', done.err)

    def test_off_by_default(self):
        self.assertIsNone(self.start().info()['http'])


if __name__ == '__main__':
    unittest.main()
