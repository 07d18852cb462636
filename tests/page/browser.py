"""A headless Chromium, driven over the WebDriver protocol with the standard library alone."""

import base64
import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile

from harness import die_with_parent, wait_until

DRIVER_S = 60  # for a command: a browser that starts on a busy machine takes its time


def missing():
    """What is not installed here, or None."""
    names = [name for name in ('chromium', 'chromedriver') if not shutil.which(name)]
    return ' and '.join(names) or None


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as server:
        return server.getsockname()[1]


class Browser:
    """One window. Whatever the page logs is kept by the browser until `log` takes it."""

    def __init__(self, width=1280, height=1400):
        self.folder = tempfile.mkdtemp(prefix='xord-page.')
        self.port = free_port()
        self.session = None
        self.driver = subprocess.Popen(
            ['chromedriver', f'--port={self.port}', '--silent'], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent,
            env={**os.environ, 'HOME': self.folder, 'TMPDIR': self.folder})
        try:
            wait_until(self._is_up, 'chromedriver answers')
            self._open(width, height)
        except BaseException:
            self.close()
            raise

    def _is_up(self):
        try:
            return self.command('GET', '/status')['ready']
        except OSError:
            return False

    def _open(self, width, height):
        arguments = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
                     '--hide-scrollbars', f'--window-size={width},{height}',
                     f'--user-data-dir={self.folder}/profile', '--no-first-run',
                     '--disable-background-networking', '--disable-component-update']
        options = {'args': arguments, 'binary': shutil.which('chromium')}
        found = self.command('POST', '/session', {'capabilities': {'alwaysMatch': {
            'browserName': 'chrome', 'goog:chromeOptions': options,
            'goog:loggingPrefs': {'browser': 'ALL'}}}})
        self.session = '/session/' + found['sessionId']

    def command(self, method, path, body=None):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=DRIVER_S)
        try:
            connection.request(method, path, None if method == 'GET' else json.dumps(body or {}))
            value = json.loads(connection.getresponse().read())['value']
        finally:
            connection.close()
        if isinstance(value, dict) and 'error' in value:
            raise AssertionError(f"{path}: {value['error']}: {value.get('message')}")
        return value

    def visit(self, url):
        self.command('POST', self.session + '/url', {'url': url})

    def run(self, script, *arguments):
        """What the JavaScript returns."""
        return self.command('POST', self.session + '/execute/sync',
                            {'script': script, 'args': list(arguments)})

    def text(self, selector):
        """The text of the first element, or None."""
        return self.run('const e = document.querySelector(arguments[0]); return e && e.innerText;',
                        selector)

    def count(self, selector):
        return self.run('return document.querySelectorAll(arguments[0]).length;', selector)

    def set_scheme(self, scheme):
        """light or dark, as the person's system says."""
        self.command('POST', self.session + '/goog/cdp/execute', {
            'cmd': 'Emulation.setEmulatedMedia',
            'params': {'features': [{'name': 'prefers-color-scheme', 'value': scheme}]}})

    def log(self):
        """What was logged since the last time, errors of loading included."""
        return self.command('POST', self.session + '/se/log', {'type': 'browser'})

    def screenshot(self, path):
        data = self.command('GET', self.session + '/screenshot')
        with open(path, 'wb') as file:
            file.write(base64.b64decode(data))

    def close(self):
        if self.session is not None:
            self.command('DELETE', self.session)
            self.session = None
        self.driver.kill()
        self.driver.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
