#!/usr/bin/python3
"""Prints the city's readings as they come.
   ./follow.py                 everybody's
   ./follow.py sensor7@wabi …  of these names alone"""

import argparse
import sys
import time

from wabi import LIFE_S, READINGS, SLOT, is_reading, shown
from xord import Xord, XordError


class Board:
    """What has been printed: of each signer its name and the seq of its last reading. `names`: the
    names to show by key, and nobody else's; none: everybody's."""

    def __init__(self, names):
        self.names = names
        self.shown = {}

    def show(self, entry):
        key, seq, reading = entry['k'], entry['p']['seq'], entry['p'].get('v')
        name = self.names.get(key) if self.names else entry['sig_user']
        is_newer = key not in self.shown or seq > self.shown[key][1]
        if name and is_newer and is_reading(reading):
            self.shown[key] = name, seq
            print(shown(name, reading), flush=True)

    def drop(self, key):
        if key in self.shown:
            print(f'{self.shown.pop(key)[0]} is gone', flush=True)

    def keep(self, keys):
        """Drops all others."""
        for key in set(self.shown) - keys:
            self.drop(key)


def since():
    return int(time.time()) - LIFE_S


def listen(xord, board):
    """All readings as they come, until some were missed or the subscription ends."""
    replayed = set()
    with xord.listen(**READINGS, since=since()) as stream:
        for told in stream:
            event, entry = told['event'], told.get('value')
            if event in ('gap', 'end'):
                return
            if event == 'synced' and 'error' not in told:
                board.keep(replayed)
            if event == 'synced':
                continue
            if entry['p'].get('slot') != SLOT:
                continue
            if event == 'value':
                replayed.add(entry['k'])
                board.show(entry)
            else:
                board.drop(entry['k'])


def follow(xord, board, every_s):
    while True:
        try:
            listen(xord, board)
        except XordError as error:
            print(f'follow: {error}', file=sys.stderr, flush=True)
        time.sleep(every_s)


def arguments():
    parser = argparse.ArgumentParser(description="prints the city's readings")
    parser.add_argument('names', nargs='*', metavar='NAME')
    parser.add_argument('--every', type=float, default=5, metavar='SECONDS')
    parser.add_argument('--rpc-socket', metavar='PATH')
    return parser.parse_args()


def main():
    asked = arguments()
    xord = Xord(asked.rpc_socket)
    try:
        names = {xord.pubkey(name): name for name in asked.names}
        follow(xord, Board(names), asked.every)
    except XordError as error:
        print(f'follow: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == '__main__':
    sys.exit(main())
