"""The command line: exit codes tell the truth, data goes to stdout and all else to stderr, and
values arrive as the rules of quoting say."""

import json
import os
import shutil
import subprocess
import unittest

from alice import AliceCase
from harness import XORD, clean_environment, run_cli

OK, ERROR, NO_DAEMON, USAGE, NO_VALUE = 0, 1, 2, 3, 4


class CommandLine(AliceCase):
    def cli(self, *arguments, **options):
        return self.node.cli(*arguments, **options)

    def put_and_read(self, *value, **options):
        """What `value`, as typed, became."""
        done = self.cli('dhtput', 'alice', 'cli', 's', *value, **options)
        self.assertEqual(done.code, OK, done)
        return self.node.call('dhtget', 'alice', 'cli', 's')[0]['p']


class ExitCodes(CommandLine):
    def test_ok(self):
        done = self.cli('getinfo')
        self.assertEqual((done.code, done.err), (OK, ''))
        self.assertEqual(done.json()['network'], self.node.network)

    def test_error_reply(self):
        done = self.cli('dhtget', 'nobody', 'x', 's')
        self.assertEqual((done.code, done.out), (ERROR, ''))
        self.assertIn('addcontact', done.err)

    def test_no_daemon(self):
        done = run_cli('--rpc-socket', self.path('none.sock'), 'getinfo')
        self.assertEqual((done.code, done.out), (NO_DAEMON, ''))
        self.assertIn('none.sock', done.err)

    def test_usage(self):
        for arguments in (('dhtget', 'alice'), ('dhtget', 'alice', 'x', 's', 'soon'),
                          ('nosuchmethod',), ('getinfo', 'extra'),
                          ('dhtget', 'alice', 'x', 'q')):
            with self.subTest(arguments=arguments):
                done = self.cli(*arguments)
                self.assertEqual((done.code, done.out), (USAGE, ''), done)
                self.assertTrue(done.err)

    def test_unknown_method_suggests(self):
        self.assertIn('dhtget', self.cli('dhtgte', 'alice', 'x', 's').err)

    def test_no_value(self):
        done = self.cli('dhtget', 'alice', 'never-put', 's')
        self.assertEqual((done.code, done.out.strip()), (NO_VALUE, '[]'))


class Values(CommandLine):
    def test_json_is_json_and_the_rest_is_text(self):
        for typed, value in (('{"a":1}', {'a': 1}), ('5', 5), ('-5', -5), ('null', None),
                             ('true', True), ('hello', 'hello'), ('two words', 'two words'),
                             ('"quoted"', 'quoted'), ('39.010941', 39.010941),
                             ('{broken', '{broken'),
                             ('9223372036854775807', 2**63 - 1)):
            with self.subTest(typed=typed):
                self.assertEqual(self.put_and_read(typed)['v'], value)

    def test_string_flag(self):
        for typed in ('5', '@nofile', 'keep=false', '-', '{"a":1}'):
            with self.subTest(typed=typed):
                self.assertEqual(self.put_and_read('-S', typed)['v'], typed)

    def test_standard_input_and_files(self):
        self.assertEqual(self.put_and_read('-', stdin='{"from":"stdin"}')['v'], {'from': 'stdin'})
        path = self.write('value.json', '[1, 2]')
        self.assertEqual(self.put_and_read('@' + path)['v'], [1, 2])
        binary = self.write('value.bin', b'\xff\0\xfe')
        self.assertEqual(self.put_and_read('@' + binary)['v_base64'], '/wD+')
        self.assertEqual(self.put_and_read('-b', '@' + path)['v_base64'], 'WzEsIDJd')

    def test_named_parameters(self):
        self.put_and_read('1', 'seq=5000')
        self.assertEqual(self.put_and_read('value=2', 'sig_user=alice')['seq'], 5001)

    def test_key_of_no_parameter_is_text(self):
        self.assertEqual(self.put_and_read('size=5')['v'], 'size=5')

    def test_after_two_dashes_all_is_literal(self):
        done = self.cli('--', 'dhtput', 'alice', 'cli', 's', 'seq=1')
        self.assertEqual(done.code, OK, done)
        self.assertEqual(self.node.call('dhtget', 'alice', 'cli', 's')[0]['p']['v'], 'seq=1')

    def test_options_stand_anywhere(self):
        done = run_cli('getinfo', '--rpc-socket', self.node.socket_path)
        self.assertEqual(done.code, OK, done)


