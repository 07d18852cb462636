"""Under a service manager: it is told when the daemon is ready, how it is, that it reloads, stops
and lives; sockets that it passes are served; log lines carry the journal's levels. The manager here
is a test's own socket."""

import fcntl
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import time
import unittest

from harness import DEADLINE_S, ROOT, XORD, Rpc, RpcError, TestCase, wait_until
from krpc import Peer

NEEDS_A_PERSON = 2
PASSED_FROM = 50  # above all that a shell's redirection may take


class Manager:
    """What NOTIFY_SOCKET leads to. `name` is a path, or abstract after @."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind('\0' + name[1:] if name[0] == '@' else name)
        self.socket.settimeout(DEADLINE_S)

    def read(self):
        """The lines of the next message."""
        return self.socket.recv(4096).decode().splitlines()

    def wait(self, wanted):
        """Reads until a line begins with `wanted`; that line."""
        while True:
            for line in self.read():
                if line.startswith(wanted):
                    return line


class Notify(TestCase):
    def setUp(self):
        super().setUp()
        self.manager = Manager(self.path('notify'))
        self.addCleanup(self.manager.socket.close)

    def managed(self, *options, **env):
        return self.daemon(*options, env={'NOTIFY_SOCKET': self.manager.name, **env}).spawn()

    def test_ready_means_that_calls_are_answered(self):
        node = self.managed()
        self.assertIn('READY=1', self.manager.read(), 'nothing comes before it')
        with Rpc(node.socket_path) as rpc:
            self.assertEqual(rpc.call('getinfo')['role'], 'server')
        with Rpc(os.path.join(node.datadir, 'ro.sock')) as rpc:
            self.assertEqual(rpc.call('getinfo')['role'], 'server')

    def test_an_abstract_name(self):
        manager = Manager('@xord-e2e-' + os.urandom(8).hex())
        self.addCleanup(manager.socket.close)
        self.daemon(env={'NOTIFY_SOCKET': manager.name}).spawn()
        manager.wait('READY=1')

    def test_status_follows_role_nodes_and_state(self):
        node = self.managed()
        line = self.manager.wait('STATUS=')
        self.assertRegex(line, r'^STATUS=server, 0 nodes, (starting|alone)$')
        node.wait_ready()
        self.start(bootstrap=node.address)
        while line != 'STATUS=server, 1 node, online':
            line = self.manager.wait('STATUS=')

    def test_a_reload_is_told_from_its_begin_to_its_end(self):
        node = self.managed().wait_ready()
        self.manager.wait('READY=1')
        for ask, what in (node.call, 'reload'), (node.process.send_signal, signal.SIGHUP):
            ask(what)
            begun = int(self.manager.wait('MONOTONIC_USEC=').split('=')[1])
            self.assertLess(abs(begun / 1e6 - time.monotonic()), DEADLINE_S)
            self.manager.wait('READY=1')

    def test_stopping_is_told(self):
        node = self.managed().wait_ready()
        node.process.send_signal(signal.SIGTERM)
        self.manager.wait('STOPPING=1')
        self.assertEqual(node.wait_end(), 0)

    def test_why_it_does_not_start_is_told(self):
        other = self.start()
        node = self.daemon(env={'NOTIFY_SOCKET': self.manager.name}, port=other.port).spawn()
        self.assertIn(str(other.port), self.manager.wait('STATUS='))
        self.assertEqual(node.wait_end(), 1)

    def test_the_watchdog_is_fed(self):
        self.managed(WATCHDOG_USEC='100000')
        for _ in range(3):
            self.manager.wait('WATCHDOG=1')

    def test_a_manager_that_is_not_there_costs_one_line(self):
        for name in (self.path('nowhere'), 'not-a-path', '@' + 'x' * 200):
            with self.subTest(name=name[:20]):
                node = self.start(env={'NOTIFY_SOCKET': name, 'WATCHDOG_USEC': '20000'})
                node.call('reload')
                self.assertEqual(node.log().count('NOTIFY_SOCKET'), 1, node.log())
                self.assertIn('warn', node.log())
                self.assertEqual(node.stop(), 0)

    def test_a_watchdog_that_is_no_number_costs_one_line(self):
        node = self.managed(WATCHDOG_USEC='soon').wait_ready()
        self.assertEqual(node.log().count('WATCHDOG_USEC'), 1, node.log())


class Passed(TestCase):
    """Sockets that a parent has opened, as systemd does for a socket unit."""

    def listening(self, name, mode=0o640, kind=socket.SOCK_STREAM):
        made = socket.socket(socket.AF_UNIX, kind)
        self.addCleanup(made.close)
        made.bind(self.path(name))
        os.chmod(self.path(name), mode)
        if kind == socket.SOCK_STREAM:
            made.listen()
        return made

    def passing(self, names, *sockets):
        """A daemon that is given these sockets, by these names."""
        node = self.daemon(env={'LISTEN_FDS': str(len(sockets)), 'LISTEN_FDNAMES': names})
        node.pass_fds = [fcntl.fcntl(each, fcntl.F_DUPFD, PASSED_FROM) for each in sockets]
        for fd in node.pass_fds:
            self.addCleanup(os.close, fd)
        moves = ' '.join(f'{3 + i}<&{fd}' for i, fd in enumerate(node.pass_fds))
        node.prefix = ['bash', '-c', f'LISTEN_PID=$$ exec "$0" "$@" {moves}']
        return node

    def test_both_are_served_with_their_rights_and_left_in_place(self):
        full, readonly = self.listening('a.sock'), self.listening('b.sock', 0o604)
        node = self.passing('rpc-readonly:rpc', readonly, full)
        waiting = Rpc(self.path('a.sock'))  # connected before anybody served it
        self.addCleanup(waiting.close)
        node.spawn()
        self.assertIn(waiting.call('waitready'), ('alone', 'online'))
        with Rpc(self.path('b.sock')) as reading:
            self.assertEqual(reading.call('getinfo')['id'], waiting.call('getinfo')['id'])
            self.assert_error('read_only', 403, reading.call, 'createkey', 'alice')
        self.assertIn(f"socket {self.path('a.sock')}", node.log())
        self.assertFalse(os.path.exists(node.socket_path), 'it makes none of its own')
        self.assertEqual(waiting.call('stop'), 'xord is stopping')
        self.assertEqual(node.wait_end(), 0)
        for name, mode in (('a.sock', 0o640), ('b.sock', 0o604)):
            found = os.stat(self.path(name))
            self.assertTrue(stat.S_ISSOCK(found.st_mode))
            self.assertEqual(stat.S_IMODE(found.st_mode), mode)

    def test_who_comes_while_none_runs_is_served_by_the_next(self):
        full = self.listening('a.sock')
        node = self.passing('rpc', full).spawn()
        with Rpc(self.path('a.sock')) as rpc:
            rpc.call('stop')
        node.wait_end()
        with Rpc(self.path('a.sock')) as rpc:
            number = rpc.send('getinfo')
            node.spawn()
            self.assertEqual(rpc.result(number)['role'], 'server')

    def test_what_is_not_passed_it_makes_itself(self):
        node = self.passing('rpc-readonly', self.listening('b.sock')).start()
        with Rpc(self.path('b.sock')) as rpc:
            self.assertEqual(rpc.call('getinfo')['id'], node.info()['id'])
        self.assertEqual(stat.S_IMODE(os.stat(node.socket_path).st_mode), 0o660)

    def test_no_child_would_inherit_them(self):
        node = self.passing('rpc', self.listening('a.sock')).spawn()
        with Rpc(self.path('a.sock')) as rpc:
            rpc.call('waitready')
        with open(f'/proc/{node.process.pid}/fdinfo/3', encoding='ascii') as info:
            flags = int(re.search(r'flags:\s*(\d+)', info.read())[1], 8)
        self.assertTrue(flags & os.O_CLOEXEC)

    def assert_refused(self, node, *words):
        node.spawn()
        self.assertEqual(node.wait_end(), NEEDS_A_PERSON, node.log())
        for word in words:
            self.assertIn(word, node.log())
        self.assertEqual(len(node.log().splitlines()), 1, node.log())
        self.assertFalse(os.path.exists(os.path.join(node.datadir, 'node')), 'nothing was begun')

    def test_a_wrong_name_needs_a_person(self):
        self.assert_refused(self.passing('xord.socket', self.listening('a.sock')),
                            '"xord.socket"', 'rpc-readonly', 'FileDescriptorName=')

    def test_what_does_not_listen_needs_a_person(self):
        self.assert_refused(self.passing('rpc', self.listening('a.sock', kind=socket.SOCK_DGRAM)),
                            '"rpc"', 'ListenStream=')

    def test_an_internet_socket_needs_a_person(self):
        made = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(made.close)
        self.assert_refused(self.passing('rpc', made), '"rpc"', 'Unix')

    def test_too_many_need_a_person(self):
        made = [self.listening(f'{i}.sock') for i in range(5)]
        self.assert_refused(self.passing('rpc:rpc:rpc:rpc:rpc', *made), 'LISTEN_FDS=5', 'at most 4')


class Journal(TestCase):
    """JOURNAL_STREAM names the file that standard error must be, else it is meant for another."""

    def journaled(self, inode_of, *options):
        node = self.daemon(*options)
        with open(node.datadir + '.log', 'ab'):
            pass
        found = os.stat(inode_of or node.datadir + '.log')
        node.env = {'JOURNAL_STREAM': f'{found.st_dev}:{found.st_ino}'}
        return node

    def test_lines_carry_levels_and_no_time(self):
        node = self.journaled(None).start()
        self.assertEqual(node.call('setlog', 'info,daemon=debug'), True)
        node.stop()
        lines = node.log().splitlines()
        self.assertGreaterEqual(len(lines), 2)
        for line in lines:
            self.assertRegex(line, r'^<[3467]>[a-z]+: (error|warn|info|debug): ')
        self.assertRegex(node.log(), '(?m)^<6>daemon: info: ready: ')

    def test_how_the_node_fares_is_told(self):
        node = self.daemon().start()
        wait_until(lambda: 'node: info: alone: ' in node.log(), 'the first node is alone')
        self.assertEqual(node.log().count('node: info: server: bound to loopback'), 1)
        other = self.daemon(bootstrap=node.address).start()
        for one in (node, other):
            wait_until(lambda: 'node: info: online: 1 node known' in one.log(), 'they have met')
        node.call('setlog', 'info,rpc=debug')
        self.assertIn('levels of the log from here on: info,rpc=debug', node.log())

    def test_no_packet_and_no_call_makes_a_line(self):
        node = self.journaled(None, '--network', 'mainline').start()
        node.call('setlog', 'debug,node=warn')  # it may come online
        before = node.log()
        with Peer(node.port) as peer:
            for number in range(300):
                peer.send(b'rubbish %d' % number)
                peer.send(b'd1:ad2:id20:' + b'x' * 20 + b'e1:q4:nope1:t2:aa1:y1:qe')
                peer.ask('ping')
                node.call('getinfo')
                with self.assertRaises(RpcError):
                    node.call('nonsense')
        self.assertEqual(node.log(), before)

    def test_another_stream_is_none_of_ours(self):
        node = self.journaled('/dev/null').start()
        self.assertRegex(node.log(), r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ daemon: ')

    def test_the_last_line_is_an_error(self):
        node = self.journaled(None, '--port', 'none').spawn()
        self.assertNotEqual(node.wait_end(), 0)
        self.assertRegex(node.log(), '^<3>xord: .*--port')


UNITS = ('xord.service', 'xord.socket', 'xord-readonly.socket', 'user/xord.service')
EXPOSURE_MAX = '11'  # 1.1, in tenths
# What the service cannot do without: the system's files, sockets, the network, and of devices what
# systemd opens itself for ProtectClock=.
EXPOSED = {'RootDirectory=/RootImage=', 'RestrictAddressFamilies=~AF_UNIX', 'DeviceAllow=',
           'RestrictAddressFamilies=~AF_(INET|INET6)', 'PrivateNetwork=', 'IPAddressDeny='}


@unittest.skipUnless(shutil.which('systemd-analyze'), 'systemd-analyze is not installed')
class Units(TestCase):
    def test_the_service_is_shut_off(self):
        done = subprocess.run(
            ['systemd-analyze', 'security', '--offline=yes', '--no-pager',
             f'--threshold={EXPOSURE_MAX}', os.path.join(ROOT, 'systemd', 'xord.service')],
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        exposed = {line.split()[1] for line in done.stdout.splitlines() if line[:1] == '✗'}
        self.assertEqual(exposed, EXPOSED)

    def test_each_unit_is_understood(self):
        os.mkdir(self.path('user'))
        for name in UNITS:
            with open(os.path.join(ROOT, 'systemd', name), encoding='utf-8') as unit:
                self.write(name, unit.read().replace('/usr/bin/xord', os.path.abspath(XORD)))
        for scope, names in (('--system', UNITS[:3]), ('--user', UNITS[3:])):
            done = subprocess.run(
                ['systemd-analyze', scope, 'verify', '--man=no', *map(self.path, names)],
                capture_output=True, text=True, timeout=60, check=False,
                env={**os.environ, 'XDG_RUNTIME_DIR': self.folder})
            about = [line for line in done.stderr.splitlines() if 'xord' in line]
            self.assertEqual(about, [])
