#!/bin/sh
# Makes the three roles of docs/running.md in a new database, as PostgreSQL's image runs it: once, as a superuser.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --set owner="$OWNER_PASSWORD" --set app="$APP_PASSWORD" \
    --set backup="$BACKUP_PASSWORD" <<'SQL'
CREATE ROLE scrip_owner LOGIN PASSWORD :'owner';
CREATE ROLE scrip_app LOGIN PASSWORD :'app';
CREATE ROLE scrip_backup LOGIN BYPASSRLS PASSWORD :'backup';
GRANT pg_read_all_data TO scrip_backup;
CREATE DATABASE scrip OWNER scrip_owner TEMPLATE template0 ENCODING 'UTF8';
SQL
