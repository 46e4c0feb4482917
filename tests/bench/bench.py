#!/usr/bin/env python3
"""Measures keepgres against pg_dump, restic and borg on one database, in one run, on one machine.

    bench.py --keepgres PROGRAM [--scale 100] [--runs 3] [--dir DIR] [--only TEXT] [--write FILE] [--json FILE]

Absolute seconds say little about another machine, so every target is a ratio of medians taken in the same run; the
measurements of one round are interleaved, so that a slow minute of the machine hits all alike. What is compared with what:

* wall     from the start of the command until it has returned. For keepgres that is the command line with --wait: client,
           service, worker and pg_dump, with every commit durable; for a peer its whole pipeline.
* cpu      user and system time of all those processes, the server's excluded; machine: everything, the server's included.
* memory   the highest resident size of the worker (VmHWM).
* stored   the bytes of all files of the vault or repository.

The data are cached below DIR and made again when the scale is another one.
"""
import argparse
import contextlib
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
CLUSTER = os.path.join(TOP, "tests", "support", "pg_cluster.sh")
SETTINGS = ("fsync=off", "shared_buffers=1GB", "max_wal_size=8GB", "maintenance_work_mem=256MB", "wal_level=logical",
            "max_locks_per_transaction=256", "checkpoint_timeout=30min", "autovacuum=off")
LARGE_OBJECTS = 20000
SMALL_TABLES = 5000


def sh(command, **more):
    """Runs a shell command that must succeed; its output."""
    p = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False, **more)
    if p.returncode:
        sys.exit(f"failed: {command}\n{p.stdout[-2000:]}{p.stderr[-2000:]}")
    return p.stdout


def sql(db, text):
    p = subprocess.run(["psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", db], input=text,
                       capture_output=True, text=True, check=False)
    if p.returncode:
        sys.exit(f"failed in {db}: {text[:200]}\n{p.stderr[-2000:]}")
    return p.stdout.strip()


def folder_bytes(path):
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(path) for f in files)


