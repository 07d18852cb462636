"""The service as a system runs it: started by its sockets, open to its group, reloaded, watched,
restarted without loss, stopped, removed; and the end-to-end tests in its sandbox."""

import json
import os
import subprocess
import time
import unittest

from harness import ROOT, wait_until
from machine import Impossible, Machine, find_package

NEEDS_A_PERSON = 2
CLIENT_NO_DAEMON = 2
E2E = os.path.join(ROOT, 'tests', 'e2e')
RESTART_S = 30
CONF = '/etc/xord/xord.conf'
UNIT_FOLDER = '/usr/lib/systemd/system'
SHARED = {}  # the machine, booted once for all


def install_tree(machine):
    """What `make install` installs, straight into the tree."""
    subprocess.run(['make', '-C', ROOT, '--no-print-directory', 'install', 'PREFIX=/usr',
                    f'DESTDIR={machine.tree}'], check=True, stdout=subprocess.DEVNULL)
    machine.do('systemd-sysusers')
    machine.do('systemctl', 'daemon-reload')


def install_package(machine, package):
    """As a person would, in the running system."""
    subprocess.run(['cp', package, machine.path('/root/xord.deb')], check=True)
    machine.do('dpkg', '--install', '/root/xord.deb')


def setUpModule():
    try:
        machine = Machine()
        machine.boot()
    except Impossible as why:
        raise unittest.SkipTest(str(why)) from None
    SHARED['machine'] = machine
    SHARED['package'] = find_package()
    if SHARED['package']:
        install_package(machine, SHARED['package'])
    else:
        install_tree(machine)
    for user in ('alice', 'mallory'):
        machine.do('useradd', '--create-home', user)
    machine.do('usermod', '--append', '--groups', 'xord', 'alice')


def tearDownModule():
    SHARED['machine'].end()


class BootCase(unittest.TestCase):
    """Each test begins with the packaged settings, listening sockets and no daemon."""

    maxDiff = 4000

    def setUp(self):
        self.machine = SHARED['machine']
        self.do = self.machine.do
        self.run_in = self.machine.run
        self.settings('bootstrap = none\n')
        self.do('systemctl', 'stop', 'xord.service')
        self.run_in('systemctl', 'reset-failed', 'xord.service')
        self.do('systemctl', 'start', 'xord.socket', 'xord-readonly.socket')

    def settings(self, text):
        self.machine.write(CONF, text)

    def drop_in(self, text):
        """Changes the unit for this test."""
        name = '/run/systemd/system/xord.service.d/test.conf'
        self.machine.write(name, text)
        self.do('systemctl', 'daemon-reload')
        self.addCleanup(self.do, 'systemctl', 'daemon-reload')
        self.addCleanup(os.unlink, self.machine.path(name))

    def show(self, what, unit='xord.service'):
        return self.do('systemctl', 'show', '--value', '--property', what, unit)

    def state(self):
        return self.show('ActiveState')

    def xord(self, *arguments, user='alice', data=b''):
        return self.do('xord', *arguments, user=user, data=data)

    def wait_restart(self, pid):
        """Until systemd has replaced the daemon that was `pid`, and it is ready."""
        wait_until(lambda: self.show('MainPID') not in ('0', pid) and self.state() == 'active',
                   'a new daemon', RESTART_S)


class Sockets(BootCase):
    def test_the_first_call_starts_the_daemon(self):
        self.assertEqual(self.state(), 'inactive')
        self.assertIn(self.xord('-q', 'waitready'), ('alone', 'online'))
        self.assertEqual(self.state(), 'active')
        self.assertEqual(self.show('SubState'), 'running')
        self.assertRegex(self.show('StatusText'), r'^server, 0 nodes, (starting|alone)$')

    def test_so_does_a_reader(self):
        self.assertEqual(json.loads(self.xord('getinfo', user='mallory'))['role'], 'server')
        self.assertEqual(self.state(), 'active')

    def test_their_owners_and_modes(self):
        found = self.do('stat', '--format=%U:%G %a', '/run/xord/rpc.sock', '/run/xord/ro.sock')
        self.assertEqual(found.splitlines(), ['root:xord 660', 'root:xord 666'])

    def test_starting_the_service_starts_them(self):
        self.do('systemctl', 'stop', 'xord.socket', 'xord-readonly.socket')
        self.do('systemctl', 'start', 'xord.service')
        self.assertEqual(self.show('ActiveState', 'xord.socket'), 'active')
        self.xord('getinfo')

    def test_a_stop_leaves_them_and_the_next_call_starts_anew(self):
        self.xord('getinfo')
        self.do('systemctl', 'stop', 'xord.service')
        self.assertEqual((self.state(), self.show('Result')), ('inactive', 'success'))
        self.xord('getinfo')
        self.assertEqual(self.state(), 'active')


