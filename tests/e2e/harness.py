"""Real daemons on loopback for the end-to-end tests: start and stop them, call them over the socket
or through the command line, wait for a condition with a deadline. Whatever is started here is
killed at exit, also when a test fails or the run is broken off."""

import atexit
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'scripts'))
from xord import RpcError, Xord, XordError
XORD = os.environ.get('XORD', os.path.join(ROOT, 'build', 'xord'))
DEADLINE_S = 15  # generous: on a busy machine a wait ends when the thing happened, not before
STOP_S = 10      # a graceful stop takes at most 5 s, and more under sanitizers


def _is_sanitized():
    try:
        with open(XORD, 'rb') as binary:
            return b'__asan_init' in binary.read()
    except FileNotFoundError:
        return False


if _is_sanitized():
    MEMORY_FACTOR = 8  # red zones, and what was freed, of which so much is held back
    os.environ.setdefault('ASAN_OPTIONS', 'quarantine_size_mb=32')
else:
    MEMORY_FACTOR = 1

_running = set()
_prctl = ctypes.CDLL(None).prctl
PR_SET_PDEATHSIG = 1


def die_with_parent():
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _kill_all():
    for process in list(_running):
        if process.poll() is None:
            process.kill()
            process.wait()


atexit.register(_kill_all)


def resident_kb(process):
    with open(f'/proc/{process.pid}/status', encoding='ascii') as status:
        return next(int(line.split()[1]) for line in status if line.startswith('VmRSS'))


def is_running(pid):
    """A zombie does nothing any more; who collects it is not our affair."""
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8') as stat:
            return stat.read().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


def wait_until(condition, what, deadline_s=DEADLINE_S):
    """Polls until `condition()` is true and returns what it was; fails naming `what`."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f'not within {deadline_s} s: {what}')
        time.sleep(0.01)


def wait_next_second():
    """What is signed after it is of a later second than what was before: times are whole ones."""
    end = int(time.time()) + 1.1  # also by a daemon's clock that was read a moment ago
    wait_until(lambda: time.time() > end, 'the next second')


class Rpc(Xord):
    """A client with a deadline, connected at once, whose connection can also be used line by
    line. A call is known by its id, as its raw reply shows it."""

    def __init__(self, path, timeout_s=DEADLINE_S):
        super().__init__(path, timeout_s)
        self.started = {}
        self.connect()

    @property
    def socket(self):
        return self.connection.socket

    def send_raw(self, data):
        self.connection.send(data if isinstance(data, bytes) else data.encode(),
                             self.deadline(None))

    def read_text(self):
        """The next line, or None at the end of the connection."""
        line = self.connection.read_line(self.deadline(None))
        return None if line is None else line.decode()

    def read(self):
        line = self.read_text()
        return None if line is None else json.loads(line)

    def send(self, method, *params, **named):
        """Sends one call and returns its id."""
        call = self.start(method, *params, **named)
        self.started[call.id] = call
        return call.id

    def wait(self, number):
        """The whole reply to one call."""
        return self.started.pop(number).reply()

    def result(self, number):
        return self.started.pop(number).result()


class Daemon:
    """One xord with a data directory of its own. `options` are command line options; the directory
    survives stop and kill, so that start brings the same node back."""

    def __init__(self, datadir, *options, bootstrap='none', bind='127.0.0.1', port=0, env=None,
                 network=None):
        self.datadir = datadir
        self.options = list(options)
        self.network = network
        self.bootstrap = bootstrap
        self.bind = bind
        self.port_wanted = port
        self.env = env or {}
        self.prefix = []    # what the command line is run by
        self.pass_fds = ()  # descriptors that it inherits
        self.socket_path = os.path.join(datadir, 'rpc.sock')
        self.process = None
        self.rpc = None

    def command(self):
        line = [*self.prefix, XORD, '--datadir', self.datadir, '--rpc-socket', self.socket_path,
                '--port', str(self.port_wanted), '--bind', self.bind]
        for address in [self.bootstrap] if isinstance(self.bootstrap, str) else self.bootstrap:
            line += ['--bootstrap', address]
        if self.network:
            line += ['--network', self.network]
        return line + self.options

    def spawn(self):
        """Starts the process without waiting for it."""
        os.makedirs(self.datadir, mode=0o700, exist_ok=True)
        with open(self.datadir + '.log', 'ab') as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=clean_environment(**self.env), preexec_fn=die_with_parent,
                pass_fds=self.pass_fds)
        _running.add(self.process)
        return self

    def start(self):
        self.spawn()
        return self.wait_ready()

    def wait_ready(self):
        self.wait_accepting()
        self.rpc.call('waitready')
        return self

    def wait_accepting(self):
        """Until it can be called, be it ready or not."""
        self.rpc = wait_until(self._connect, f'{self.datadir} accepts calls')
        return self

    def _connect(self):
        if self.process.poll() is not None:
            raise AssertionError(f'xord ended with {self.process.returncode}: {self.log()}')
        try:
            return Rpc(self.socket_path)
        except XordError:
            return None

    def log(self):
        try:
            with open(self.datadir + '.log', encoding='utf-8', errors='replace') as log:
                return log.read()[-4000:]
        except FileNotFoundError:
            return ''

    def connect(self):
        return Rpc(self.socket_path)

    def call(self, method, *params, **named):
        return self.rpc.call(method, *params, **named)

    def all_of(self, method, limit, **named):
        """The items of all pages of a list, each page with `limit` of them."""
        items, after = [], {}
        while True:
            page = self.call(method, limit=limit, **after, **named)
            items += page['items']
            if page['next'] is None:
                return items
            after = {'after': page['next']}

    def info(self):
        return self.call('getinfo')

    @property
    def port(self):
        return self.info()['port']

    @property
    def address(self):
        host = f'[{self.bind}]' if ':' in self.bind else self.bind
        return f'{host}:{self.port}'

    def counter(self, name):
        """A counter of getmetrics, by its name in the code."""
        found = re.search(rf'^xord_{name}_total (\d+)$', self.call('getmetrics'), re.MULTILINE)
        if found is None:
            raise AssertionError(f'getmetrics shows no {name}')
        return int(found.group(1))

    def cli(self, *arguments, **options):
        return run_cli('--rpc-socket', self.socket_path, *arguments, **options)

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def _ended(self):
        if self.rpc is not None:
            self.rpc.close()
            self.rpc = None
        _running.discard(self.process)
        return self.process.returncode

    def stop(self):
        """Stops gracefully; the exit code."""
        if self.is_alive():
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f'SIGTERM did not end it in {STOP_S} s: {self.log()}') from None
        return self._ended()

    def wait_end(self):
        self.process.wait(STOP_S)
        return self._ended()

    def kill(self):
        self.process.kill()
        self.process.wait()
        return self._ended()


def clean_environment(**extra):
    """The caller's environment without what would lead to another daemon or configuration."""
    env = {name: value for name, value in os.environ.items() if not name.startswith('XORD')}
    for name in ('XDG_STATE_HOME', 'XDG_RUNTIME_DIR', 'STATE_DIRECTORY', 'RUNTIME_DIRECTORY',
                 'CONFIGURATION_DIRECTORY', 'JOURNAL_STREAM', 'NOTIFY_SOCKET', 'WATCHDOG_USEC',
                 'WATCHDOG_PID', 'LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES'):
        env.pop(name, None)
    env.update(extra)
    return env


