#!/usr/bin/env python3
"""Hold the fold in C against the oracle: random histories, byte for byte, and
the laws of docs/merge.md over what it prints.

    run.py BINARY [--histories N] [--seed S] [--only K] [--seconds T]

BINARY is fold_main (many histories in one process), or clowder itself, whose
`debug fold` is then started once for each history.
"""

import argparse
import os
import random
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # the source folder stays as it is
import histories
import laws
import oracle

BATCH = 20
SHRINK_ROUNDS = 2000
SHOW_MOST = 12  # events of a history that is printed


class Fold:
    """The fold in C."""

    def __init__(self, binary):
        self.binary = binary
        self.alone = os.path.basename(binary) == "clowder"

    def many(self, batch):
        """One line for each history, a list of lines."""
        if self.alone:
            return [self.one(lines) for lines in batch]
        text = "".join("\n".join(lines) + "\n\n" for lines in batch)
        done = subprocess.run([self.binary], input=text.encode(),
                              stdout=subprocess.PIPE, check=False)
        out = done.stdout.decode().split("\n")[:-1]
        if done.returncode != 0 or len(out) != len(batch):
            out += ["ended with %d" % done.returncode] * (len(batch) - len(out))
        return out

    def one(self, lines):
        done = subprocess.run([self.binary, "debug", "fold"],
                              input="\n".join(lines).encode() + b"\n",
                              stdout=subprocess.PIPE, check=False)
        out = done.stdout.decode().rstrip("\n")
        return out if done.returncode == 0 else "ended with %d" % done.returncode


# ---------------------------------------------------------------------- one seed


class Case:
    def __init__(self, name, parts, check, shrinks=False):
        self.name = name
        self.parts = parts      # histories, each a list of lines
        self.check = check      # outputs -> what is wrong, or None
        self.shrinks = shrinks  # one history, and check asks only for its lines


def as_oracle(lines, out):
    want = oracle.fold(lines)
    if out == want:
        return None
    return "differs from the oracle"


def history_wrong(lines, out):
    return as_oracle(lines, out) or laws.of_history(lines, out)


def cases_of(label):
    """All that is asked of one seed."""
    r = random.Random(label + "/order")
    objects = histories.history(label)
    whole = histories.arrivals(r, objects)
    parts = [("history", whole)]
    if r.random() < 0.3:
        some = [o for o in objects if r.random() < 0.6]
        if some:
            parts.append(("subset", histories.arrivals(r, some)))
    for name, lines in parts:
        yield Case(name, [lines], lambda outs, lines=lines: history_wrong(
            lines, outs[0]), True)
    for name, several, check in laws.cases(label + "/laws", objects):
        yield Case(name, several, check)


# ------------------------------------------------------------------------ shrinking


def smaller(lines):
    """Histories that are a step smaller, the boldest first."""
    size = len(lines) // 2
    while size >= 1:
        for at in range(0, len(lines), size):
            yield lines[:at] + lines[at + size:]
        size //= 2
    for i, line in enumerate(lines):
        o = oracle.parse(line)
        for simple in simpler(o):
            yield lines[:i] + [oracle.canon(simple)] + lines[i + 1:]


def simpler(o):
    for name in o.get("replaces") or ():
        yield {**o, "replaces": [x for x in o["replaces"] if x != name]}
    for name in o["payload"]:
        yield {**o, "payload": {n: v for n, v in o["payload"].items() if n != name}}
    for name in ("project_uuid", "git_branch", "schema_version", "x_more",
                 "session_id", "causation_id"):
        if name in o:
            yield {n: v for n, v in o.items() if n != name}


def shrink(fold, lines, out):
    """The smallest history found that is wrong in the same way."""
    tries = 0
    refused = out if out.startswith("error") else None
    going = True
    while going and tries < SHRINK_ROUNDS:
        going = False
        for part in smaller(lines):
            tries += 1
            if not part or tries > SHRINK_ROUNDS:
                continue
            try:
                got = fold.many([part])[0]
                same = got == refused if refused else got.startswith("{")
                if same and history_wrong(part, got):
                    lines, going = part, True
                    break
            except (KeyError, TypeError, AttributeError):
                continue  # a payload that no longer is one
    return lines


def show(fold, case, outs, wrong, again):
    print("# %s: %s" % (case.name, wrong))
    parts = case.parts
    if case.shrinks:
        parts = [shrink(fold, parts[0], outs[0])]
        print("# shrunk from %d to %d events" % (len(case.parts[0]), len(parts[0])))
        print("# now: %s" % history_wrong(parts[0], fold.many(parts)[0]))
    for lines in parts[:4]:
        if len(lines) > SHOW_MOST:
            print("# %d events" % len(lines))
            continue
        for line in sorted(lines, key=lambda x: oracle.Event(x).stamp):
            print(oracle.canon(oracle.parse(line)))
        print("# C      " + fold.many([lines])[0])
        print("# oracle " + oracle.fold(lines))
    print("# again: " + again, flush=True)


# ----------------------------------------------------------------------------- main


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("binary")
    p.add_argument("--histories", type=int, default=1000, metavar="N")
    p.add_argument("--seed", default="1", metavar="S")
    p.add_argument("--only", type=int, metavar="K", help="this one alone")
    p.add_argument("--seconds", type=float, metavar="T",
                   help="stop after this time, however few there were")
    p.add_argument("--failures", type=int, default=1, metavar="F",
                   help="go on until so many were found")
    p.add_argument("--unsettled", action="store_true",
                   help="also shapes of which both are known to differ")
    return p.parse_args()


def run_batch(fold, args, numbers, tally):
    """How many failed."""
    cases = [(k, c) for k in numbers for c in cases_of("%s/%d" % (args.seed, k))]
    outs = iter(fold.many([part for _, c in cases for part in c.parts]))
    failed = 0
    for k, case in cases:
        mine = [next(outs) for _ in case.parts]
        bad = [o for o in mine if not o.startswith("{")]
        wrong = bad[0] if bad else case.check(mine)
        tally[case.name] = tally.get(case.name, 0) + 1
        if wrong:
            failed += 1
            show(fold, case, mine, wrong, "%s %s --seed %s --only %d" % (
                sys.argv[0], args.binary, args.seed, k))
            if failed >= args.failures:
                break
    return failed


def main():
    args = arguments()
    fold = Fold(args.binary)
    histories.UNSETTLED = args.unsettled
    numbers = range(args.histories) if args.only is None else [args.only]
    end = time.monotonic() + args.seconds if args.seconds else None
    tally, done, failed = {}, 0, 0
    for at in range(0, len(numbers), BATCH):
        batch = numbers[at:at + BATCH]
        failed += run_batch(fold, args, batch, tally)
        done += len(batch)
        if failed >= args.failures or (end and time.monotonic() > end):
            break
    counts = ", ".join("%s %d" % item for item in sorted(tally.items()))
    print("%d histories, seed %s: %s" % (done, args.seed, counts))
    print("%d failed" % failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
