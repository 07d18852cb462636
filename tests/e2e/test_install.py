"""What `make install` puts in place works from there, and `make uninstall` takes it all away; the
package names the version and the libraries that the tree has."""

import os
import re
import shutil
import subprocess
import unittest

from harness import DEADLINE_S, ROOT, XORD, TestCase, run_cli

BUILD = os.path.dirname(os.path.abspath(XORD))
TOOLCHAIN = {'gcc', 'make', 'libc6-dev'}  # Debian's build-essential


def read(*names):
    with open(os.path.join(ROOT, *names), encoding='utf-8') as file:
        return file.read()


@unittest.skipUnless(shutil.which('scdoc'), 'there is no scdoc')
class Install(TestCase):
    def install(self, *arguments, **environment):
        ran = subprocess.run(
            [os.path.join(ROOT, 'scripts', 'install'), *arguments], capture_output=True, text=True,
            timeout=DEADLINE_S, check=False,
            env={'PATH': os.environ['PATH'], 'DESTDIR': self.folder, **environment})
        self.assertEqual((ran.returncode, ran.stderr), (0, ''))

    def files(self):
        return {os.path.join(folder, name)[len(self.folder):]
                for folder, _, names in os.walk(self.folder) for name in names}

    def test_all_is_there_and_goes_again(self):
        self.install(BUILD)
        share = '/usr/local/share'
        self.assertLessEqual({
            '/usr/local/bin/xord', '/usr/local/bin/dhtget', f'{share}/man/man1/xord.1',
            f'{share}/man/man1/dhtput.1', f'{share}/man/man8/xord.8',
            f'{share}/bash-completion/completions/dhtget', f'{share}/doc/xord/xord.conf',
            f'{share}/zsh/site-functions/_xord', '/usr/local/lib/systemd/system/xord.socket',
            '/usr/local/lib/sysusers.d/xord.conf', f'{share}/doc/xord/examples/wabi/xord.py',
        }, self.files())
        for name in self.files():
            self.assertTrue(os.path.exists(self.folder + name), f'{name} leads nowhere')
        unit = read(self.folder, 'usr/local/lib/systemd/system/xord.service')
        self.assertIn('ExecStart=/usr/local/bin/xord\n', unit)
        self.assertNotIn('/usr/bin/xord', unit)
        self.install(BUILD)  # again, over what is there
        self.install('--remove')
        self.assertEqual(self.files(), set())
        self.assertFalse(os.path.exists(self.folder + f'{share}/doc/xord'))
        self.assertTrue(os.path.exists(self.folder + f'{share}/doc'), 'it is not ours alone')
        self.install('--remove')

    def test_the_examples_find_the_client(self):
        self.install(BUILD)
        examples = self.path('usr', 'local', 'share', 'doc', 'xord', 'examples')
        programs = [os.path.join(folder, name) for folder, _, names in os.walk(examples)
                    for name in names if name in ('store.py', 'sensor.py', 'follow.py')]
        self.assertEqual(len(programs), 3)
        for program in programs:
            ran = subprocess.run(['python3', '-B', program, '--help'], capture_output=True,
                                 text=True, timeout=DEADLINE_S, check=False)
            self.assertEqual((ran.returncode, ran.stderr), (0, ''), program)

    def test_short_names(self):
        self.install(BUILD)
        for name, method in (('dhtget', 'dhtget'), ('dhtput', 'dhtput'), ('dhtlisten', 'listen')):
            ran = run_cli('--help', binary=self.path('usr', 'local', 'bin', name))
            self.assertTrue(ran.out.startswith(method + ' <username>'), ran)
            self.assertIn(f'/usr/local/share/man/man1/{name}.1', self.files())
            self.assertIn(f'{name} ', read('docs', 'man', 'xord.1.scd').replace(',', ' '))

    def test_another_prefix(self):
        self.install(BUILD, PREFIX='/usr', UNITDIR='/lib/systemd/system')
        program = self.path('usr', 'bin', 'xord')
        self.assertEqual(run_cli('--version', binary=program).out, run_cli('--version').out)
        self.assertEqual(run_cli('--help', binary=self.path('usr', 'bin', 'dhtget')).code, 0)
        self.assertIn('/lib/systemd/system/xord.service', self.files())
        conf = self.path('usr', 'share', 'doc', 'xord', 'xord.conf')
        self.assertEqual(run_cli('--check-config', '--conf', conf, binary=program).code, 0)
        self.install('--remove', PREFIX='/usr', UNITDIR='/lib/systemd/system')
        self.assertEqual(self.files(), set())


class Package(unittest.TestCase):
    def test_version(self):
        version = re.match(r'xord \((.*?)\)', read('debian', 'changelog'))[1]
        self.assertEqual(run_cli('--version').out, f'xord {version}\n')

    def test_build_needs(self):
        listed = subprocess.run([os.path.join(ROOT, 'scripts', 'deps'), '--list'], check=True,
                                capture_output=True, text=True).stdout.split()
        needs = re.search(r'Build-Depends:(.*?)\n\n', read('debian', 'control'), re.DOTALL)[1]
        named = {re.sub(r'\(.*\)', '', need).strip() for need in needs.split(',')}
        self.assertEqual({*listed} - TOOLCHAIN,
                         named - {'debhelper-compat', 'dh-sequence-installsysusers', 'scdoc'})


if __name__ == '__main__':
    unittest.main()
