#!/usr/bin/env python3
"""picture.py [--port N] [--home DIRECTORY] SHOTS OUT - draws screens of a terminal.

SHOTS holds what "tmux capture-pane -e -p" wrote, a file each; OUT gets NAME.svg and NAME.txt for each. What differs from run to run
(ids, a port, a folder, seconds) becomes the same everywhere, with as many cells as before, so that a picture changes when a screen does.
"""
import argparse
import hashlib
import os
import re
import sys
from xml.sax.saxutils import escape

CELL_W, CELL_H, BASE = 8.4, 18, 13.5          # of a font of 14 pixels
EDGE, BAR = 12, 30                            # around the screen; the window's title
BACK, TEXT, TITLE, RULE = '#16191f', '#d4d7dd', '#8b929e', '#23272f'
SIXTEEN = ['#23272f', '#e06c75', '#8cc570', '#e0b062', '#5f9fe8', '#c586d6', '#4fb8c4', '#d4d7dd',
           '#6b7280', '#f08a92', '#a8dc8c', '#f2c97d', '#82b6f5', '#d9a3e6', '#72d3de', '#ffffff']
FONT = "'DejaVu Sans Mono','Cascadia Mono',Menlo,Consolas,'Liberation Mono',monospace"

# Where lines leave a cell's middle: left, right, up, down.
LINES = {'─': 'lr', '│': 'ud', '┌': 'rd', '┐': 'ld', '└': 'ru', '┘': 'lu', '├': 'rud', '┤': 'lud', '┬': 'lrd', '┴': 'lru', '┼': 'lrud'}
SHADES = {'░': .25, '▒': .5, '▓': .75}


