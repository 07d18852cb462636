"""The status page in a real browser: it shows the network's true numbers, a lookup while it runs,
in light and dark, on a wide screen and a narrow one, and logs nothing. What it looked like is kept
under build/page/."""

import os
import re
import signal
import unittest

import browser
from harness import ROOT, SharedCase, wait_until
from krpc import Responder

PICTURES = os.path.join(ROOT, 'build', 'page')
NODES = 20
SIZE_MAX = 40 * 1024


@unittest.skipIf(browser.missing(), f'not installed: {browser.missing()}')
class Page(SharedCase):
    @classmethod
    def start_shared(cls, shared):
        os.makedirs(PICTURES, exist_ok=True)
        nodes = shared.network(NODES - 1)
        cls.node = shared.daemon('--http', '127.0.0.1:0', bootstrap=nodes[0].address).start()
        cls.other = nodes[1]
        cls.node.call('createkey', 'alice')
        cls.other.call('createkey', 'bob')
        for i in range(12):
            cls.node.call('dhtput', 'alice', f'r{i}', 's', {'text': 'x' * 300})
        cls.browser = browser.Browser()
        cls.url = f"http://{cls.node.info()['http']}/"

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        super().tearDownClass()

    def open(self, scheme='light'):
        self.browser.set_scheme(scheme)
        self.browser.visit(self.url)
        wait_until(lambda: self.browser.text('#state') == 'online', 'the page shows the state')

    def keep(self, name):
        path = os.path.join(PICTURES, name + '.png')
        self.browser.screenshot(path)
        self.assertGreater(os.path.getsize(path), 10000)

    def assert_quiet(self):
        self.assertEqual(self.browser.log(), [])

    def texts(self, selector):
        return self.browser.run('return [...document.querySelectorAll(arguments[0])]'
                                '.map(e => e.innerText);', selector)

    def shows(self, name):
        """What stands beside a name in one of the lists of numbers."""
        return self.browser.run('const t = [...document.querySelectorAll("dt")].find(e => '
                                'e.innerText === arguments[0]); '
                                'return t && t.nextElementSibling.innerText;', name)

    def test_it_is_one_small_file(self):
        path = os.path.join(ROOT, 'rpc', 'server', 'status.html')
        self.assertLess(os.path.getsize(path), SIZE_MAX)
        self.open()
        loaded = self.browser.run('return performance.getEntriesByType("resource")'
                                  '.map(e => e.name);')
        self.assertIn(self.url + 'status', loaded)
        self.assertEqual(set(loaded) - {self.url + 'status', self.url + 'events'}, set())
        self.assert_quiet()

    def test_its_numbers_are_true(self):
        self.open()
        info = self.node.info()
        buckets = self.node.call('listnodes')
        listed = [node for bucket in buckets for node in bucket['nodes']]
        known = len(listed)
        self.assertGreater(known, NODES // 2)
        self.assertEqual(self.browser.text('#id'), info['id'])
        wait_until(lambda: self.browser.text('#nodes') == f'{known} nodes', 'all nodes')
        self.assertEqual(self.shows('good'), str(known))
        self.assertEqual(self.shows('bad'), '0')
        self.assertEqual(self.browser.count('#ring > .node.good'), known)
        self.assertEqual(self.browser.count('#ring .self'), 1)
        self.assertEqual(self.browser.count('.cell.full'), known)
        self.assertEqual(self.browser.count('#buckets g'), len(buckets))
        self.browser.run('document.querySelector("details").open = true;')
        self.assertEqual(sorted(self.texts('#table td:first-child')),
                         sorted(node['id'] for node in listed))
        self.assertEqual(self.browser.text('#stored'), f"{info['stored']} records held")
        self.assertTrue(self.shows('own values kept').startswith('12, '))
        self.assertEqual(self.browser.text('#listeners'), '0 keys listened to')
        self.assertEqual(self.shows('UDP'), info['addresses']['bound'][0])
        packets = int(self.shows('in').split(',')[0])
        self.assertLessEqual(packets, self.node.info()['traffic']['packets_in'])
        self.assertGreater(packets, 0)
        self.keep('light')
        self.assert_quiet()

    def test_a_put_of_another_is_seen_as_it_comes(self):
        self.open()
        stored = self.node.info()['stored']
        i = 0
        while self.node.info()['stored'] == stored:  # one of them falls to this node
            self.other.call('dhtput', 'bob', f'r{i}', 's', 1)
            i += 1
        wait_until(lambda: 'record stored' in (self.browser.text('#news') or ''), 'the news')
        wait_until(lambda: self.browser.text('#stored') ==
                   f"{self.node.info()['stored']} records held", 'the store grows')
        self.assert_quiet()

    def test_a_lookup_is_shown_with_its_steps(self):
        self.open('dark')
        target = '5' * 40
        self.node.call('lookup', target)
        row = f'#lookups li[data-target="{target}"]'
        text = wait_until(lambda: self.browser.text(row + '.ended'), 'the lookup is there')
        self.assertRegex(text, r'lookup 55555555…\s+complete in \d+ ms, \d hops?, \d+ asked, '
                               r'\d+ answered, \d+ bits shared')
        self.assertGreaterEqual(self.browser.count(row + ' .hop'), 8)
        self.assertGreaterEqual(self.browser.count('#ring .path'), 1)
        background = self.browser.run('return getComputedStyle(document.documentElement)'
                                      '.backgroundColor;')
        self.assertEqual(background, 'rgb(13, 17, 23)')
        self.keep('dark')
        self.assert_quiet()

    def test_a_narrow_screen(self):
        self.browser.command('POST', self.browser.session + '/window/rect',
                             {'width': 500, 'height': 1400})
        self.open()
        self.assertTrue(self.browser.run('return document.documentElement.scrollWidth <= '
                                         'document.documentElement.clientWidth;'))
        self.keep('narrow')
        self.browser.command('POST', self.browser.session + '/window/rect',
                             {'width': 1280, 'height': 1400})
        self.assert_quiet()


@unittest.skipIf(browser.missing(), f'not installed: {browser.missing()}')
class Running(SharedCase):
    @classmethod
    def start_shared(cls, shared):
        cls.slow = Responder('ping', 'find_node')
        shared.addCleanup(cls.slow.close)
        cls.node = shared.daemon('--http', '127.0.0.1:0', '--network', 'mainline',
                                 bootstrap=cls.slow.address).start()
        cls.node.call('createkey', 'alice')

    def test_a_lookup_appears_while_it_runs(self):
        """Among those that the node makes by itself."""
        window = browser.Browser()
        self.addCleanup(window.close)

        def shows(pattern):
            return lambda: re.search(pattern, window.text('#lookups') or '')

        window.visit(f"http://{self.node.info()['http']}/")
        wait_until(lambda: window.text('#state') == 'online', 'the page shows the state')
        with self.node.connect() as rpc:
            rpc.send('dhtget', 'alice', 'x', 's', 60000)
            wait_until(shows(r'get \S+\nrunning, \d+ asked, 0 answered'), 'the lookup is running')
            wait_until(lambda: window.count('#ring .pulse') == 1, 'the ring shows it')
            self.assertEqual(self.node.info()['under_way'], 1)
        wait_until(shows(r'get \S+\ncancelled in \d+ ms'), 'it was cancelled')
        self.assertEqual(window.log(), [])

    def test_a_daemon_that_hangs_is_no_longer_shown_as_online(self):
        window = browser.Browser()
        self.addCleanup(window.close)
        window.visit(f"http://{self.node.info()['http']}/")
        wait_until(lambda: window.text('#state') == 'online', 'the page shows the state')
        self.node.process.send_signal(signal.SIGSTOP)
        try:
            wait_until(lambda: window.text('#state') == 'the daemon does not answer', 'it hangs')
        finally:
            self.node.process.send_signal(signal.SIGCONT)
        wait_until(lambda: window.text('#state') == 'online', 'it goes on')

    def test_what_a_daemon_that_died_was_doing_is_forgotten(self):
        port = browser.free_port()
        node = self.daemon('--http', f'127.0.0.1:{port}', '--network', 'mainline',
                           bootstrap=self.slow.address).start()
        node.call('createkey', 'alice')
        window = browser.Browser()
        self.addCleanup(window.close)
        window.visit(f'http://127.0.0.1:{port}/')
        with node.connect() as rpc:
            for i in range(16):  # their numbers are used again by the next daemon, not all at once
                rpc.send('dhtget', 'alice', f'r{i}', 's', 60000)
            wait_until(lambda: window.count('#lookups li.running') == 5, 'lookups are running')
            node.kill()
        wait_until(lambda: window.text('#state') == 'the daemon does not answer', 'it is gone')
        node.start()
        wait_until(lambda: window.text('#state') == 'online', 'it is back')
        wait_until(lambda: window.count('#lookups li.running') == 0, 'nothing runs')


if __name__ == '__main__':
    unittest.main()
