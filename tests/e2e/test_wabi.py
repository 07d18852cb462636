"""The city of scripts/examples/wabi: the readings of all its sensors are followed on another node,
the latest of each alone, by name where the city registered them, until a sensor takes its back."""

import contextlib
import os
import shutil
import signal
import subprocess
import unittest

from harness import (DEADLINE_S, ROOT, XORD, TestCase, clean_environment, die_with_parent,
                     wait_until)
from stand import Stand, notice, reply

FOLDER = os.path.join(ROOT, 'scripts', 'examples', 'wabi')
MULTI = ('wabi', 'readings', 'm')
LAT = 39.010941
EVERY = ('--every', '0.1')


def line_of(name, level, long):
    return f'{name} {level} % at {LAT}, {long}'


class Program:
    """A sensor or a follower; what it prints is in files, what it reads comes from `say`."""

    def __init__(self, case, program, *arguments, socket_path, path=None):
        self.case = case
        self.base = case.path(f'{program}-{len(os.listdir(case.folder))}')
        env = clean_environment(XORD_RPC_SOCKET=socket_path, PYTHONDONTWRITEBYTECODE='1')
        if path:
            env['PATH'] = f'{path}:{env["PATH"]}'
        with open(self.base + '.out', 'wb') as out, open(self.base + '.err', 'wb') as err:
            self.process = subprocess.Popen(
                [os.path.join(FOLDER, program), *map(str, arguments)], stdin=subprocess.PIPE,
                stdout=out, stderr=err, env=env, preexec_fn=die_with_parent,
                start_new_session=True)
        case.addCleanup(self.kill)

    def kill(self):
        self.process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # a script's pipeline with it
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.case.assertEqual(self.process.wait(DEADLINE_S), 0, self.text('err'))

    def say(self, text):
        self.process.stdin.write(f'{text}\n'.encode())
        self.process.stdin.flush()

    def text(self, kind):
        with open(f'{self.base}.{kind}', encoding='utf-8') as file:
            return file.read()

    def lines(self):
        """What it has printed, whole lines alone."""
        return self.text('out').split('\n')[:-1]

    def wait_for(self, *lines):
        try:
            wait_until(lambda: set(lines) <= set(self.lines()), lines)
        except AssertionError as error:
            raise AssertionError(f'{error}; printed {self.lines()}, {self.text("err")}') from None

    def wait_complaint(self, part):
        wait_until(lambda: part in self.text('err'), part)


class City(TestCase):
    """Three nodes: the city's, with its key and its first two sensors, one with the others, and an
    inhabitant's."""

    def setUp(self):
        super().setUp()
        self.nodes = self.town, self.suburb, self.home = self.network(3)

    def run_on(self, node, program, *arguments, **options):
        return Program(self, program, *arguments, socket_path=node.socket_path, **options)

    def sensor(self, name, long, node=None):
        return self.run_on(node or self.town, 'sensor.py', name, LAT, long, '--levels', '-')

    def follower(self, *names, node=None):
        return self.run_on(node or self.home, 'follow.py', *EVERY, *names)

    def sensors(self, count):
        """That many, which have signed 1, 2, … %; the keys."""
        made, keys = [], []
        for number in range(1, count + 1):
            node = self.town if number <= 2 else self.suburb
            name = f'sensor{number}'
            made.append(self.sensor(name, number, node))
            made[-1].say(number)
        for number, sensor in enumerate(made, 1):
            sensor.wait_for(f'{line_of(f"sensor{number}", number, float(number))}, on 3 nodes')
            keys.append(sensor.lines()[0].split()[-1])
        return made, keys

    def readings(self):
        return self.home.call('dhtget', *MULTI)


