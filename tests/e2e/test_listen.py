"""Whoever listens is told what is stored, then each change, once and in order, wherever it is
made; on the socket and on the command line, over restarts, and whatever becomes of holders."""

import itertools
import json
import os
import signal
import subprocess
import time
import unittest

from harness import (DEADLINE_S, MEMORY_FACTOR, XORD, Rpc, TestCase, clean_environment,
                     die_with_parent, is_running, resident_kb, wait_next_second, wait_until)

TAG = {'username': 'tag', 'resource': 'r', 'type': 'm'}


def short(told):
    """An event in a word or two: `value 7`, `deleted`, `gap 3`."""
    event = told['event']
    part = told.get('value', {}).get('p', {})
    return f"{event} {part['v']}" if 'v' in part else event


def descriptors(process):
    return len(os.listdir(f'/proc/{process.pid}/fd'))


def has_streams(node, count):
    return f'xord_streams {count}\n' in node.call('getmetrics')


class Told:
    """What a stream tells, with its numbers checked."""

    def __init__(self, stream):
        self.stream = stream
        self.numbers = itertools.count(1)

    def next(self, timeout_s=DEADLINE_S):
        told = self.stream.next(timeout_s)
        assert told['n'] == next(self.numbers), told
        return told

    def take(self, count):
        return [short(self.next()) for _ in range(count)]

    def until(self, last):
        """All up to the one that is `last` in short, and that."""
        found = []
        while not found or found[-1] != last:
            found.append(short(self.next()))
        return found


class ListenCase(TestCase):
    def listen(self, node, *params, **named):
        """A stream on a connection of its own."""
        client = Rpc(node.socket_path)
        self.addCleanup(client.close)
        return Told(client.listen(*params, **named))

    def assert_silent(self, told, node, signer):
        """Nothing more comes: what is put now is the next."""
        node.call('dhtput', value='the last', sig_user=signer, **TAG)
        self.assertEqual(short(told.next()), 'value the last')


