"""Custom commands over real daemons: programs in Python and in shell answer for the network, what
they leave undone is answered for them, and what was written with a commit survives the closest."""

import base64
import os
import resource
import signal
import subprocess
import sys
import threading
import unittest

from harness import (DEADLINE_S, ROOT, XORD, RpcError, SharedCase, TestCase, clean_environment,
                     die_with_parent, is_running, wait_until)

STORE = os.path.join(ROOT, 'scripts', 'examples', 'store')
sys.path.insert(0, STORE)
from store import Store

TARGET = 'ab' * 20
FAILED, TIMEOUT, BUSY, UNKNOWN = 4, 3, 2, 1


class Program(threading.Thread):
    """Answers a command of one daemon with answer(request), until the connection ends."""

    def __init__(self, daemon, command, answer):
        super().__init__(daemon=True)
        self.client = daemon.connect()
        self.client.timeout_s = None
        self.requests = self.client.handle(command)
        self.answer = answer
        self.start()

    def run(self):
        try:
            for request in self.requests:
                if isinstance(request, dict):  # the end
                    return
                self.answer(request)
        except Exception:  # the daemon has gone, and this with it
            self.client.close()


class Commands(SharedCase):
    @classmethod
    def start_shared(cls, shared):
        cls.nodes = shared.network(4)
        cls.asker, cls.server = cls.nodes[0], cls.nodes[1]

    def program(self, answer, command='x', daemon=None):
        program = Program(daemon or self.server, command, answer)
        self.addCleanup(program.client.close)
        return program

    def hold(self, command='x'):
        """A handler that leaves its requests to the test."""
        client = self.server.connect()
        self.addCleanup(client.close)
        return client, client.handle(command)

    def ask(self, command='x', *params, **named):
        return self.asker.connect().call('request', self.server.address, command, *params, **named)

    def start_asking(self, command='x', **named):
        client = self.asker.connect()
        self.addCleanup(client.close)
        return client.start('request', to=self.server.address, command=command, **named)

    def command_error(self, code, function, *params, **named):
        error = self.assert_error('command_error', 502, function, *params, **named)
        self.assertEqual(error.data['error']['code'], code, error.data)
        return error

    def test_values_come_and_go_as_they_are(self):
        self.program(lambda request: request.respond(request.value))
        for value in (None, True, 0, -5, 39.010941, 'text', '', 'é\n', [1, [2]], {'a': None}):
            got = self.ask(value=value)
            self.assertEqual(got['value'], value)
            self.assertIs(type(got['value']), type(value))
        data = base64.b64encode(bytes(range(256))).decode()
        self.assertEqual(self.ask(value_base64=data)['value_base64'], data)

    def test_what_a_handler_is_told(self):
        told = []
        self.program(lambda request: (told.append(request.params), request.respond()))
        self.ask(target=TARGET, value=1)
        self.assertIsNone(self.ask()['value'])
        own = self.asker.info()
        first = told[0]
        self.assertEqual((first['command'], first['target'], first['value'], first['token']),
                         ('x', TARGET, 1, False))
        self.assertEqual(first['from'], {'id': own['id'], 'addr': self.asker.address})
        self.assertEqual((told[1]['target'], told[1]['value']), (None, None))
        self.assertGreater(told[1]['request'], first['request'])
        self.assertEqual([params['n'] for params in told], [1, 2])

    def test_a_node_is_found_by_its_id(self):
        self.program(lambda request: request.respond('here'))
        got = self.asker.call('request', self.server.info()['id'], 'x')
        self.assertEqual(got['value'], 'here')
        self.assertEqual(got['from'], {'id': self.server.info()['id'], 'addr': self.server.address})
        self.assert_error('not_found', 404, self.asker.call, 'request', '11' * 20, 'x')
        self.assert_error('timeout', 408, self.asker.call, 'request', '127.0.0.1:1', 'x',
                          timeout_ms=1500)
        for own in (self.asker.info()['id'], self.asker.address):
            self.assert_error('invalid_params', -32602, self.asker.call, 'request', own, 'x')

    def test_what_nobody_handles(self):
        error = self.command_error(UNKNOWN, self.ask, 'nobody')
        self.assertEqual(error.data['error']['name'], 'unknown_command')

    def test_a_programs_own_error(self):
        self.program(lambda request: request.fail(40))
        self.assertEqual(self.command_error(40, self.ask).data['error'], {'code': 40})
        self.assert_error('invalid_params', -32602, self.server.call, 'respond', 1, error=15)

    def test_two_handlers_of_one_command(self):
        client, requests = self.hold()
        self.assert_error('exists', 409, self.server.connect().handle, 'x')
        self.assert_error('no_such_id', 404, self.server.connect().call, 'unhandle', 'x')
        requests.close()
        self.program(lambda request: request.respond(1))
        self.assertEqual(self.ask()['value'], 1)

    def test_a_handler_that_dies_in_the_middle(self):
        client, requests = self.hold()
        call = self.start_asking()
        next(requests)
        client.close()
        self.assertEqual(self.error_of(call), FAILED)

    def test_a_handler_that_leaves_in_the_middle(self):
        _, requests = self.hold()
        call = self.start_asking()
        next(requests)
        requests.close()
        self.assertEqual(self.error_of(call), FAILED)

    def error_of(self, call):
        with self.assertRaises(RpcError) as caught:
            call.result()
        self.assertEqual(caught.exception.name, 'command_error', caught.exception)
        return caught.exception.data['error']['code']

    def test_a_handler_that_answers_twice(self):
        _, requests = self.hold()
        call = self.start_asking()
        request = next(requests)
        request.respond('first')
        self.assert_error('no_such_id', 404, request.respond, 'second')
        self.assertEqual(call.result()['value'], 'first')

    def test_a_handler_that_answers_too_late(self):
        _, requests = self.hold()
        call = self.start_asking()
        request = next(requests)
        self.assertEqual(self.error_of(call), TIMEOUT)
        self.assert_error('no_such_id', 404, request.respond, 'late')

    def test_a_handler_that_answers_too_much(self):
        _, requests = self.hold()
        call = self.start_asking()
        request = next(requests)
        error = self.assert_error('too_big', 205, request.respond, 'x' * 1000)
        self.assertEqual(error.data['limit'], 1000)
        request.respond('x' * 900)
        self.assertEqual(call.result()['value'], 'x' * 900)
        self.assert_error('too_big', 205, self.ask, value='x' * 1000)

    def test_another_connection_may_answer(self):
        _, requests = self.hold()
        call = self.start_asking()
        self.server.call('respond', next(requests).params['request'], 'by another')
        self.assertEqual(call.result()['value'], 'by another')

    def test_more_than_a_handler_can_take(self):
        _, requests = self.hold()
        client = self.asker.connect()
        self.addCleanup(client.close)
        calls = [client.start('request', to=self.server.address, command='x') for _ in range(70)]
        waiting = [next(requests) for _ in range(64)]
        refused = 'xord_commands_refused_busy_total 6\n'
        wait_until(lambda: refused in self.server.call('getmetrics'), 'the others are refused')
        for request in waiting:
            request.respond(request.params['n'])
        said = []
        for call in calls:
            try:
                said.append(call.result()['value'])
            except RpcError as error:
                self.assertEqual(error.data['error']['code'], BUSY)
        self.assertEqual(sorted(said), list(range(1, 65)))

    def test_half_closed_there_is_no_handler(self):
        client, requests = self.hold()
        call = self.start_asking()
        next(requests)
        client.socket.shutdown(1)
        self.assertEqual(next(requests)['event'], 'end')
        self.assertEqual(self.error_of(call), FAILED)

    def test_names_and_the_read_only_socket(self):
        for name in ('', 'UPPER', 'a b', 'x' * 33):
            self.assert_error('invalid_params', -32602, self.server.call, 'handle', name)
            self.assert_error('invalid_params', -32602, self.ask, name)
            self.assert_error('invalid_params', -32602, self.asker.call, 'query', TARGET, name)
        for params in ((TARGET, 'x', None), ('x',)):
            self.assertTrue(self.server.cli('check', 'query', *map(str, params)))

    def test_a_query_brings_each_reply(self):
        for number, node in enumerate(self.nodes[1:]):
            self.program(lambda request, n=number: request.respond([n, request.has_token]),
                         daemon=node)
        replies = []
        result = self.asker.connect().query(TARGET, 'x', on_reply=replies.append)
        self.assertEqual(sorted(reply['value'] for reply in replies),
                         [[n, False] for n in range(3)])
        self.assertEqual([reply['from']['id'] for reply in result['closest']],
                         sorted((reply['from']['id'] for reply in replies),
                                key=lambda i: int(i, 16) ^ int(TARGET, 16)))
        self.assertTrue(result['complete'])
        self.assertNotIn('commit', result)
        result = self.asker.call('query', TARGET, 'x', commit=True)
        self.assertEqual(result['commit'],
                         {'tried': 3, 'accepted': 3, 'refused': {}, 'silent': 0})

    def test_an_error_is_never_accepted(self):
        self.program(lambda request: request.respond(1), daemon=self.nodes[1])
        self.program(lambda request: request.fail(77) if request.has_token else request.respond(2),
                     daemon=self.nodes[2])
        result = self.asker.call('query', TARGET, 'x', commit=True)
        self.assertEqual((result['replied'], result['errors']), (2, 1))
        self.assertEqual(result['commit'],
                         {'tried': 2, 'accepted': 1, 'refused': {'77': 1}, 'silent': 0})


