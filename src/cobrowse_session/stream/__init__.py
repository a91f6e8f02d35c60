"""Order and clocks: events as they arrive, in any order and any number of times. Pure, like the lifecycle."""

from cobrowse_session.stream.fold import Folded, Kept, Step, fold, keep

__all__ = ["Folded", "Kept", "Step", "fold", "keep"]