class Follow(City):
    def test_five_sensors_on_a_third_node(self):
        sensors, keys = self.sensors(5)
        follower = self.follower()
        all_five = [line_of(key, number, float(number)) for number, key in enumerate(keys, 1)]
        follower.wait_for(*all_five)
        sensors[2].say(90.5)
        newer = line_of(keys[2], 90.5, 3.0)
        follower.wait_for(newer)
        self.assertEqual(sorted(follower.lines()), sorted([*all_five, newer]))
        late = self.follower()
        latest = [*all_five[:2], newer, *all_five[3:]]
        late.wait_for(*latest)
        self.assertEqual(sorted(late.lines()), sorted(latest))
        sensors[4].stop()
        follower.wait_for(f'{keys[4]} is gone')
        self.assertEqual({entry['k'] for entry in self.readings()}, set(keys[:4]))
        self.assertEqual([len(follower.lines()), len(sensors[2].lines())], [7, 3])

    def test_by_name_with_the_citys_key_alone(self):
        sensors, keys = self.sensors(5)
        self.home.call('addcontact', 'wabi', self.town.call('createkey', 'wabi'))
        for number in (1, 4):
            self.town.call('registername', f'sensor{number}', keys[number - 1], 'wabi')
        follower = self.follower('sensor4@wabi', 'sensor1@wabi')
        follower.wait_for(line_of('sensor1@wabi', 1, 1.0), line_of('sensor4@wabi', 4, 4.0))
        sensors[4].say(50)
        sensors[4].wait_for(f'{line_of("sensor5", 50, 5.0)}, on 3 nodes')
        sensors[3].say(51)
        follower.wait_for(line_of('sensor4@wabi', 51, 4.0))
        sensors[3].stop()
        follower.wait_for('sensor4@wabi is gone')
        self.assertEqual(len(follower.lines()), 4)
        unknown = self.follower('sensor5@wabi')
        unknown.wait_complaint('does not register sensor5')
        self.assertEqual(unknown.process.wait(DEADLINE_S), 1)

    def test_what_is_no_reading_is_not_shown(self):
        strange = ('a text', None, {}, {'lvl_percent': '1', 'lat': 1, 'long': 1}, [1, 2, 3],
                   {'lvl_percent': True, 'lat': 1, 'long': 1},
                   {'lvl_percent': 101, 'lat': 1, 'long': 1})
        for number, value in enumerate(strange):
            self.town.call('createkey', f's{number}')
            self.town.call('dhtput', username='wabi', resource='readings', type='m', value=value,
                           sig_user=f's{number}', slot='latest')
        self.town.call('dhtput', username='wabi', resource='readings', type='m', slot='elsewhere',
                       value={'lvl_percent': 1, 'lat': 1, 'long': 1}, sig_user='s0')
        sensor = self.sensor('sensor1', 1)
        follower = self.follower()
        for text in ('', 'wet', 'NaN', '101', '"7"', '7'):
            sensor.say(text)
        sensor.wait_for(f'{line_of("sensor1", 7, 1.0)}, on 3 nodes')
        key = self.town.call('pubkey', 'sensor1')
        follower.wait_for(line_of(key, 7, 1.0))
        self.assertEqual((len(follower.lines()), follower.text('err')), (1, ''))
        self.assertEqual(sensor.text('err').count('not a reading'), 5)
        self.assertEqual([entry['p']['seq'] for entry in self.readings() if entry['k'] == key], [1])

    def test_daemons_that_are_away_for_a_while(self):
        sensor, follower = self.sensor('sensor1', 1, self.suburb), self.follower()
        sensor.say(10)
        sensor.wait_for(f'{line_of("sensor1", 10, 1.0)}, on 3 nodes')
        key = self.suburb.call('pubkey', 'sensor1')
        follower.wait_for(line_of(key, 10, 1.0))
        for node in (self.suburb, self.home):
            node.stop()
        sensor.say(11)
        sensor.wait_complaint('rpc.sock')
        follower.wait_complaint('rpc.sock')
        for node in (self.suburb, self.home):
            node.start()
        sensor.say(12)
        follower.wait_for(line_of(key, 12, 1.0))
        self.assertNotIn(line_of(key, 11, 1.0), follower.lines())

    def test_a_level_that_wanders(self):
        sensor = self.run_on(self.town, 'sensor.py', 'sensor1', LAT, 1, *EVERY)
        wait_until(lambda: len(sensor.lines()) >= 4, 'three readings')
        entry, = self.readings()
        self.assertGreaterEqual(entry['p']['seq'], 3)
        self.assertEqual(self.home.call('listputs')['items'], [])
        sensor.stop()
        self.assertEqual(self.readings(), [])


