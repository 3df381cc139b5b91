"""What each profile guarantees, and what it does not cover: for people, and for the doctor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """One of the values of :attr:`Policy.profile`."""

    needs: str
    guarantees: tuple[str, ...]
    not_covered: tuple[str, ...]
    """What code can do or see all the same, or cannot do that programs may expect."""


PROFILES = {
    "namespaces": Profile(
        needs="Linux 5.13 with user namespaces and libseccomp",
        guarantees=(
            "files: only the system's programs and libraries, the interpreter and what the policy "
            "names exist; only the workspace, home, /tmp and /dev/shm can be written, all private",
            "network: none but a loopback of its own; a list of hosts by a proxy; or the host's",
            "processes: none but its own can be seen or signalled; all end with the run",
            "privileges: no capability, none to be got; dangerous system calls are refused",
            "limits: memory, processes, disk, number of files, processors, time",
        ),
        not_covered=(
            "faults of the kernel itself: there is one kernel, as in every container",
            "memory, where no cgroup can be made (see the doctor): it is looked at 30 times a "
            "second; buffers of sockets are estimated, other memory of the kernel is not seen",
            "a bound work folder: it is counted 50 times a second at most, and who exceeds a limit "
            "is killed after that; what others add to it meanwhile counts as well",
            "branches see in /proc/self/mountinfo where on the host a bound work folder lies",
            "processes of branches, where no cgroup can be made: they count for the session too",
            "a session against its branches: processes that its code has left running can see "
            "those of its branches, look into them and end them; a branch cannot look out, nor to "
            "its siblings, unless such a process helps it",
            "locks: files that can be read can be locked (flock), and who else reads them can tell",
            "watching files (inotify): refused, for it tells what the host and others open",
            "figures of the whole machine in /proc: load, memory, processors",
            "counters the kernel keeps for each user, such as pages of pipes: they are the "
            "caller's, unless root starts it",
            "time and caches shared with the host (side channels)",
        ),
    ),
    "landlock": Profile(
        needs="Linux 6.12 (Landlock 6; from 6.2 on if the policy allows 'landlock-signals' to be "
        "missing) and libseccomp; no namespaces",
        guarantees=(
            "files: only the content of the system's programs and libraries, the interpreter and "
            "what the policy names can be read; only the workspace, home and a run's TMPDIR, which "
            "are private folders in the host's temporary folder, can be written",
            "network: no socket at all can be made (but socketpair); or the host's",
            "processes: none but its own can be signalled, traced or limited; all end with the run",
            "privileges: no capability, none to be got; dangerous system calls are refused; an own "
            "user id where root starts it",
            "limits: memory, size of a file, processors, time; processes exactly with a cgroup",
            "branches: neither their parent nor siblings can be reached from them",
        ),
        not_covered=(
            "everything the profile 'namespaces' does not cover",
            "branches of a session: their walls are put on by its interpreter, so code that has "
            "changed that first decides what they are (it can reach all of them anyway); they see "
            "names, sizes and times of their parent's files by exact path; they have no 'chmod'; "
            "absolute paths that the code keeps still name the parent's files, which are refused; "
            "and branches have none themselves",
            "stat: whether a file of the host exists, its size, times, owner and where links lead, "
            "if its exact path is known and the user may pass its folders; no content, no listing",
            "numbers of processes (whether one exists), the host's name, kernel and mounted space",
            "the user id is the caller's, unless root starts it: code sees files as the caller",
            "disk: in private folders only the size of each file is limited, not their sum or "
            "number (they are in a bound work folder)",
            "processes without a cgroup: counted with all others of the user, so inexactly",
            "locks: files that can be read can be locked (flock)",
            "signals on Linux before 6.12, if 'landlock-signals' is allowed to be missing: code "
            "can then kill processes of the caller, the sandbox's own among them",
            "a daemon of code whose first process, zygote and guard are all killed by somebody "
            "else at the same moment, where there is no cgroup",
            "a list of hosts (refused), a loopback, Unix sockets, and what needs them "
            "(multiprocessing.Manager)",
            "shared memory by name and what needs it (multiprocessing.Lock, Pool and Queue), most "
            "of /proc, watching files (inotify)",
            "chmod, utime: answer, and change nothing, unless root starts it (Landlock does not "
            "confine them); chown is refused",
            "paths: there is no /workspace; programs see private folders of the host, and "
            "'/tmp' by name is closed (TMPDIR is open)",
        ),
    ),
}
