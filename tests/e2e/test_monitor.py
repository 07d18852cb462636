"""What a client that monitors sees of a real daemon: lookups step by step, nodes that come and go,
puts stored and refused with the reason, calls; and that it costs nothing when nobody looks."""

import json
import os
import signal
import subprocess

from harness import XORD, TestCase, clean_environment, die_with_parent
from krpc import Key, Peer, encode, mutable

CODE_SIGNATURE, CODE_STALE = 206, 302


class Watcher:
    """A connection that monitors; events are kept in their order."""

    def __init__(self, daemon, *classes):
        self.rpc = daemon.connect()
        self.rpc.send('monitor', *classes)
        self.sub = self.rpc.read()['result']['sub']
        self.n = 0

    def next(self):
        """The next event; its number must follow upon the last."""
        line = self.rpc.read()
        params = line['params']
        self.n += 1
        assert (line['method'], params['sub'], params['n']) == ('monitor', self.sub, self.n), line
        return params

    def until(self, **wanted):
        """The events up to and with the first that has these members."""
        seen = []
        while True:
            seen.append(self.next())
            if all(seen[-1].get(key) == value for key, value in wanted.items()):
                return seen

    def close(self):
        self.rpc.close()


class Lookups(TestCase):
    def test_a_lookup_is_seen_step_by_step(self):
        nodes = self.network(12)
        watcher = Watcher(nodes[3], 'lookups')
        target = os.urandom(20).hex()
        result = nodes[3].call('lookup', target)
        watcher.until(event='started', target=target)
        events = watcher.until(event='ended', target=target)
        steps = [event for event in events[:-1] if event['target'] == target]
        asked = [step['id'] for step in steps if step['step'] == 'asked']
        answered = {step['id']: step for step in steps if step['step'] == 'answered'}
        self.assertEqual(set(asked), set(answered))
        self.assertEqual(len(asked), events[-1]['queried'])
        self.assertEqual(events[-1]['hops'], result['hops'])
        self.assertTrue(events[-1]['complete'])
        for step in result['trace']:
            seen = answered[step['id']]
            self.assertEqual((seen['addr'], seen['hop'], seen['distance']),
                             (step['addr'], step['hop'], step['distance']))
            self.assertEqual(seen['shared_bits'], 160 - step['distance'])
            xor = int(step['id'], 16) ^ int(target, 16)
            self.assertEqual(seen['xor'], f'{xor:040x}'[:16])

    def test_nodes_that_come_and_go_are_seen(self):
        first = self.start()
        watcher = Watcher(first, 'nodes')
        second = self.start(bootstrap=first.address)
        identity = second.info()['id']
        watcher.until(event='seen', id=identity)
        watcher.until(event='joined', id=identity)
        second.stop()
        watcher.until(event='parted', id=identity)


class Store(TestCase):
    def test_puts_are_seen_and_those_of_a_bad_peer_with_the_reason(self):
        node = self.start('--network', 'mainline')
        watcher = Watcher(node, 'store')
        key = Key()
        with Peer(node.port) as peer:
            item = mutable(key, b'the value', 4)
            target = key.target()
            self.assertEqual(peer.put(item, target)['y'], b'r')
            stored = watcher.next()
            self.assertEqual((stored['event'], stored['target'], stored['seq'], stored['size']),
                             ('stored', target.hex(), 4, len(encode(b'the value'))))
            self.assertEqual(stored['from'], f'127.0.0.1:{peer.port}')

            self.assertEqual(peer.put(mutable(key, b'older', 3), target)['e'][0], CODE_STALE)
            stale = watcher.next()
            self.assertEqual((stale['event'], stale['check'], stale['error']['code'], stale['seq']),
                             ('refused', 'seq', CODE_STALE, 3))

            forged = {**mutable(key, b'forged', 5), 'sig': b'x' * 64}
            self.assertEqual(peer.put(forged, target)['e'][0], CODE_SIGNATURE)
            refused = watcher.next()
            self.assertEqual((refused['event'], refused['check'], refused['target']),
                             ('refused', 'signature', target.hex()))
            self.assertEqual(refused['from'], f'127.0.0.1:{peer.port}')

            peer.put(mutable(key, b'unasked', 6), target, token=b'no')
            self.assertEqual(watcher.next()['check'], 'token')

    def test_what_makes_room_for_others_is_seen(self):
        node = self.start('--network', 'mainline', '--max-bytes', '1M')
        watcher = Watcher(node, 'store')
        stored = {}
        with Peer(node.port) as peer:
            for number in range(1200):
                key = Key()
                peer.put(mutable(key, b'x' * 900, 1), key.target())
                stored[key.target().hex()] = number
                if number > 900 and node.counter('evicted_records') > 0:
                    break
        evicted = watcher.until(event='evicted')[-1]
        self.assertIn(evicted['target'], stored)
        self.assertEqual(evicted['space'], 'held')

    def test_what_has_ended_and_what_is_dropped_is_seen(self):
        node = self.start()
        watcher = Watcher(node, 'store')
        node.call('createkey', 'alice')
        target = node.call('dhtput', username='alice', resource='p', type='s', value=1)['target']
        spaces = {watcher.until(event='stored', target=target)[-1]['space'] for _ in range(2)}
        self.assertEqual(spaces, {'held', 'kept'})
        node.call('dropput', target)
        dropped = watcher.until(event='dropped')[-1]
        self.assertEqual((dropped['target'], dropped['space']), (target, 'kept'))


