"""KRPC by hand for the end-to-end tests, written from the BEPs alone: a small bencode, signing as
BEP 44 says, and a peer that sends whatever bytes a test wants."""

import ctypes
import hashlib
import os
import socket
import threading
import time

DEADLINE_S = 10
SILENCE_S = 0.3  # how long "no answer" is listened for, after a later query was answered

_sodium = ctypes.CDLL('libsodium.so.23')
_sodium.sodium_init()


class BencodeError(ValueError):
    pass


def encode(value):
    if isinstance(value, bool):
        raise TypeError('bencode has no booleans')
    if isinstance(value, int):
        return b'i%de' % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, (bytes, bytearray)):
        return b'%d:%s' % (len(value), bytes(value))
    if isinstance(value, list):
        return b'l' + b''.join(encode(item) for item in value) + b'e'
    if isinstance(value, dict):
        items = sorted((k.encode() if isinstance(k, str) else k, v) for k, v in value.items())
        return b'd' + b''.join(encode(k) + encode(v) for k, v in items) + b'e'
    if isinstance(value, Raw):
        return value.data
    raise TypeError(type(value))


class Raw:
    """Bytes that stand for themselves inside a message."""

    def __init__(self, data):
        self.data = data


def _decode(data, at):
    kind = data[at:at + 1]
    if kind == b'i':
        end = data.index(b'e', at)
        return int(data[at + 1:end]), end + 1
    if kind in (b'l', b'd'):
        items, at = [], at + 1
        while data[at:at + 1] != b'e':
            item, at = _decode(data, at)
            items.append(item)
        if kind == b'l':
            return items, at + 1
        keys = [key.decode('latin-1') for key in items[::2]]
        if keys != sorted(set(keys)):
            raise BencodeError(f'keys out of order: {keys}')
        return dict(zip(keys, items[1::2])), at + 1
    colon = data.index(b':', at)
    start = colon + 1
    end = start + int(data[at:colon])
    if end > len(data):
        raise BencodeError('a string beyond the end')
    return data[start:end], end


def decode(data):
    """One whole value; dictionaries must be in canonical order, as ours always are."""
    value, end = _decode(data, 0)
    if end != len(data):
        raise BencodeError('bytes after the end')
    return value


class Key:
    """An Ed25519 key pair."""

    def __init__(self, seed=None):
        self.seed = seed or os.urandom(32)
        public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
        _sodium.crypto_sign_seed_keypair(public, secret, self.seed)
        self.public, self.secret = public.raw, secret.raw

    def sign(self, message):
        signature = ctypes.create_string_buffer(64)
        _sodium.crypto_sign_detached(signature, None, message, ctypes.c_ulonglong(len(message)),
                                     self.secret)
        return signature.raw

    def target(self, salt=b''):
        return hashlib.sha1(self.public + salt).digest()


def verify(public, message, signature):
    return _sodium.crypto_sign_verify_detached(
        signature, message, ctypes.c_ulonglong(len(message)), public) == 0


def signed_buffer(salt, seq, v_encoded):
    """What BEP 44 signs."""
    start = b'4:salt' + encode(salt) if salt else b''
    return start + b'3:seqi%de1:v' % seq + v_encoded


def mutable(key, v, seq=1, salt=b''):
    """The arguments of a put of a mutable item, without id and token."""
    item = {'k': key.public, 'seq': seq, 'v': v,
            'sig': key.sign(signed_buffer(salt, seq, encode(v)))}
    if salt:
        item['salt'] = salt
    return item


class Peer:
    """A UDP socket that speaks to one daemon."""

    def __init__(self, port, host='127.0.0.1', **top):
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        self.to = (host, port)
        self.id = os.urandom(20)
        self.top = top  # keys that each message carries, as `nw` or `ro`
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.settimeout(DEADLINE_S)
        self.number = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    @property
    def port(self):
        return self.socket.getsockname()[1]

    def send(self, packet):
        self.socket.sendto(packet, self.to)

    def send_query(self, method, arguments=None, transaction=None, **top):
        """Sends a query and returns its transaction."""
        self.number += 1
        transaction = transaction or b'%04d' % self.number
        arguments = {'id': self.id, **(arguments or {})}
        self.send(encode({'t': transaction, 'y': 'q', 'q': method, 'a': arguments,
                          **self.top, **top}))
        return transaction

    def receive(self, want):
        """The next packet for which `want(message)` holds; the daemon's own queries to us, for one,
        pass by unanswered."""
        end = time.monotonic() + DEADLINE_S
        while True:
            self.socket.settimeout(max(end - time.monotonic(), 0.001))
            message = decode(self.socket.recv(65536))
            if want(message):
                return message

    def query(self, method, arguments=None, transaction=None, **top):
        """The whole reply, be it a response or an error."""
        transaction = self.send_query(method, arguments, transaction, **top)
        return self.receive(lambda m: m.get('t') == transaction and m.get('y') in (b'r', b'e'))

    def ask(self, method, arguments=None, **top):
        """The `r` of the response."""
        reply = self.query(method, arguments, **top)
        if reply['y'] != b'r':
            raise AssertionError(f'{method} was refused: {reply}')
        return reply['r']

    def error_of(self, method, arguments=None, **top):
        """The code of the error that answers."""
        reply = self.query(method, arguments, **top)
        if reply['y'] != b'e':
            raise AssertionError(f'{method} was answered: {reply}')
        return reply['e'][0]

    def token(self, target):
        return self.ask('get', {'target': target})['token']

    def put(self, item, target, **changes):
        """The whole reply to a put of `item` with a token for `target`."""
        arguments = {**item, 'token': self.token(target), 'target': target, **changes}
        return self.query('put', {k: v for k, v in arguments.items() if v is not None})

    def is_silent_for(self, packet):
        """True when `packet` gets no answer: a ping sent after it is answered, and nothing else
        comes for a moment."""
        self.send(packet)
        mark = self.send_query('ping')
        end = None
        answered = 0
        while True:
            left_s = DEADLINE_S if end is None else max(end - time.monotonic(), 0.001)
            self.socket.settimeout(left_s)
            try:
                message = decode(self.socket.recv(65536))
            except TimeoutError:
                return answered == 0
            if message.get('y') == b'q':
                continue
            if message.get('t') == mark:
                end = time.monotonic() + SILENCE_S
            else:
                answered += 1


class Responder:
    """A peer on a thread that answers the methods given, with nothing but its id, and is silent to
    all others: a node to start from that then fails in the way a test wants. `item` (k, seq, sig,
    v) is in each answer to a get."""

    def __init__(self, *methods, item=None):
        self.methods = {method.encode() for method in methods}
        self.item = item or {}
        self.id = os.urandom(20)
        self.heard = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(('127.0.0.1', 0))
        self.is_closing = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    @property
    def address(self):
        return '127.0.0.1:%d' % self.socket.getsockname()[1]

    def answer(self, message):
        """The reply to a query, but for its head; None: it is not answered."""
        if message['q'] not in self.methods:
            return None
        item = self.item if message['q'] == b'get' else {}
        return {'r': {'id': self.id, 'nodes': b'', **item}}

    def _serve(self):
        while True:
            packet, sender = self.socket.recvfrom(65536)
            if self.is_closing:
                return
            message = decode(packet)
            if message.get('y') != b'q':
                continue
            self.heard.append(message['q'].decode())
            answer = self.answer(message)
            if answer is not None:
                self.socket.sendto(encode({'t': message['t'], 'y': 'r', **answer}), sender)

    def close(self):
        self.is_closing = True
        self.socket.sendto(b'', self.socket.getsockname())
        self.thread.join()
        self.socket.close()
