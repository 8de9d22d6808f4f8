"""How requests reach the endpoint: urllib3 below the openai client, which takes any transport of httpx's.

httpx's own transport looks at every idle connection of its pool, by a `poll`, before each request, and parses in
Python; with a hundred calls in flight it takes as long as all the rest of the client. urllib3 hands out the connection
that was used last. `bin/bench cost` shows the difference. Through a proxy, requests go httpx's way.
"""

import urllib.request

import httpx2
import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

_KEPT = 1000
"""Idle connections that are kept: more than a process has calls in flight."""


class PooledTransport(httpx2.BaseTransport):
    """A transport over urllib3's pool, safe to share between threads and greenlets.

    Whatever goes wrong is raised as httpx's errors, so that the client above handles it as ever.
    """

    def __init__(self) -> None:
        self._manager = urllib3.PoolManager(maxsize=_KEPT, ssl_context=httpx2.create_ssl_context())
        self._pools: dict[str, urllib3.HTTPConnectionPool] = {}

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        limits = request.extensions.get("timeout", {})
        try:
            url = request.url
            answer = self._pool(url).urlopen(
                request.method,
                url.raw_path.decode("ascii"),
                body=request.read(),
                headers=dict(request.headers),
                timeout=urllib3.Timeout(connect=limits.get("connect"), read=limits.get("read")),
                retries=False,
                redirect=False,
                assert_same_host=False,
                decode_content=False,  # httpx decodes
            )
        except ReadTimeoutError as error:
            raise httpx2.ReadTimeout(str(error)) from error
        except (NewConnectionError, SSLError) as error:
            raise httpx2.ConnectError(str(error)) from error
        except ConnectTimeoutError as error:
            raise httpx2.ConnectTimeout(str(error)) from error
        except ProtocolError as error:
            raise httpx2.RemoteProtocolError(str(error)) from error
        except HTTPError as error:
            raise httpx2.NetworkError(str(error)) from error
        return httpx2.Response(answer.status, headers=[*answer.headers.items()], content=answer.data)

    def _pool(self, url: httpx2.URL) -> urllib3.HTTPConnectionPool:
        """The connections to a URL's server: looked up here, since urllib3 takes the URL apart for it every time."""
        origin = f"{url.scheme}://{url.netloc.decode('ascii')}"
        if origin not in self._pools:
            self._pools[origin] = self._manager.connection_from_url(origin)
        return self._pools[origin]

    def close(self) -> None:
        self._pools.clear()
        self._manager.clear()


def http_client(url: str) -> httpx2.Client | None:
    """The HTTP client for an endpoint; None for the openai client's own, where a proxy stands in between."""
    host = httpx2.URL(url).host
    proxies = urllib.request.getproxies()
    if proxies.keys() & {"http", "https", "all"} and not urllib.request.proxy_bypass(host):
        return None
    return httpx2.Client(transport=PooledTransport())
