"""A table with a pending state of its own: a call waits in a parking orbit until an agent takes it."""

from attrs import frozen

from cobrowse_session.tables import Entered, Table


@frozen(kw_only=True, repr=False)
class Parked(Entered):
    """The call waits in a parking orbit."""

    prefix, kind, rank = "com.acme.", "parked", 12
    target_state, segment = "parked", "Parked"


TABLE = Table.standard().extended(
    "parked",
    kinds=(Parked,),
    like={"parked": "offering"},  # every row of `offering` is one of `parked`, too
    states={"parked": "offering"},  # and every row that holds in `offering` holds in `parked`
)
