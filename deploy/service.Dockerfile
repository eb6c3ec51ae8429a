# `avemo serve`, without TensorFlow and the pipeline; `make lock` pins what it takes.
FROM python:3.11-slim
WORKDIR /src
COPY deploy/service.lock .
RUN pip install --no-cache-dir --require-hashes --requirement service.lock
COPY pyproject.toml README.md LICENSE ./
COPY avemo avemo
RUN pip install --no-cache-dir --no-deps . && python -m compileall -q /usr/local/lib/python3.11 \
    && useradd --create-home avemo
USER avemo
WORKDIR /home/avemo
ENV AVEMO_CACHE=/home/avemo/cache MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=1
RUN mkdir cache
VOLUME /home/avemo/cache
EXPOSE 8000
HEALTHCHECK --interval=10s --start-period=60s CMD ["python", "-c", \
    "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=5)"]
# --registry, --key-file and --purpose are for whoever starts it: see compose.yaml
ENTRYPOINT ["avemo", "serve", "--host", "0.0.0.0"]
