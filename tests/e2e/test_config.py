"""A mistake in the configuration, or data that cannot be used, is one line that says what is wrong
and where, with the exit code that tells whether a person is needed; nothing is overwritten."""

import ctypes
import glob
import os
import socket
import unittest

from harness import ROOT, TestCase, run_cli

MAY_PASS, NEEDS_A_PERSON, USAGE = 1, 2, 3


class ConfigFile(TestCase):
    def check(self, content, *arguments):
        path = self.write('xord.conf', content)
        return run_cli('--conf', path, '--datadir', self.path('d'), '--check-config', *arguments)

    def assert_mistake(self, content, *words):
        done = self.check(content)
        self.assertEqual(done.code, NEEDS_A_PERSON, done)
        self.assertEqual(len(done.err.strip().splitlines()), 1, done)
        for word in words:
            self.assertIn(word, done.err)
        self.assertFalse(os.path.exists(self.path('d')), 'a check makes nothing')

    def test_unknown_key_names_file_line_and_the_nearest(self):
        self.assert_mistake('port = 1\n\n# a comment\nbootsrtap = none\n',
                            'xord.conf:4', 'bootsrtap', 'bootstrap')

    def test_bad_values_name_the_place(self):
        for line in ('port = 70000', 'port = http', 'role = king', 'bind = localhost.',
                     'bootstrap = 127.0.0.1', 'max-bytes = 5Q', 'max-bytes = -1',
                     'network = two words', 'log-level = loud'):
            with self.subTest(line=line):
                key = line.split(' ', maxsplit=1)[0]
                self.assert_mistake(f'# first\n{line}\n', 'xord.conf:2', key)

    def test_lines_that_would_be_misread(self):
        for content in ('port 4001\n', 'port = 1\n  indented = 2\n', 'port = 1 ; x\n',
                        'network = ' + 'x' * 300 + '\n', '= 5\n'):
            with self.subTest(content=content[:30]):
                self.assert_mistake(content, 'xord.conf:')

    def test_good_file_passes(self):
        done = self.check('port = 0\nbind = 127.0.0.1\nbootstrap = none\n')
        self.assertEqual((done.code, done.err), (0, ''), done)

    def test_our_own_file_passes(self):
        done = run_cli('--conf', os.path.join(ROOT, 'conf', 'xord.conf'), '--check-config')
        self.assertEqual(done.code, 0, done)

    def test_missing_file(self):
        done = run_cli('--conf', self.path('none.conf'), '--check-config')
        self.assertEqual(done.code, NEEDS_A_PERSON, done)
        self.assertIn('none.conf', done.err)

    def test_flag_over_environment_over_file(self):
        conf = self.write('xord.conf', 'network = fromfile\nport = 0\nbind = 127.0.0.1\n')
        node = self.start('--conf', conf, env={'XORD_NETWORK': 'fromenv'})
        self.assertEqual(node.info()['network'], 'fromenv')
        node.stop()
        self.assertNotIn('unknown variable', node.log())
        node.options += ['--network', 'fromflag']
        node.env['XORD_NETWROK'] = 'x'
        node.start()
        self.assertEqual(node.info()['network'], 'fromflag')
        self.assertIn('unknown variable "XORD_NETWROK" in the environment; '
                      'did you mean "XORD_NETWORK"?', node.log())
        node.stop()
        node.env, node.options = {}, ['--conf', conf]
        node.start()
        self.assertEqual(node.info()['network'], 'fromfile')


class Usage(TestCase):
    def test_unknown_option_is_usage(self):
        done = run_cli('--datadir', self.path('d'), '--prot', '5')
        self.assertEqual(done.code, USAGE, done)
        self.assertIn('--prot', done.err)

    def test_bad_value_of_an_option_names_it(self):
        done = run_cli('--datadir', self.path('d'), '--port', '70000')
        self.assertIn(done.code, (NEEDS_A_PERSON, USAGE), done)
        self.assertIn('--port', done.err)

    def test_help_and_version(self):
        done = run_cli('--help')
        self.assertEqual(done.code, 0)
        self.assertIn('--bootstrap', done.out)
        done = run_cli('--version')
        self.assertEqual(done.code, 0)
        self.assertRegex(done.out, r'\d+\.\d+\.\d+')


