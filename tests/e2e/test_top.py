"""`xord top` in a real terminal, tmux's: it shows the daemon's true numbers, follows its lookups
and the terminal's size, and leaves the terminal as it was, however it ends."""

import os
import re
import shutil
import signal
import subprocess
import unittest

from harness import XORD, TestCase, clean_environment, die_with_parent, run_cli, wait_until

MISSING = '' if shutil.which('tmux') else 'there is no tmux'


class Screen:
    """A terminal of this size in which a command runs, and a shell's prompt after it."""

    def __init__(self, test, columns, rows):
        self.socket = test.path('tmux-' + os.urandom(4).hex())
        self.run('-f', '/dev/null', 'new-session', '-d', '-x', str(columns), '-y', str(rows),
                 'env', 'PS1=ended$ ', 'sh')
        self.run('set-option', '-g', 'status', 'off')
        self.resize(columns, rows)
        test.addCleanup(self.run, 'kill-server')
        wait_until(lambda: 'ended$' in self.text(), 'the shell is there')

    def run(self, *arguments):
        return subprocess.run(['tmux', '-S', self.socket, *arguments], capture_output=True,
                              text=True, timeout=10, env=clean_environment(TERM='xterm'),
                              check=False).stdout

    def type(self, *keys):
        self.run('send-keys', *keys)

    def start(self, *arguments):
        self.type(' '.join(arguments), 'Enter')

    def resize(self, columns, rows):
        self.run('resize-window', '-x', str(columns), '-y', str(rows))

    def text(self):
        return self.run('capture-pane', '-p')

    def lines(self):
        return self.text().rstrip('\n').split('\n')

    def wait(self, pattern):
        """The text, once this is in it."""
        return wait_until(lambda: (lambda text: re.search(pattern, text) and text)(self.text()),
                          f'{pattern} is shown')

    def process(self):
        """The process that the shell runs: the one below it."""
        shell = self.run('display-message', '-p', '#{pane_pid}').strip()
        with open(f'/proc/{shell}/task/{shell}/children', encoding='utf-8') as file:
            return int(file.read().split()[0])

    def is_restored(self):
        """The cursor is seen, the screen is the first one, and keys are shown as they are typed."""
        return self.run('display-message', '-p', '#{cursor_flag}#{alternate_on}').strip() == '10'


