"""Which walls hold on this machine, tried from inside."""


def unavailable():
    return None