class Shell(SharedCase):
    """On the command line."""

    @classmethod
    def start_shared(cls, shared):
        cls.nodes = shared.network(2)
        cls.asker, cls.server = cls.nodes

    def exec(self, command, *options, name='sh'):
        """`xord handle NAME --exec COMMAND`, once it handles."""
        process = subprocess.Popen(
            [XORD, '--rpc-socket', self.server.socket_path, 'handle', name, '--exec', command,
             *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=clean_environment(), preexec_fn=die_with_parent, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_until(lambda: name in self.server.info()['commands'], f'{name} is handled')
        return process

    def ask(self, *params, **named):
        return self.asker.connect().call('request', self.server.address, 'sh', *params, **named)

    def command_error(self, code, *params, **named):
        error = self.assert_error('command_error', 502, self.ask, *params, **named)
        self.assertEqual(error.data['error']['code'], code, error.data)

    def test_input_and_output(self):
        self.exec('cat')
        for value in ('bare', 'two\nlines', {'a': [1]}, 5, None, False):
            self.assertEqual(self.ask(value=value)['value'], value)
        self.assertEqual(self.ask(value='5')['value'], 5)
        data = base64.b64encode(b'\xff\x00\n').decode()
        self.assertEqual(self.ask(value_base64=data)['value_base64'], data)

    def test_what_it_prints(self):
        self.exec('cat > /dev/null; printf %s "$XORD_TARGET" | grep . || true; exit 0')
        self.assertEqual(self.ask(target='12' + TARGET[2:])['value'], '12' + TARGET[2:])
        self.assertIsNone(self.ask()['value'])

    def test_as_a_string_or_bytes(self):
        self.exec('echo 5', '-S')
        self.assertEqual(self.ask()['value'], '5')
        self.exec('echo 5', '-b', name='bytes')
        got = self.asker.call('request', self.server.address, 'bytes')
        self.assertEqual(base64.b64decode(got['value_base64']), b'5\n')

    def test_its_environment(self):
        self.exec('echo "$XORD_COMMAND,$XORD_TARGET,$XORD_FROM_ID,$XORD_FROM_ADDR,$XORD_TOKEN,'
                  '$XORD_REQUEST"')
        said = self.ask(target=TARGET)['value'].split(',')
        self.assertEqual(said[:5], ['sh', TARGET, self.asker.info()['id'], self.asker.address, '0'])
        self.assertGreater(int(said[5]), 0)
        result = self.asker.call('query', TARGET, 'sh', commit=True)
        self.assertEqual(result['commit']['accepted'], 1)

    def test_a_token_is_told(self):
        self.exec('echo "$XORD_TOKEN"; [ "$XORD_TOKEN" = 0 ] || exit 33')
        result = self.asker.call('query', TARGET, 'sh', commit=True)
        self.assertEqual(result['closest'][0]['value'], 0)
        self.assertEqual(result['commit']['refused'], {'33': 1})

    def test_its_exit_status_is_the_error(self):
        self.exec('read code; echo unseen; exit "$code"')
        for status, code in ((1, 16), (15, 16), (16, 16), (40, 40), (255, 255)):
            self.command_error(code, value=status)
        self.assertEqual(self.ask(value=0)['value'], 'unseen')

    def test_one_that_is_killed(self):
        self.exec('kill -9 $$')
        self.command_error(137)

    def test_one_that_takes_too_long(self):
        marker = self.path('ended')
        self.exec(f'sleep 60; touch {marker}')
        self.command_error(TIMEOUT)
        self.assertFalse(os.path.exists(marker))

    def test_one_that_prints_too_much(self):
        self.exec('head -c 2000 /dev/zero | tr "\\0" x')
        self.command_error(16)

    def test_one_that_does_not_read(self):
        self.exec('exit 0')
        self.assertIsNone(self.ask(value='x' * 900)['value'])

    def test_several_at_once(self):
        """One after the other they would take longer than anybody waits."""
        self.exec('sleep 0.8; cat')
        client = self.asker.connect()
        calls = [client.start('request', to=self.server.address, command='sh', value=n)
                 for n in range(8)]
        self.assertEqual([call.result()['value'] for call in calls], list(range(8)))
        client.close()

    def test_who_waited_too_long_is_in_nobodys_way(self):
        """Commands that come faster than they are done; all that they leave behind is late."""
        self.exec('read -r x; [ "$x" = quick ] || sleep 2; echo done')
        client = self.asker.connect()
        self.addCleanup(client.close)
        calls = [client.start('request', to=self.server.address, command='sh', value='slow')
                 for _ in range(40)]
        answered = sum(call.reply().get('result', {}).get('value') == 'done' for call in calls)
        self.assertEqual(answered, 8)
        self.assertEqual(self.ask(value='quick')['value'], 'done')

    def test_what_has_ended_leaves_nothing(self):
        process = self.exec('cat')
        self.assertEqual(self.ask(value=1)['value'], 1)
        children = f'/proc/{process.pid}/task/{process.pid}/children'

        def has_none():
            with open(children, encoding='ascii') as file:
                return file.read() == ''
        wait_until(has_none, 'its process is collected')

    def test_it_ends_after_so_many(self):
        process = self.exec('cat', '-C', '2')
        self.assertEqual(self.ask(value=1)['value'], 1)
        self.assertEqual(self.ask(value=2)['value'], 2)
        self.assertEqual(process.wait(DEADLINE_S), 0)
        self.command_error(UNKNOWN)

    def test_what_ends_in_the_middle_fails(self):
        process = self.exec('sleep 60 & echo $! > ' + self.path('running') + '; wait')
        client = self.asker.connect()
        call = client.start('request', to=self.server.address, command='sh')
        child = wait_until(lambda: self.content('running'), 'it runs')
        process.kill()
        wait_until(lambda: not is_running(child), 'what it started is gone')
        with self.assertRaises(RpcError) as caught:
            call.result()
        self.assertEqual(caught.exception.data['error']['code'], FAILED)
        client.close()

    def test_without_exec_requests_are_lines(self):
        process = subprocess.Popen(
            [XORD, '--rpc-socket', self.server.socket_path, 'handle', 'lines'],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=clean_environment(),
            preexec_fn=die_with_parent, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_until(lambda: 'lines' in self.server.info()['commands'], 'it is handled')
        client = self.asker.connect()
        call = client.start('request', to=self.server.address, command='lines', value='hi')
        line = process.stdout.readline()
        number = line.split('"request":')[1].split('}')[0].split(',')[0]
        self.assertEqual(self.server.cli('respond', number, 'and bye').code, 0)
        self.assertEqual(call.result()['value'], 'and bye')
        client.close()
        process.stdout.close()  # as `head -1` does: nobody would see another request
        self.assertEqual(process.wait(DEADLINE_S), -signal.SIGPIPE)
        wait_until(lambda: 'lines' not in self.server.info()['commands'], 'it is handled no more')

    def test_query_and_request_print(self):
        self.exec('echo "$XORD_FROM_ID"')
        own = self.asker.info()['id']
        got = self.asker.cli('-q', 'request', self.server.address, 'sh')
        self.assertEqual((got.code, got.out), (0, own + '\n'), got)
        got = self.asker.cli('query', TARGET, 'sh', '--commit')
        lines = got.out.splitlines()
        self.assertEqual((got.code, len(lines)), (0, 2), got)
        self.assertIn('"value":"' + own, lines[0])
        self.assertIn('"accepted":1', lines[1])
        got = self.asker.cli('query', TARGET, 'nobody')
        self.assertEqual(got.code, 4, got)
        self.assertIn('unknown_command', got.out)
        got = self.asker.cli('request', self.server.address, 'nobody')
        self.assertEqual((got.code, got.out), (1, ''), got)
        got = self.asker.cli('getinfo', '--exec', 'true')
        self.assertEqual(got.code, 3, got)


class Walkthrough(TestCase):
    """A hundred nodes, each with the program of scripts/examples/store, one in ten in shell."""

    NODES, SHELLS, CLOSEST = 100, 10, 20

    def store_in_python(self, node):
        self.programs.append(Program(node, 'store', Store().answer))

    def store_in_shell(self, node, number):
        folder = self.path(f'store{number}')
        os.mkdir(folder)
        process = subprocess.Popen(
            [XORD, '--rpc-socket', node.socket_path, 'handle', 'store', '--exec',
             f'{STORE}/store.sh {folder}'],
            stdin=subprocess.DEVNULL, env=clean_environment(), preexec_fn=die_with_parent)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

    def setUp(self):
        super().setUp()
        self.programs = []
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.nodes = self.network(self.NODES)
        for number, node in enumerate(self.nodes):
            if number < self.SHELLS:
                self.store_in_shell(node, number)
            else:
                self.store_in_python(node)
        for node in self.nodes[:self.SHELLS]:
            wait_until(lambda: node.info()['commands'] == ['store'], 'the shell handles')
        self.client = self.start('--role', 'client', bootstrap=self.nodes[0].address)

    def nearest(self):
        """All nodes that are alive, by their true distance."""
        alive = {node.info()['id']: node for node in self.nodes if node.is_alive()}
        order = sorted(alive, key=lambda i: int(i, 16) ^ int(TARGET, 16))
        return [(i, alive[i]) for i in order]

    def test_a_value_survives_the_closest(self):
        result = self.client.call('query', TARGET, 'store')
        self.assertEqual([reply['value'] for reply in result['closest']], [None] * 8)
        self.assertEqual(result['errors'], 0)

        nearest = self.nearest()
        result = self.client.call('query', TARGET, 'store', 'write me!', commit=True,
                                  k=self.CLOSEST)
        self.assertEqual(result['commit'], {'tried': self.CLOSEST, 'accepted': self.CLOSEST,
                                            'refused': {}, 'silent': 0})
        self.assertEqual([reply['from']['id'] for reply in result['closest']],
                         [i for i, _ in nearest[:self.CLOSEST]])

        replies = []
        result = self.client.connect().query(TARGET, 'store', on_reply=replies.append)
        self.assertEqual({reply['value'] for reply in result['closest']}, {'write me!'})
        self.assertEqual(result['closest'][0]['from']['id'], nearest[0][0])
        self.assertLessEqual(8, len(replies))

        nearest[0][1].kill()
        for asker in (self.client, nearest[-1][1]):
            result = asker.call('query', TARGET, 'store')
            self.assertEqual({reply['value'] for reply in result['closest']}, {'write me!'})
            self.assertEqual(result['closest'][0]['from']['id'], nearest[1][0])
        got = self.client.call('request', nearest[1][0], 'store', TARGET)
        self.assertEqual(got['value'], 'write me!')


if __name__ == '__main__':
    unittest.main()
