"""A Debian of its own with systemd as its first process: a tree made once by debootstrap and kept
under build/, copied for each run, booted by systemd-nspawn without any network but loopback.
Whatever is started here ends with the process."""

import atexit
import glob
import hashlib
import os
import shutil
import signal
import subprocess
import sys

from harness import ROOT, Finished, wait_until

PLACE = os.path.join(ROOT, 'build', 'systemd-test')
SUITE, MIRROR = 'bookworm', 'http://deb.debian.org/debian'
# What a Debian server has anyway, what xord links, and what the end-to-end tests call.
PACKAGES = ('systemd', 'systemd-sysv', 'dbus', 'libpam-systemd', 'dbus-user-session', 'python3',
            'libuv1', 'libjansson4', 'libsodium23', 'libmd0', 'liblmdb0', 'libinih1',
            'libmicrohttpd12', 'curl', 'jq', 'netcat-openbsd', 'python3-libtorrent',
            'tmux')
TOOLS = ('debootstrap', 'systemd-nspawn', 'nsenter')
BOOT_S = 90     # on a busy machine; usually five
COMMAND_S = 60


class Impossible(Exception):
    """This machine cannot do it; the text says why."""


def _check_tools():
    if os.geteuid() != 0:
        raise Impossible('booting a system needs root')
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        raise Impossible(f"missing: {', '.join(missing)} (scripts/deps --boot installs them)")


def _base_tree():
    """The tree that all runs start from; made where it is missing, or of other packages."""
    key = hashlib.sha1(' '.join((SUITE, *PACKAGES)).encode()).hexdigest()[:12]
    base = os.path.join(PLACE, f'base-{key}')
    if os.path.isdir(base):
        return base
    print(f'systemd-test: making {base}, once (about a minute)', file=sys.stderr)
    os.makedirs(PLACE, exist_ok=True)
    new = os.path.join(PLACE, 'new')
    shutil.rmtree(new, ignore_errors=True)
    log_path = os.path.join(PLACE, 'debootstrap.log')
    with open(log_path, 'wb') as log:
        done = subprocess.run(
            ['debootstrap', '--variant=minbase', '--include=' + ','.join(PACKAGES), SUITE, new,
             MIRROR], stdout=log, stderr=log, check=False)
    if done.returncode != 0:
        raise Impossible(f'debootstrap failed, see {log_path}')
    os.rename(new, base)
    return base


def find_package():
    """The Debian package, when one was built."""
    found = glob.glob(os.path.join(ROOT, 'build', 'deb', 'xord_*.deb'))
    return os.environ.get('XORD_DEB') or (found[0] if found else None)


class Machine:
    """One booted tree. Commands run in it by nsenter, as root or as `user`."""

    def __init__(self):
        _check_tools()
        base = _base_tree()
        self.tree = os.path.join(PLACE, f'run-{os.getpid()}')
        self.nspawn = None
        self.leader = None
        atexit.register(self.end)
        subprocess.run(['cp', '-a', '--reflink=auto', base, self.tree], check=True)
        self.write('/etc/hosts', '127.0.0.1 localhost\n')  # as an installer would

    def path(self, name):
        """A path in the machine, seen from outside; of /run and the like only once it is up."""
        root = self.tree if self.leader is None else f'/proc/{self.leader}/root'
        return root + name

    def write(self, name, content):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), 'w', encoding='utf-8') as file:
            file.write(content)

    def boot(self):
        log_path = os.path.join(PLACE, 'boot.log')
        with open(log_path, 'wb') as log:
            self.nspawn = subprocess.Popen(
                ['systemd-nspawn', '--quiet', '--directory', self.tree, '--boot',
                 '--private-network', '--register=no', '--keep-unit', '--console=pipe',
                 f'--machine=xord-test-{os.getpid()}', f'--bind-ro={ROOT}:/src'],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.leader = wait_until(self._find_leader, 'the first process of the machine', BOOT_S)
            wait_until(self._is_up, 'the machine is up', BOOT_S)
        except AssertionError as error:
            raise Impossible(f'systemd does not boot here, see {log_path}: {error}') from None

    def _find_leader(self):
        """The descendant of nspawn that is process 1 in its own name space."""
        if self.nspawn.poll() is not None:
            raise AssertionError(f'systemd-nspawn ended with {self.nspawn.returncode}')
        parents = {}
        firsts = []
        for entry in os.listdir('/proc'):
            if not entry.isdigit():
                continue
            try:
                with open(f'/proc/{entry}/status', encoding='ascii', errors='replace') as file:
                    status = dict(line.split(':', 1) for line in file if ':' in line)
            except OSError:
                continue
            parents[int(entry)] = int(status['PPid'])
            spaces = status['NSpid'].split()
            if len(spaces) > 1 and spaces[-1] == '1':
                firsts.append(int(entry))
        for first in firsts:
            at = first
            while at in parents and at != self.nspawn.pid:
                at = parents[at]
            if at == self.nspawn.pid:
                return first
        return None

    def _is_up(self):
        done = self.run('systemctl', 'is-system-running')
        return done.out.strip() in ('running', 'degraded')

    def run(self, *command, user=None, data=b'', timeout_s=COMMAND_S):
        """Runs a command in the machine to its end."""
        line = ['nsenter', '--target', str(self.leader), '--all', '--wdns=/', 'env', '-i',
                'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LANG=C.UTF-8']
        if user is not None:
            line += ['runuser', '-u', user, '--']
        return Finished(subprocess.run([*line, *map(str, command)], input=data, check=False,
                                       capture_output=True, timeout=timeout_s))

    def do(self, *command, **settings):
        """Runs a command that must succeed; what it printed."""
        done = self.run(*command, **settings)
        if done.code != 0:
            raise AssertionError(f"{' '.join(map(str, command))}: {done}")
        return done.out.strip()

    def end(self):
        if self.nspawn is not None and self.nspawn.poll() is None:
            self.nspawn.send_signal(signal.SIGTERM)  # a power button: systemd stops its services
            try:
                self.nspawn.wait(30)
            except subprocess.TimeoutExpired:
                self.nspawn.kill()
                self.nspawn.wait()
        self.nspawn = None
        if os.path.isdir(self.tree):
            shutil.rmtree(self.tree)
