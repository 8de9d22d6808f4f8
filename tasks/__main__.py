"""A worker: what `celery -A tasks worker` is, with its options, in a tenth less memory.

Celery's umbrella command loads all its subcommands, and with them a shell and a highlighter of syntax.
"""

from celery import maybe_patch_concurrency


def main() -> None:
    maybe_patch_concurrency()  # first of all: gevent has to patch what the rest imports
    from celery.bin.base import CLIContext
    from celery.bin.worker import worker

    from tasks.celery import app

    context = CLIContext(app=app, no_color=None, workdir=None, quiet=True)
    worker.main(prog_name="celery worker", auto_envvar_prefix="CELERY_WORKER", obj=context)


if __name__ == "__main__":
    main()
