"""The manual pages name every method with its parameters, every key, option and error that the
program has, and are sound markup."""

import os
import re
import shutil
import subprocess
import unittest

from harness import DEADLINE_S, ROOT, XORD, TestCase, run_cli

BUILD = os.path.dirname(os.path.abspath(XORD))
FILL = os.path.join(BUILD, 'docs', 'gen', 'fill')
PAGES = ('xord.1', 'xord.8', 'xord.conf.5', 'xord-rpc.7')
MISSING = next((f'there is no {tool}' for tool in ('scdoc', 'man') if not shutil.which(tool)), '')


def show(page):
    """A page as it is read, and what man says of its markup."""
    ran = subprocess.run(
        ['man', '--warnings', '-l', os.path.join(BUILD, 'man', page)], capture_output=True,
        text=True, timeout=DEADLINE_S, check=False,
        env={**os.environ, 'MANWIDTH': '200', 'LC_ALL': 'C.UTF-8'})
    return ran.stdout, ran.stderr


def sections(text, indent):
    """The text under each heading that is indented so far."""
    parts = re.split(rf'^ {{{indent}}}(\S.*)$', text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def terms(text):
    """The first words of what is listed: names that stand alone at the first indent."""
    return set(re.findall(r'^ {7}(\S+)(?: [A-Z]+)?$', text, flags=re.MULTILINE))


def methods():
    """Each method of the program, and the page of help that it has."""
    names = [line.split()[0] for line in run_cli('help').out.splitlines()]
    return {name: run_cli('help', name).out for name in names}


def options():
    return re.findall(r'^  (--\S+)', run_cli('--help').out, flags=re.MULTILINE)


@unittest.skipIf(MISSING, MISSING)
class Pages(TestCase):
    def test_markup(self):
        for page in PAGES:
            text, said = show(page)
            self.assertEqual(said, '', page)
            self.assertIn('SEE ALSO', text)
            self.assertNotRegex(text, r'@[a-z-]+@')

    def test_methods_and_their_parameters(self):
        described = sections(sections(show('xord-rpc.7')[0], 0)['METHODS'], 3)
        known = methods()
        self.assertEqual(set(described), set(known))
        for name, page in known.items():
            if 'The same as' in page:
                self.assertIn('The same as', described[name])
                continue
            params = re.findall(r'[<[](\w+)(?:=[^]>]*)?[]>]', page.splitlines()[0])
            self.assertEqual(terms(described[name]) | {name}, {*params, name})

    def test_the_client_lists_methods_and_options(self):
        parts = sections(show('xord.1')[0], 0)
        known = {name for name, page in methods().items() if 'The same as' not in page}
        self.assertEqual(terms(parts['METHODS']), known)
        self.assertLessEqual({'-q', '-C', '--rpc-socket'}, terms(parts['OPTIONS']))

    def test_options_and_keys_of_the_daemon(self):
        known = set(options())
        self.assertGreater(len(known), 15)
        self.assertEqual(terms(sections(show('xord.8')[0], 0)['OPTIONS']), known)
        with open(os.path.join(ROOT, 'conf', 'xord.conf'), encoding='utf-8') as file:
            keys = set(re.findall(r'^#([a-z-]+) = ', file.read(), flags=re.MULTILINE))
        self.assertEqual(terms(sections(show('xord.conf.5')[0], 0)['KEYS']), keys)

    def test_errors(self):
        with open(os.path.join(ROOT, 'common', 'err.h'), encoding='utf-8') as file:
            known = re.findall(r'X\(ERR_\w+, (-?\d+), "(\w+)"', file.read())
        shown = re.findall(r'^ +(-?\d+) (\w+): ', sections(show('xord-rpc.7')[0], 0)['ERRORS'],
                           flags=re.MULTILINE)
        self.assertEqual(shown, [pair for pair in known if pair[1] != 'ok'])


class Templates(unittest.TestCase):
    def fill(self, text):
        return subprocess.run([FILL], input=text, capture_output=True, text=True, check=False,
                              timeout=DEADLINE_S)

    def test_a_table_that_there_is_not(self):
        ran = self.fill('before\n@nonsense@\n')
        self.assertEqual((ran.returncode, ran.stderr), (1, 'there is no table @nonsense@\n'))

    def test_what_is_no_table_stays(self):
        version = run_cli('--version').out.split()[-1]
        ran = self.fill('a@b.c @\n@\n@@\n@two words@\n(@version@)\n')
        self.assertEqual(ran.stdout, f'a@b.c @\n@\n@@\n@two words@\n({version})\n')


if __name__ == '__main__':
    unittest.main()
