#!/usr/bin/env python3
"""prose.py ROWS [SEED] - rows of the table docs as COPY text.

The text is real: paragraphs of the documentation that every Debian machine has, cut and mixed at random but with a fixed
seed, so that two runs on one machine give the same bytes. Where documentation was stripped (containers), the comments and
doc strings of Python's library take its place.
"""
import glob
import gzip
import json
import random
import sys

SOURCES = ("/usr/share/doc/**/*.gz", "/usr/share/doc/**/*.txt", "/usr/share/doc/**/README*", "/usr/share/doc/**/copyright",
           "/usr/share/common-licenses/*")
FALLBACK = ("/usr/lib/python3*/**/*.py", "/usr/share/perl*/**/*.p[lm]")
ENOUGH = 24 << 20
NAMES = ("Zoë Brontë", "Jürgen Groß", "Žofie Nováková", "Łukasz Śniadecki", "Σοφία Παππά", "Анна Каренина", "李小龍",
         "山田 花子", "محمد علي", "Nguyễn Văn An", "Søren Ångström", "Ada Lovelace", "José Núñez", "Siobhán Ó Néill", "김민준")
CATEGORIES = ("manual", "changelog", "licence", "howto", "reference", "news", "faq", "internals")


def paragraphs(patterns, limit):
    found, size = [], 0
    for name in sorted({n for p in patterns for n in glob.glob(p, recursive=True)}):
        try:
            with (gzip.open if name.endswith(".gz") else open)(name, "rb") as f:
                text = f.read(1 << 20).decode("utf-8")
        except (OSError, EOFError, UnicodeDecodeError, gzip.BadGzipFile):
            continue
        for part in text.split("\n\n"):
            part = part.strip()
            if 40 < len(part) < 4000 and "\0" not in part:
                found.append(part)
                size += len(part)
        if size > limit:
            break
    return found, size


def escape(text):
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def main():
    rows = int(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    texts, size = paragraphs(SOURCES, ENOUGH)
    if size < ENOUGH // 12:
        texts += paragraphs(FALLBACK, ENOUGH)[0]
    if not texts:
        sys.exit("no text found on this machine to make documents of")
    rnd = random.Random(seed)
    write = sys.stdout.buffer.write
    for i in range(1, rows + 1):
        body, want = [], rnd.choice((120, 260, 420, 600, 950, 1400))
        while want > 0:
            part = rnd.choice(texts)
            start = rnd.randrange(len(part)) if len(part) > 200 else 0
            cut = part[start:start + rnd.randrange(80, 500)]
            body.append(cut)
            want -= len(cut)
        author = rnd.randrange(1, 5001)
        title = " ".join(rnd.choice(texts).split()[:rnd.randrange(3, 9)])[:120]
        meta = json.dumps({"author": NAMES[author % len(NAMES)], "tags": rnd.sample(CATEGORIES, 2), "n": rnd.randrange(1000),
                           "draft": rnd.random() < 0.1}, ensure_ascii=False)
        uid = f"{rnd.getrandbits(128):032x}"
        day = i * 365 * 3 // rows
        seconds = rnd.randrange(86400)
        stamp = f"{2022 + day // 365}-{1 + day % 365 // 31:02d}-{1 + day % 28:02d} " \
                f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}+00"
        write("\t".join((str(i), uid, stamp, stamp, str(author), rnd.choice(CATEGORIES), escape(title),
                         escape("\n\n".join(body)), escape(meta))).encode() + b"\n")


if __name__ == "__main__":
    main()