class Streams(ListenCase):
    def test_a_single_from_another_node(self):
        home, other = self.network(2)
        key = home.call('createkey', 'alice')
        home.call('dhtput', 'alice', 'profile', 's', {'v': 1})
        told = self.listen(other, key, 'profile', 's')
        first = told.next()
        self.assertEqual(first['value'], other.call('dhtget', key, 'profile', 's')[0])
        self.assertEqual(first['sub'], 1)
        self.assertEqual(told.take(1), ['synced'])
        for number in range(2, 7):
            home.call('dhtput', 'alice', 'profile', 's', number)
        home.call('dhtput', username='alice', resource='profile', type='s', delete=True)
        self.assertEqual(told.take(5), [f'value {number}' for number in range(2, 7)])
        deleted = told.next()
        self.assertEqual((deleted['event'], deleted['value']['p']['seq']), ('deleted', 7))
        self.assertNotIn('v', deleted['value']['p'])
        late = self.listen(other, key, 'profile', 's')
        self.assertEqual(late.take(1), ['synced'])
        home.call('dhtput', 'alice', 'profile', 's', 'again')
        for each in (told, late):
            self.assertEqual(each.take(1), ['value again'])

    def test_a_multi_by_several_signers(self):
        nodes = self.network(4)
        for node in nodes:
            node.call('createkey', 'me')
        for number, node in enumerate(nodes):
            node.call('dhtput', value=number, sig_user='me', slot='latest', **TAG)
        told = [self.listen(node, **TAG) for node in nodes]
        for each in told:
            first = [each.next() for _ in nodes]
            self.assertEqual({entry['value']['p']['v'] for entry in first}, {0, 1, 2, 3})
            orders = [(entry['value']['p']['time'], entry['value']['k']) for entry in first]
            self.assertEqual(orders, sorted(orders))
            self.assertEqual(each.take(1), ['synced'])
        for round_ in range(5):
            for number, node in enumerate(nodes):
                node.call('dhtput', value=10 * round_ + number, sig_user='me', slot='latest', **TAG)
        nodes[0].call('dhtput', sig_user='me', slot='latest', delete=True, **TAG)
        nodes[1].call('dhtput', value='post', sig_user='me', **TAG)
        expected = sorted([f'value {10 * r + n}' for r in range(5) for n in range(4)]
                          + ['deleted', 'value post'])
        for each in told:
            self.assertEqual(sorted(each.take(22)), expected)
        late = self.listen(nodes[2], **TAG)
        self.assertEqual(sorted(late.take(4)),
                         ['value 41', 'value 42', 'value 43', 'value post'])
        self.assertEqual(late.take(1), ['synced'])
        self.assert_silent(late, nodes[3], 'me')

    def test_what_expires_is_told(self):
        home, other = self.network(2)
        key = home.call('createkey', 'alice')
        told = self.listen(other, **TAG)
        self.assertEqual(told.take(1), ['synced'])
        home.call('dhtput', value=1, sig_user='alice', slot='latest', ttl=2, keep=False, **TAG)
        self.assertEqual(told.take(1), ['value 1'])
        expired = told.next()
        self.assertEqual((expired['event'], expired['value']['k'], expired['value']['p']['slot']),
                         ('expired', key, 'latest'))

    def test_since_and_without_a_replay(self):
        home, other = self.network(2)
        home.call('createkey', 'alice')
        home.call('dhtput', value='old', sig_user='alice', **TAG)
        new = self.listen(other, **TAG, replay=False)
        late = self.listen(other, **TAG, since=int(time.time()) + 3600)
        self.assertEqual(new.take(1), ['synced'])
        self.assertEqual(late.take(1), ['synced'])
        home.call('dhtput', value='new', sig_user='alice', **TAG)
        self.assertEqual(new.take(1), ['value new'])
        late.stream.close()
        self.assertEqual(short(self.listen(other, **TAG, since=1).next()), 'value old')

    def test_names_and_refusals(self):
        home, other = self.network(2)
        wabi, key = (home.call('createkey', name) for name in ('wabi', 'sensor7'))
        home.call('registername', 'sensor7', key, 'wabi')
        home.call('dhtput', 'sensor7', 'level', 's', 7)
        other.call('addcontact', 'wabi', wabi)
        told = self.listen(other, 'sensor7@wabi', 'level', 's')
        first = told.next()
        self.assertEqual((first['value']['p']['v'], first['value']['p']['target']['n']),
                         (7, 'sensor7@wabi'))
        self.assert_error('unknown_name', 404, other.call, 'listen', 'nobody', 'level', 's')
        self.assert_error('unknown_name', 404, other.call, 'listen', 'sensor8@wabi', 'level', 's')
        self.assert_error('no_such_id', 404, other.call, 'unlisten', 5)
        self.assert_error('invalid_params', -32602, other.call, 'listen', 'x', '', 'm')

    def test_sealed_values_and_the_read_only_socket(self):
        home, other = self.network(2)
        home.call('createkey', 'alice')
        bob = other.call('createkey', 'bob')
        home.call('addcontact', 'bob', bob)
        full = self.listen(other, **TAG)
        client = Rpc(os.path.join(os.path.dirname(other.socket_path), 'ro.sock'))
        self.addCleanup(client.close)
        reader = Told(client.listen(**TAG))
        for each in (full, reader):
            self.assertEqual(each.take(1), ['synced'])
        home.call('dhtput', value='secret', sig_user='alice', to='bob', **TAG)
        opened, closed = full.next()['value'], reader.next()['value']
        self.assertEqual((opened['p']['v'], opened['encrypted']), ('secret', True))
        self.assertNotIn('v', closed['p'])
        self.assertIn('read-only', closed['reason'])

    def test_large_values_come_whole_and_in_order(self):
        home, other = self.network(3)[:2]
        key = home.call('createkey', 'alice')
        text = 'x' * 20000
        told = self.listen(other, key, 'page', 's')
        self.assertEqual(told.take(1), ['synced'])
        for number in range(3):
            home.call('dhtput', 'alice', 'page', 's', f'{text}{number}')
            home.call('dhtput', 'alice', 'page', 's', number)
        expected = [v for number in range(3) for v in (f'value {text}{number}', f'value {number}')]
        self.assertEqual(told.take(6), expected)
        home.call('dhtput', 'alice', 'page', 's', text)
        late = self.listen(other, key, 'page', 's')
        self.assertEqual(late.take(2), [f'value {text}', 'synced'])
        multi = self.listen(other, **TAG)
        home.call('dhtput', value=text, sig_user='alice', **TAG)
        self.assertEqual(multi.take(1), ['synced'])
        self.assertGreater(multi.next()['value']['large']['size'], 20000)

    def test_the_end_is_told(self):
        node = self.start()
        told = self.listen(node, **TAG)
        self.assertEqual(told.take(1), ['synced'])
        node.stop()
        end = told.next()
        self.assertEqual((end['event'], end['error']['data']['name']), ('end', 'stopping'))


