"""A client of the xord daemon, in one file that needs Python 3.8 and nothing else: put it beside
your program.

    from xord import Xord, RpcError

    with Xord() as xord:                        # the daemon that the command line finds
        xord.dhtput('alice', 'profile', 's', {'fullname': 'Alice'}, ttl=3600)
        for entry in xord.dhtget('alice', 'profile', 's'):
            print(entry['p']['v'])
        for told in xord.listen('wabi', 'readings', 'm'):
            print(told['event'], told.get('value'))

Each method of the daemon (`xord help`) is one of the object's; parameters go by place, by name, or
both. Threads may share an object, and one thread may start many calls before it waits for the
first: see start(). There is no thread behind it: what the daemon says is read while somebody waits.
"""

import base64
import collections
import contextlib
import errno
import functools
import itertools
import json
import os
import re
import select
import socket
import threading
import time

SERVICE_SOCKET = '/run/xord/rpc.sock'
LINE_MAX = 2 * 1024 * 1024  # bytes; the daemon takes no longer call
UNREAD_MAX = 10000          # messages of a stream that nobody takes, while other calls are answered
RECEIVE_SIZE = 65536
OTHER_READS_MS = 50
ABSENT = (errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR)


class XordError(Exception):
    """There is no answer, and why."""

    code = None
    name = None
    data = {}


class RpcError(XordError):
    """The answer is an error: its number, its name as `unknown_name`, its sentence and what else
    the daemon says of it."""

    def __init__(self, error):
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.code = error.get('code')
        self.message = error.get('message')
        self.data = error.get('data') or {}
        self.name = self.data.get('name')


class XordTimeout(XordError, TimeoutError):
    """There is no answer yet."""


def find_sockets():
    """Where a daemon may listen: the place that XORD_RPC_SOCKET names, or the user's and the
    service's."""
    named, runtime, state, home = (os.environ.get(name) for name in (
        'XORD_RPC_SOCKET', 'XDG_RUNTIME_DIR', 'XDG_STATE_HOME', 'HOME'))
    if named:
        return [named]
    folders = [runtime, state or (home and os.path.join(home, '.local', 'state'))]
    return [os.path.join(folder, 'xord', 'rpc.sock') for folder in folders if folder] + [
        SERVICE_SOCKET]


def open_socket(path):
    made = socket.socket(socket.AF_UNIX)
    try:
        made.connect(path)
    except OSError:
        made.close()
        raise
    return made


def open_either(path):
    """The socket, or where it is closed to us the one beside it, which is for reading."""
    try:
        return open_socket(path)
    except PermissionError:
        try:
            return open_socket(os.path.join(os.path.dirname(path), 'ro.sock'))
        except OSError:
            raise XordError(f'may not open {path}: ask its owner, or join its group') from None


def open_first(paths):
    for path in paths:
        try:
            return open_either(path)
        except OSError as error:
            if error.errno not in ABSENT:
                raise XordError(f'{path}: {error}') from error
    raise XordError(f'no daemon listens at {", ".join(paths)}')


def left_ms(deadline):
    return None if deadline is None else max(0, (deadline - time.monotonic()) * 1000)