def colour_256(n):
    if n < 16:
        return SIXTEEN[n]
    if n >= 232:
        return '#' + '%02x' % (8 + 10 * (n - 232)) * 3
    n -= 16
    return '#%02x%02x%02x' % tuple(55 + 40 * v if v else 0 for v in (n // 36, n // 6 % 6, n % 6))


class Pen:
    """What the last SGR sequences said."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.fg = self.bg = None
        self.on = set()

    def take(self, text):
        n = [int(v or 0) for v in re.split('[;:]', text)] if text else [0]
        while n:
            v = n.pop(0)
            if v == 0:
                self.reset()
            elif v in (1, 2, 3, 4, 7):
                self.on.add(v)
            elif v == 22:
                self.on -= {1, 2}
            elif v in (23, 24, 27):
                self.on.discard(v - 20)
            elif 30 <= v <= 37 or 90 <= v <= 97:
                self.fg = SIXTEEN[v - 30 if v < 90 else v - 82]
            elif 40 <= v <= 47 or 100 <= v <= 107:
                self.bg = SIXTEEN[v - 40 if v < 100 else v - 92]
            elif v in (38, 48) and n:
                kind = n.pop(0)
                c = colour_256(n.pop(0)) if kind == 5 else '#%02x%02x%02x' % tuple(n.pop(0) for _ in range(3))
                self.fg, self.bg = (c, self.bg) if v == 38 else (self.fg, c)
            elif v == 39:
                self.fg = None
            elif v == 49:
                self.bg = None

    def look(self):
        fg, bg = self.fg or TEXT, self.bg
        if 7 in self.on:
            fg, bg = bg or BACK, fg
        return fg, bg, 1 in self.on, 2 in self.on, 4 in self.on


def cells_of(text):
    """Rows of [character, look]."""
    rows, pen = [], Pen()
    for line in text.rstrip('\n').split('\n'):
        row = []
        for part in re.finditer(r'\x1b\[([0-9;:]*)m|\x1b[()].|[\x0e\x0f]|(.)', line):
            if part[1] is not None:
                pen.take(part[1])
            elif part[2]:
                row.append([part[2], pen.look()])
        rows.append(row)
    width = max(80, *(len(r) for r in rows))
    for row in rows:
        row += [[' ', (TEXT, None, False, False, False)] for _ in range(width - len(row))]
    return rows


# ---- the same in every run ----

class Steady:
    def __init__(self, port, home):
        self.known = {}
        self.port, self.home = port, home

    def digits(self, m):
        """Other hexadecimal digits in the place of these: of the n-th id that is met, in each run the same."""
        kept = m[0][:8]
        seed = self.known.setdefault(kept, len(self.known))
        new = iter(hashlib.sha256(b'%d' % seed).hexdigest())
        return ''.join(c if c == '-' else next(new) for c in m[0])

    def line(self, s):
        n = len(s)
        s = re.sub(r'\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b',
                   lambda m: m[0] if m[0].startswith('00000000') else self.digits(m), s)
        s = re.sub(r'\b[0-9a-f]{32}\b', self.digits, s)
        s = re.sub(r'(?<=pg1-)([a-z]+-)([0-9a-f]{1,8})(?=…)', lambda m: m[1] + '3f9c2a7e'[:len(m[2])], s)
        s = re.sub(r'\b([0-9A-Z]{4}-){13}[0-9A-Z]{4}\b', '-'.join(['XXXX'] * 14), s)
        s = re.sub(r'\b(\d\d:\d\d):\d\d\b', r'\1:00', s)
        if self.home:
            s = re.sub(re.escape(self.home) + r'(\S*)', lambda m: ('/srv/dba' + m[1]).ljust(len(m[0])), s)
        if self.port:
            s = re.sub(r'\b%s\b' % self.port, '5432'.ljust(len(self.port)), s)
        assert len(s) == n, s
        return s


# ---- drawing ----

def number(v):
    return ('%.2f' % v).rstrip('0').rstrip('.')


def rect(x, y, w, h, fill, more=''):
    return '<rect x="%s" y="%s" width="%s" height="%s" fill="%s"%s/>' % (number(x), number(y), number(w), number(h), fill, more)


def block(c, x, y, n, fill):
    """n of a block character as one rectangle: fonts leave gaps between them, and so do rectangles that are not crisp."""
    crisp = ' shape-rendering="crispEdges"'
    if '▁' <= c <= '█':
        h = CELL_H * (ord(c) - 0x2580) / 8
        return rect(x, y + CELL_H - h, n * CELL_W, h, fill, crisp)
    if '▉' <= c <= '▏':
        return rect(x, y, CELL_W * (0x2590 - ord(c)) / 8, CELL_H, fill, crisp)
    if c in SHADES:
        return rect(x, y, n * CELL_W, CELL_H, fill, crisp + ' opacity="%s"' % SHADES[c])
    return None


def line_path(c, x, y):
    mx, my, out = x + CELL_W / 2, y + CELL_H / 2, ''
    ends = {'l': (x, my), 'r': (x + CELL_W, my), 'u': (mx, y), 'd': (mx, y + CELL_H)}
    for way in LINES[c]:
        out += 'M%s %sL%s %s' % tuple(number(v) for v in (mx, my, *ends[way]))
    return out


def runs(row, same):
    """(first column, cells) of neighbours that look the same."""
    start = 0
    for i in range(1, len(row) + 1):
        if i == len(row) or not same(row[start], row[i]):
            yield start, row[start:i]
            start = i


def svg(rows, title):
    width = len(rows[0]) * CELL_W + 2 * EDGE
    height = len(rows) * CELL_H + BAR + EDGE
    back, front, lines = [], [], {}
    for r, row in enumerate(rows):
        y = BAR + r * CELL_H
        for col, run in runs(row, lambda a, b: a[1][1] == b[1][1]):
            if run[0][1][1]:
                back.append(rect(EDGE + col * CELL_W, y, len(run) * CELL_W, CELL_H, run[0][1][1]))
        for col, run in runs(row, lambda a, b: a[1] == b[1]):
            fg, _, bold, dim, under = run[0][1]
            x = EDGE + col * CELL_W
            text = ''.join(c for c, _ in run)
            for i, c in enumerate(text):
                if c in LINES:
                    key = (fg, dim)
                    lines[key] = lines.get(key, '') + line_path(c, x + i * CELL_W, y)
            for same in re.finditer(r'([▀-▏▐-▟])\1*', text):
                shape = block(same[1], x + same.start() * CELL_W, y, 1 if '▉' <= same[1] <= '▏' else len(same[0]), fg)
                if shape:
                    front.append(shape)
            for part in re.finditer(r'[^─-╿]+', text if under else ''):
                front.append(rect(x + part.start() * CELL_W, y + CELL_H - 2, len(part[0]) * CELL_W, 1, fg, ' opacity=".6"'))
            more = ' fill="%s"' % fg if fg != TEXT else ''
            more += ' font-weight="bold"' if bold else ''
            more += ' opacity=".6"' if dim else ''
            for word in re.finditer(r'[^\s─-╿▀-▟]+(?: [^\s─-╿▀-▟]+)*', text):
                front.append('<text x="%s" y="%s" textLength="%s"%s>%s</text>' % (
                    number(x + word.start() * CELL_W), number(y + BASE), number(len(word[0]) * CELL_W), more, escape(word[0])))
    # Parts of one line are one stroke: a frame has no gaps.
    strokes = ['<path d="%s" stroke="%s"%s/>' % (joined(d), fg, ' opacity=".6"' if dim else '') for (fg, dim), d in lines.items()]
    dots = ''.join('<circle cx="%d" cy="15" r="5" fill="%s"/>' % (18 + 16 * i, c) for i, c in enumerate(('#e06c75', '#e0b062', '#8cc570')))
    return '\n'.join([
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%s" height="%s" font-family="%s" font-size="14" fill="%s" '
        'xml:space="preserve">' % (number(width), number(height), number(width), number(height), FONT, TEXT),
        rect(0, 0, width, height, BACK, ' rx="8" stroke="%s"' % RULE), dots,
        '<text x="%s" y="20" text-anchor="middle" fill="%s">%s</text>' % (number(width / 2), TITLE, escape(title)),
        *back, '<g fill="none" stroke-width="1.2">', *strokes, '</g>', *front, '</svg>', ''])


def joined(path):
    """Neighbouring halves of a straight line made one: 'M1 5L0 5M1 5L2 5' is 'M0 5H2'."""
    across, down = {}, {}
    for x1, y1, x2, y2 in re.findall(r'M(\S+) (\S+?)L(\S+) ([^M]+)', path):
        x1, y1, x2, y2 = float(x1), float(y1), float(x2), float(y2)
        (across.setdefault(y1, []) if y1 == y2 else down.setdefault(x1, [])).append(sorted((x1, x2) if y1 == y2 else (y1, y2)))
    out = ''
    for where, letter in ((across, 'H'), (down, 'V')):
        for at, parts in sorted(where.items()):
            merged = []
            for a, b in sorted(parts):
                if merged and a <= merged[-1][1] + .05:
                    merged[-1][1] = max(b, merged[-1][1])
                else:
                    merged.append([a, b])
            for a, b in merged:
                start = (a, at) if letter == 'H' else (at, a)
                out += 'M%s %s%s%s' % (number(start[0]), number(start[1]), letter, number(b))
    return out


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--port', default='')
    p.add_argument('--home', default='')
    p.add_argument('--title', default='keepgres')
    p.add_argument('shots')
    p.add_argument('out')
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    steady = Steady(a.port, a.home)
    names = sorted(os.listdir(a.shots), key=lambda n: os.stat(os.path.join(a.shots, n)).st_mtime_ns)
    for name in names:
        with open(os.path.join(a.shots, name), encoding='utf-8') as f:
            rows = cells_of(f.read())
        for row in rows:
            for cell, c in zip(row, steady.line(''.join(c for c, _ in row))):
                cell[0] = c
        for ending, text in (('svg', svg(rows, a.title)), ('txt', '\n'.join(''.join(c for c, _ in r).rstrip() for r in rows) + '\n')):
            with open(os.path.join(a.out, name + '.' + ending), 'w', encoding='utf-8') as f:
                f.write(text)
    return 0


if __name__ == '__main__':
    sys.exit(main())