class Output(CommandLine):
    def test_json_is_indented_and_a_string_is_bare(self):
        self.assertIn('\n    "', self.cli('getinfo').out.replace('\n  "', '\n    "'))
        key = self.node.call('pubkey', 'alice')
        self.assertEqual(self.cli('pubkey', 'alice').out, key + '\n')

    def test_quiet_is_the_value_alone(self):
        for value, shown in (('text', b'text\n'), ({'a': 1}, b'{"a":1}\n'),
                             (39.010941, b'39.010941\n')):
            self.node.call('dhtput', 'alice', 'q', 's', value)
            self.assertEqual(self.cli('-q', 'dhtget', 'alice', 'q', 's').out_bytes, shown)
        self.node.call('dhtput', username='alice', resource='q', type='s', value_base64='/wD+')
        self.assertEqual(self.cli('-q', 'dhtget', 'alice', 'q', 's').out_bytes, b'\xff\0\xfe')

    def test_help(self):
        text = self.cli('help').out
        for method in ('dhtget', 'dhtput', 'getinfo', 'createkey', 'waitready'):
            self.assertIn(method, text)
        self.assertIn('timeout_ms', self.cli('help', 'dhtget').out)

    def test_links(self):
        for name in ('dhtget', 'dhtput'):
            os.symlink(os.path.abspath(XORD), self.path(name))
        self.node.call('createkey', 'linked')
        done = run_cli('--rpc-socket', self.node.socket_path, 'linked', 'x', 's', '7',
                       binary=self.path('dhtput'))
        self.assertEqual(done.code, OK, done)
        done = run_cli('-q', '--rpc-socket', self.node.socket_path, 'linked', 'x', 's',
                       binary=self.path('dhtget'))
        self.assertEqual(done.out, '7\n', done)

    def test_full_device_is_an_error(self):
        with open('/dev/full', 'wb') as full:
            done = subprocess.run([XORD, '--rpc-socket', self.node.socket_path, 'getinfo'],
                                  stdout=full, stderr=subprocess.PIPE, check=False,
                                  env=clean_environment())
        self.assertNotEqual(done.returncode, 0)


class FindingTheSocket(CommandLine):
    def test_by_datadir_and_environment(self):
        for env, arguments in (({}, ('--datadir', self.node.datadir)),
                               ({'XORD_RPC_SOCKET': self.node.socket_path}, ())):
            done = run_cli(*arguments, 'getinfo', env=env)
            self.assertEqual(done.code, OK, done)

    def test_waiting_for_the_daemon(self):
        node = self.shared.daemon()
        node.spawn()
        self.assertEqual(node.cli('-w', 'waitready').code, OK)

    def test_where_rpc_sock_may_not_be_opened_ro_sock_is_used(self):
        if os.geteuid() != 0:
            self.skipTest('needs root to become somebody else')
        os.chmod(self.shared.folder, 0o755)
        node = self.shared.daemon(name='open')
        node.start()
        os.chmod(node.datadir, 0o755)
        as_nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
        done = self.run_as(as_nobody, node, 'getinfo')
        self.assertEqual(done.returncode, OK, done)
        self.assertIn('network', json.loads(done.stdout))
        done = self.run_as(as_nobody, node, 'createkey', 'x')
        self.assertNotEqual(done.returncode, OK)
        self.assertIn(b'group', done.stderr)

    def run_as(self, prefix, node, *arguments):
        binary = shutil.copy(XORD, self.shared.path('xord-copy'))
        os.chmod(binary, 0o755)
        return subprocess.run([*prefix, binary, '--rpc-socket', node.socket_path, *arguments],
                              capture_output=True, check=False, env=clean_environment())


if __name__ == '__main__':
    unittest.main()
