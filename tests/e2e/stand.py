"""Stands in for a daemon on a socket, where a test must decide what it says and when."""

import json
import socket
import threading


def reply(request, result):
    return {'jsonrpc': '2.0', 'id': request['id'], 'result': result}


def notice(method, **params):
    return {'jsonrpc': '2.0', 'method': method, 'params': params}


class Stand:
    """Each line of each client is a request, kept in `asked`; `answer(request)` lists the messages
    that it gets. A None among them ends the connection."""

    def __init__(self, case, path, answer):
        self.answer = answer
        self.asked = []
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        self.server.listen()
        case.addCleanup(self.server.close)
        threading.Thread(target=self._accept, daemon=True).start()

    def methods(self):
        return [request['method'] for request in self.asked]

    def _accept(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return  # the test has ended
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile('rb') as lines:
            for line in lines:
                request = json.loads(line)
                self.asked.append(request)
                for message in self.answer(request):
                    if message is None:
                        connection.shutdown(socket.SHUT_RDWR)
                        return
                    connection.sendall(json.dumps(message).encode() + b'\n')
