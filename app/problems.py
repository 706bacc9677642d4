"""Problems around the program, as opposed to inside it."""


class SetupProblem(Exception):
    """Something outside the program has to be put right before it can run.

    The message is for the user who typed the command: one line saying the problem, then the remedy. It is printed as it
    stands, without a traceback, and the command ends with status 1.
    """


class OutOfReach(SetupProblem):
    """The database cannot be reached now, which may pass by itself: it starts, is being replaced, or the network is down."""
