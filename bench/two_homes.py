"""Two homes of one account with a daemon each, in step over a hub on this machine:

    two_homes.py CLOWDER BENCH_FOLLOW ROUNDS

runs BENCH_FOLLOW from the one to the other, and prints beside its rows what an idle
daemon takes.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

CLOWDER, FOLLOW, ROUNDS = sys.argv[1:4]
T = tempfile.mkdtemp(prefix="clowder-bench-")
ENV = dict(os.environ, CLOWDER_HUB_DATA=f"{T}/hub", CLOWDER_DAEMON="manual",
           CLOWDER_PORTS="26000-26099")
IDLE_S = 1 if int(ROUNDS) < 100 else 20 if int(ROUNDS) < 5000 else 120


def clowder(home, *words, text=None):
    env = dict(ENV, HOME=f"{T}/{home}", CLOWDER_HOME=f"{T}/{home}/.clowder")
    os.makedirs(f"{T}/{home}/work", exist_ok=True)
    return subprocess.run([CLOWDER, *words], env=env, cwd=f"{T}/{home}/work", text=True,
                          input=text, stdout=subprocess.PIPE, check=True).stdout


def wait_until(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            sys.exit("two_homes: it takes too long")
        time.sleep(0.02)


def is_live(home):
    return "Connected, live" in clowder(home, "daemon", "status")


def daemon(home):
    with open(f"{T}/{home}/.clowder/sync-daemon", encoding="ascii") as f:
        return int(f.read().split("\n")[3])


def wake_ups(pid):
    """Of all its threads, so far."""
    n = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as f:
            n += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", f.read(), re.M)[1])
    return n


def private_mib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return sum(int(k) for k in re.findall(r"^Private_\w+:\s+(\d+) kB", f.read(),
                                              re.M)) / 1024


def row(what, ours, best, target, unit, best_is=""):
    print("ROW", what, ours, best, target, unit, best_is, sep="\t")


def measure():
    for home in "ab":
        clowder(home, "sync", "server", URL)
        clowder(home, "auth", "login", "-u", "ann", "--password-stdin", text="secret-ann\n")
        clowder(home, "daemon", "start")
        wait_until(lambda h=home: is_live(h))
    subprocess.run([FOLLOW, CLOWDER, ROUNDS, f"{T}/a/.clowder", f"{T}/b/.clowder"],
                   env=ENV, check=True)
    sys.stdout.flush()
    time.sleep(min(IDLE_S, 3))
    before = wake_ups(daemon("b"))
    time.sleep(IDLE_S)
    row("wake-ups of an idle daemon in 2 minutes", (wake_ups(daemon("b")) - before) * 120 / IDLE_S,
        0, 12, "")
    row("memory of an idle daemon", private_mib(daemon("b")), 0, 6, "MiB")


subprocess.run([CLOWDER, "hub", "user", "add", "ann", "--password-stdin"], env=ENV,
               input="secret-ann\n", text=True, stdout=subprocess.DEVNULL, check=True)
with subprocess.Popen([CLOWDER, "hub", "serve", "--json", "--quiet", "--listen", "127.0.0.1:0"],
                      env=ENV, stdout=subprocess.PIPE, text=True) as hub:
    try:
        URL = re.search(r'"url": *"([^"]*)"', hub.stdout.readline())[1]
        measure()
    finally:
        for h in "ab":
            clowder(h, "daemon", "stop")
        hub.terminate()
        hub.wait()
        shutil.rmtree(T, ignore_errors=True)