class Rights(BootCase):
    def test_the_group_puts_and_all_get(self):
        key = self.xord('-q', 'createkey', 'post')
        self.xord('dhtput', 'post', 'note', 's', '{"text":"für alle"}')
        for user in ('alice', 'mallory', 'root'):
            got = self.xord('-q', 'dhtget', key, 'note', 's', user=user)
            self.assertEqual(json.loads(got), {'text': 'für alle'})

    def test_outside_the_group_nothing_is_changed_or_shown(self):
        for call in (('createkey', 'mine'), ('dhtput', 'post', 'note', 's', '1'), ('stop',),
                     ('listkeys',)):
            refused = self.run_in('xord', *call, user='mallory')
            self.assertEqual(refused.code, CLIENT_NO_DAEMON, refused)
            self.assertIn('usermod -aG xord', refused.err)
        refused = self.run_in('xord', '--rpc-socket', '/run/xord/ro.sock', 'createkey', 'mine',
                              user='mallory')
        self.assertEqual(refused.code, 1, refused)

    def test_a_secret_is_for_root_alone(self):
        """The daemon knows its peers' users, though it lives among users of its own."""
        self.xord('createkey', 'secret')
        self.assertEqual(self.run_in('xord', 'exportkey', 'secret', user='alice').code, 1)
        self.assertTrue(self.xord('-q', 'exportkey', 'secret', user='root'))

    def test_its_files_are_its_own(self):
        self.xord('createkey', 'owned')
        self.assertEqual(self.do('stat', '--format=%U %a', '/var/lib/xord'), 'xord 700')
        for reader in ('alice', 'mallory'):
            self.assertNotEqual(self.run_in('ls', '/var/lib/xord/keys', user=reader).code, 0)

    def test_it_runs_as_its_user_without_rights(self):
        self.xord('getinfo')
        status = dict(line.split(':\t', 1) for line in self.do(
            'cat', f"/proc/{self.show('MainPID')}/status").splitlines() if ':\t' in line)
        uid = self.do('id', '-u', 'xord')
        self.assertEqual(set(status['Uid'].split()), {uid})
        self.assertEqual((int(status['CapEff'], 16), int(status['CapBnd'], 16)), (0, 0))
        self.assertEqual((status['NoNewPrivs'], status['Seccomp']), ('1', '2'))


class Reload(BootCase):
    def level(self):
        return self.xord('-q', 'getconfig', 'log-level')

    def test_the_new_settings_are_in_force_when_it_returns(self):
        self.assertEqual(self.level(), 'info')
        pid = self.show('MainPID')
        for level in ('debug', 'warn', 'info,rpc=debug'):
            self.settings(f'bootstrap = none\nlog-level = {level}\n')
            self.do('systemctl', 'reload', 'xord.service')
            self.assertEqual(self.level(), level)
        self.assertEqual((self.show('MainPID'), self.state()), (pid, 'active'))

    def test_wrong_settings_fail_it_and_change_nothing(self):
        self.xord('getinfo')
        self.settings('log-level = loud\n')
        refused = self.run_in('systemctl', 'reload', 'xord.service')
        self.assertNotEqual(refused.code, 0)
        self.assertEqual((self.state(), self.level()), ('active', 'info'))
        self.assertIn('xord.conf:1', self.do('journalctl', '--unit=xord', '--output=cat'))


