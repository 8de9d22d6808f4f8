"""Celery's settings, under Celery's own names; `tasks.celery` takes them with `config_from_object`.

Why they are what they are
--------------------------
Late acknowledgement and requeueing on worker loss make delivery "at least once"; the stages make the effect "once".
Messages are JSON only, so nobody who can write to Redis can run code. No result backend: a stage's result belongs in
PostgreSQL, where the next delivery looks for it.
"""

from typing import Any

from config.settings import settings

_settings = settings()

ADMISSION_QUEUE = "admission"
"""Stage 1 only, so that held messages never stand before the stages of admitted indicators."""
STAGES_QUEUE = "stages"
NIGHTLY_QUEUE = "nightly"
"""What Celery beat sends: see `tasks.nightly`."""

broker_url = _settings.broker_url
broker_connection_retry_on_startup = True
broker_connection_max_retries = None  # for ever: whoever restarts Redis does not have to restart workers
broker_transport_options: dict[str, Any] = {
    "visibility_timeout": _settings.visibility_timeout,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
if _settings.sentinels:
    broker_transport_options["master_name"] = _settings.sentinels.master
    if _settings.sentinels.password:
        broker_transport_options["sentinel_kwargs"] = {"password": _settings.sentinels.password}

task_serializer = "json"
accept_content = ["json"]
task_ignore_result = True
result_backend_thread_safe = True  # there is none; else one would be made for every task that a green pool runs
task_acks_late = True
task_reject_on_worker_lost = True
task_publish_retry_policy = {"max_retries": 100, "interval_start": 0, "interval_step": 0.2, "interval_max": 1.0}
task_default_queue = STAGES_QUEUE
task_routes = {"tasks.normalize": {"queue": ADMISSION_QUEUE}, "tasks.nightly": {"queue": NIGHTLY_QUEUE}}
task_annotations = {"tasks.normalize": {"rate_limit": f"{_settings.ipm:g}/m"}}

worker_consumer = "tasks.consumer:PacedConsumer"
worker_prefetch_multiplier = 1  # for pools that prefetch at all: see tasks.consumer
worker_enable_prefetch_count_reduction = False
worker_send_task_events = False  # watchers turn them on when they need them: `celery control enable_events`
worker_enable_remote_control = True
# A task that runs may have paid for its answer already; leases let it be acknowledged over another connection.
worker_cancel_long_running_tasks_on_connection_loss = False
worker_hijack_root_logger = False
worker_redirect_stdouts = False
enable_utc = True
timezone = "UTC"
