"""The domain: indicators, stages, who answers them, where answers are kept. Knows nothing of Celery."""
