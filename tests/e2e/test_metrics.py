"""What an operator's Prometheus reads: the text is one that its own tool accepts, it counts what
was done, and the file of metrics is there whole, or one line says why not."""

import json
import os
import re
import shutil
import subprocess
import unittest

from harness import ROOT, RpcError, TestCase, resident_kb, wait_until


def samples(text):
    """Each sample of a metrics text by its name and labels."""
    found = {}
    for line in text.splitlines():
        if not line.startswith('#'):
            name, value = line.rsplit(' ', 1)
            found[name] = float(value)
    return found


class Metrics(TestCase):
    def test_the_numbers_are_those_of_the_network(self):
        first, second = self.network(2)
        first.call('createkey', 'alice')
        first.call('dhtput', 'alice', 'profile', 's', 1)
        info = second.info()
        found = samples(second.call('getmetrics'))
        self.assertEqual(found['xord_nodes{family="ipv4",state="good"}'], 1)
        self.assertEqual(found['xord_stored_records'], 1)
        self.assertEqual(found['xord_stored_bytes'], info['stored_bytes'])
        self.assertEqual(found['xord_state{state="online"}'], 1)
        self.assertEqual(found['xord_puts_accepted_total'], info['traffic']['puts_accepted'])
        self.assertGreater(found['xord_rpc_call_seconds_count{method="getinfo"}'], 0)
        self.assertAlmostEqual(found['xord_resident_bytes'] / 1024, resident_kb(second.process),
                               delta=4096)
        self.assertGreater(found['xord_processor_seconds_total'], 0)
        self.assertEqual(samples(first.call('getmetrics'))['xord_lookup_seconds_count{kind="put"}'],
                         1)

    def test_the_dashboard_shows_what_there_is(self):
        with open(os.path.join(ROOT, 'docs', 'grafana.json'), encoding='utf-8') as file:
            board = json.load(file)
        node = self.start()
        node.call('pubkey', 'f' * 64)
        with self.assertRaises(RpcError):
            node.call('pubkey', 'nobody')
        known = {re.split(r'[{ ]', line)[0] for line in node.call('getmetrics').splitlines()}
        for panel in board['panels']:
            named = {name for target in panel['targets']
                     for name in re.findall(r'xord_\w+', target['expr'])}
            self.assertTrue(named, panel['title'])
            self.assertEqual(named - known, set(), panel['title'])
        places = [panel['gridPos'] for panel in board['panels']]
        cells = [(place['x'] + x, place['y'] + y) for place in places
                 for x in range(place['w']) for y in range(place['h'])]
        self.assertEqual(len(cells), len(set(cells)), 'no two panels in one place')
        self.assertLess(max(x for x, _ in cells), 24)

    @unittest.skipUnless(shutil.which('promtool'), "no promtool: it is in Debian's prometheus")
    def test_promtool_accepts_it(self):
        first, second = self.network(2)
        first.call('createkey', 'alice')
        first.call('dhtput', 'alice', 'profile', 's', 1)
        second.cli('dhtget', 'nobody', 'x', 's')
        for node in (first, second):
            done = subprocess.run(['promtool', 'check', 'metrics'], capture_output=True, text=True,
                                  input=node.cli('getmetrics').out, timeout=30, check=False)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ''))


class MetricsFile(TestCase):
    def read(self, path):
        try:
            with open(path, encoding='utf-8') as file:
                return file.read()
        except FileNotFoundError:
            return ''

    def test_it_is_written(self):
        path = self.path('xord.prom')
        node = self.start('--metrics-file', path)
        text = wait_until(lambda: self.read(path), 'the file of metrics is there')
        self.assertEqual(set(samples(text)) - set(samples(node.call('getmetrics'))), set())
        self.assertRegex(text, r'^# HELP xord_.*\n')
        self.assertTrue(text.endswith('\n'))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o644)

    def test_a_missing_directory_is_one_line_and_the_daemon_runs_on(self):
        node = self.start('--metrics-file', self.path('missing', 'xord.prom'))
        wait_until(lambda: 'metrics cannot be written' in node.log(), 'the log says so')
        lines = [line for line in node.log().splitlines() if 'metrics' in line]
        self.assertEqual(len(lines), 1, lines)
        self.assertRegex(lines[0], r'missing/xord\.prom: No such file or directory')
        self.assertEqual(node.info()['state'], 'alone')
        self.assertEqual(node.stop(), 0)

    def test_a_reload_takes_another_path(self):
        conf = self.write('xord.conf', 'bind = 127.0.0.1\nport = 0\n')
        node = self.start('--conf', conf)
        path = self.path('xord.prom')
        self.write('xord.conf', f'bind = 127.0.0.1\nport = 0\nmetrics-file = {path}\n')
        node.call('reload')
        text = wait_until(lambda: self.read(path), 'the file of metrics is there')
        self.assertTrue(re.search(r'^xord_rpc_call_seconds_count\{method="waitready"\} 1$', text,
                                  re.M), text)


if __name__ == '__main__':
    unittest.main()
