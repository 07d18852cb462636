"""xord over its Unix socket: JSON-RPC 2.0, one message a line, a connection for each call."""

import contextlib
import json
import os
import socket

ANSWER_S = 60  # the daemon's own time-outs are shorter
SERVICE_SOCKET = '/run/xord/rpc.sock'


class XordError(Exception):
    """Why there is no answer, or the error that is the answer."""


def find_socket():
    """As the command line looks for it: the place named, the user's daemon, the service."""
    named = os.environ.get('XORD_RPC_SOCKET')
    state = os.environ.get('XDG_STATE_HOME') or os.path.expanduser('~/.local/state')
    places = [os.path.join(folder, 'xord', 'rpc.sock')
              for folder in (os.environ.get('XDG_RUNTIME_DIR'), state) if folder]
    return named or next(filter(os.path.exists, places), SERVICE_SOCKET)


def next_message(lines):
    line = lines.readline()
    if not line:
        raise XordError('the daemon closed the connection')
    return json.loads(line)


def result_of(reply):
    if 'error' in reply:
        raise XordError('{code}: {message}'.format(**reply['error']))
    return reply['result']


class Xord:
    def __init__(self, path=None):
        self.path = path or find_socket()

    def call(self, method, **params):
        """The result of one call."""
        with self._sent(method, params, ANSWER_S) as lines:
            return result_of(next_message(lines))

    def events(self, method, **params):
        """What a subscription tells, one by one, without an end of its own."""
        with self._sent(method, params, None) as lines:
            result_of(next_message(lines))
            while True:
                yield next_message(lines)['params']

    def has_method(self, name):
        return any(line.split()[:1] == [name] for line in self.call('help').splitlines())

    @contextlib.contextmanager
    def _sent(self, method, params, timeout_s):
        request = {'jsonrpc': '2.0', 'id': 1, 'method': method, 'params': params}
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(timeout_s)
                connection.connect(self.path)
                connection.sendall(json.dumps(request).encode() + b'\n')
                with connection.makefile('rb') as lines:
                    yield lines
        except OSError as error:
            raise XordError(f'{self.path}: {error}') from error
