"""What bash, zsh and fish complete: methods, parameters and options as the program has them, names
as the running daemon knows them; nothing, and no word on the terminal, where there is no daemon."""

import os
import pty
import re
import select
import shutil
import subprocess
import threading
import unittest

from alice import AliceCase
from harness import (DEADLINE_S, XORD, TestCase, clean_environment, die_with_parent, run_cli,
                     wait_until)
from stand import Stand

FOLDER = os.path.join(os.path.dirname(os.path.abspath(XORD)), 'completions')

# What is typed, and what the line is after a TAB; {S} is the daemon's socket, {D} a folder.
CASES = (
    ('xord dhtg', 'xord dhtget '),
    ('xord --rpc-so', 'xord --rpc-socket '),
    ('xord --check-c', 'xord --check-config '),
    ('xord --datadir {D} getinf', 'xord --datadir {D} getinfo '),
    ('xord --role cli', 'xord --role client '),
    ('xord --role=cli', 'xord --role=client '),
    ('xord --rpc-socket {S} dhtget ali', 'xord --rpc-socket {S} dhtget alice '),
    ('xord --rpc-socket={S} dhtget bo', 'xord --rpc-socket={S} dhtget bob '),
    ('xord --rpc-socket {S} dhtput x y s 1 ali', 'xord --rpc-socket {S} dhtput x y s 1 alice '),
    ('xord --rpc-socket {S} dropcontact ', 'xord --rpc-socket {S} dropcontact bob '),
    ('xord --rpc-socket {S} dropkey ', 'xord --rpc-socket {S} dropkey alice '),
    ('xord --rpc-socket {S} lookup ali', 'xord --rpc-socket {S} lookup alice '),
    ('xord help verify', 'xord help verifymessage '),
    ('xord monitor loo', 'xord monitor lookups '),
    ('xord getconfig max-', 'xord getconfig max-bytes '),
    ('xord dhtget -q alice r s --verb', 'xord dhtget -q alice r s --verbose '),
    ('dhtget alice r s --min_s', 'dhtget alice r s --min_seq='),
    ('dhtput alice r s \'{{"a b": 1}}\' al 1 --kee',
     'dhtput alice r s \'{{"a b": 1}}\' al 1 --keep '),
    ('dhtput alice r s @{D}/pho', 'dhtput alice r s @{D}/photo.jpg '),
    ('dhtput alice r s 1 kee', 'dhtput alice r s 1 keep='),
    ('dhtput alice r s 1 keep=f', 'dhtput alice r s 1 keep=false '),
)
# In fish, only the first of a list.
LISTS = (
    ('xord monitor lookups,st', 'xord monitor lookups,store '),
    ('xord --rpc-socket {S} dhtput alice r s 1 to=alice,bo',
     'xord --rpc-socket {S} dhtput alice r s 1 to=alice,bob '),
)
NOTHING = ('xord dhtget alice ', 'xord nothing ', 'xord dhtget a b s 1 1 0 x', 'xord getinfo ')