class InUse(TestCase):
    def assert_refused(self, daemon, code, *words):
        daemon.spawn()
        self.assertEqual(daemon.wait_end(), code, daemon.log())
        for word in words:
            self.assertIn(word, daemon.log())
        return daemon

    def test_port_in_use(self):
        first = self.start()
        second = self.daemon(port=first.port)
        self.assert_refused(second, MAY_PASS, str(first.port))
        self.assertTrue(first.is_alive())

    def test_data_directory_in_use(self):
        first = self.start(name='d')
        second = self.daemon(name='d')
        second.socket_path = self.path('other.sock')
        self.assert_refused(second, MAY_PASS, self.path('d'))
        self.assertEqual(first.info()['state'], 'alone')

    def test_live_socket_is_refused_and_kept(self):
        first = self.start()
        second = self.daemon()
        second.socket_path = first.socket_path
        self.assert_refused(second, MAY_PASS, first.socket_path)
        with first.connect() as rpc:
            self.assertEqual(rpc.call('getinfo')['id'], first.info()['id'])

    def test_dead_socket_is_replaced(self):
        node = self.daemon()
        os.makedirs(node.datadir, mode=0o700)
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(node.socket_path)
        dead.close()
        node.start()
        self.assertEqual(node.info()['state'], 'alone')

    def test_what_is_no_socket_is_not_replaced(self):
        node = self.daemon()
        os.makedirs(node.datadir, mode=0o700)
        with open(node.socket_path, 'w', encoding='ascii') as file:
            file.write('precious')
        node.spawn()
        self.assertNotEqual(node.wait_end(), 0)
        with open(node.socket_path, encoding='ascii') as file:
            self.assertEqual(file.read(), 'precious')

    def test_socket_path_too_long(self):
        node = self.daemon()
        node.socket_path = self.path('x' * 120)
        self.assert_refused(node, NEEDS_A_PERSON, '107')


def set_format(folder, number):
    """Writes the format's number as a later version of the daemon would, with LMDB itself."""
    lmdb = ctypes.CDLL('liblmdb.so.0')

    class Value(ctypes.Structure):
        _fields_ = [('size', ctypes.c_size_t), ('data', ctypes.c_char_p)]

    def must(code):
        assert code == 0, code

    env, txn, table = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_uint()
    must(lmdb.mdb_env_create(ctypes.byref(env)))
    must(lmdb.mdb_env_set_maxdbs(env, 32))
    must(lmdb.mdb_env_open(env, folder.encode(), 0, 0o600))
    must(lmdb.mdb_txn_begin(env, None, 0, ctypes.byref(txn)))
    must(lmdb.mdb_dbi_open(txn, b'meta', 0, ctypes.byref(table)))
    key, value = Value(6, b'format'), Value(4, number.to_bytes(4, 'little'))
    must(lmdb.mdb_put(txn, table, ctypes.byref(key), ctypes.byref(value), 0))
    must(lmdb.mdb_txn_commit(txn))
    lmdb.mdb_env_close(env)


class DamagedData(TestCase):
    def made_once(self):
        """A daemon that ran, put something, and stopped; and its database file."""
        node = self.start()
        node.call('createkey', 'alice')
        for number in range(20):
            node.call('dhtput', 'alice', f'r{number}', 's', 'x' * 500)
        node.stop()
        files = [path for path in glob.glob(node.datadir + '/**/data.mdb', recursive=True)]
        self.assertEqual(len(files), 1, os.listdir(node.datadir))
        return node, files[0]

    def assert_not_started(self, node, path):
        with open(path, 'rb') as file:
            before = file.read()
        node.spawn()
        self.assertEqual(node.wait_end(), NEEDS_A_PERSON, node.log())
        self.assertIn(os.path.basename(os.path.dirname(path)) or path, node.log())
        with open(path, 'rb') as file:
            self.assertEqual(file.read(), before, 'never overwritten')

    def test_garbage_for_a_database(self):
        node, path = self.made_once()
        with open(path, 'r+b') as file:
            file.write(os.urandom(8192))
        self.assert_not_started(node, path)

    def test_truncated_database(self):
        node, path = self.made_once()
        os.truncate(path, os.path.getsize(path) // 2 // 4096 * 4096)
        self.assert_not_started(node, path)

    def test_newer_database(self):
        node, path = self.made_once()
        set_format(os.path.dirname(path), 2**31)
        self.assert_not_started(node, path)
        self.assertIn('newer', node.log())

    def test_database_of_a_few_bytes(self):
        node, path = self.made_once()
        with open(path, 'wb') as file:
            file.write(b'not a database')
        self.assert_not_started(node, path)


if __name__ == '__main__':
    unittest.main()
