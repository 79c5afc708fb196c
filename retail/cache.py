"""The cache behind `CACHES`: when the server is down it has simply forgotten everything, and nothing else fails."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Any, TypeVar

from django.core.cache import cache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")

DOWN = (RedisError, OSError)
REST_SECONDS = 5.0
# By server, for the whole process: Django makes a cache for each thread, and what one has learned spares the others.
_rests_until: dict[str, float] = {}


class ForgetfulClient(RedisCacheClient):
    """One short attempt; after a failure the server is left alone for a few seconds, so that no page waits for it."""

    def __init__(self, servers: Any, **options: Any) -> None:
        quick = {"socket_connect_timeout": 0.5, "socket_timeout": 1.0, "retry": Retry(NoBackoff(), 0)}
        super().__init__(servers, **{**quick, **options})
        self._name = str(servers)
        # A client is a thin thing around a pool, safe for threads, but making one costs more than asking it.
        self._clients: dict[int, Any] = {}
        self._line: Any = None

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        if time.monotonic() < _rests_until.get(self._name, 0.0):
            raise RedisConnectionError("the cache is down")
        index = self._get_connection_pool_index(write)  # type: ignore[attr-defined]
        client = self._clients.get(index)
        if client is None:
            client = self._clients[index] = super().get_client(key, write=write)
        return client

    def count(self, key: Any, timeout: int) -> int:
        """One more since the key was new, which it is again after `timeout` seconds; 0 when the server is down."""
        try:
            count = int(self._ask(key, "INCR", key))
            if count == 1:
                self._ask(key, "EXPIRE", key, timeout)
            return count
        except DOWN as error:
            return self._forget(error, 0)

    def is_first(self, key: Any, timeout: int) -> bool:
        """Whether nobody said the key in the last `timeout` seconds; it is said now. True when the server is down."""
        try:
            return self._ask(key, "SET", key, 1, "NX", "EX", timeout) is not None
        except DOWN as error:
            return self._forget(error, True)

    def _ask(self, key: Any, *command: Any) -> Any:
        """By a line that is kept: Django makes a cache for each thread, so nobody else speaks on it. One that has been closed meanwhile is opened anew."""
        lines = self.get_client(key, write=True).connection_pool
        is_kept = self._line is not None
        line = self._line = self._line or lines.make_connection()
        try:
            line.send_command(*command)
            return line.read_response()
        except BaseException as error:
            self._line = None
            line.disconnect()
            if is_kept and isinstance(error, RedisConnectionError):
                return self._ask(key, *command)
            raise

    def answers(self) -> bool:
        try:
            return bool(self.get_client(None, write=True).ping())
        except DOWN as error:
            return self._forget(error, False)

    def add(self, key: Any, value: Any, timeout: Any) -> bool:
        try:
            return super().add(key, value, timeout)
        except DOWN as error:
            return self._forget(error, True)

    def get(self, key: Any, default: Any) -> Any:
        try:
            return super().get(key, default)
        except DOWN as error:
            return self._forget(error, default)

    def set(self, key: Any, value: Any, timeout: Any) -> None:
        try:
            super().set(key, value, timeout)
        except DOWN as error:
            self._forget(error, None)

    def touch(self, key: Any, timeout: Any) -> bool:
        try:
            return super().touch(key, timeout)
        except DOWN as error:
            return self._forget(error, False)

    def delete(self, key: Any) -> bool:
        try:
            return super().delete(key)
        except DOWN as error:
            return self._forget(error, False)

    def get_many(self, keys: Iterable[Any]) -> dict[Any, Any]:
        try:
            return super().get_many(keys)
        except DOWN as error:
            return self._forget(error, {})

    def has_key(self, key: Any) -> bool:
        try:
            return super().has_key(key)
        except DOWN as error:
            return self._forget(error, False)

    def incr(self, key: Any, delta: int) -> Any:
        try:
            return super().incr(key, delta)
        except DOWN as error:
            self._forget(error, None)
            raise ValueError(f"Key {key!r} not found.") from error

    def set_many(self, data: Any, timeout: Any) -> None:
        try:
            super().set_many(data, timeout)
        except DOWN as error:
            self._forget(error, None)

    def delete_many(self, keys: Iterable[Any]) -> None:
        try:
            super().delete_many(keys)
        except DOWN as error:
            self._forget(error, None)

    def clear(self) -> bool:
        try:
            return super().clear()
        except DOWN as error:
            return self._forget(error, False)

    def _forget(self, error: BaseException, answer: Answer) -> Answer:
        if time.monotonic() >= _rests_until.get(self._name, 0.0):
            logger.warning("the cache does not answer: %s", type(error).__name__)
            _rests_until[self._name] = time.monotonic() + REST_SECONDS
        return answer


class ForgetfulRedisCache(RedisCache):
    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = ForgetfulClient

    def count(self, key: str, timeout: int) -> int:
        """How many times this was called for the key within `timeout` seconds, this one included."""
        return int(
            self._cache.count(  # type: ignore[attr-defined]
                self.make_and_validate_key(key), timeout
            )
        )

    def is_first(self, key: str, timeout: int) -> bool:
        """As `add`, by the line that is kept: asked after every order."""
        return bool(
            self._cache.is_first(  # type: ignore[attr-defined]
                self.make_and_validate_key(key), timeout
            )
        )

    def answers(self) -> bool:
        return bool(self._cache.answers())  # type: ignore[attr-defined]


def ask_again() -> None:
    """Lets every server be asked at once: for tests, where seconds pass in no time."""
    _rests_until.clear()


def is_up() -> bool:
    """Whether the server of cache and doorbell answers, told at once: one that did not is not asked again for a few seconds."""
    asked = getattr(cache, "answers", None)
    return asked is None or bool(asked())