@unittest.skipUnless(shutil.which('jq'), 'there is no jq')
class Shell(City):
    def setUp(self):
        super().setUp()
        self.bin = self.path('bin')
        os.mkdir(self.bin)
        os.symlink(os.path.abspath(XORD), os.path.join(self.bin, 'xord'))

    def test_sensor_and_follower(self):
        key = self.town.call('createkey', 'sensor1')
        sensor = self.run_on(self.town, 'sensor.sh', 'sensor1', LAT, -8.5, path=self.bin)
        follower = self.run_on(self.home, 'follow.sh', path=self.bin)
        other = self.follower()
        for text in ('10', 'wet', '11.5'):
            sensor.say(text)
        for each in (follower, other):
            each.wait_for(line_of(key, 11.5, -8.5))
        entry, = self.readings()
        self.assertEqual(entry['p']['v'], {'lvl_percent': 11.5, 'lat': LAT, 'long': -8.5})
        self.assertEqual(entry['p']['seq'], 2)
        self.town.call('dhtput', username='wabi', resource='readings', type='m', value='a text',
                       sig_user='sensor1')
        sensor.say(12)
        follower.wait_for(line_of(key, 12, -8.5))
        self.assertEqual(len(follower.lines()), len(set(follower.lines())))
        sensor.stop()
        other.wait_for(f'{key} is gone')


class Listening(TestCase):
    @staticmethod
    def event(name, signer, seq=1, level=None, slot='latest'):
        value = {'k': signer * 64, 'sig_user': signer, 'p': {'seq': seq, 'slot': slot}}
        if level is not None:
            value['p']['v'] = {'lvl_percent': level, 'lat': LAT, 'long': 1.0}
        return {'event': name, 'value': value}

    @staticmethod
    def daemon_that_listens(scripts):
        """Answers of a daemon with `listen`, as far as a follower asks it: a script of events for
        each subscription, then silence."""
        def answer(request):
            if request['method'] == 'listen':
                script = scripts.pop(0) if scripts else []
                return [reply(request, {'sub': 1}), *(
                    notice('listen', sub=1, n=number, **event)
                    for number, event in enumerate(script, 1))]
            return [reply(request, True)]
        return answer

    def test_events_and_a_gap(self):
        event = self.event
        path = self.path('rpc.sock')
        first = [event('value', 'a', 1, 10), event('value', 'b', 1, 20),
                 event('value', 'c', 1, 30, slot='other'), {'event': 'synced'},
                 event('value', 'a', 2, 11), event('expired', 'b', slot='other'),
                 event('deleted', 'b'), {'event': 'gap', 'dropped': 3}]
        second = [event('value', 'b', 3, 22), {'event': 'synced'}]
        stand = Stand(self, path, self.daemon_that_listens([first, second]))
        follower = Program(self, 'follow.py', *EVERY, socket_path=path)
        expected = [line_of('a', 10, 1.0), line_of('b', 20, 1.0), line_of('a', 11, 1.0),
                    'b is gone', line_of('b', 22, 1.0), 'a is gone']
        follower.wait_for(*expected)
        self.assertEqual(follower.lines(), expected)
        self.assertEqual(follower.text('err'), '')
        self.assertEqual(stand.methods(), ['listen', 'unlisten', 'listen'])
        self.assertEqual(stand.asked[0]['params']['resource'], 'readings')


if __name__ == '__main__':
    unittest.main()
