#!/bin/sh
# Starts the broker of server.properties, after making its folder the very first time. Needs Kafka's release in KAFKA_HOME.
set -eu
here=$(dirname "$0")
properties=${KAFKA_PROPERTIES:-$here/server.properties}
home=${KAFKA_HOME:-/opt/kafka}
: "${DATA_HOST:?is missing: the name by which lianban reaches this machine}"
: "${KAFKA_PASSWORD:?is missing: the password that lianban logs in with}"
export KAFKA_PORT="${KAFKA_PORT:-9093}"
data=$(sed -n 's/^log\.dirs=//p' "$properties")
if [ ! -f "$data/meta.properties" ]; then
  "$home/bin/kafka-storage.sh" format --standalone --cluster-id "$("$home/bin/kafka-storage.sh" random-uuid)" --config "$properties"
fi
exec "$home/bin/kafka-server-start.sh" "$properties"
