#!/bin/sh
# Make the secrets of compose.yaml, once: what is there stays as it is. The certificate is one
# that nobody trusts; put your own in its place, as secrets/tls_certificate and secrets/tls_key.
set -eu
cd "$(dirname "$0")"
umask 077
# shellcheck disable=SC1091
[ ! -f ../.env ] || . ../.env
mkdir -p secrets
cd secrets

random() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
once() { [ -s "$1" ] || cat >"$1"; }

random | once postgres_password
echo "postgres:5432:rushes:rushes:$(cat postgres_password)" | once pgpass
random | once link_secret
random | cut -c 1-20 | once s3_access_key
random | once s3_secret_key
once s3_identities <<JSON
{"identities": [{"name": "rushes",
  "credentials": [{"accessKey": "$(cat s3_access_key)", "secretKey": "$(cat s3_secret_key)"}],
  "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}
JSON
if ! [ -s tls_certificate ]; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj "/CN=${DOMAIN:-localhost}" \
        -addext "subjectAltName=DNS:${DOMAIN:-localhost}" -keyout tls_key -out tls_certificate 2>/dev/null
fi

# Compose hands files in as they are on this machine, owner and mode included; libpq does not
# read a password that others could.
if ! chown 10001:10001 pgpass link_secret s3_access_key s3_secret_key 2>/dev/null; then
    echo "Run this as root, or: sudo chown 10001:10001 $(pwd)/pgpass $(pwd)/link_secret $(pwd)/s3_*_key" >&2
    exit 1
fi
