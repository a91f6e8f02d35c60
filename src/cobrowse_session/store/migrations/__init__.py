"""The revisions of the tables of a store. alembic runs them."""

from pathlib import Path

from alembic.command import upgrade
from alembic.config import Config
from sqlalchemy import Connection


def migrate(connection: Connection) -> None:
    """Bring the tables of a database to the newest revision, in the transaction of the connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    upgrade(config, "head")
