"""A daemon that comes back is the same node: what it was told to keep, it has; what it acknowledged
is on disk however it ended."""

import os
import random
import signal
import threading
import time
import unittest

from harness import TestCase, XordError, wait_until

KILL_ROUNDS = 20
KILL_AFTER_S = (0.02, 0.25)  # under load, at a random moment
PUTS_IN_FLIGHT = 32


def targets_of(page):
    return sorted(item['target'] for item in page['items'])


class Restart(TestCase):
    def remember(self, node):
        """All that must come back."""
        info = node.info()
        return {'id': info['id'], 'keys': node.call('listkeys'),
                'contacts': node.call('listcontacts'), 'puts': targets_of(node.call('listputs')),
                'stored': targets_of(node.call('liststored'))}

    def test_the_same_node_comes_back(self):
        first, second, third = self.network(3)
        second.call('createkey', 'alice')
        second.call('addcontact', 'bob', 'ab' * 32)
        for number in range(5):
            second.call('dhtput', 'alice', f'r{number}', 's', number)
        third.call('createkey', 'carol')
        third.call('dhtput', 'carol', 'x', 's', 'from the third')
        before = self.remember(second)
        self.assertEqual(len(before['puts']), 5)
        self.assertEqual(len(before['stored']), 6)
        self.assertEqual(second.stop(), 0)
        second.start()
        self.assertEqual(self.remember(second), before)
        self.assertEqual(second.call('dhtget', 'alice', 'r3', 's')[0]['p']['v'], 3)
        self.assertEqual(second.call('dhtput', 'alice', 'r3', 's', 'next')['seq'], 2)
        self.assertTrue(first.is_alive())

    def test_routing_table_comes_back_without_bootstrap(self):
        nodes = self.network(4)
        last = nodes[-1]
        wait_until(lambda: last.info()['dht_nodes'] == 3, 'all are in the table')
        self.assertEqual(last.stop(), 0)
        last.bootstrap = 'none'
        last.start()
        wait_until(lambda: last.info()['dht_nodes'] == 3, 'all are in the table again')
        self.assertEqual(last.info()['state'], 'online')

    def test_files_are_the_owners_alone(self):
        node = self.start()
        node.call('createkey', 'alice')
        node.call('dhtput', 'alice', 'x', 's', 1)
        self.assertEqual(os.stat(node.datadir).st_mode & 0o777, 0o700)
        for folder, _, names in os.walk(node.datadir):
            for name in names:
                path = os.path.join(folder, name)
                if not name.endswith('.sock'):
                    self.assertEqual(os.stat(path).st_mode & 0o077, 0, path)

    def test_kept_puts_reach_a_new_neighbour_after_a_restart(self):
        """The only holder of a kept put comes back, and a node that was never there gets it."""
        node = self.start()
        node.call('createkey', 'alice')
        key = node.call('pubkey', 'alice')
        node.call('dhtput', 'alice', 'kept', 's', 'still here')
        node.stop()
        node.start()
        other = self.start(bootstrap=node.address)
        other.call('addcontact', 'alice', key)
        self.assertEqual(other.call('dhtget', 'alice', 'kept', 's')[0]['p']['v'], 'still here')

    def test_not_kept_is_not_listed(self):
        node = self.start()
        node.call('createkey', 'alice')
        node.call('dhtput', username='alice', resource='x', type='s', value=1, keep=False)
        self.assertEqual(node.call('listputs')['items'], [])

    def test_dropped_key_and_contact_stay_away(self):
        node = self.start()
        node.call('createkey', 'alice')
        node.call('addcontact', 'bob', 'ab' * 32)
        node.call('dropkey', 'alice')
        node.call('dropcontact', 'bob')
        node.stop()
        node.start()
        self.assert_error('unknown_name', 404, node.call, 'pubkey', 'alice')
        self.assert_error('unknown_name', 404, node.call, 'pubkey', 'bob')


