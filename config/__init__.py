"""Settings from the environment and `.env`, Celery's settings, and logging. Imports nothing of the project."""