class Terminal:
    """A shell on a terminal. After each TAB it writes the line to a file (bound to ^X p)."""

    def __init__(self, case, command, *lines):
        self.seen = b''
        self.result = case.path('line')
        self.master, slave = pty.openpty()
        env = clean_environment(TERM='dumb', PS1='$ ', RESULT=self.result, HOME=case.folder,
                                PATH=f'{case.path("bin")}:{os.environ["PATH"]}', LC_ALL='C.UTF-8')
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=env, cwd=case.folder,
            preexec_fn=die_with_parent, start_new_session=True)
        os.close(slave)
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        case.addCleanup(self.close)
        for line in (*lines, "printf 'rea''dy\\n'"):
            self.type(line + '\n')
        wait_until(lambda: re.search(br'ready\r\n.*\$ ', self.seen, re.DOTALL), 'a prompt')

    def _read(self):
        while self.process.poll() is None:
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.master, 65536)
                except OSError:
                    return

    def type(self, text):
        os.write(self.master, text.encode())

    def complete(self, line, key='\t'):
        """The line after the key."""
        self.type(f'{line}{key}\x18p\x15')
        wait_until(lambda: os.path.exists(self.result), f'{line!r} is completed')
        with open(self.result, encoding='utf-8') as file:
            text = file.read()
        os.unlink(self.result)
        return text

    def close(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        os.close(self.master)


class Shells(AliceCase):
    @classmethod
    def start_shared(cls, shared):
        super().start_shared(shared)
        cls.node.call('addcontact', 'bob', cls.node.call('pubkey', 'alice'))

    def setUp(self):
        super().setUp()
        os.mkdir(self.path('bin'))
        for name in ('xord', 'dhtget', 'dhtput'):
            os.symlink(os.path.abspath(XORD), self.path('bin', name))
        self.write('photo.jpg', 'x')

    def filled(self, text):
        return text.format(S=self.node.socket_path, D=self.folder)

    def need(self, shell):
        if not shutil.which(shell):
            self.skipTest(f'there is no {shell}')

    def bash(self):
        self.need('bash')
        save = r'printf %s "$READLINE_LINE" >"$RESULT.new"; mv "$RESULT.new" "$RESULT"'
        return Terminal(self, ['bash', '--norc', '--noprofile', '-i'],
                        f'source {FOLDER}/xord.bash', f"bind -x '\"\\C-xp\": {save}'",
                        "bind '\"\\C-xi\": insert-completions'")

    def zsh(self):
        self.need('zsh')
        shutil.copy(os.path.join(FOLDER, 'xord.zsh'), self.path('_xord'))
        save = r'print -rn -- "$BUFFER" >"$RESULT.new"; mv "$RESULT.new" "$RESULT"'
        return Terminal(self, ['zsh', '-f', '-i'], "PS1='$ '",
                        f'fpath=({self.folder} $fpath)',
                        'autoload -Uz compinit; compinit -u -D', 'unsetopt beep',
                        f"save() {{ {save} }}; zle -N save; bindkey '^Xp' save; bindkey -e '^U' "
                        'kill-whole-line')

    def fish(self, line):
        """What it offers for the last word."""
        script = f'source {FOLDER}/xord.fish; complete -C "$argv[1]"'
        ran = subprocess.run(
            ['fish', '--no-config', '-c', script, line], capture_output=True, text=True,
            cwd=self.folder, timeout=DEADLINE_S, check=False,
            env=clean_environment(HOME=self.folder,
                                  PATH=f'{self.path("bin")}:{os.environ["PATH"]}'))
        self.assertEqual(ran.stderr, '', line)
        return [offer.split('\t')[0] for offer in ran.stdout.splitlines()]

    def assert_completes(self, shell, cases):
        for typed, expected in cases:
            with self.subTest(typed=typed):
                self.assertEqual(shell.complete(self.filled(typed)), self.filled(expected))

    def test_bash(self):
        bash = self.bash()
        self.assert_completes(bash, CASES + LISTS + tuple((same, same) for same in NOTHING))
        for typed, offered in (('dhtget alice r ', 'm s '), ('xord setlog ', 'debug error info '),
                               ('xord --rpc-socket {S} pubkey ', 'alice bob ')):
            line = bash.complete(self.filled(typed), '\x18i')
            self.assertTrue(line.startswith(self.filled(typed) + offered), line)

    def test_zsh(self):
        self.assert_completes(self.zsh(), CASES + LISTS + tuple((same, same) for same in NOTHING))

    def test_fish(self):
        self.need('fish')
        for typed, expected in CASES:
            with self.subTest(typed=typed):
                last = self.filled(expected).split(' ')[-2 if expected.endswith(' ') else -1]
                self.assertEqual(self.fish(self.filled(typed)), [last])
        for typed in NOTHING:
            self.assertEqual(self.fish(typed), [], typed)
        self.assertEqual(self.fish('dhtget alice r '), ['m', 's'])


class WithoutDaemon(Shells):
    """One that is not there, and one that never answers."""

    @classmethod
    def start_shared(cls, shared):
        pass

    def assert_quiet(self, shell):
        Stand(self, self.path('mute.sock'), lambda request: [])
        for path in (self.path('none.sock'), self.path('mute.sock')):
            typed = f'xord --rpc-socket {path} dhtget ali'
            self.assertEqual(shell.complete(typed), typed)
        self.assertNotIn(b'no daemon', shell.seen)
        self.assertNotIn(b'erminated', shell.seen)

    def test_bash(self):
        self.assert_quiet(self.bash())

    def test_zsh(self):
        self.assert_quiet(self.zsh())

    def test_fish(self):
        self.need('fish')
        Stand(self, self.path('mute.sock'), lambda request: [])
        for path in (self.path('none.sock'), self.path('mute.sock')):
            self.assertEqual(self.fish(f'xord --rpc-socket {path} dhtget ali'), [])


class Lists(TestCase):
    def test_all_that_the_program_has(self):
        methods = [line.split()[0] for line in run_cli('help').out.splitlines()]
        options = re.findall(r'^  --(\S+)', run_cli('--help').out, flags=re.MULTILINE)
        for shell in ('bash', 'zsh', 'fish'):
            with open(os.path.join(FOLDER, f'xord.{shell}'), encoding='utf-8') as file:
                words = set(re.findall(r'[a-z_-]+', file.read()))
            self.assertEqual(set(methods) - words, set())
            self.assertEqual(set(options) - {word.removeprefix('--') for word in words}, set())

    def test_syntax(self):
        for shell in ('bash', 'zsh', 'fish'):
            if shutil.which(shell):
                ran = subprocess.run([shell, '-n', os.path.join(FOLDER, f'xord.{shell}')],
                                     capture_output=True, timeout=DEADLINE_S, check=False)
                self.assertEqual((ran.returncode, ran.stderr), (0, b''))


if __name__ == '__main__':
    unittest.main()