class Connection:
    """Lines over a socket, both ways. While one thread reads another may write; a deadline is in
    seconds of time.monotonic(), None being never."""

    def __init__(self, made):
        self.socket = made
        self.path = made.getpeername()
        self._input = bytearray()
        self._searched = 0
        self._is_ended = False
        self._sending = threading.Lock()
        self._receiving = threading.Lock()

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes who waits for it
        self.socket.close()

    def is_ended(self):
        """The other side has closed it, whatever there is still to read."""
        return bool(self._poll(select.POLLRDHUP, 0))

    def send(self, data, deadline=None):
        with self._sending:
            rest = memoryview(data)
            while rest:
                try:
                    rest = rest[self.socket.send(rest, socket.MSG_DONTWAIT):]
                except BlockingIOError:
                    self._wait_for_room(deadline)

    def read_line(self, deadline=None):
        """The next line without its end, as bytes; None at the end of the connection."""
        with self._receiving:
            while (end := self._input.find(b'\n', self._searched)) < 0:
                self._searched = len(self._input)
                if self._is_ended:
                    return None
                if not self._poll(select.POLLIN, left_ms(deadline)):
                    raise XordTimeout('no answer in time')
                self._receive()
            line = bytes(self._input[:end])
            del self._input[:end + 1]
            self._searched = 0
            return line

    def _wait_for_room(self, deadline):
        """Takes in what has come: the daemon reads no more from a client that does not read."""
        left = left_ms(deadline)
        if left == 0:
            raise XordTimeout('the daemon takes no more calls')
        if not self._receiving.acquire(blocking=False):
            # Another thread takes it in; when that one ends it is up to this one.
            self._poll(select.POLLOUT, min(left or OTHER_READS_MS, OTHER_READS_MS))
            return
        try:
            if self._poll(select.POLLIN | select.POLLOUT, left) & ~select.POLLOUT:
                self._receive()
        finally:
            self._receiving.release()

    def _poll(self, events, timeout_ms):
        """The events that are there, 0 after the time."""
        poll = select.poll()
        poll.register(self.socket, events)
        ready = poll.poll(timeout_ms)
        return ready[0][1] if ready else 0

    def _receive(self):
        try:
            data = self.socket.recv(RECEIVE_SIZE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        self._is_ended = not data
        self._input += data


class Call:
    """A call under way, as start() makes it."""

    def __init__(self, xord, number, stream=None):
        self.id = number
        self.answer = None  # the whole reply, or the XordError for which there is none
        self.notices = collections.deque()
        self.stream = stream
        self._xord = xord

    def reply(self, timeout_s=None, on_notice=None):
        """The whole JSON-RPC reply. `on_notice` is called with the parameters of each notification
        that belongs to the call, here and in this thread."""
        deadline = self._xord.deadline(timeout_s)
        while True:
            self._xord.wait_until(lambda: self.answer or self.notices, deadline)
            while self.notices:
                params = self.notices.popleft()
                if on_notice is not None:
                    on_notice(params)
            if isinstance(self.answer, XordError):
                raise self.answer
            if self.answer:
                return self.answer

    def result(self, timeout_s=None, on_notice=None):
        """Its result, or an RpcError."""
        reply = self.reply(timeout_s, on_notice)
        if reply.get('error') is not None:
            raise RpcError(reply['error'])
        return reply.get('result')


class Stream:
    """What a subscription tells: iterate over it, and close it, or use it with `with`. Ends where
    the daemon ends it."""

    closing = {'listen': 'unlisten', 'monitor': 'unmonitor', 'handle': 'unhandle'}

    def __init__(self, xord, method):
        self.method = method
        self.key = None  # the number of the subscription
        self.unread = collections.deque()
        self.failure = None
        self.is_open = True  # the daemon has it
        self._is_over = False
        self._xord = xord

    def __iter__(self):
        return self

    def __next__(self):
        if self._is_over:
            raise StopIteration
        return self.next()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def next(self, timeout_s=None):
        """The next message; XordTimeout when there is none in time."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._xord.wait_until(lambda: self.unread or self.failure, deadline)
        if not self.unread:
            self.close()
            raise self.failure
        told = self.unread.popleft()
        if told.get('event') == 'end':
            self.is_open = False
            self.close()
        return self.made_of(told)

    def made_of(self, params):
        return params

    def close(self):
        if not self._is_over:
            self._is_over = True
            self.failure = self.failure or XordError(f'{self.method}: closed')
            self._xord.forget(self)
            if self.is_open:
                self._xord.call(self.closing[self.method], self.name())

    def name(self):
        """What the daemon knows it by."""
        return self.key


class Request:
    """What another node asks of a command that is handled here: `command`, `target`, `value` (None
    when there is none, or bytes), `sender` with its id and addr, and whether its token is valid."""

    def __init__(self, xord, params):
        self.params = params
        self.command = params['command']
        self.target = params.get('target')
        self.value = params.get('value')
        if 'value_base64' in params:
            self.value = base64.b64decode(params['value_base64'])
        self.sender = params['from']
        self.has_token = params['token']
        self._xord = xord

    def respond(self, value=None):
        """The answer: JSON, bytes, or None for a reply without a value."""
        if isinstance(value, bytes):
            text = base64.b64encode(value).decode()
            return self._xord.call('respond', request=self.params['request'], value_base64=text)
        return self._xord.call('respond', request=self.params['request'], value=value)

    def fail(self, number):
        """Answers an error of the command's own: 16 or more."""
        return self._xord.call('respond', request=self.params['request'], error=number)


class Requests(Stream):
    """The requests of one command, each a Request; at the end what ended it."""

    def __init__(self, xord, command):
        super().__init__(xord, 'handle')
        self.command = command

    def made_of(self, params):
        return params if params.get('event') == 'end' else Request(self._xord, params)

    def name(self):
        return self.command


class Xord:
    """A daemon. `path` is its socket; without it, the first of find_sockets() that can be opened,
    and where that is closed to us the read-only one beside it. The connection is made with the
    first call, and made anew after it was lost; calls and streams that it had end with XordError.
    `timeout_s` is for each call, None being as long as the daemon takes."""

    def __init__(self, path=None, timeout_s=None):
        self.path = path
        self.timeout_s = timeout_s
        self.connection = None
        self._ids = itertools.count(1)
        self._calls = {}    # those under way by id
        self._streams = {}  # by (method, sub)
        self._places = {}   # of each method that was asked for: its parameters in their order
        self._changed = threading.Condition()
        self._is_reading = False  # one of the threads, for all

    def __enter__(self):
        self.connect()
        return self

    def __exit__(self, *_):
        self.close()

    def __getattr__(self, name):
        """Each method of the daemon: xord.getinfo() is xord.call('getinfo')."""
        if name.startswith('_'):
            raise AttributeError(name)
        return functools.partial(self.call, name)

    def connect(self):
        """The connection, made where there is none."""
        with self._changed:
            is_idle = self.connection is not None and not self._calls and not self._streams
            if is_idle and self.connection.is_ended():
                self._lose(self.connection, 'the daemon has ended')
            if self.connection is None:
                paths = [self.path] if self.path else find_sockets()
                self.connection = Connection(open_first(paths))
            return self.connection

    def close(self):
        self._lose(self.connection, 'the connection was closed')

    def call(self, method, /, *params, timeout_s=None, on_progress=None, **named):
        """The result of one call. With `on_progress` a large value tells how far it has come: the
        function gets dictionaries with `done`, `of` and `bytes`."""
        if on_progress is not None:
            named['progress'] = True
        return self.start(method, *params, **named).result(timeout_s, on_progress)

    def start(self, method, /, *params, **named):
        """Sends a call and does not wait for it: see Call."""
        return self._start(Call(self, next(self._ids)), method, params, named)

    def listen(self, *params, **named):
        """What changes under a key: dictionaries with `event`, `n` and mostly `value`."""
        return self._subscribe(Stream(self, 'listen'), params, named)

    def monitor(self, *params, **named):
        """What the daemon does, as it does it."""
        return self._subscribe(Stream(self, 'monitor'), params, named)

    def handle(self, command):
        """Offers a command to the network: its requests, each to be answered."""
        return self._subscribe(Requests(self, command), [command], {})

    def query(self, *params, timeout_s=None, on_reply=None, **named):
        """The `query` method; `on_reply` gets each node's reply as it comes."""
        return self.start('query', *params, **named).result(timeout_s, on_reply)

    # For calls and streams.

    def deadline(self, timeout_s):
        limit = self.timeout_s if timeout_s is None else timeout_s
        return None if limit is None else time.monotonic() + limit

    def wait_until(self, has_come, deadline):
        """Of the threads that wait one reads, for all."""
        with self._changed:
            while not has_come():
                if self._is_reading:
                    left = left_ms(deadline)
                    if not self._changed.wait(None if left is None else left / 1000):
                        raise XordTimeout('no answer in time')
                else:
                    self._read_one(deadline)

    def forget(self, stream):
        with self._changed:
            self._streams.pop((stream.method, stream.key), None)
            self._changed.notify_all()

    def _start(self, call, method, params, named):
        request = {'jsonrpc': '2.0', 'id': call.id, 'method': method}
        given = self._given(method, params, named)
        if given:
            request['params'] = given
        line = json.dumps(request, ensure_ascii=False, allow_nan=False).encode() + b'\n'
        if len(line) > LINE_MAX:
            raise XordError(f'{method}: the call is {len(line)} bytes, over {LINE_MAX}')
        with self._changed:
            connection = self.connect()
            self._calls[call.id] = call
        try:
            connection.send(line, self.deadline(None))
        except BaseException as error:
            # An end is read too, after what the daemon said before it; half a line is of no use.
            if isinstance(error, TimeoutError) or not isinstance(error, OSError):
                self._lose(connection, 'a call was broken off')
                raise
        return call

    def _subscribe(self, stream, params, named):
        call = Call(self, next(self._ids), stream)
        self._start(call, stream.method, params, named).result()
        return stream

    def _given(self, method, params, named):
        """A list or an object; where some go by place and some by name, the names of the places
        are asked for."""
        if not params or not named:
            return named or list(params)
        places = self._places_of(method)
        if len(params) > 1 and places and places[0][1]:
            places = places[1:]
        by_place = dict(zip((name for name, _ in places), params))
        twice = set(by_place) & set(named)
        if len(params) > len(places) or twice:
            what = f'{min(twice)} is given twice' if twice else 'too many parameters by place'
            raise TypeError(f'{method}: {what}')
        return {**by_place, **named}

    def _places_of(self, method):
        """Pairs: a parameter's name, and whether it stands only alone. From the line of help, which
        is `lookup [target] | [username] …`, up to its `*`."""
        if method not in self._places:
            line = self.call('help', method).split('\n')[0]
            found = re.finditer(r'[<[](\w+)(?:=[^]>]*)?[]>]( \|)?|(\*)', line)
            positional = itertools.takewhile(lambda match: not match[3], found)
            self._places[method] = [(match[1], bool(match[2])) for match in positional]
        return self._places[method]

    def _read_one(self, deadline):
        connection, line = self.connection, None
        self._is_reading = True
        self._changed.release()
        try:
            line = connection.read_line(deadline)
        except TimeoutError:
            raise
        except OSError:
            pass  # as an end
        finally:
            self._changed.acquire()
            self._is_reading = False
            self._changed.notify_all()
        if line is None:
            self._lose(connection, 'the daemon closed the connection')
        elif line:
            self._take(connection, line)

    def _take(self, connection, line):
        try:
            message = json.loads(line)
            if 'method' in message:
                self._take_notice(message['method'], message['params'])
            else:
                self._take_reply(message)
        except (ValueError, TypeError, KeyError, AttributeError):
            self._lose(connection, 'the daemon speaks something else than JSON-RPC')

    def _take_reply(self, message):
        number, error = message['id'], message.get('error')
        if not isinstance(error, dict if number is None else (dict, type(None))):
            raise TypeError
        if number is None and len(self._calls) == 1:
            number = next(iter(self._calls))
        elif number is None:  # which of them the daemon could not read is not known
            self._lose(self.connection, f'a call failed: {RpcError(error)}')
        call = self._calls.pop(number, None)
        if call is None:
            return
        call.answer = message
        stream, result = call.stream, message.get('result')
        if stream is not None and error is None:
            stream.key = result['sub']
            self._streams[stream.method, stream.key] = stream

    def _take_notice(self, method, params):
        if 'call' in params:
            call = self._calls.get(params['call'])
            if call is not None:
                call.notices.append(params)
            return
        stream = self._streams.get((method, params.get('sub')))
        if stream is None:
            return
        if len(stream.unread) == UNREAD_MAX:
            stream.failure = XordError(f'{method}: {UNREAD_MAX} messages were not taken')
            self.forget(stream)
            return
        stream.unread.append(params)

    def _lose(self, connection, why):
        """Ends all that the connection had."""
        with self._changed:
            if connection is None or connection is not self.connection:
                return
            self.connection = None
            connection.close()
            for call in self._calls.values():
                call.answer = XordError(f'{connection.path}: {why}')
            for stream in self._streams.values():
                stream.failure = XordError(f'{connection.path}: {why}')
                stream.is_open = False
            self._calls, self._streams = {}, {}
            self._changed.notify_all()