class Finished:
    """How a command ended: code, out, err (text; `out_bytes` is the exact output)."""

    def __init__(self, completed):
        self.code = completed.returncode
        self.out_bytes = completed.stdout
        self.out = completed.stdout.decode('utf-8', 'replace')
        self.err = completed.stderr.decode('utf-8', 'replace')

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f'exit {self.code}, stdout {self.out!r}, stderr {self.err!r}'


def run_cli(*arguments, stdin=b'', env=None, timeout_s=DEADLINE_S, binary=None):
    """Runs xord with these arguments to its end."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    return Finished(subprocess.run(
        [binary or XORD, *map(str, arguments)], input=data, capture_output=True,
        timeout=timeout_s, env=clean_environment(**(env or {})), preexec_fn=die_with_parent,
        check=False))


class TestCase(unittest.TestCase):
    """A test with a folder of its own, whose daemons end with it."""

    maxDiff = 4000

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='xord-e2e.')
        self.network_name = 'e2e-' + os.urandom(8).hex()
        self.daemons = []
        self.addCleanup(self._clean)

    def _clean(self):
        for daemon in self.daemons:
            if daemon.is_alive():
                daemon.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, content):
        path = self.path(name)
        with open(path, 'wb') as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def content(self, name):
        """Of a text file in the test's folder; nothing while it is not there."""
        try:
            with open(self.path(name), encoding='utf-8') as file:
                return file.read().strip()
        except FileNotFoundError:
            return ''

    def daemon(self, *options, name=None, **settings):
        """A daemon that is not started yet. On a network that is this test's alone: a port that
        ends with one test and begins another with the next must not join the two."""
        network = None if {'--network', '--conf'} & set(options) else self.network_name
        made = Daemon(self.path(name or f'n{len(self.daemons) + 1}'), *options, network=network,
                      **settings)
        self.daemons.append(made)
        return made

    def start(self, *options, **settings):
        return self.daemon(*options, **settings).start()

    def network(self, count, *options, **settings):
        """`count` ready daemons that know each other through the first."""
        first = self.start(*options, **settings)
        bootstrap = first.address
        others = [self.daemon(*options, bootstrap=bootstrap, **settings).spawn()
                  for _ in range(count - 1)]
        for other in others:
            other.wait_ready()
        return [first, *others]

    def assert_error(self, name, code, function, *arguments, **named):
        """`function` answers this error; returned for a closer look."""
        with self.assertRaises(RpcError) as caught:
            function(*arguments, **named)
        error = caught.exception
        self.assertEqual((error.name, error.code), (name, code), error.message)
        self.assertTrue(error.message)
        return error


class SharedCase(TestCase):
    """Tests of one class that share daemons: `start_shared` makes them once."""

    resources = 0

    @classmethod
    def setUpClass(cls):
        cls.shared = TestCase()
        cls.shared.setUp()
        try:
            cls.start_shared(cls.shared)
        except BaseException:
            cls.shared.doCleanups()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.shared.doCleanups()

    @classmethod
    def start_shared(cls, shared):
        raise NotImplementedError

    def resource(self):
        """The name of a resource that no other test of the class has used."""
        type(self).resources += 1
        return f'r{self.resources}'