@unittest.skipIf(MISSING, MISSING)
class Top(TestCase):
    def top(self, node, columns=100, rows=30, socket='rpc.sock'):
        screen = Screen(self, columns, rows)
        screen.start(XORD, '--rpc-socket', os.path.join(node.datadir, socket), 'top;', 'echo',
                     'status=$?')
        screen.wait(r'nodes \d+ of about')
        return screen

    def assert_restored(self, screen, status):
        screen.wait(f'status={status}\n')
        self.assert_usable(screen)

    def assert_usable(self, screen):
        self.assertTrue(screen.is_restored())
        screen.type('echo so 1t is', 'Enter')
        screen.wait(r'echo so 1t is\nso 1t is')

    def test_it_shows_the_true_numbers(self):
        nodes = self.network(12)
        nodes[3].call('createkey', 'alice')
        for number in range(3):
            nodes[3].call('dhtput', 'alice', f'p{number}', 's', 'x')
        screen = self.top(nodes[3])
        screen.wait(r'kept 3')
        info = nodes[3].info()
        text = screen.wait(f"nodes {info['dht_nodes']} of about {info['dht_global_nodes']}, "
                           f"clients {info['clients']},")
        self.assertIn(f"id {info['id']}  {nodes[3].address}", text)
        self.assertIn(f"store {info['stored']}, ", text)
        buckets = nodes[3].call('listnodes')
        for bucket in buckets:
            count = len(bucket['nodes'])
            self.assertRegex(text, rf"(?m)^ +{bucket['bucket']}  [#.-]{{8}} +{count}\b")

    def test_a_lookup_appears_and_goes(self):
        nodes = self.network(12)
        screen = self.top(nodes[3])
        target = os.urandom(20).hex()
        nodes[3].call('lookup', target)
        text = screen.wait(rf'lookup +{target[:8]} .* ms')
        row = next(line for line in text.splitlines() if target[:8] in line)
        answered, asked = re.search(r'(\d+)/(\d+)', row).groups()
        self.assertGreaterEqual(int(answered), 8)
        self.assertGreaterEqual(int(asked), int(answered))
        wait_until(lambda: target[:8] not in screen.text(), 'it is forgotten')

    def test_it_follows_the_size(self):
        node = self.start()
        screen = self.top(node)
        identity = node.info()['id']
        for columns, rows in ((40, 10), (60, 20), (150, 45), (41, 11), (80, 24)):
            screen.resize(columns, rows)
            screen.wait(r'(?s)^xord.*lookups')
            wait_until(lambda: identity in screen.lines()[1] and 'lookups' in screen.text(),
                       f'{columns} by {rows} is drawn')
            self.assertLessEqual(max(map(len, screen.lines())), columns)
        screen.resize(39, 10)
        screen.wait('needs 40 by 10')
        screen.type('q')
        self.assert_restored(screen, 0)

    def test_every_end_restores_the_terminal(self):
        node = self.start()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            screen = self.top(node)
            self.assertFalse(screen.is_restored())
            os.kill(screen.process(), number)
            self.assert_restored(screen, 0)
        screen = self.top(node)
        screen.type('C-c')
        self.assert_restored(screen, 0)

    def test_a_daemon_that_is_gone_ends_it(self):
        node = self.start()
        screen = self.top(node)
        node.kill()
        self.assert_restored(screen, 2)
        self.assertIn('xord: top: ', screen.text())
        node.start()
        screen = self.top(node)
        node.stop()
        self.assert_restored(screen, 2)
        self.assertIn('the daemon stops', screen.text())

    def test_a_daemon_that_hangs_is_no_longer_shown_as_online(self):
        node = self.start()
        screen = self.top(node)
        screen.wait('alone')
        node.process.send_signal(signal.SIGSTOP)
        screen.wait(r'no answer for \d+ s')
        node.process.send_signal(signal.SIGCONT)
        screen.wait('alone')
        screen.type('q')
        self.assert_restored(screen, 0)

    def test_it_can_be_stopped_and_go_on(self):
        node = self.start()
        screen = self.top(node)
        screen.type('C-z')
        wait_until(screen.is_restored, 'the terminal is back')
        screen.type('fg', 'Enter')
        wait_until(lambda: not screen.is_restored(), 'it goes on')
        screen.wait(r'nodes \d+ of about')
        screen.type('q')
        wait_until(screen.is_restored, 'it has ended')
        self.assert_usable(screen)

    def test_in_the_background_it_can_be_ended(self):
        node = self.start()
        screen = Screen(self, 100, 30)
        screen.start(XORD, '--rpc-socket', node.socket_path, 'top', '&')
        process = wait_until(lambda: self.stopped(screen), 'the system has stopped it')
        os.kill(process, signal.SIGTERM)
        os.kill(process, signal.SIGCONT)
        screen.type('Enter')
        screen.wait('Terminated')
        self.assert_usable(screen)

    def stopped(self, screen):
        """What the shell runs, once it is stopped."""
        try:
            process = screen.process()
            with open(f'/proc/{process}/stat', encoding='utf-8') as file:
                return process if file.read().rpartition(')')[2].split()[0] == 'T' else None
        except (IndexError, OSError):  # not yet there
            return None

    def test_the_readers_socket_shows_all_but_lookups(self):
        node = self.start()
        screen = self.top(node, socket='ro.sock')
        screen.wait('are shown on the full socket alone')


class Refusals(TestCase):
    def test_it_needs_a_terminal(self):
        node = self.start()
        finished = node.cli('top')
        self.assertEqual((finished.code, finished.out), (3, ''))
        self.assertIn('standard output is none', finished.err)

    def test_it_needs_a_terminal_that_moves_its_cursor(self):
        node = self.start()
        for term in ('dumb', ''):
            leader, follower = os.openpty()
            self.addCleanup(os.close, leader)
            process = subprocess.run(
                [XORD, '--rpc-socket', node.socket_path, 'top'], stdout=follower,
                stderr=subprocess.PIPE, timeout=10, env=clean_environment(TERM=term),
                preexec_fn=die_with_parent, check=False)
            os.close(follower)
            self.assertEqual(process.returncode, 3)
            self.assertIn(b'TERM is ' + (term.encode() or b'not set'), process.stderr)

    def test_it_takes_no_arguments_and_has_a_page(self):
        self.assertEqual(run_cli('top', 'now').code, 3)
        self.assertEqual(run_cli('-C', '3', 'top').code, 3)
        finished = run_cli('top', '--help')
        self.assertEqual(finished.code, 0)
        self.assertIn('q ends it', finished.out)
        self.assertEqual(run_cli('help', 'top').out, finished.out)

    def test_without_a_daemon_it_says_so(self):
        finished = run_cli('--rpc-socket', self.path('none'), 'top')
        self.assertEqual(finished.code, 2)
        self.assertIn('no daemon', finished.err)
