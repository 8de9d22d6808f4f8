"""Celery: the app, the seven tasks, the chain and the pace. `celery -A tasks …` finds the app in `tasks.celery`."""
