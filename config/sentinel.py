"""Redis behind Sentinels: one URL names them all, `sentinel://:password@host:26379,host2:26379/0?master=mymaster`.

redis-py and kombu each want it in parts of their own; the parts come from here.
"""

from dataclasses import dataclass
from urllib.parse import parse_qs, quote, unquote, urlsplit

PORT = 26379


@dataclass(frozen=True)
class Sentinels:
    """Where the Sentinels are, and what they know the master by.

    Parameters
    ----------
    hosts
        Names or addresses with their ports.
    password
        Of the Sentinels and of Redis itself; empty for none.
    """

    hosts: tuple[tuple[str, int], ...]
    master: str
    database: int
    password: str

    @property
    def broker_url(self) -> str:
        """As kombu takes it: one URL for each."""
        login = f":{quote(self.password, safe='')}@" if self.password else ""
        return ";".join(f"sentinel://{login}{host}:{port}/{self.database}" for host, port in self.hosts)


def parse(url: str) -> Sentinels:
    """The parts of a `sentinel://` URL.

    Raises
    ------
    ValueError
        When it names no host or no master; the message says which, without the password.
    """
    parts = urlsplit(url)
    login, _, places = parts.netloc.rpartition("@")
    hosts = []
    for place in filter(None, places.split(",")):
        host, _, port = place.partition(":")
        hosts.append((host, int(port) if port.isdigit() else PORT))
    master = parse_qs(parts.query).get("master", [""])[0]
    database = parts.path.strip("/") or "0"
    if not hosts or not master or not database.isdigit():
        raise ValueError("must be like sentinel://:password@host:26379,host2:26379/0?master=mymaster")
    return Sentinels(tuple(hosts), master, int(database), unquote(login.partition(":")[2]))
