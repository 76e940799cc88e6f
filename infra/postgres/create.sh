#!/bin/sh
# Makes lianban's role, its database and the folder of archived WAL: once, as user postgres, on a server that has just been made.
set -eu
: "${DATABASE_PASSWORD:?is missing: the password that lianban logs in with}"
install -d -m 0700 "${WAL_ARCHIVE:-/var/lib/postgresql/lianban-wal}"
psql -v ON_ERROR_STOP=1 -U postgres -d postgres <<'SQL'
\getenv password DATABASE_PASSWORD
create role lianban login password :'password';
create database lianban owner lianban encoding 'UTF8' template template0;
SQL
