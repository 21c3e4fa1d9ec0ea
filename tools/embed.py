#!/usr/bin/env python3
"""Write numbered SQL scripts into a C source.

usage: embed.py OUT NAME FILE...

OUT defines `const char *const NAME[]` with the text of each file, in order, and
`const unsigned NAME_count`.  The files are named 0001_x.sql, 0002_y.sql ...: a
number out of turn stops the build, because it is the version of the schema.
"""
import os
import sys


def main(out, name, files):
    lines = ["/* Made by tools/embed.py from:"]
    lines += [" *   " + os.path.basename(f) for f in files] + [" */"]
    for i, path in enumerate(files):
        if not os.path.basename(path).startswith("%04d_" % (i + 1)):
            sys.exit("%s: script %d of %s" % (path, i + 1, name))
        with open(path, "rb") as f:
            data = f.read() + b"\0"
        lines.append("static const char text%d[] = {" % i)
        for at in range(0, len(data), 16):
            row = data[at:at + 16]
            lines.append("\t" + " ".join("%d," % b for b in row))
        lines.append("};")
    texts = ", ".join("text%d" % i for i in range(len(files)))
    lines += [
        "extern const char *const %s[];" % name,
        "extern const unsigned %s_count;" % name,
        "const char *const %s[] = { %s };" % (name, texts),
        "const unsigned %s_count = %d;" % (name, len(files)),
    ]
    with open(out, "w") as f:
        f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
