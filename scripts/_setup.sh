# Shared by scripts/demo and scripts/test: sourced, from the root of the checkout.
# Everything lands in the checkout (.venv, .venvs, .peers), but for Debian's PostgreSQL, Chromium
# and venv packages, which are installed where they are missing and we are root.

say() { printf '\n== %s\n' "$*"; }
die() { printf '\n%s: %s\n' "$0" "$*" >&2; exit 1; }
is_root() { [ "$(id -u)" = 0 ]; }

apt_updated=
# apt ARGUMENT...: apt-get, quiet, after one update of the lists.
apt() {
  if [ -z "$apt_updated" ]; then
    if is_root; then apt-get update -qq >/dev/null || true; fi
    apt_updated=yes
  fi
  DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" >/dev/null
}

find_python() {
  local name
  for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.10; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  die "needs Python 3.10 or newer (set PYTHON=/path/to/python3 where it is not on PATH)"
}

# make_venv DIR: an empty virtual environment.
make_venv() {
  local python
  python=$(find_python)
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    # Debian keeps this part of Python in a package of its own.
    is_root && command -v apt-get >/dev/null ||
      die "$python cannot make virtual environments: install the package python3-venv"
    say "Installing python3-venv"
    apt install -y --no-install-recommends python3-venv
  fi
  rm -rf "$1"
  "$python" -m venv "$1"
}

# pip_install DIR ARGUMENT...: quiet; what fails is shown.
pip_install() {
  local dir=$1
  shift
  "$dir/bin/python" -m pip install --quiet --disable-pip-version-check "$@" 2>&1 |
    { grep -v '^WARNING: Location' || true; }
}

# stamp WHAT: names the state in which WHAT need not be installed again.
stamp() { printf '%s ' "$@"; cat pyproject.toml hatch_build.py | cksum; }

# venv_with DIR REQUIREMENT...: DIR is a virtual environment that has them; done once until
# pyproject.toml or the build hook changes, so that the next time needs no network.
venv_with() {
  local dir=$1 wanted
  shift
  wanted=$(stamp "$@" "$PWD")
  if [ -x "$dir/bin/python" ] && "$dir/bin/python" -c '' && [ "$(cat "$dir/installed" 2>/dev/null)" = "$wanted" ]; then
    return
  fi
  say "Installing into $dir: $*"
  if ! { [ -x "$dir/bin/python" ] && "$dir/bin/python" -m pip --version >/dev/null 2>&1; }; then
    make_venv "$dir" || return
  fi
  pip_install "$dir" "$@" || return
  printf '%s\n' "$wanted" >"$dir/installed"
}
