"""A program at a terminal: at_terminal.py COLUMNS [REGEX KEYS]... -- COMMAND...

Waits for each REGEX in what the program prints, then types KEYS; prints all that
came.  After a REGEX without KEYS the program is ended, else its own end is waited
for.  Exits 1 where nothing came for 20 seconds."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios

split = sys.argv.index("--")
steps, command = sys.argv[2:split], sys.argv[split + 1:]
pid, fd = pty.fork()
if pid == 0:
    # The parent sets the size before it says go.
    sys.stdin.readline()
    os.execvp(command[0], command)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, int(sys.argv[1]), 0, 0))
mode = termios.tcgetattr(fd)
mode[3] &= ~termios.ECHO
termios.tcsetattr(fd, termios.TCSANOW, mode)
os.write(fd, b"\n")
got, seen, failed = b"", 0, False
while True:
    while steps:
        found = re.compile(steps[0].encode()).search(got, seen)
        if not found:
            break
        if len(steps) == 1:
            steps = None
            break
        os.write(fd, steps[1].encode())
        seen, steps = found.end(), steps[2:]
    if steps is None:
        break
    if not select.select([fd], [], [], 20)[0]:
        failed = True
        break
    try:
        more = os.read(fd, 65536)
    except OSError:
        more = b""
    if not more:
        break
    got += more
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
sys.stdout.buffer.write(got.replace(b"\r\n", b"\n"))
sys.exit(failed)
