"""scripts/xord.py: calls as methods, many in flight, streams, errors, on a daemon and on one that
says what the test wants."""

import base64
import hashlib
import os
import subprocess
import sys
import threading
import unittest

from alice import AliceCase
from harness import (DEADLINE_S, ROOT, RpcError, TestCase, Xord, XordError, clean_environment,
                     wait_until)
from krpc import encode
from stand import Stand, notice, reply
from xord import LINE_MAX, UNREAD_MAX, XordTimeout

LARGE = base64.b64encode(b'x' * 100000).decode()
NOBODY = 65534


class Calls(AliceCase):
    def setUp(self):
        super().setUp()
        self.xord = Xord(self.node.socket_path, DEADLINE_S)
        self.addCleanup(self.xord.close)

    def test_by_place_by_name_and_both(self):
        xord = self.xord
        self.assertEqual(xord.dhtput('alice', 'place', 's', {'a': None})['seq'], 1)
        xord.dhtput(username='alice', resource='place', type='s', value=[1], seq=7)
        xord.dhtput('alice', 'place', 's', 'text', ttl=3600, keep=False)
        entry, = xord.dhtget('alice', 'place', type='s', verbose=True)['values']
        self.assertEqual((entry['p']['v'], entry['p']['seq']), ('text', 8))
        self.assertEqual(xord.check('dhtget', params=['alice', 'x', 's']), True)
        self.assertEqual(xord.lookup('alice', 'place', type='s')['target'],
                         xord.lookup(target=xord.lookup('alice', 'place', 's')['target'])['target'])

    def test_parameters_that_are_too_many_or_given_twice(self):
        with self.assertRaisesRegex(TypeError, 'type is given twice'):
            self.xord.dhtget('alice', 'x', 's', type='s')
        with self.assertRaisesRegex(TypeError, 'too many'):
            self.xord.dhtget('alice', 'x', 's', 1, 1, 0, 'seventh', raw=True)
        self.assert_error('invalid_params', -32602, self.xord.pubkey, 'alice', 'bob')

    def test_errors_have_code_name_and_data(self):
        error = self.assert_error('unknown_name', 404, self.xord.pubkey, 'nobody')
        self.assertEqual(error.data['name'], 'unknown_name')
        self.assert_error('unknown_method', -32601, self.xord.dhtgit)
        self.assertIsInstance(error, XordError)
        with self.assertRaises(AttributeError):
            self.xord._private()

    def test_threads_share_a_connection(self):
        targets = {}

        def work(number):
            for turn in range(50):
                value = f'{number}-{turn}'
                targets[value] = self.xord.putimmutable(value, keep=False)['target']

        threads = [threading.Thread(target=work, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        values = [f'{number}-{turn}' for number in range(8) for turn in range(50)]
        self.assertEqual(targets, {value: hashlib.sha1(encode(value)).hexdigest()
                                   for value in values})
        self.assertEqual(self.node.info()['clients'], 2)

    def test_many_started_before_the_first_is_waited_for(self):
        calls = [self.xord.start('help') for _ in range(4000)]
        slow = self.xord.start('dhtget', 'alice', 'nothing', 's')
        self.assertEqual(self.xord.pubkey('alice'), self.node.call('pubkey', 'alice'))
        self.assertEqual({call.result() for call in calls}, {self.xord.help()})
        self.assertEqual(slow.result(), [])

    def test_progress_is_told_in_the_calling_thread(self):
        told = []
        put = self.xord.dhtput('alice', 'large', 's', value_base64=LARGE,
                               on_progress=lambda now: told.append((now, threading.get_ident())))
        self.assertEqual(put['stored'], 1)
        self.assertGreater(told[-1][0]['of'], 100)
        self.assertEqual(told[-1][0]['done'], told[-1][0]['of'])
        self.assertEqual({thread for _, thread in told}, {threading.get_ident()})

    def test_what_the_daemon_does_as_it_does_it(self):
        with self.xord.monitor('rpc') as stream:
            self.node.call('createkey', 'watched')
            told = next(event for event in stream if event.get('method') == 'createkey')
        self.assertEqual((told['class'], told['event']), ('rpc', 'call'))
        self.assert_error('no_such_id', 404, self.xord.unmonitor, stream.key)

    def test_a_call_that_the_daemon_would_not_take(self):
        with self.assertRaisesRegex(XordError, 'over'):
            self.xord.putimmutable('x' * LINE_MAX)
        with self.assertRaises(ValueError):
            self.xord.putimmutable(float('nan'))
        self.assertEqual(self.xord.getinfo()['port'], self.node.port)

    def test_a_call_that_the_daemon_cannot_read(self):
        self.assert_error('parse_error', -32700, self.xord.putimmutable, 2 ** 70)
        calls = [self.xord.start('getinfo'), self.xord.start('putimmutable', 2 ** 70),
                 self.xord.start('putimmutable', 2 ** 70)]
        self.assertEqual(calls[0].result(DEADLINE_S)['port'], self.node.port)
        for call in calls[1:]:
            with self.assertRaisesRegex(XordError, 'too big integer'):
                call.result(DEADLINE_S)
        self.assertEqual(self.xord.getinfo()['port'], self.node.port)


class Sockets(TestCase):
    program = ('from xord import *\n'
               'with Xord(*sys.argv[1:]) as xord: print(xord.connection.path)\n'
               'try: print(xord.listkeys())\n'
               'except RpcError as error: print(error.name)')

    def run_program(self, *arguments, env=None, **options):
        """A program of its own with the client; the folder holds a copy that all may read."""
        with open(os.path.join(ROOT, 'scripts', 'xord.py'), encoding='utf-8') as file:
            self.write('xord.py', file.read())
        os.chmod(self.folder, 0o755)
        return subprocess.run(
            [sys.executable, '-Bc', 'import sys\n' + self.program, *arguments], text=True,
            cwd=self.folder, env=clean_environment(**(env or {})), capture_output=True,
            timeout=DEADLINE_S, check=False, **options)

    def test_found_as_the_command_line_does(self):
        runtime, state = self.path('run'), self.path('state')
        socket_path = os.path.join(state, 'xord', 'rpc.sock')
        os.makedirs(os.path.join(runtime, 'xord'))
        self.daemon(name='state/xord').start()
        places = {'XDG_RUNTIME_DIR': runtime, 'XDG_STATE_HOME': state}
        for env in (places, {'XORD_RPC_SOCKET': socket_path}):
            self.assertEqual(self.run_program(env=env).stdout, f'{socket_path}\n{{}}\n')
        none = self.path('none.sock')
        ran = self.run_program(env={**places, 'XORD_RPC_SOCKET': none})
        self.assertIn(f'no daemon listens at {none}', ran.stderr)

    @unittest.skipUnless(os.geteuid() == 0, 'needs root, to be somebody else')
    def test_the_reading_socket_for_who_may_not_open_the_other(self):
        node = self.start()
        os.chmod(node.datadir, 0o755)
        nobody = {'user': NOBODY, 'group': NOBODY, 'extra_groups': []}
        reading = os.path.join(node.datadir, 'ro.sock')
        ran = self.run_program(node.socket_path, **nobody)
        self.assertEqual((ran.stdout, ran.stderr), (f'{reading}\nread_only\n', ''))
        os.unlink(reading)
        self.assertIn('join its group', self.run_program(node.socket_path, **nobody).stderr)

    def test_a_daemon_that_comes_back(self):
        node = self.start()
        xord = Xord(node.socket_path, DEADLINE_S)
        under_way = xord.start('waitready')
        self.assertEqual(under_way.result(), 'alone')
        node.stop()
        with self.assertRaisesRegex(XordError, 'no daemon listens'):
            xord.getinfo()
        node.start()
        self.assertEqual(xord.getinfo()['network'], node.network)
        xord.close()


class Stands(TestCase):
    def stand(self, **answers):
        """A client of a daemon that answers each method as its function says, else true."""
        path = self.path('rpc.sock')
        self.stood = Stand(self, path, lambda request: answers.get(
            request['method'], lambda _: [reply(request, True)])(request))
        xord = Xord(path, DEADLINE_S)
        self.addCleanup(xord.close)
        return xord


def listening(*events, sub=1):
    """Answers a subscription, and tells it so much."""
    return lambda request: [reply(request, {'sub': sub}), *(
        notice(request['method'], sub=sub, n=number, **event)
        for number, event in enumerate(events, 1))]


class Streams(Stands):
    def test_events_until_the_end(self):
        events = [{'event': 'value', 'value': {'k': 'a'}}, {'event': 'synced'}, {'event': 'end'}]
        xord = self.stand(listen=listening(*events))
        told = list(xord.listen(username='wabi', resource='readings', type='m'))
        self.assertEqual([event['event'] for event in told], ['value', 'synced', 'end'])
        self.assertEqual(told[0]['value'], {'k': 'a'})
        self.assertNotIn('unlisten', self.stood.methods())

    def test_closing_one_ends_its_subscription(self):
        xord = self.stand(monitor=listening({'event': 'lookup'}, sub=3))
        with xord.monitor('lookups') as stream:
            self.assertEqual(next(stream)['event'], 'lookup')
        self.assertEqual(list(stream), [])
        self.assertEqual(self.stood.asked[-1]['params'], [3])
        self.assertEqual(self.stood.methods(), ['monitor', 'unmonitor'])

    def test_two_at_once_and_calls_between(self):
        subs = iter((1, 2))
        xord = self.stand(listen=lambda request: listening(
            {'event': 'value', 'value': request['params'][1]}, sub=next(subs))(request))
        one, two = xord.listen('a', 'one', 'm'), xord.listen('a', 'two', 'm')
        self.assertIs(xord.getinfo(), True)
        self.assertEqual((next(two)['value'], next(one)['value']), ('two', 'one'))
        with self.assertRaises(XordTimeout):
            one.next(timeout_s=0.01)

    def test_one_that_is_not_taken(self):
        flood = [{'event': 'value'}] * (UNREAD_MAX + 5)
        xord = self.stand(listen=listening(*flood))
        stream = xord.listen('a', 'b', 'm')
        self.assertIs(xord.getinfo(), True)
        with self.assertRaisesRegex(XordError, 'were not taken'):
            for count, _ in enumerate(stream, 1):
                pass
        self.assertEqual(count, UNREAD_MAX)
        self.assertEqual(self.stood.methods()[-1], 'unlisten')

    def test_a_connection_that_is_lost(self):
        xord = self.stand(listen=lambda request: listening({'event': 'value'})(request) + [None])
        stream = xord.listen('a', 'b', 'm')
        self.assertEqual(next(stream)['event'], 'value')
        with self.assertRaisesRegex(XordError, 'rpc.sock: the daemon closed'):
            next(stream)
        self.assertIs(xord.getinfo(), True)

    def test_one_thread_waits_and_others_call(self):
        xord = self.stand(listen=listening(), push=lambda request: [
            reply(request, True), notice('listen', sub=1, event='value', n=1)])
        stream, told = xord.listen('a', 'b', 'm'), []
        thread = threading.Thread(target=lambda: told.append(next(stream)))
        thread.start()
        wait_until(lambda: xord._is_reading, 'the thread reads')
        self.assertIs(xord.getinfo(), True)
        xord.push()
        thread.join(DEADLINE_S)
        self.assertEqual([event['event'] for event in told], ['value'])


class Commands(Stands):
    def test_requests_are_answered(self):
        asked = {'sub': 3, 'n': 1, 'command': 'sum', 'target': 'ab', 'value': [1, 2], 'token': True,
                 'request': 5, 'from': {'id': 'cd', 'addr': '127.0.0.1:1'}}
        second = {**asked, 'value': None, 'token': False, 'request': 6}
        third = {**asked, 'value_base64': 'AAE=', 'request': 7}
        del third['value']
        xord = self.stand(handle=lambda request: [reply(request, {'sub': 3})] + [
            notice('handle', **told) for told in (asked, second, third)])
        with xord.handle('sum') as requests:
            one, two, three = next(requests), next(requests), next(requests)
            one.respond(sum(one.value))
            two.fail(17)
            three.respond(three.value + b'\x02')
        self.assertEqual((one.target, one.sender['id'], one.has_token), ('ab', 'cd', True))
        self.assertEqual((two.value, two.has_token), (None, False))
        self.assertEqual([request['params'] for request in self.stood.asked], [
            ['sum'], {'request': 5, 'value': 3}, {'request': 6, 'error': 17},
            {'request': 7, 'value_base64': 'AAEC'}, ['sum']])

    def test_replies_to_a_query_come_one_by_one(self):
        xord = self.stand(query=lambda request: [
            notice('query', call=request['id'], value=1), notice('query', call=99, value=2),
            notice('query', call=request['id'], value=3), reply(request, {'closest': []})])
        values = []
        result = xord.query('ab', 'sum', on_reply=lambda told: values.append(told['value']))
        self.assertEqual((values, result), ([1, 3], {'closest': []}))


class Broken(Stands):
    def test_no_answer_in_time(self):
        xord = self.stand(dhtget=lambda request: [])
        with self.assertRaises(XordTimeout):
            xord.call('dhtget', 'a', 'b', 's', timeout_s=0.01)
        self.assertIs(xord.getinfo(), True)

    def test_calls_under_way_end_with_the_connection(self):
        xord = self.stand(stop=lambda request: [None], dhtget=lambda request: [])
        calls = [xord.start('dhtget', 'a', 'b', 's') for _ in range(3)]
        with self.assertRaises(XordError):
            xord.stop()
        for call in calls:
            with self.assertRaisesRegex(XordError, 'closed the connection'):
                call.result()

    def test_something_else_than_json_rpc(self):
        for message in (5, {'id': [1]}, {'id': 1, 'error': 'no'}, {'id': None},
                        {'method': 'listen'}, {'method': 'x', 'params': [1]}):
            with self.subTest(message=message):
                path = self.path('rpc.sock')
                Stand(self, path, lambda request, message=message: [message])
                with self.assertRaisesRegex(XordError, 'something else'):
                    Xord(path, DEADLINE_S).getinfo()
                os.unlink(path)

    def test_an_error_without_a_name(self):
        xord = self.stand(getinfo=lambda request: [
            {'jsonrpc': '2.0', 'id': request['id'], 'error': {'code': 1, 'message': 'no'}}])
        with self.assertRaises(RpcError) as caught:
            xord.getinfo()
        self.assertEqual((caught.exception.code, caught.exception.name), (1, None))


if __name__ == '__main__':
    unittest.main()
