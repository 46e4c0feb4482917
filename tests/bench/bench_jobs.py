#!/usr/bin/env python3
"""How long a service takes to list 100,000 jobs: first and filtered pages, over its socket, the median of several.

    bench_jobs.py --keepgres PROGRAM [--jobs 100000] [--write FILE]

A vault's jobs are made in the catalog of a service that is stopped, of one real job, spread over a year. Prints a line for each
question with its time and how the catalog finds it, and fails when one takes 100 ms or more. --write: the table goes between
the marks of that page.
"""
import argparse
import json
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/default/providers/Microsoft.DataProtection"
VAULT = GROUP + "/backupVaults/bench"
QUESTIONS = (
    ("first page, last seven days", "?$top=50"),
    ("first page of all", "?$top=50&$filter=" + urllib.parse.quote("startTime ge '1970-01-01T00:00:01Z'")),
    ("failed ones of all", "?$top=50&$filter=" + urllib.parse.quote("status eq 'Failed' and startTime ge '1970-01-01T00:00:01Z'")),
    ("one operation that there is none of", "?$top=50&$filter=" + urllib.parse.quote("operation eq 'Collect' and startTime ge '1970-01-01T00:00:01Z'")),
)


def get(path, sock):
    """One request over the service's socket; the body."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(sock)
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: keepgres\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while chunk := s.recv(1 << 16):
            data += chunk
    return data


def fill(catalog, n):
    db = sqlite3.connect(catalog)
    columns = [c[1] for c in db.execute("pragma table_info(jobs)")]
    model = dict(zip(columns, db.execute("select * from jobs limit 1").fetchone()))
    now = int(time.time() * 1e6)
    rows = []
    for i in range(n):
        start = now - i * (365 * 86400 * 1000000 // n)
        status = "Completed" if i % 1000 else "Failed"
        rows.append(tuple({**model, "id": f"{i:08d}-0000-4000-8000-000000000000", "start": start, "end": start + 1000000,
                           "status": status}[c] for c in columns))
    db.executemany(f"insert into jobs ({', '.join(columns)}) values ({', '.join('?' * len(columns))})", rows)
    db.commit()
    plan = db.execute("explain query plan select id from jobs where vault = ? and start >= ? order by start desc, id desc limit 51",
                      (VAULT.lower(), 1)).fetchall()
    db.close()
    return "; ".join(p[3] for p in plan)


def write(path, jobs, rows):
    begin, end = "<!-- jobs -->", "<!-- end of jobs -->"
    with open(path, encoding="utf-8") as f:
        before, rest = f.read().split(begin)
    head = f"{jobs:,} jobs of a year, medians of 9, {time.strftime('%Y-%m-%d')}; wanted: less than 100 ms each."
    table = "\n".join(["| asked for | jobs in the answer | ms | slowest, ms |", "|---|--:|--:|--:|", *rows])
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"{before}{begin}\n{head}\n\n{table}\n{end}{rest.split(end)[1]}")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--keepgres", required=True)
    args.add_argument("--jobs", type=int, default=100000)
    args.add_argument("--write", default="", help="put the table between the marks of this page")
    o = args.parse_args()
    with tempfile.TemporaryDirectory() as top:
        os.makedirs(top + "/run", mode=0o700)
        env = {"PATH": os.environ["PATH"], "HOME": top, "XDG_RUNTIME_DIR": top + "/run", "XDG_STATE_HOME": top + "/state",
               "XDG_DATA_HOME": top + "/data", "XDG_CONFIG_HOME": top + "/config"}

        def kg(*words):
            return subprocess.run([os.path.abspath(o.keepgres), *words], env=env, check=True, capture_output=True, text=True).stdout

        kg("backup-vault", "create", "-v", "bench", "--recovery-key-file", top + "/key")
        kg("vault", "check", "-v", "bench")
        kg("service", "stop")
        print("the catalog:", fill(top + "/state/keepgres/catalog.sqlite", o.jobs))
        kg("backup-vault", "show", "-v", "bench")
        sock, slow, rows = top + "/run/keepgres/api.sock", False, []
        for name, query in QUESTIONS:
            took = []
            for _ in range(9):
                began = time.monotonic()
                answer = get(VAULT + "/backupJobs" + query, sock)
                took.append((time.monotonic() - began) * 1000)
            n = len(json.loads(answer[answer.index(b"{"):])["value"])
            slow |= statistics.median(took) >= 100
            print(f"{name:40} {n:5} jobs {statistics.median(took):8.1f} ms")
            rows.append(f"| {name} | {n} | {statistics.median(took):.1f} | {max(took):.1f} |")
        kg("service", "stop", "--now")
    if o.write:
        write(o.write, o.jobs, rows)
    return slow


if __name__ == "__main__":
    sys.exit(main())
