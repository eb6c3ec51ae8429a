#!/bin/sh
# MLflow's tracking server with users, its runs in a database and its artifacts in a bucket.
#   DATABASE        postgresql+psycopg2://USER:PASSWORD@HOST/mlflow
#   BUCKET          s3://mlflow; with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION,
#                   and MLFLOW_S3_ENDPOINT_URL where the store is not Amazon's
#   ADMIN_PASSWORD  of the user admin, when the server is started for the first time
#   MLFLOW_FLASK_SERVER_SECRET_KEY  any long text, the same at each start
#   HOST, PORT      where it listens; by default this machine alone, 5000
#   WORKERS         processes that answer; by default 4
#   ALLOWED_HOSTS   by which names it may be asked for; by default MLflow's own
set -eu

: "${DATABASE:?}" "${BUCKET:?}" "${ADMIN_PASSWORD:?}" "${MLFLOW_FLASK_SERVER_SECRET_KEY:?}"
umask 077
MLFLOW_AUTH_CONFIG_PATH=$(mktemp)
export MLFLOW_AUTH_CONFIG_PATH MLFLOW_DISABLE_TELEMETRY=true
# jobs that a server runs for generative models, which there are none of
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false
cat > "$MLFLOW_AUTH_CONFIG_PATH" <<END
[mlflow]
default_permission = READ
database_uri = $DATABASE
admin_username = admin
admin_password = $ADMIN_PASSWORD
auth_cache_ttl_seconds = 60
END
exec python -m mlflow server --app-name basic-auth --host "${HOST:-127.0.0.1}" --port "${PORT:-5000}" \
    --workers "${WORKERS:-4}" ${ALLOWED_HOSTS:+--allowed-hosts "$ALLOWED_HOSTS"} \
    --backend-store-uri "$DATABASE" --artifacts-destination "$BUCKET"
