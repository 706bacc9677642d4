"""What can go wrong around the program, as opposed to inside it."""


class SetupProblem(Exception):
    """Something outside the program has to be put right before it can run.

    The message is for whoever typed the command: one line of what is wrong, then what to do. It is
    printed as it stands, without a traceback, and the command ends with status 1.
    """