class Ends(BootCase):
    def put(self, resource, value):
        if self.run_in('xord', 'pubkey', 'keeper', user='alice').code != 0:
            self.xord('createkey', 'keeper')
        self.xord('dhtput', 'keeper', resource, 's', value)

    def get(self, resource):
        return self.xord('-q', 'dhtget', 'keeper', resource, 's')

    def test_killed_it_comes_back_with_all_that_was_put(self):
        self.drop_in('[Service]\nRestartSec=100ms\n')
        for i in range(20):
            self.put(f'r{i}', f'{{"i":{i}}}')
        pid = self.show('MainPID')
        self.do('systemctl', 'kill', '--kill-whom=main', '--signal=KILL', 'xord.service')
        self.wait_restart(pid)
        for i in range(20):
            self.assertEqual(json.loads(self.get(f'r{i}')), {'i': i})
        self.assertEqual(self.show('NRestarts'), '1')

    def test_one_that_hangs_is_replaced(self):
        self.drop_in('[Service]\nWatchdogSec=1s\nRestartSec=100ms\n')
        self.put('before', '"the hang"')
        pid = self.show('MainPID')
        self.do('systemctl', 'kill', '--kill-whom=main', '--signal=STOP', 'xord.service')
        self.wait_restart(pid)
        self.assertIn('Watchdog timeout', self.do('journalctl', '--unit=xord', '--output=cat'))
        self.assertEqual(self.get('before'), 'the hang')

    def test_one_that_works_is_left_alone(self):
        self.drop_in('[Service]\nWatchdogSec=400ms\n')
        self.put('while', '"it works"')
        pid = self.show('MainPID')
        begun = time.monotonic()
        while time.monotonic() - begun < 3:
            self.assertEqual(self.get('while'), 'it works')
        self.assertEqual((self.show('MainPID'), self.show('NRestarts')), (pid, '0'))

    def test_what_needs_a_person_is_not_tried_again(self):
        self.settings('prot = 1\n')
        self.do('systemctl', 'stop', 'xord.socket', 'xord-readonly.socket')
        self.assertNotEqual(self.run_in('systemctl', 'start', 'xord.service').code, 0)
        self.assertEqual(self.state(), 'failed')
        self.assertEqual(self.show('ExecMainStatus'), str(NEEDS_A_PERSON))
        self.assertEqual(self.show('NRestarts'), '0')

    def test_a_caller_of_a_daemon_that_cannot_start_is_not_kept(self):
        self.settings('prot = 1\n')
        refused = self.run_in('xord', 'getinfo', user='alice')
        self.assertEqual(refused.code, CLIENT_NO_DAEMON, refused)

    def test_a_socket_of_another_name_needs_a_person(self):
        self.do('systemctl', 'stop', 'xord.socket', 'xord-readonly.socket')
        name = '/run/systemd/system/xord.socket.d/test.conf'
        self.machine.write(name, '[Socket]\nFileDescriptorName=control\n')
        self.do('systemctl', 'daemon-reload')
        try:
            self.assertNotEqual(self.run_in('systemctl', 'start', 'xord.service').code, 0)
            self.assertEqual(self.show('ExecMainStatus'), str(NEEDS_A_PERSON))
            self.assertIn('"control"', self.do('journalctl', '--unit=xord', '--output=cat'))
        finally:
            os.unlink(self.machine.path(name))
            self.do('systemctl', 'daemon-reload')
            self.do('systemctl', 'stop', 'xord.socket', 'xord-readonly.socket')


class Logs(BootCase):
    def test_the_journal_knows_the_levels(self):
        self.xord('getinfo')
        self.settings('log-level = loud\n')
        self.run_in('systemctl', 'reload', 'xord.service')
        entries = [json.loads(line) for line in self.do(
            'journalctl', '--unit=xord', '_COMM=xord', '--output=json').splitlines()]
        levels = {entry['MESSAGE'].split(': ')[1]: entry['PRIORITY'] for entry in entries
                  if entry['MESSAGE'].startswith('daemon: ')}
        self.assertEqual((levels['info'], levels['error']), ('6', '3'))


class Own(BootCase):
    """A user's own daemon beside the system's."""

    def test_it_runs_under_the_users_manager_and_joins(self):
        key = self.xord('-q', 'createkey', 'shared')
        self.xord('dhtput', 'shared', 'note', 's', '"from the system"')
        self.machine.write('/home/mallory/.config/xord/xord.conf',
                           'port = 0\nbind = 127.0.0.1\nbootstrap = localhost:9673\n')
        self.do('chown', '-R', 'mallory:', '/home/mallory')
        self.do('loginctl', 'enable-linger', 'mallory')
        uid = self.do('id', '-u', 'mallory')
        wait_until(lambda: self.run_in('test', '-S', f'/run/user/{uid}/systemd/private').code == 0,
                   "the user's manager", RESTART_S)
        own = ('env', f'XDG_RUNTIME_DIR=/run/user/{uid}')
        self.do(*own, 'systemctl', '--user', 'start', 'xord', user='mallory')
        self.assertEqual(
            self.do(*own, 'xord', '-q', 'waitready', user='mallory'), 'online')
        self.assertEqual(self.do(*own, 'xord', '-q', 'dhtget', key, 'note', 's', user='mallory'),
                         'from the system')
        self.do(*own, 'systemctl', '--user', 'reload', 'xord', user='mallory')
        self.do(*own, 'systemctl', '--user', 'stop', 'xord', user='mallory')
        self.assertEqual(self.do('stat', '--format=%U %a', '/home/mallory/.local/state/xord'),
                         'mallory 700')


