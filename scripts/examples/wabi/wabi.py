"""What the city agrees on: where its readings are, how long one counts, and how one looks."""

READINGS = {'username': 'wabi', 'resource': 'readings', 'type': 'm'}
SLOT = 'latest'  # one entry a sensor: the next reading replaces it
LIFE_S = 600     # a sensor that is heard of no more is forgotten then
LIMITS = {'lvl_percent': (0, 100), 'lat': (-90, 90), 'long': (-180, 180)}


def is_number_in(value, low, high):
    return type(value) in (int, float) and low <= value <= high


def is_reading(value):
    """Anybody can sign anything: whether this is a reading."""
    return isinstance(value, dict) and all(
        is_number_in(value.get(key), *limits) for key, limits in LIMITS.items())


def shown(name, reading):
    return '{} {lvl_percent} % at {lat}, {long}'.format(name, **reading)
