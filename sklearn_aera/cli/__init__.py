"""The command ``sklearn-aera``."""

__all__ = ["main"]


def main():
    """Run the command line."""
    from sklearn_aera.cli._app import app

    app(prog_name="sklearn-aera")
