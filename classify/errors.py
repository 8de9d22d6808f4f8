"""The exceptions of the project, in one small tree, so that a command can tell a user's mistake from a fault."""


class ClassifyError(Exception):
    """Base of every error that the project raises on purpose."""


class UserError(ClassifyError):
    """A mistake of the person at the command line: one clear line on stderr and exit status 2, no traceback."""


class InvalidIndicatorError(ClassifyError):
    """An input record that can be neither used nor mended; the message says why, in one line."""