class Holders(ListenCase):
    def test_lost_holders_are_no_end_and_hide_nothing(self):
        nodes = self.network(12)
        home, listener = nodes[0], nodes[1]
        home.call('createkey', 'alice')
        home.call('dhtput', value=0, sig_user='alice', slot='latest', **TAG)
        told = self.listen(listener, **TAG)
        self.assertEqual(told.take(2), ['value 0', 'synced'])
        for victim in nodes[2:8]:
            victim.kill()
        for number in range(1, 6):
            home.call('dhtput', value=number, sig_user='alice', slot='latest', **TAG)
        self.assertEqual(told.take(5), [f'value {number}' for number in range(1, 6)])
        self.assert_silent(told, home, 'alice')


class Unread(ListenCase):
    """A client that listens a thousand times and does not read."""

    COUNT = 1000
    PUTS = 60

    def start_deaf(self, node, *params):
        deaf = Rpc(node.socket_path)
        self.addCleanup(deaf.close)
        for _ in range(self.COUNT):
            deaf.send('listen', *params)
        return deaf

    def read_all(self, deaf, last):
        """What each sub was told until each has the last value, by short names."""
        told = {sub: [] for sub in range(1, self.COUNT + 1)}
        numbers = {sub: 0 for sub in told}
        waiting = set(told)
        while waiting:
            params = deaf.read().get('params')
            if params is None:
                continue
            sub = params['sub']
            numbers[sub] += 1
            self.assertEqual(params['n'], numbers[sub])
            told[sub].append(params)
            if short(params) == last:
                waiting.discard(sub)
        return told

    def test_a_gap_says_how_many_are_missing(self):
        home, other = self.network(2)
        home.call('createkey', 'alice')
        deaf = self.start_deaf(other, 'tag', 'r', 'm')
        reader = self.listen(other, **TAG)
        self.assertEqual(reader.take(1), ['synced'])
        wait_until(lambda: has_streams(other, self.COUNT + 1), 'all listens')
        before = resident_kb(other.process)
        padding = 'x' * 800
        for number in range(self.PUTS):
            home.call('dhtput', value=f'{number}{padding}', sig_user='alice', slot='latest', **TAG)
        self.assertEqual(reader.take(self.PUTS),
                         [f'value {number}{padding}' for number in range(self.PUTS)])
        self.assertLess(resident_kb(other.process) - before, 150 * 1024)
        home.call('dhtput', value='before the end', sig_user='alice', slot='latest', **TAG)
        self.assertEqual(reader.take(1), ['value before the end'])
        seen = self.drain(deaf)
        gaps = 0
        for told in seen.values():
            values = [params for params in told if params['event'] == 'value']
            dropped = sum(params.get('dropped', 0) for params in told)
            gaps += dropped > 0
            self.assertEqual(len(values) + dropped, self.PUTS + 1)
        self.assertGreater(gaps, 0)

    def drain(self, deaf):
        """All that was kept for it: until each stream has told of as many as were put."""
        told = {sub: [] for sub in range(1, self.COUNT + 1)}
        owed = {sub: self.PUTS + 1 for sub in told}
        while any(owed.values()):
            params = deaf.read().get('params')
            if params is None:
                continue
            sub = params['sub']
            told[sub].append(params)
            self.assertEqual(params['n'], len(told[sub]))
            owed[sub] -= params.get('dropped', 1 if params['event'] == 'value' else 0)
        return told

    def test_of_a_single_the_newest_comes(self):
        home, other = self.network(2)
        key = home.call('createkey', 'alice')
        deaf = self.start_deaf(other, key, 'profile', 's')
        wait_until(lambda: has_streams(other, self.COUNT), 'all listens')
        padding = 'x' * 800
        for number in range(self.PUTS):
            home.call('dhtput', 'alice', 'profile', 's', f'{number}{padding}')
        home.call('dhtput', 'alice', 'profile', 's', 'newest')
        for told in self.read_all(deaf, 'value newest').values():
            seqs = [params['value']['p']['seq'] for params in told if params['event'] == 'value']
            self.assertEqual(seqs, sorted(set(seqs)))
            self.assertNotIn('gap', [params['event'] for params in told])
            self.assertLess(len(seqs), self.PUTS)


