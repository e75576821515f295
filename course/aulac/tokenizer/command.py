"""`aulac tokenizer`."""

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def tokenizer() -> None:
    """Bộ tách token / tokenizers."""
