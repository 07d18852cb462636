"""Daemons that the tests of a class share, with alice's key on one of them."""

from harness import SharedCase


class AliceCase(SharedCase):
    """One daemon, which has alice's key."""

    @classmethod
    def start_shared(cls, shared):
        cls.node = shared.start()
        cls.node.call('createkey', 'alice')


class AliceNetwork(SharedCase):
    """`size` daemons that know each other; alice's key is on the first."""

    size = 8

    @classmethod
    def start_shared(cls, shared):
        cls.nodes = shared.network(cls.size)
        cls.first, cls.last = cls.nodes[0], cls.nodes[-1]
        cls.first.call('createkey', 'alice')
        cls.key = cls.first.call('pubkey', 'alice')
