# One image for web, worker and beat; docker-compose.yml says which is which.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ONEROW_HOME=/var/lib/onerow
WORKDIR /srv/onerow

COPY requirements/base.lock requirements/base.lock
RUN pip install --no-cache-dir --require-hashes --compile --requirement requirements/base.lock

COPY . .
# Both need valid settings but no server: passing values, used in this one step and kept nowhere.
RUN export DATABASE_URL=postgresql://build@localhost/build REDIS_URL=redis://localhost/0 \
        ALLOWED_HOSTS=localhost BASE_URL=https://localhost \
        SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
        ENCRYPTION_KEYS="$(python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())')" \
    && python manage.py translations compile \
    && python manage.py collectstatic --noinput --verbosity 0

RUN useradd --system --home-dir /var/lib/onerow onerow \
    && install -d -o onerow -g onerow /var/lib/onerow /var/lib/onerow/run /var/lib/onerow/media
USER onerow
VOLUME /var/lib/onerow
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "retail.wsgi:application"]
