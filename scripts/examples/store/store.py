#!/usr/bin/env python3
"""Keeps a value for each target in memory: what bears a token is a commit and is written; the
answer is what is there.
    ./store.py [--rpc-socket PATH]"""

import argparse
import sys

from xord import RpcError, Xord

NO_TARGET = 16  # an error of this program's own


class Store:
    def __init__(self):
        self.kept = {}

    def answer(self, request):
        if request.target is None:
            request.fail(NO_TARGET)
            return
        if request.has_token:
            self.kept[request.target] = request.value
        request.respond(self.kept.get(request.target))

    def serve(self, requests):
        """Until the daemon stops."""
        for request in requests:
            if isinstance(request, dict):  # what ended it
                return
            try:
                self.answer(request)
            except RpcError as error:  # it came too late, say
                print(f'store: {error}', file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n    ', maxsplit=1)[0])
    parser.add_argument('--rpc-socket', help='where the daemon listens')
    with Xord(parser.parse_args().rpc_socket) as xord:
        Store().serve(xord.handle('store'))


if __name__ == '__main__':
    main()
