"""The Celery app, wired up in this one module."""

from celery import Celery

from tasks import transport
from tasks.green import is_green, let_psycopg2_yield

transport.install()
app = Celery("tasks", include=["tasks.logs", "tasks.stages", "tasks.nightly"])
app.config_from_object("config.celery")
app.steps["worker"].update({"tasks.connections:Connections", "tasks.keeper:Keeper", "tasks.reconciler:ReconcilerStep"})
app.steps["consumer"].add("tasks.keeper:HandBack")

if is_green():
    let_psycopg2_yield()
