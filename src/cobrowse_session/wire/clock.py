def save_clock(clock):
    return {}


def restore_clock(data):
    from cobrowse_session.stream import ProviderClock

    return ProviderClock()