def machine_cpu():
    with open("/proc/stat", encoding="ascii") as f:
        ticks = [int(x) for x in f.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")     # all but idle and waiting for a disk


class Figure:
    """One measured command: a value of each kind a round."""

    def __init__(self, name):
        self.name, self.rounds = name, []

    def add(self, **values):
        self.rounds.append(values)

    def median(self, kind):
        values = [r[kind] for r in self.rounds if r.get(kind) is not None]
        return statistics.median(values) if values else None

    def spread(self, kind):
        values = [r[kind] for r in self.rounds if r.get(kind) is not None]
        return (min(values), max(values)) if values else None


class Server:
    """The throwaway PostgreSQL that holds the data; stopped, not removed, at the end."""

    def __init__(self, folder):
        self.folder = folder
        self.env = os.path.join(folder, "env")

    def start(self):
        if os.path.exists(self.env):
            subprocess.run([CLUSTER, "restart", self.folder], check=False)
        else:
            sh(f"'{CLUSTER}' start '{self.folder}' {' '.join(SETTINGS)}")
        with open(self.env, encoding="utf-8") as f:
            for line in f:
                key, value = line.strip().split("=", 1)
                os.environ[key] = value
        with open(os.path.join(self.folder, "bin"), encoding="utf-8") as f:
            self.bin = f.read().strip()
        os.environ["PATH"] = os.environ["PATH"] + ":" + self.bin
        sql("postgres", "select 1")

    def stop(self):
        command = [f"{self.bin}/pg_ctl", "-D", f"{self.folder}/data", "-s", "-w", "-m", "fast", "stop"]
        if os.getuid() == 0:
            command = ["runuser", "-u", "postgres", "--"] + command
        subprocess.run(command, cwd="/", check=False)


def make_data(scale):
    """bench_base, its two changed versions, one table alone, many large objects, many tables."""
    have = set(sql("postgres", "select datname from pg_database").split())
    stamp = sql("postgres", "select coalesce(shobj_description(oid, 'pg_database'), '') from pg_database "
                            "where datname = 'postgres'")
    if stamp == f"scale {scale}":
        if "bench" in have:         # a run that was interrupted while a version had that name
            sql("postgres", "drop database bench")
            sys.exit("the last run was interrupted: remove the data folder and start again")
        return
    print(f"making the data, scale {scale} …", flush=True)
    os.environ["PGBIN"] = ""
    sh(f"'{HERE}/generate.sh' bench_base {scale}")
    for change in ("random", "clustered"):
        sql("postgres", f"create database bench_{change} template bench_base")
        sh(f"psql -X -q -v ON_ERROR_STOP=1 -v scale={scale} -d bench_{change} -f '{HERE}/changes-{change}.sql'")
        sql(f"bench_{change}", "vacuum analyze")
    sql("postgres", "create database bench_events template bench_base")
    sql("bench_events", "drop table docs, pgbench_accounts, pgbench_branches, pgbench_history, pgbench_tellers")
    objects, tables = (LARGE_OBJECTS, SMALL_TABLES) if scale >= 50 else (LARGE_OBJECTS // 10, SMALL_TABLES // 10)
    sql("postgres", "create database bench_objects template template0")
    sql("bench_objects", "select count(lo_from_bytea(0, decode(repeat(md5(i::text) || md5((i * 3)::text), 80), 'hex'))) "
                         f"from generate_series(1, {objects}) i")
    sql("postgres", "create database bench_tables template template0")
    sql("bench_tables", f"""do $$ begin for i in 1..{tables} loop
        execute format('create table t%s(id serial primary key, v text)', i);
        execute format('insert into t%s(v) values (%L)', i, 'row of ' || i);
        if i % 500 = 0 then commit; end if; end loop; end $$""")
    for db in ("bench_objects", "bench_tables"):
        sql(db, "vacuum analyze")
    sql("postgres", f"comment on database postgres is 'scale {scale}'; checkpoint")


@contextlib.contextmanager
def called_bench(version):
    """Gives a version of the database the name that keepgres protects: to it, they are one database over time."""
    sql("postgres", f'alter database bench_{version} rename to bench')
    try:
        yield
    finally:
        for _ in range(50):         # sessions that are just leaving
            p = subprocess.run(["psql", "-X", "-q", "-d", "postgres", "-c", f"alter database bench rename to bench_{version}"],
                               capture_output=True, check=False)
            if p.returncode == 0:
                break
            time.sleep(0.1)
        else:
            sys.exit("the database 'bench' is still in use")


# ---- peers -----------------------------------------------------------------------------------------------------------

def measured(command, **more):
    """Runs a pipeline; wall, cpu of its processes, cpu of the machine."""
    os.sync()
    busy, started = machine_cpu(), time.monotonic()
    p = subprocess.Popen(["bash", "-o", "pipefail", "-c", command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                         text=True, **more)
    said = p.stderr.read()
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode:
        sys.exit(f"failed: {command}\n{said[-2000:]}")
    return {"wall": time.monotonic() - started, "cpu": usage.ru_utime + usage.ru_stime, "machine": machine_cpu() - busy}


class Restic:
    name = "restic"

    def __init__(self, folder):
        self.folder = os.path.join(folder, "restic")
        self.repo = os.path.join(self.folder, "repo")
        self.env = dict(os.environ, RESTIC_REPOSITORY=self.repo, RESTIC_PASSWORD="benchmark",
                        RESTIC_CACHE_DIR=os.path.join(self.folder, "cache"))

    def init(self):
        os.makedirs(self.folder)
        sh("restic init -q", env=self.env)

    def backup(self, db):
        return measured(f"pg_dump -Fc -Z0 {db} | restic backup -q --stdin --stdin-filename bench.dump", env=self.env)


class Borg:
    def __init__(self, folder, compression):
        self.name = f"borg {compression}"
        self.compression = compression
        self.folder = os.path.join(folder, "borg-" + compression.replace(",", ""))
        self.repo = os.path.join(self.folder, "repo")
        self.env = dict(os.environ, BORG_PASSPHRASE="benchmark", BORG_BASE_DIR=os.path.join(self.folder, "home"))
        self.count = 0

    def init(self):
        os.makedirs(self.folder)
        sh(f"borg init --encryption repokey-blake2 '{self.repo}'", env=self.env)

    def backup(self, db):
        self.count += 1
        return measured(f"pg_dump -Fc -Z0 {db} | borg create --compression {self.compression} '{self.repo}::b{self.count}' -",
                        env=self.env)


# ---- keepgres --------------------------------------------------------------------------------------------------------

class Keepgres:
    """A service of its own, with its own settings and state; one vault after another."""

    def __init__(self, program, folder, level, jobs=2):
        self.program, self.level, self.jobs = os.path.abspath(program), level, jobs
        self.folder = os.path.join(folder, f"keepgres-{level}")
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(os.path.join(self.folder, "run"), mode=0o700)
        self.env = dict(os.environ, HOME=self.folder, XDG_RUNTIME_DIR=os.path.join(self.folder, "run"),
                        XDG_STATE_HOME=os.path.join(self.folder, "state"), XDG_DATA_HOME=os.path.join(self.folder, "data"))
        for name in list(self.env):
            if name.startswith("KEEPGRES_"):
                del self.env[name]
        self.vaults = 0
        self.service = None

    def start(self):
        config = os.path.join(self.folder, "keepgres.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(f"compression_level = {self.level}\nbackup_jobs = {self.jobs}\n")
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.service = subprocess.Popen([self.program, "serve", "--config", config], env=self.env,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(200):
            if subprocess.run([self.program, "service", "status"], env=self.env, capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.05)
        host, port = os.environ["PGHOST"], os.environ["PGPORT"]
        sql("postgres", "drop role if exists bench; create role bench superuser login password 'benchmark'")
        self.run(f"server add pg --host {host} --port {port}")
        self.run("keyvault create -n kv1")
        self.run("keyvault secret set -v kv1 -n login --value-stdin", "User Id=bench;Password=benchmark;")
        self.server = self.run("server show pg")["id"]
        self.keyvault = self.run("keyvault show -n kv1")["id"]

    def run(self, words, given=None):
        p = subprocess.run(["bash", "-c", f'exec "{self.program}" {words}'], env=self.env, input=given, capture_output=True,
                           text=True, check=False)
        if p.returncode:
            sys.exit(f"failed: keepgres {words}\n{p.stderr[-2000:]}")
        return json.loads(p.stdout) if p.stdout.strip().startswith(("{", "[")) else None

    def vault(self):
        """A new vault with a policy; returns its name."""
        self.vaults += 1
        name = f"vault{self.vaults}"
        self.run(f"backup-vault create -v {name} --store-path '{self.folder}/{name}' --recovery-key-file '{self.folder}/{name}.key'")
        self.run("backup-policy get-default-policy-template --datasource-type AzureDatabaseForPostgreSQL "
                 f">'{self.folder}/policy.json'")
        self.run(f"backup-policy create -n weekly -v {name} --policy '{self.folder}/policy.json'")
        return name

    def drop_vault(self, name):
        for bi in self.run(f"backup-instance list -v {name}"):
            self.run(f"backup-instance delete -n {bi['name']} -v {name} --yes")
        shutil.rmtree(os.path.join(self.folder, name), ignore_errors=True)

    def protect(self, vault, db):
        policy = self.run(f"backup-policy show -n weekly -v {vault}")["id"]
        bi = self.run(f"backup-instance initialize --datasource-type AzureDatabaseForPostgreSQL -l local --policy-id '{policy}' "
                      f"--datasource-id '{self.server}/databases/{db}' --secret-store-type AzureKeyVault "
                      "--secret-store-uri https://kv1.vault.local/secrets/login")
        bi["backup_instance_name"] = db
        file = os.path.join(self.folder, "bi.json")
        with open(file, "w", encoding="utf-8") as f:
            json.dump(bi, f)
        self.run("backup-instance update-msi-permissions --datasource-type AzureDatabaseForPostgreSQL --operation Backup "
                 f"--permissions-scope Resource -v {vault} --backup-instance '{file}' --keyvault-id '{self.keyvault}' --yes")
        self.run(f"backup-instance create -v {vault} --backup-instance '{file}'")

    def service_cpu(self):
        """CPU of the service and of all workers and programs below it that have ended."""
        with open(f"/proc/{self.service.pid}/stat", encoding="utf-8") as f:
            fields = f.read().rpartition(")")[2].split()
        return sum(int(x) for x in fields[11:15]) / os.sysconf("SC_CLK_TCK")

    def children(self):
        with contextlib.suppress(OSError):
            with open(f"/proc/{self.service.pid}/task/{self.service.pid}/children", encoding="ascii") as f:
                return [int(x) for x in f.read().split()]
        return []

    def timed(self, words):
        """Runs a command that waits for its job; what measured() gives, and the worker's memory and the job."""
        high, done = [0], threading.Event()

        def watch():
            while not done.wait(0.05):  # a high-water mark: seldom is enough, and often would cost the measured ones their CPU
                for pid in self.children():
                    with contextlib.suppress(OSError):
                        with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                            m = re.search(r"VmHWM:\s+(\d+) kB", f.read())
                            high[0] = max(high[0], int(m.group(1)) if m else 0)
        watcher = threading.Thread(target=watch)
        os.sync()
        used, busy, started = self.service_cpu(), machine_cpu(), time.monotonic()
        watcher.start()
        p = subprocess.Popen(["bash", "-c", f'exec "{self.program}" {words}'], env=self.env, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        out, said = p.stdout.read(), p.stderr.read()
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        wall, machine = time.monotonic() - started, machine_cpu() - busy
        done.set()
        watcher.join()
        if p.returncode:
            sys.exit(f"failed: keepgres {words}\n{said[-2000:]}")
        while self.children():
            time.sleep(0.01)
        return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime + self.service_cpu() - used, "machine": machine,
                "memory": high[0] * 1024, "job": json.loads(out)}

    def backup(self, vault, db="bench"):
        return self.timed(f"backup-instance adhoc-backup -n {db} -v {vault} --rule-name BackupWeekly --wait")

    def stored(self, vault):
        return folder_bytes(os.path.join(self.folder, vault))

    def newest(self, vault, db):
        points = self.run(f"recovery-point list --backup-instance-name {db} -v {vault}")
        return max(points, key=lambda p: p["properties"]["recoveryPointTime"])["name"]

    def restore(self, vault, db, target, more=""):
        request = self.run("backup-instance restore initialize-for-data-recovery --datasource-type AzureDatabaseForPostgreSQL "
                           f"--recovery-point-id {self.newest(vault, db)} --target-resource-id '{self.server}/databases/{target}' "
                           "--secret-store-type AzureKeyVault --secret-store-uri https://kv1.vault.local/secrets/login " + more)
        file = os.path.join(self.folder, "restore.json")
        with open(file, "w", encoding="utf-8") as f:
            json.dump(request, f)
        return self.timed(f"backup-instance restore trigger -n {db} -v {vault} --restore-request-object '{file}' --wait")

    def stop(self):
        if self.service:
            subprocess.run([self.program, "service", "stop"], env=self.env, capture_output=True, timeout=60, check=False)
            try:
                self.service.wait(30)
            except subprocess.TimeoutExpired:
                self.service.kill()
                self.service.wait()


def fact(job, name):
    """The first value of that name anywhere in a job."""
    if isinstance(job, dict):
        if name in job:
            return float(job[name])
        job = list(job.values())
    if isinstance(job, list):
        for v in job:
            found = fact(v, name)
            if found is not None:
                return found
    return None


# ---- the run -----------------------------------------------------------------------------------------------------------

class Bench:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.work = os.path.join(folder, "work")
        self.figures = {}

    def take(self, key, name, values, **more):
        figure = self.figures.setdefault(key, Figure(name))
        figure.add(**{k: v for k, v in {**values, **more}.items() if k != "job"})
        print(f"  {name:58} {values['wall']:8.2f} s", flush=True)
        return values

    def wanted(self, group):
        return not self.args.only or group in self.args.only.split(",")

    def fresh(self):
        shutil.rmtree(self.work, ignore_errors=True)
        os.makedirs(self.work)

    def dumps(self):
        self.take("limit", "limit: 2 sessions COPY the tables to nowhere", measured(
            "psql -XAtq -d bench_base -c 'copy pgbench_accounts to stdout' >/dev/null & p=$!; "
            "for t in docs events pgbench_tellers pgbench_branches; do "
            "psql -XAtq -d bench_base -c \"copy $t to stdout\" >/dev/null || exit 1; done; wait $p"))
        self.take("z0", "pg_dump -Fc -Z0 >/dev/null", measured("pg_dump -Fc -Z0 bench_base >/dev/null"))
        r = measured(f"pg_dump -Fc bench_base >'{self.work}/fc.dump'")
        self.take("fc", "pg_dump -Fc", r, stored=os.path.getsize(f"{self.work}/fc.dump"))
        r = measured(f"pg_dump -Fd -j2 -f '{self.work}/fd' bench_base")
        self.take("fd", "pg_dump -Fd -j2", r, stored=folder_bytes(f"{self.work}/fd"))
        sh(f"age-keygen -o '{self.work}/age.key' 2>/dev/null")
        r = measured("pg_dump -Fc -Z0 bench_base | zstd -q -3 | "
                     f"age -r $(age-keygen -y '{self.work}/age.key') >'{self.work}/age.dump'")
        self.take("age", "pg_dump -Fc -Z0 | zstd -3 | age", r, stored=os.path.getsize(f"{self.work}/age.dump"))

    def peer(self, peer):
        """A first backup, then both second ones from copies of the repository as it was after the first."""
        key = peer.name.replace(" ", "_")
        peer.init()
        r = peer.backup("bench_base")
        first = folder_bytes(peer.repo)
        self.take(key, f"pg_dump -Fc -Z0 | {peer.name}", r, stored=first)
        kept = peer.folder + ".kept"             # with its caches: some tools refuse a repository older than these
        shutil.copytree(peer.folder, kept, symlinks=True)
        for change in ("random", "clustered"):
            r = peer.backup(f"bench_{change}")
            self.take(f"{key}_{change}", f"{peer.name}: second, {change} 1 % changed", r, new=folder_bytes(peer.repo) - first)
            shutil.rmtree(peer.folder)
            shutil.copytree(kept, peer.folder, symlinks=True)
        shutil.rmtree(peer.folder)
        shutil.rmtree(kept)

    def keepgres_first(self, kg):
        vault = kg.vault()
        with called_bench("base"):
            kg.protect(vault, "bench")
            r = kg.backup(vault)
        stored = kg.stored(vault)
        self.take(f"kg{kg.level}", f"keepgres, zstd {kg.level}", r, stored=stored)
        return vault, stored

    def keepgres_second(self, kg, vault, before, version, text):
        with called_bench(version):
            r = kg.backup(vault)
        after = kg.stored(vault)
        self.take(f"kg{kg.level}_{text.split()[0]}", f"keepgres, zstd {kg.level}: second, {text}", r, new=after - before)
        return after

    def restores(self, kg, vault):
        dump = os.path.join(self.work, "z0.dump")
        sh(f"pg_dump -Fc -Z0 bench_base >'{dump}'")
        r = measured(f"createdb back && pg_restore -j2 -d back '{dump}'")
        self.take("pg_restore", "createdb, pg_restore -j2 of an uncompressed file", r)
        sql("postgres", "drop database back")
        r = kg.restore(vault, "bench", "back")
        self.take("kg_restore", "keepgres: restore as database", r)
        sql("postgres", "drop database back")
        os.unlink(dump)
        r = kg.restore(vault, "bench", "back", "--table public.events")
        self.take("kg_table", "keepgres: restore of the table events alone", r, read=fact(r["job"], "bytesRead"))
        sql("postgres", "drop database back")

    def shapes(self, kg):
        vault = kg.vault()
        kg.protect(vault, "bench_events")
        r = kg.backup(vault, "bench_events")
        self.take("kg_events", "keepgres: a database of the table events alone", r, stored=kg.stored(vault))
        kg.protect(vault, "bench_objects")
        dump = os.path.join(self.work, "objects.dump")
        self.take("objects", "large objects: pg_dump -Fc -Z0", measured(f"pg_dump -Fc -Z0 bench_objects >'{dump}'"))
        self.take("kg_objects", "large objects: keepgres", kg.backup(vault, "bench_objects"))
        self.take("objects_back", "large objects: createdb, pg_restore", measured(f"createdb back && pg_restore -d back '{dump}'"))
        sql("postgres", "drop database back")
        self.take("kg_objects_back", "large objects: keepgres restore", kg.restore(vault, "bench_objects", "back"))
        sql("postgres", "drop database back")
        kg.protect(vault, "bench_tables")
        self.take("tables", "small tables: pg_dump -Fc >/dev/null", measured("pg_dump -Fc bench_tables >/dev/null"))
        self.take("kg_tables", "small tables: keepgres", kg.backup(vault, "bench_tables"))
        kg.drop_vault(vault)

    def round(self, services):
        self.fresh()
        if self.wanted("dumps"):
            self.dumps()
        for kg in services:
            if self.wanted("first"):
                vault, stored = self.keepgres_first(kg)
                if kg.level == 3 and self.wanted("second"):
                    stored = self.keepgres_second(kg, vault, stored, "base", "unchanged")
                    self.keepgres_second(kg, vault, stored, "random", "random 1 % changed")
                kg.drop_vault(vault)
        kg = services[-1]
        if self.wanted("second") or self.wanted("restore"):
            vault, stored = self.keepgres_first(kg)
            if self.wanted("restore"):
                self.restores(kg, vault)
            if self.wanted("second"):
                self.keepgres_second(kg, vault, stored, "clustered", "clustered 1 % changed")
            kg.drop_vault(vault)
        if self.wanted("shapes"):
            self.shapes(kg)
        if self.wanted("peers"):
            for peer in (Restic(self.work), Borg(self.work, "lz4"), Borg(self.work, "zstd,1")):
                self.peer(peer)

    # ---- results ----

    def ratio(self, a, kind_a, b, kind_b=None):
        """Median of a over median of b (b may be several: the least of them)."""
        upper = self.figures[a].median(kind_a) if a in self.figures else None
        lowers = [self.figures[k].median(kind_b or kind_a) for k in ([b] if isinstance(b, str) else b) if k in self.figures]
        lowers = [v for v in lowers if v]
        return upper / min(lowers) if upper is not None and lowers else None

    def targets(self):
        peers, borgs = ["restic", "borg_lz4", "borg_zstd,1"], ["borg_lz4", "borg_zstd,1"]
        most_memory = max((f.spread("memory")[1] for f in self.figures.values() if f.spread("memory")), default=None)
        inverse = lambda v: 1 / v if v else None
        return [
            ("first backup, zstd 1: wall, of `pg_dump -Fc -Z0 >/dev/null`", self.ratio("kg1", "wall", "z0"), "<=", 1.0),
            ("first backup, zstd 3: wall, of `pg_dump -Fc -Z0 >/dev/null`", self.ratio("kg3", "wall", "z0"), "<=", 1.15),
            ("first backup, zstd 3: wall, of `pg_dump -Fc`", self.ratio("kg3", "wall", "fc"), "<=", 0.35),
            ("first backup, zstd 1: wall, of the fastest of restic and borg", self.ratio("kg1", "wall", peers), "<=", 0.5),
            ("first backup, zstd 3: wall, of restic's, which stores as little", self.ratio("kg3", "wall", "restic"), "<=", 0.5),
            ("first backup, zstd 3: wall, of the fastest of restic and borg (an aim)", self.ratio("kg3", "wall", peers), "aim", 0.5),
            ("first backup, zstd 3: CPU, of restic's", self.ratio("kg3", "cpu", "restic"), "<=", 0.5),
            ("first backup, zstd 3: stored, of restic's", self.ratio("kg3", "stored", "restic"), "<=", 1.03),
            ("first backup, zstd 1: wall, of the limit (an aim)", self.ratio("kg1", "wall", "limit"), "aim", 1.5),
            ("nothing changed: new bytes, of the first backup's", self.ratio("kg3_unchanged", "new", "kg3", "stored"), "<=", 0.005),
            ("nothing changed: wall, of the first backup's", self.ratio("kg3_unchanged", "wall", "kg3"), "<=", 1.0),
            ("random 1 % changed: new bytes, of restic's", self.ratio("kg3_random", "new", "restic_random"), "<=", 0.5),
            ("random 1 % changed: new bytes, of borg's", self.ratio("kg3_random", "new", [b + "_random" for b in borgs]), "<=", 0.5),
            ("random 1 % changed: wall, of the first backup's", self.ratio("kg3_random", "wall", "kg3"), "<=", 1.0),
            ("clustered 1 % changed: new bytes, of restic's", self.ratio("kg3_clustered", "new", "restic_clustered"), "<=", 0.4),
            ("clustered 1 % changed: new bytes, of borg's", self.ratio("kg3_clustered", "new", [b + "_clustered" for b in borgs]), "<=", 0.4),
            ("clustered 1 % changed: wall, of the first backup's", self.ratio("kg3_clustered", "wall", "kg3"), "<=", 1.0),
            ("restore as database: wall, of `pg_restore -j2`", self.ratio("kg_restore", "wall", "pg_restore"), "<=", 1.0),
            ("one table restored: bytes read, of what it takes alone", self.ratio("kg_table", "read", "kg_events", "stored"), "<=", 1.01),
            ("large objects backed up: times as fast as pg_dump", inverse(self.ratio("kg_objects", "wall", "objects")), ">=", 5.0),
            ("large objects restored: times as fast as pg_restore", inverse(self.ratio("kg_objects_back", "wall", "objects_back")), ">=", 3.0),
            ("5,000 small tables: wall, of `pg_dump -Fc`", self.ratio("kg_tables", "wall", "tables"), "<=", 1.3),
            ("memory of a worker, MiB", most_memory / 2**20 if most_memory else None, "<=", 128),
        ]

    def report(self):
        lines = ["| what | wall, s | min–max | CPU, s | machine, s | memory, MiB | stored or new, MB |", "|---|--:|--:|--:|--:|--:|--:|"]
        number = lambda v, scale=1, digits=2: "" if v is None else f"{v / scale:.{digits}f}"
        for f in self.figures.values():
            low, high = f.spread("wall")
            size = f.median("stored") if f.median("stored") is not None else f.median("new")
            name = f.name.replace("|", "\\|")
            lines.append(f"| {name} | {number(f.median('wall'))} | {low:.2f}–{high:.2f} | {number(f.median('cpu'))} | "
                         f"{number(f.median('machine'))} | {number(f.median('memory'), 2**20, 0)} | {number(size, 1e6, 1)} |")
        lines += ["", "| target | measured | wanted | |", "|---|--:|--:|---|"]
        bad = 0
        for text, value, how, limit in self.targets():
            if value is None:
                continue
            good = value <= limit if how != ">=" else value >= limit
            bad += not good and how != "aim"
            verdict = "PASS" if good else "not reached" if how == "aim" else "**FAIL**"
            lines.append(f"| {text} | {value:.3f} | {'≥' if how == '>=' else '≤'} {limit:g} | {verdict} |")
        return "\n".join(lines), bad


def machine():
    """The machine, in words."""
    def first(command):
        p = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        return p.stdout.strip().splitlines()[0].strip() if p.stdout.strip() else "?"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"{os.cpu_count()} CPUs, " + first("sed -n 's/^model name[^:]*: //p' /proc/cpuinfo") + f", {memory:.0f} GiB of memory",
        first(". /etc/os-release && echo \"$PRETTY_NAME\"") + f", Linux {platform.release()}",
        "PostgreSQL " + sql("postgres", "show server_version") + " on the same machine, over a unix socket, everything cached, "
        + ", ".join(SETTINGS[:3]),
        first("restic version") + "; " + first("borg --version") + "; age " + first("age --version") + "; " + first("zstd --version | grep -o 'v[0-9.]*' | sed 's/^v/zstd /'"),
    ]


def data_folder(wanted, scale):
    """A folder that the server's user can reach."""
    for folder in ([wanted] if wanted else [os.path.join(TOP, "build", "bench"), f"/var/tmp/keepgres-bench-{os.getuid()}"]):
        os.makedirs(folder, exist_ok=True)
        if os.getuid() != 0 or subprocess.run(["runuser", "-u", "postgres", "--", "test", "-x", folder], cwd="/", check=False).returncode == 0:
            return os.path.join(folder, f"scale-{scale}")
    sys.exit("the user postgres cannot reach the folder of the data: choose one with --dir")


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--keepgres", required=True)
    ap.add_argument("--scale", type=int, default=100)
    ap.add_argument("--runs", type=int, default=3)
    ap.add_argument("--dir", default="")
    ap.add_argument("--only", default="", help="dumps,first,second,restore,shapes,peers")
    ap.add_argument("--write", default="", help="put the tables between the marks of this page")
    ap.add_argument("--json", default="")
    args = ap.parse_args()
    folder = data_folder(args.dir, args.scale)
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o755)
    for name in [n for n in os.environ if n.startswith("PG")]:
        del os.environ[name]

    server = Server(os.path.join(folder, "pg"))
    server.start()
    bench, services = Bench(args, folder), []
    try:
        make_data(args.scale)
        needs_keepgres = any(bench.wanted(g) for g in ("first", "second", "restore", "shapes"))
        if needs_keepgres:
            services = [Keepgres(args.keepgres, folder, level) for level in (1, 3)]
            for kg in services:
                kg.start()
        sh("for d in bench_base bench_random bench_clustered bench_objects; do pg_dump -Fc -Z0 $d >/dev/null; done")  # warm
        for n in range(args.runs):
            print(f"round {n + 1} of {args.runs}", flush=True)
            bench.round(services or [None])
        about = machine()
    finally:
        for kg in services:
            kg.stop()
            shutil.rmtree(kg.folder, ignore_errors=True)
        shutil.rmtree(bench.work, ignore_errors=True)
        server.stop()
    table, bad = bench.report()
    head = f"Scale {args.scale}, medians of {args.runs} rounds, {time.strftime('%Y-%m-%d')}.\n\n" + "\n".join(f"* {a}" for a in about)
    print(f"\n{head}\n\n{table}\n")
    if args.scale < 100:
        print("With data this small the fixed costs decide; the targets are for scale 100.")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({k: {"name": v.name, "rounds": v.rounds} for k, v in bench.figures.items()}, f, indent=1)
    if args.write:
        with open(args.write, encoding="utf-8") as f:
            page = f.read()
        begin, end = "<!-- results -->", "<!-- end of results -->"
        before, rest = page.split(begin)
        after = rest.split(end)[1]
        with open(args.write, "w", encoding="utf-8") as f:
            f.write(f"{before}{begin}\n{head}\n\n{table}\n{end}{after}")
    return 1 if bad and args.scale >= 100 else 0


if __name__ == "__main__":
    sys.exit(main())
