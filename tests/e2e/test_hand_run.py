"""What a newcomer types by hand, word for word, works: two daemons, a key, a put, a get."""

import json
import os
import signal
import subprocess
import unittest

from harness import XORD, TestCase, clean_environment, wait_until

VALUE = '{"fullname":"Alice","height":1.75,"ok":true,"none":null}'


def free_udp_port():
    import socket
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class HandRun(TestCase):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path('bin'))
        for name in ('xord', 'dhtget', 'dhtput'):
            os.symlink(os.path.abspath(XORD), self.path('bin', name))
        self.env = clean_environment(PATH=self.path('bin') + ':' + os.environ['PATH'])

    def type(self, line):
        """Types one line into a shell; what it printed."""
        done = subprocess.run(['sh', '-c', line], cwd=self.folder, env=self.env, timeout=20,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, f'{line}\n{done.stdout}\n{done.stderr}')
        return done.stdout.decode()

    def start_by_hand(self, line):
        with open(self.path('log'), 'ab') as log:
            process = subprocess.Popen(['sh', '-c', 'exec ' + line], cwd=self.folder,
                                       env=self.env, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def assert_profile(self, values):
        self.assertEqual(len(values), 1)
        self.assertEqual(set(values[0]), {'p', 'sig_p', 'sig_user', 'k'})
        part = values[0]['p']
        self.assertEqual(set(part), {'seq', 'target', 'time', 'v'})
        self.assertEqual(part['target'], {'n': 'alice', 'r': 'profile', 't': 's'})
        self.assertEqual((part['seq'], part['v']), (1, json.loads(VALUE)))
        self.assertEqual(values[0]['sig_user'], 'alice')
        self.assertRegex(values[0]['sig_p'], '^[0-9a-f]{128}$')

    def test_hand_run(self):
        port_a, port_b = free_udp_port(), free_udp_port()
        first = self.start_by_hand(f'xord --datadir a --port {port_a} --bind 127.0.0.1')
        self.start_by_hand(f'xord --datadir b --port {port_b} --bind 127.0.0.1 '
                           f'--bootstrap 127.0.0.1:{port_a}')
        self.type('xord -w --rpc-socket a/rpc.sock waitready')
        self.type('xord -w --rpc-socket b/rpc.sock waitready')
        created = self.type('xord --rpc-socket a/rpc.sock createkey alice')
        key = self.type('xord --rpc-socket a/rpc.sock pubkey alice').strip()
        self.assertRegex(key, '^[0-9a-f]{64}$')
        self.assertIn(key, created)
        self.type(f"xord --rpc-socket a/rpc.sock dhtput alice profile s '{VALUE}' alice 1")
        self.type(f'xord --rpc-socket b/rpc.sock addcontact alice {key}')
        shown = self.type('xord --rpc-socket b/rpc.sock dhtget alice profile s')
        self.assert_profile(json.loads(shown))
        quiet = self.type('xord --rpc-socket b/rpc.sock -q dhtget alice profile s')
        self.assertEqual(quiet, VALUE + '\n')
        linked = self.type('dhtget --rpc-socket b/rpc.sock alice profile s')
        self.assertEqual(json.loads(linked), json.loads(shown))
        reply = json.loads(self.type(
            r'''printf '{"jsonrpc":"2.0","id":1,"method":"dhtget",'''
            r'''"params":["alice","profile","s"]}\n' | nc -N -U b/rpc.sock'''))
        self.assertEqual((reply['jsonrpc'], reply['id']), ('2.0', 1))
        self.assert_profile(reply['result'])
        first.send_signal(signal.SIGINT)
        wait_until(lambda: first.poll() is not None, 'Ctrl-C stops it')
        with open(self.path('log'), encoding='utf-8') as log:
            self.assertEqual(first.returncode, 0, log.read())

    def test_closed_standard_files_are_not_the_database(self):
        line = 'xord --datadir a --port 0 --bind 127.0.0.1 --bootstrap none <&- >&- 2>&-'
        node = self.start_by_hand(line)
        self.type('xord -w --datadir a createkey alice')
        self.type('xord --datadir a setlog debug')
        self.type('xord --datadir a dhtput alice profile s 5')
        self.type('xord --datadir a stop')
        self.assertEqual(node.wait(), 0)
        self.start_by_hand(line)
        self.assertEqual(self.type('xord -w --datadir a -q dhtget alice profile s'), '5\n')

    def test_socket_is_in_the_data_directory(self):
        self.start_by_hand('xord --datadir a --port 0 --bind 127.0.0.1')
        info = json.loads(self.type('xord -w --datadir a getinfo'))
        self.assertTrue(os.path.exists(self.path('a', 'rpc.sock')))
        self.assertTrue(os.path.exists(self.path('a', 'ro.sock')))
        self.assertGreater(info['port'], 0)
        self.assertEqual(os.stat(self.path('a')).st_mode & 0o777, 0o700)


if __name__ == '__main__':
    unittest.main()
