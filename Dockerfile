# The server with the model in the box, from a wheel of this project:
#
#   pip wheel --no-deps -w dist .
#   docker build -t bilstm-crf .
#   docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000 bilstm-crf
#
# A server that others can reach should have a token: -e BILSTM_CRF_TOKEN. Another model, behind the image's name:
# -v "$PWD/runs/joint:/model:ro" bilstm-crf --model joint=/model
FROM python:3.11-slim AS build
WORKDIR /build
COPY constraints.txt dist/*.whl ./
RUN python -m venv /opt/bilstm-crf \
 && /opt/bilstm-crf/bin/pip install --no-cache-dir --constraint constraints.txt "$(echo ./*.whl)[serve]"
# Compiling takes a minute: once, here. numba wants its cache writable, so a start copies it to /tmp. The cache
# holds the times of the sources, and the layers of an image keep whole seconds alone.
ENV NUMBA_CACHE_DIR=/opt/numba
RUN /opt/bilstm-crf/bin/python -c "import os, pathlib; \
[os.utime(path, (int(path.stat().st_mtime),) * 2) for path in pathlib.Path('/opt/bilstm-crf').rglob('*.py')]" \
 && /opt/bilstm-crf/bin/python -c "from bilstm_crf.inference.tagger import Tagger; \
from bilstm_crf.server.run import warm_up; warm_up(Tagger.load())"

FROM python:3.11-slim
COPY --from=build /opt /opt
RUN useradd --system --no-create-home --uid 10001 tagger
USER tagger
ENV PATH=/opt/bilstm-crf/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 NUMBA_CACHE_DIR=/tmp/numba
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["sh", "-c", "cp -R /opt/numba /tmp/ && exec bilstm-crf serve --host 0.0.0.0 --port 8000 \"$@\"", "serve"]