# What the service's unit is for, and the tests in its sandbox are not.
DAEMONS_OWN = ('Type', 'NotifyAccess', 'Exec', 'Sockets', 'Restart', 'Watchdog', 'State',
               'Configuration', 'Runtime')
E2E_S = 1200
# Tests of what is built beside the daemon.
NOT_THE_DAEMON = {'test_pages', 'test_completion', 'test_install'}
WITH_LIBTORRENT = {'test_libtorrent', 'test_mainline'}


class Sandbox(BootCase):
    """The end-to-end tests run where the daemon runs: same user, same filters, same view of the
    file system; so do the daemons that they start."""

    def assert_passes(self, unit_name, tests, *added):
        """Runs these test files in the service's unit, by another name and with lines added."""
        with open(self.machine.path(f'{UNIT_FOLDER}/xord.service'), encoding='utf-8') as unit:
            lines = [line for line in unit if not line.startswith(DAEMONS_OWN)]
        at = lines.index('[Service]\n') + 1
        lines[at:at] = ['Type=oneshot\n', 'Environment=XORD=/usr/bin/xord HOME=/tmp\n', *added,
                        f"ExecStart=/usr/bin/python3 -B /src/scripts/e2e {' '.join(tests)}\n"]
        self.machine.write(f'/etc/systemd/system/{unit_name}.service', ''.join(lines))
        self.do('systemctl', 'daemon-reload')
        done = self.run_in('systemctl', 'start', unit_name, timeout_s=E2E_S)
        said = self.do('journalctl', f'--unit={unit_name}', '--output=cat')
        print(*[line for line in said.splitlines() if line.startswith(('e2e:', 'skipped:'))],
              sep='\n')
        self.assertEqual(done.code, 0, said)
        self.assertRegex(said, r'(?m)^e2e: [1-9]\d* passed, 0 failed')

    def test_end_to_end(self):
        names = {name[:-len('.py')] for name in os.listdir(E2E) if name.startswith('test_')}
        self.assert_passes('xord-e2e', sorted(names - NOT_THE_DAEMON - WITH_LIBTORRENT))

    def test_beside_libtorrent(self):
        """It runs in the same place and asks the kernel for its interfaces."""
        self.assert_passes('xord-e2e-libtorrent', sorted(WITH_LIBTORRENT),
                           'RestrictAddressFamilies=AF_NETLINK\n')


class Upgrade(BootCase):
    def setUp(self):
        super().setUp()
        if not SHARED['package']:
            self.skipTest('no package was built: make deb')

    def test_a_daemon_that_runs_is_restarted_under_its_sockets(self):
        self.xord('createkey', 'upgraded')
        pid = self.show('MainPID')
        self.do('dpkg', '--install', '/root/xord.deb')
        self.wait_restart(pid)
        self.assertIn('upgraded', self.xord('listkeys'))
        for unit in ('xord.socket', 'xord-readonly.socket'):
            self.assertEqual(self.show('ActiveState', unit), 'active')

    def test_one_that_does_not_is_left_alone(self):
        self.do('systemctl', 'stop', 'xord.socket', 'xord-readonly.socket')
        self.do('dpkg', '--install', '/root/xord.deb')
        for unit in ('xord.service', 'xord.socket', 'xord-readonly.socket'):
            self.assertEqual(self.show('ActiveState', unit), 'inactive')


class Removal(BootCase):
    def test_purge_leaves_nothing_behind(self):
        if not SHARED['package']:
            self.skipTest('no package was built: make deb')
        self.xord('createkey', 'gone')
        self.do('dpkg', '--purge', 'xord')
        for path in ('/var/lib/xord', '/etc/xord', '/run/xord', '/usr/bin/xord'):
            self.assertNotEqual(self.run_in('test', '-e', path).code, 0, path)
        self.assertEqual(self.do('systemctl', 'list-units', '--plain', '--no-legend', 'xord*'), '')


ORDER = (Sockets, Rights, Reload, Ends, Logs, Own, Sandbox, Upgrade, Removal)  # removal comes last


def load_tests(loader, _tests, _pattern):
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in ORDER)
