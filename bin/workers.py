"""The order of workers wherever they are listed."""


def by_number(name: str) -> tuple[str, int]:
    """What to sort workers by: `worker10@host` comes after `worker2@host`."""
    short = name.partition("@")[0]
    digits = short[len(short.rstrip("0123456789")) :]
    return short.removesuffix(digits), int(digits or 0)
