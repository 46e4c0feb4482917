#!/usr/bin/env python3
"""Works the portal through a terminal of its own and measures. Used by bench_ui.sh.

    portal_pty.py PROGRAM start  N PAGE TEXT          ms from exec until TEXT is on the terminal, median and worst of N
    portal_pty.py PROGRAM keys   N PAGE TEXT KEYS     ms from a key until its picture is complete, KEYS over and over, N in all
    portal_pty.py PROGRAM bytes  SECONDS PAGE TEXT    bytes sent in so many seconds while nobody types
    portal_pty.py PROGRAM memory PAGE TEXT KEYS       MiB resident after KEYS
"""
import fcntl
import os
import pty
import select
import statistics
import struct
import sys
import termios
import time


class Portal:
    def __init__(self, program, page, rows=24, columns=80):
        self.began = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execv(program, [program, "portal", "--page", page])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, wait):
        """What comes within so many seconds; b"" when nothing does."""
        ready, _, _ = select.select([self.fd], [], [], wait)
        try:
            return os.read(self.fd, 1 << 16) if ready else b""
        except OSError:                      # it has left
            return b""

    def until(self, text, seconds=20):
        seen, end = b"", time.monotonic() + seconds
        while text.encode() not in seen:
            if time.monotonic() > end:
                sys.exit(f"'{text}' does not come up")
            seen += self.read(0.05)
        return (time.monotonic() - self.began) * 1000

    def settle(self, quiet=0.3):
        while self.read(quiet):
            pass

    def key(self, key):
        """ms until the last byte of the picture that a key makes; None when nothing changes."""
        began = time.monotonic()
        os.write(self.fd, key)
        last = None
        while self.read(0.06 if last else 0.25):
            last = time.monotonic()
        return (last - began) * 1000 if last else None

    def memory(self):
        with open(f"/proc/{self.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS")) / 1024

    def close(self):
        os.write(self.fd, b"q")
        self.settle(0.1)
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def main():
    program, what = sys.argv[1:3]
    if what == "start":
        n, page, text = int(sys.argv[3]), sys.argv[4], sys.argv[5]
        took = []
        for _ in range(n):
            p = Portal(program, page)
            took.append(p.until(text))
            p.settle(0.2)
            p.close()
        print(f"{statistics.median(took):.0f} {max(took):.0f}")
    elif what == "keys":
        n, page, text = int(sys.argv[3]), sys.argv[4], sys.argv[5]
        keys = [k.encode().decode("unicode_escape").encode("latin-1") for k in sys.argv[6:]]
        p = Portal(program, page)
        p.until(text)
        p.settle(1)
        took = sorted(t for i in range(n) if (t := p.key(keys[i % len(keys)])) is not None)
        p.close()
        print(f"{statistics.median(took):.1f} {took[int(len(took) * 0.99)]:.1f} {len(took)}")
    elif what == "bytes":
        seconds, page, text = float(sys.argv[3]), sys.argv[4], sys.argv[5]
        p = Portal(program, page)
        p.until(text)
        p.settle(1.2)
        sent, end = 0, time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            sent += len(p.read(left))
        p.close()
        print(f"{sent} {sent / seconds:.0f}")
    elif what == "memory":
        page, text = sys.argv[3:5]
        p = Portal(program, page)
        p.until(text)
        for k in sys.argv[5:]:
            p.key(k.encode().decode("unicode_escape").encode("latin-1"))
        p.settle(1)
        print(f"{p.memory():.1f}")
        p.close()


if __name__ == "__main__":
    main()
