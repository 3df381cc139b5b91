"""What a Python kernel is told before its first cell: things that suit people, not programs."""

PRELUDE = """\
def _sandcrew_prelude():
    import fcntl, sys, time, warnings

    # A shell of people has to say how to leave it; code that calls sys.exit() knows.
    warnings.filterwarnings("ignore", "To exit: use", UserWarning)

    # Whoever follows a run sees what is printed at once, and less is lost with a kernel that dies.
    for stream in (sys.stdout, sys.stderr):
        stream.flush_interval = 0.02

    def let_output_arrive(*_):
        # What is written past sys.stdout goes through a pipe and a thread of ipykernel, and would
        # come after the end of the cell.
        pauses = (0.0001, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
        for pause in pauses:
            time.sleep(pause)
            try:  # FIONREAD of ioctl_tty(2)
                unread = [fcntl.ioctl(fd, 0x541B, bytes(4)) for fd in (1, 2)]
            except OSError:  # no pipe
                break
            if not any(map(any, unread)):
                break

    get_ipython().events.register("post_execute", let_output_arrive)

_sandcrew_prelude()
del _sandcrew_prelude
"""