class Clients(TestCase):
    def test_calls_are_seen_and_values_and_parameters_are_not(self):
        node = self.start()
        watcher = Watcher(node)
        node.call('createkey', 'alice')
        node.call('dhtput', 'alice', 'p', 's', 'a secret of hers')
        events = watcher.until(event='call', method='dhtput')
        call = events[-1]
        self.assertEqual((call['uid'], 'error' in call), (os.getuid(), False))
        self.assertGreaterEqual(call['ms'], 0)
        self.assertNotIn('secret', json.dumps(events))
        with self.assertRaises(Exception):
            node.call('dhtget', 'nobody', 'p', 's')
        failed = watcher.until(event='call', method='dhtget')[-1]
        self.assertEqual(failed['error']['name'], 'unknown_name')

    def test_a_slow_reader_gets_a_gap_and_little_is_kept_for_it(self):
        node = self.start()
        watcher = Watcher(node, 'rpc')
        calls = 40000
        with node.connect() as other:
            for _ in range(calls // 100):
                batch = [{'jsonrpc': '2.0', 'id': i, 'method': 'getconfig', 'params': ['port']}
                         for i in range(100)]
                other.send_raw(json.dumps(batch) + '\n')
                other.read_text()
        told = dropped = kept = 0
        while told + dropped < calls:
            event = watcher.next()
            kept += 0 if dropped else len(json.dumps(event))
            told += event.get('method') == 'getconfig'
            dropped += event['dropped'] if event['event'] == 'gap' else 0
        self.assertEqual(told + dropped, calls)
        self.assertGreater(dropped, 0)
        self.assertLess(kept, 3 << 20)
        node.call('getinfo')
        watcher.until(method='getinfo')

    def test_the_readers_socket_may_not_monitor(self):
        node = self.start()
        finished = node.cli('--rpc-socket', os.path.join(node.datadir, 'ro.sock'), 'monitor')
        self.assertEqual(finished.code, 1)
        self.assertIn('read_only (403)', finished.err)

    def test_a_call_over_http_may_not_monitor(self):
        node = self.start()
        body = json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'monitor'})
        with node.connect() as rpc:
            rpc.send_raw(f'POST / HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n{body}')
            while not (line := rpc.read_text()).startswith('{'):
                pass
        self.assertEqual(json.loads(line)['error']['data']['name'], 'cancelled')

    def test_it_ends_with_the_daemon_and_with_unmonitor(self):
        node = self.start()
        watcher = Watcher(node, 'nodes')
        with node.connect() as other:
            self.assert_error('no_such_id', 404, other.call, 'unmonitor', watcher.sub)
        watcher.rpc.send('unmonitor', watcher.sub)
        self.assertIs(watcher.rpc.read()['result'], True)
        watcher = Watcher(node, 'nodes')
        node.stop()
        end = watcher.next()
        self.assertEqual((end['event'], end['error']['data']['name']), ('end', 'stopping'))


