#!/usr/bin/python3
"""A sensor: signs a reading every few seconds. Stopped (Ctrl-C, SIGTERM), it takes the last one
back; cut off, it is forgotten in ten minutes.
   ./sensor.py NAME LAT LONG                a level that wanders by itself
   ./sensor.py NAME LAT LONG --levels FILE  each level (a number a line) of FILE, `-` being standard
                                            input, as it comes
NAME is a key of the daemon, made where there is none."""

import argparse
import json
import random
import signal
import sys
import time

from wabi import LIFE_S, READINGS, SLOT, is_reading, shown
from xord import Xord, XordError


def wandering(every_s):
    level = random.randint(0, 100)
    while True:
        yield level
        time.sleep(every_s)
        level = min(100, max(0, level + random.randint(-3, 3)))


def read_levels(lines):
    """Numbers; None for a line that is none."""
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            yield None


class Sensor:
    def __init__(self, xord, name, place):
        self.xord = xord
        self.name = name
        self.place = place

    def key(self):
        keys = self.xord.listkeys()
        return keys.get(self.name) or self.xord.createkey(self.name)

    def sign(self, level):
        reading = {'lvl_percent': level, **self.place}
        if not is_reading(reading):
            raise XordError(f'not a reading: {json.dumps(reading)}')
        return shown(self.name, reading), self._put(value=reading)

    def take_back(self):
        return self._put(delete=True)

    def _put(self, **what):
        return self.xord.dhtput(**READINGS, sig_user=self.name, slot=SLOT, ttl=LIFE_S,
                                keep=False, **what)


def complain(error):
    print(f'sensor: {error}', file=sys.stderr, flush=True)


def run(sensor, levels):
    """One reading a level; a daemon that is away for a while costs those of that time alone."""
    for level in levels:
        try:
            text, put = sensor.sign(level)
        except XordError as error:
            complain(error)
        else:
            print(f'{text}, on {put["stored"]} nodes', flush=True)


def arguments():
    parser = argparse.ArgumentParser(description='signs the readings of a sensor')
    parser.add_argument('name')
    parser.add_argument('lat', type=float)
    parser.add_argument('long', type=float)
    parser.add_argument('--levels', type=argparse.FileType(), metavar='FILE')
    parser.add_argument('--every', type=float, default=5, metavar='SECONDS')
    parser.add_argument('--rpc-socket', metavar='PATH')
    return parser.parse_args()


def main():
    asked = arguments()
    place = {'lat': asked.lat, 'long': asked.long}
    sensor = Sensor(Xord(asked.rpc_socket), asked.name, place)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        print(f'{asked.name} signs with {sensor.key()}', flush=True)
        try:
            run(sensor, read_levels(asked.levels) if asked.levels else wandering(asked.every))
        except KeyboardInterrupt:
            sensor.take_back()
    except XordError as error:
        complain(error)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
