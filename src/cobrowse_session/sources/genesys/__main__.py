"""Print every field of the platform's models: `python -m cobrowse_session.sources.genesys`."""

from cobrowse_session.sources.genesys.fields import markdown

if __name__ == "__main__":
    print(*markdown(), sep="\n")  # noqa: T201 (the table is the output)
