"""A network that loses packets, for daemons on loopback: every packet between two of them goes
through a socket of this process, each lost by chance, from a seed. A daemon has an address of its
own (127.1.0.N), and another under which the others know it (127.2.0.N): what is sent there comes
to it from the address under which the sender is known."""

import random
import selectors
import socket
import threading

PORT = 4001
PACKET_MAX = 65536


class Relay:
    """`loss` may be changed at any time: the share of packets that are lost, each way."""

    def __init__(self, count, seed):
        self.loss = 0.0
        self.carried = self.lost = 0
        self.random = random.Random(seed)
        self.ports = {}  # of the daemons, as their packets show them
        self.sockets = [self._open(number) for number in range(count)]
        self.selector = selectors.DefaultSelector()
        for number, opened in enumerate(self.sockets):
            self.selector.register(opened, selectors.EVENT_READ, number)
        self.woken, self.waker = socket.socketpair()
        self.selector.register(self.woken, selectors.EVENT_READ, None)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    @staticmethod
    def _open(number):
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.setblocking(False)
        opened.bind((f'127.2.0.{number + 1}', 0))
        return opened

    def close(self):
        self.waker.send(b'.')
        self.thread.join()
        self.selector.close()
        for opened in [*self.sockets, self.woken, self.waker]:
            opened.close()

    @staticmethod
    def bind(number):
        """Where this daemon is to be bound."""
        return f'127.1.0.{number + 1}'

    def address(self, number):
        """Where others find it."""
        host, port = self.sockets[number].getsockname()
        return f'{host}:{port}'

    def know(self, number, port):
        """A daemon that waits to be asked has not shown its port yet."""
        self.ports[number] = port

    def _run(self):
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    return
                self._empty(key.data)

    def _empty(self, to):
        while True:
            try:
                data, (host, port) = self.sockets[to].recvfrom(PACKET_MAX)
            except OSError:
                return
            sender = int(host.rpartition('.')[2]) - 1
            self.ports[sender] = port
            self._carry(sender, to, data)

    def _carry(self, sender, to, data):
        self.carried += 1
        if to not in self.ports or self.random.random() < self.loss:
            self.lost += 1
            return
        try:
            self.sockets[sender].sendto(data, (self.bind(to), self.ports[to]))
        except OSError:
            self.lost += 1  # its daemon was killed