class Stop(TestCase):
    def test_stop_answers_then_stops(self):
        node = self.start()
        self.assertIn('stopping', node.call('stop'))
        self.assertEqual(node.wait_end(), 0)
        self.assertFalse(os.path.exists(node.socket_path), 'its socket is gone')

    def test_signals_stop_it_gracefully(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            node = self.start()
            node.process.send_signal(number)
            self.assertEqual(node.wait_end(), 0)

    def test_calls_under_way_are_answered(self):
        first, second = self.network(2)
        second.call('createkey', 'alice')
        first.kill()
        calls = [second.rpc.send('dhtget', 'alice', f'x{n}', 's') for n in range(20)]
        stop = second.rpc.send('stop')
        replies = [second.rpc.wait(call) for call in [*calls, stop]]
        self.assertEqual(len(replies), 21)
        self.assertEqual(second.wait_end(), 0)


class Reload(TestCase):
    def test_hangup_and_reload_read_the_file_again(self):
        conf = self.write('xord.conf', 'log-level = info\n')
        node = self.start('--conf', conf)
        for level, how in (('debug', lambda: node.process.send_signal(signal.SIGHUP)),
                           ('warn', lambda: node.call('reload'))):
            self.write('xord.conf', f'log-level = {level}\n')
            how()
            wait_until(lambda wanted=level: wanted in str(node.call('getconfig')),
                       f'log-level becomes {level}')
        self.assertTrue(node.is_alive())

    def test_reload_of_a_broken_file_changes_nothing(self):
        conf = self.write('xord.conf', 'log-level = info\n')
        node = self.start('--conf', conf)
        before = node.call('getconfig')
        self.write('xord.conf', 'log-levle = debug\n')
        with self.assertRaises(Exception) as caught:
            node.call('reload')
        self.assertIn('xord.conf:1', str(caught.exception))
        node.process.send_signal(signal.SIGHUP)
        wait_until(lambda: 'log-levle' in node.log(), 'the log says what was refused')
        self.assertEqual(node.call('getconfig'), before)

    def test_setlog(self):
        node = self.start()
        node.call('setlog', 'info,rpc=debug')
        self.assert_error('invalid_params', -32602, node.call, 'setlog', 'info,nothing=loud')


class Putter:
    """Puts on one connection without end, many in flight; remembers each that was acknowledged."""

    def __init__(self, node, round_number):
        self.node = node
        self.round = round_number
        self.acknowledged = {}
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        waiting = {}
        try:
            with self.node.connect() as rpc:
                number = 0
                while True:
                    while len(waiting) < PUTS_IN_FLIGHT:
                        resource = f'k{self.round}-{number}'
                        waiting[rpc.send('dhtput', 'alice', resource, 's', number)] = (resource,
                                                                                     number)
                        number += 1
                    reply = rpc.read()
                    if reply is None:
                        return
                    resource, value = waiting.pop(reply['id'])
                    if 'result' in reply:
                        self.acknowledged[resource] = value
        except (OSError, XordError):
            return


class Kill(TestCase):
    """`kill -9` at any moment: every acknowledged put is there after restart."""

    def kill_under_load(self, node, number):
        putter = Putter(node, number)
        putter.thread.start()
        wait_until(lambda: putter.acknowledged, 'the first put is acknowledged')
        time.sleep(random.uniform(*KILL_AFTER_S))
        node.kill()
        putter.thread.join()
        return putter.acknowledged

    def test_acknowledged_puts_survive(self):
        node = self.start()
        node.call('createkey', 'alice')
        expected = {}
        for number in range(KILL_ROUNDS):
            acknowledged = self.kill_under_load(node, number)
            expected.update(acknowledged)
            node.start()
            calls = {name: node.rpc.send('dhtget', 'alice', name, 's') for name in acknowledged}
            for name, call in calls.items():
                values = node.rpc.result(call)
                self.assertEqual([v['p']['v'] for v in values], [acknowledged[name]],
                                 f'round {number}: {name}')
        self.assertGreater(len(expected), KILL_ROUNDS * 5)
        for name in random.sample(sorted(expected), 50):
            self.assertEqual(node.call('dhtget', 'alice', name, 's')[0]['p']['v'], expected[name])

    def test_killed_while_starting(self):
        node = self.start()
        node.call('createkey', 'alice')
        node.call('dhtput', 'alice', 'x', 's', 1)
        for _ in range(10):
            node.kill()
            node.spawn()
            time.sleep(random.uniform(0, 0.02))
        node.kill()
        node.start()
        self.assertEqual(node.call('dhtget', 'alice', 'x', 's')[0]['p']['v'], 1)


if __name__ == '__main__':
    unittest.main()