class CommandLine(TestCase):
    def follow(self, node, *arguments):
        """`xord monitor` at work: its call has been answered."""
        watcher = Watcher(node, 'rpc')
        watcher.until(method='monitor')
        process = subprocess.Popen(
            [XORD, '--rpc-socket', node.socket_path, 'monitor', *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment(),
            preexec_fn=die_with_parent)
        self.addCleanup(process.kill)
        watcher.until(method='monitor')
        watcher.close()
        return process

    def test_one_line_an_event_until_there_are_enough(self):
        node = self.start()
        process = self.follow(node, 'rpc', '-C', '3')
        while process.poll() is None:
            node.info()
        out, _ = process.communicate()
        lines = [json.loads(line) for line in out.decode().splitlines()]
        self.assertEqual([line['n'] for line in lines], [1, 2, 3])
        self.assertEqual({line['class'] for line in lines}, {'rpc'})
        self.assertEqual(process.returncode, 0)

    def test_it_ends_when_its_time_is_up(self):
        node = self.start()
        finished = node.cli('monitor', 'store', '-W', '0.2')
        self.assertEqual((finished.code, finished.out), (0, ''))

    def test_what_it_may_not_be_is_said(self):
        node = self.start()
        for arguments, word in ((('-C', '0'), '-C'), (('-C', 'x'), '-C'), (('-W', '-1'), '-W')):
            finished = node.cli('monitor', *arguments)
            self.assertEqual(finished.code, 3, arguments)
            self.assertIn(word, finished.err)
        finished = node.cli('monitor', 'looks')
        self.assertEqual(finished.code, 1)
        self.assertIn('lookups, nodes, store and rpc', finished.err)
        self.assertEqual(node.cli('-C', '1', 'getinfo').code, 3)

    def test_it_ends_with_the_daemon(self):
        node = self.start()
        process = self.follow(node, 'store')
        node.stop()
        out, err = process.communicate(timeout=10)
        self.assertEqual((process.returncode, err), (0, b''))
        self.assertEqual(json.loads(out)['event'], 'end')
        node.start()
        process = self.follow(node, 'store')
        node.kill()
        out, err = process.communicate(timeout=10)
        self.assertEqual((process.returncode, out), (2, b''))
        self.assertIn(b'ended the connection', err)

    def test_an_interrupt_is_quiet(self):
        node = self.start()
        process = self.follow(node, 'store')
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
        self.assertEqual(err, b'')

    def test_it_ends_when_nobody_reads_it(self):
        node = self.start()
        process = self.follow(node, 'store')
        process.stdout.close()
        self.assertEqual(process.wait(10), -signal.SIGPIPE)
        self.assertEqual(process.stderr.read(), b'')


class LookupTable(TestCase):
    def on_terminal(self, node, *arguments):
        """What `xord lookup` prints on a terminal."""
        leader, follower = os.openpty()
        self.addCleanup(os.close, leader)
        process = subprocess.Popen(
            [XORD, '--rpc-socket', node.socket_path, 'lookup', *arguments], stdout=follower,
            stderr=subprocess.STDOUT, env=clean_environment(), preexec_fn=die_with_parent)
        os.close(follower)
        text = b''
        try:
            while data := os.read(leader, 65536):
                text += data
        except OSError:
            pass  # what a terminal says at its end
        self.assertEqual(process.wait(10), 0)
        return text.decode().replace('\r\n', '\n')

    def test_a_person_gets_a_table_and_a_program_json(self):
        nodes = self.network(10)
        target = os.urandom(20).hex()
        lines = self.on_terminal(nodes[2], target).splitlines()
        self.assertEqual(lines[0], f'target {target}')
        rows = [line.lstrip('*').split() for line in lines[3:-2]]
        self.assertGreaterEqual(len(rows), 8)
        distances = [int(row[1]) for row in rows]
        self.assertEqual(distances, sorted(distances, reverse=True))
        bars = [len(row[2]) for row in rows]
        self.assertEqual(bars, sorted(bars, reverse=True))
        self.assertEqual(sum(line.startswith('*') for line in lines), 8)
        known = {node.info()['id'][:16] for node in nodes}
        self.assertLessEqual({row[3] for row in rows}, known)
        self.assertEqual(json.loads(self.on_terminal(nodes[2], target, '--json'))['target'],
                         target)
        self.assertEqual(nodes[2].cli('lookup', target).json()['target'], target)
        self.assertEqual(nodes[2].cli('--json', 'lookup', target).json()['target'], target)