class Many(ListenCase):
    def test_ten_thousand_listens_and_vanish(self):
        first, node = self.network(2)
        before_kb, before_fds = resident_kb(node.process), descriptors(node.process)
        after_kb = []
        for _ in range(2):
            client = Rpc(node.socket_path)
            ids = [client.send('listen', f'tag{number % 8000}', 'r', 'm')
                   for number in range(10000)]
            for number in ids:
                client.result(number)
            self.assertEqual(node.info()['subscriptions']['listening'], 8000)
            self.assert_error('busy', 429, client.call, 'listen', 'one more', 'r', 'm')
            client.close()
            wait_until(lambda: node.info()['subscriptions']['listening'] == 0, 'no listens')
            wait_until(lambda: node.info()['clients'] == 1, 'no client')
            wait_until(lambda: first.info()['subscriptions']['serving'] == 0, 'no leases', 60)
            after_kb.append(resident_kb(node.process))
        self.assertLessEqual(descriptors(node.process), before_fds)
        self.assertLess(after_kb[1] - before_kb, 40 * 1024 * MEMORY_FACTOR)
        self.assertLess(after_kb[1] - after_kb[0], 8 * 1024 * MEMORY_FACTOR)


class Follower:
    """`xord listen` as a process of its own, its lines in a file."""

    def __init__(self, case, node, *arguments, via_pipe=False):
        self.case = case
        self.base = case.path(f'follower-{len(os.listdir(case.folder))}')
        with open(self.base + '.out', 'wb') as out, open(self.base + '.err', 'wb') as err:
            self.process = subprocess.Popen(
                [XORD, '--rpc-socket', node.socket_path, 'listen', *arguments],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if via_pipe else out, stderr=err,
                env=clean_environment(), preexec_fn=die_with_parent)
        case.addCleanup(self.end)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def text(self, kind='out'):
        with open(f'{self.base}.{kind}', encoding='utf-8') as file:
            return file.read()

    def told(self):
        return [json.loads(line) for line in self.text().split('\n')[:-1]]

    def shorts(self):
        return [short(params) for params in self.told()]

    def wait_for(self, *expected):
        """Until it has printed exactly these."""
        try:
            wait_until(lambda: len(self.shorts()) >= len(expected), expected)
        finally:
            self.case.assertEqual(self.shorts(), list(expected), self.text('err'))
        self.case.assertEqual([params['n'] for params in self.told()],
                              list(range(1, len(expected) + 1)))

    def wait(self):
        return self.process.wait(DEADLINE_S)


