"""The environment in which alembic runs the revisions: the connection of the store."""

from alembic import context

from cobrowse_session.store.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
