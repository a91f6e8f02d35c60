"""The first tables."""

from secrets import token_hex

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rules", sa.Integer(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text()) for name in ("acw", "conversation_id", "queue_id", "user_id")),
        *(sa.Column(name, sa.BigInteger()) for name in ("latest", "deadline", "heard", "ended", "unfinished", "advanced")),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["rules"], ["rules.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("sessions_by_state", "sessions", ["state"])
    op.create_index("sessions_by_latest", "sessions", ["latest"])
    for name, column in (
        ("acw", "acw"),
        ("queue", "queue_id"),
        ("user", "user_id"),
        ("deadline", "deadline"),
        ("end", "ended"),
        ("unfinished", "unfinished"),
    ):
        where = sa.column(column).is_not(None)
        op.create_index(f"sessions_by_{name}", "sessions", [column], sqlite_where=where, postgresql_where=where)
    op.create_table(
        "events",
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("session", "position"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("transaction", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("handed_over", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    waiting = sa.column("handed_over").is_(sa.false())
    op.create_index("messages_to_hand_over", "messages", ["id"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_index("messages_by_session", "messages", ["session", "transaction"])
    op.create_index("messages_by_transaction", "messages", ["transaction", "id"])
    op.create_table(
        "clocks",
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("worker", "source"),
    )
    op.create_table(
        "legs",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("participant", sa.Text(), nullable=False),
        sa.Column("communication", sa.Text(), nullable=False),
        sa.Column("media", sa.Text()),
        sa.PrimaryKeyConstraint("source", "participant", "communication"),
    )
    op.create_index("legs_by_communication", "legs", ["communication"])
    op.create_table(
        "horizon",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.BigInteger()),
        sa.Column("forgotten", sa.BigInteger()),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("cluster", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.bulk_insert(sa.table("horizon", sa.column("id"), sa.column("epoch")), [{"id": 1, "epoch": token_hex(4)}])