class CommandLine(ListenCase):
    def setUp(self):
        super().setUp()
        self.home, self.other = self.network(2)
        self.key = self.home.call('createkey', 'alice')

    def put(self, value, **named):
        self.home.call('dhtput', value=value, sig_user='alice', **TAG, **named)

    def test_lines_and_their_number(self):
        self.put('old')
        follower = Follower(self, self.other, 'tag', 'r', 'm', '-C', '3')
        follower.wait_for('value old', 'synced')
        self.put('new')
        self.put('newer')
        self.assertEqual(follower.wait(), 0)
        self.assertEqual(follower.shorts(), ['value old', 'synced', 'value new', 'value newer'])
        self.assertEqual(follower.text('err'), '')

    def test_time_and_values_alone(self):
        self.put('one')
        self.put({'a': [1, None]})
        arguments = ('listen', 'tag', 'r', 'm', '-q')
        for extra, code in ((('-W', '0.5'), 0), (('-C', '2'), 0), (('-C', '3', '-W', '0.5'), 5)):
            ended = self.other.cli(*arguments, *extra)
            self.assertEqual(ended.code, code, ended)
            self.assertEqual(sorted(ended.out.splitlines()), ['one', '{"a":[1,null]}'])
        for wrong in (('-C', '0'), ('-W', 'x'), ('--exec',), ('--exec=',)):
            self.assertEqual(self.other.cli(*arguments, *wrong).code, 3)
        self.assertEqual(self.other.cli('dhtget', 'tag', 'r', 'm', '--new-only').code, 3)
        for extra in ((), ('-W', '0')):
            self.assertEqual(self.other.cli('listen', 'nobody', 'r', 's', *extra).code, 1)

    def test_by_its_short_name(self):
        self.put('one')
        link = self.path('dhtlisten')
        os.symlink(os.path.abspath(XORD), link)
        ended = subprocess.run([link, '--rpc-socket', self.other.socket_path, '-q', '-C', '1',
                                'tag', 'r', 'm'], capture_output=True, timeout=DEADLINE_S,
                               check=False, env=clean_environment())
        self.assertEqual((ended.returncode, ended.stdout), (0, b'one\n'))

    def test_new_values_alone(self):
        self.put('old')
        follower = Follower(self, self.other, 'tag', 'r', 'm', '--new-only')
        follower.wait_for('synced')
        self.put('new')
        follower.wait_for('synced', 'value new')

    def test_a_command_for_each_event(self):
        out = self.path('commands')
        command = (f'{{ echo "$XORD_EVENT $XORD_N $XORD_SIG_USER $XORD_SEQ $XORD_SLOT $XORD_TYPE";'
                   f' cat; }} >> {out}; [ "$XORD_EVENT" != synced ]')
        follower = Follower(self, self.home, 'tag', 'r', 'm', '--exec', command)

        def lines():
            if not os.path.exists(out):
                return []
            with open(out, encoding='utf-8') as file:
                return file.read().split('\n')[:-1]
        wait_until(lambda: len(lines()) >= 2, 'synced')
        self.put(1, slot='a')
        self.put(2, slot='a')
        self.home.call('dhtput', sig_user='alice', slot='a', delete=True, **TAG)
        wait_until(lambda: len(lines()) >= 8, 'four commands')
        found = lines()
        heads = sorted(line for line in found if not line.startswith('{'))
        self.assertEqual([head.split()[0] for head in heads],
                         ['deleted', 'synced', 'value', 'value'])
        self.assertEqual(heads[0].split()[2:], ['alice', '3', 'a', 'm'])
        events = [json.loads(line) for line in found if line.startswith('{')]
        self.assertEqual([params['n'] for params in events], [1, 2, 3, 4])
        wait_until(lambda: 'exited with 1' in follower.text('err'), 'the failure is told')

    def test_commands_do_not_overlap_and_need_not_read(self):
        out = self.path('commands')
        Follower(self, self.other, 'tag', 'r', 'm', '-q', '--exec',
                 f'echo begin >> {out}; sleep 0.1; echo end >> {out}')
        for number in range(4):
            self.put(f'{number}' * 900)
        text = 'begin\nend\n' * 4

        def written():
            if not os.path.exists(out):
                return ''
            with open(out, encoding='utf-8') as file:
                return file.read()
        wait_until(lambda: len(written()) >= len(text), 'four commands')
        self.assertEqual(written(), text)

    def test_a_command_that_hangs_does_not_outlast_the_time(self):
        ended = self.other.cli('listen', 'tag', 'r', 'm', '-W', '0.5', '--exec', 'sleep 1000')
        self.assertEqual(ended.code, 0, ended)
        self.assertIn('the time is up', ended.err)

    def test_a_command_does_not_outlive_the_client(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            name = f'running-{number}'
            follower = Follower(self, self.other, 'tag', 'r', 'm', '--exec',
                                f'sleep 60 & echo $! > {self.path(name)}; wait')
            child = wait_until(lambda: self.content(name), 'it runs')
            follower.process.send_signal(number)
            self.assertEqual(follower.wait(), -number)
            wait_until(lambda: not is_running(child), 'what it started is gone')

    def test_a_restart_is_survived_and_nothing_shown_twice(self):
        self.put('one')
        self.put('slot 1', slot='latest')
        follower = Follower(self, self.other, 'tag', 'r', 'm', '--reconnect')
        wait_until(lambda: 'synced' in follower.shorts(), 'synced')
        self.other.stop()
        self.put('meanwhile', wait=False)  # the other's silence is not waited for
        self.put('slot 2', slot='latest', wait=False)
        wait_until(lambda: 'waiting' in follower.text('err'), 'it waits')
        self.other.start()
        wait_until(lambda: len(follower.told()) >= 5, 'what came meanwhile')
        self.other.kill()
        self.other.start()
        self.put('after', wait=False)
        wait_until(lambda: 'value after' in follower.shorts(), 'what came after')
        self.assertEqual(sorted(follower.shorts()), sorted(
            ['value one', 'value slot 1', 'synced', 'value meanwhile', 'value slot 2',
             'value after']))
        self.assertEqual([params['n'] for params in follower.told()], list(range(1, 7)))

    def test_new_values_alone_over_a_restart(self):
        self.put('old')
        wait_next_second()
        follower = Follower(self, self.other, 'tag', 'r', 'm', '--new-only', '--reconnect')
        follower.wait_for('synced')
        self.other.stop()
        self.put('meanwhile', wait=False)
        self.other.start()
        follower.wait_for('synced', 'value meanwhile')

    def test_a_daemon_that_goes_away(self):
        stopped = Follower(self, self.other, 'tag', 'r', 'm')
        killed = Follower(self, self.home, 'tag', 'r', 'm')
        for follower in (stopped, killed):
            follower.wait_for('synced')
        self.other.stop()
        self.home.kill()
        self.assertEqual((stopped.wait(), killed.wait()), (0, 2))
        self.assertEqual(stopped.shorts(), ['synced', 'end'])
        self.assertIn('stopping', stopped.text('err'))
        self.assertEqual(Follower(self, self.other, 'tag', 'r', 'm').wait(), 2)
        waiting = Follower(self, self.other, 'tag', 'r', 'm', '--reconnect', '-W', '0.5')
        self.assertEqual(waiting.wait(), 2)
        self.assertIn('waiting', waiting.text('err'))

    def test_it_ends_quietly(self):
        interrupted = Follower(self, self.other, 'tag', 'r', 'm')
        interrupted.wait_for('synced')
        interrupted.process.send_signal(signal.SIGINT)
        self.assertEqual((interrupted.wait(), interrupted.text('err')), (-signal.SIGINT, ''))
        unread = Follower(self, self.other, 'tag', 'r', 'm', via_pipe=True)
        self.assertIn(b'synced', unread.process.stdout.readline())
        unread.process.stdout.close()
        self.assertEqual((unread.wait(), unread.text('err')), (-signal.SIGPIPE, ''))

    def test_what_cannot_be_written_is_an_error(self):
        with open('/dev/full', 'wb') as full:
            ended = subprocess.run(
                [XORD, '--rpc-socket', self.other.socket_path, 'listen', 'tag', 'r', 'm'],
                stdout=full, stderr=subprocess.PIPE, timeout=DEADLINE_S, check=False,
                env=clean_environment())
        self.assertEqual(ended.returncode, 1)
        self.assertIn(b'cannot write', ended.stderr)

    def test_it_ends_quietly_while_it_waits_for_the_daemon(self):
        unread = Follower(self, self.other, 'tag', 'r', 'm', '--reconnect', via_pipe=True)
        self.assertIn(b'synced', unread.process.stdout.readline())
        self.other.stop()
        wait_until(lambda: 'waiting' in unread.text('err'), 'it waits')
        unread.process.stdout.close()
        self.assertEqual(unread.wait(), -signal.SIGPIPE)


if __name__ == '__main__':
    unittest.main()
