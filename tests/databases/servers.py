"""Real database servers for tests: PostgreSQL and MariaDB of Debian's packages, on loopback, in a temporary folder."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "s3cret"
TABLES = (
    "CREATE TABLE customer (id int PRIMARY KEY, name varchar(40), email varchar(60), balance_cents int)",
    "CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customer (id), placed_at timestamp NULL, "
    "status varchar(20), FOREIGN KEY (customer_id) REFERENCES customer (id))",
    "INSERT INTO customer VALUES (1, 'Ann', 'ann@example.org', 1250), (2, 'Bob', NULL, 0), (3, 'Zoë', 'z@x.org', 99)",
    "INSERT INTO orders VALUES (1, 1, '2026-01-02 03:04:05', 'open'), (2, 1, '2026-02-03 00:00:00', 'cancelled'), "
    "(3, 2, NULL, 'open')",
)


@dataclass(frozen=True)
class Server:
    """A running server: its URL for a login that may do everything, and its data folder."""

    url: str
    folder: Path


def program(name: str) -> str:
    """Return the path of a server's program; fails with the line that installs it."""
    places = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    found = shutil.which(name, path=os.pathsep.join([*places, os.environ.get("PATH", ""), "/usr/sbin"]))
    assert found, f"{name} is missing (Debian, Ubuntu: sudo apt-get install postgresql mariadb-server)"
    return found


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[Server]:
    """Run PostgreSQL with the tables in it; as the user postgres where the tests run as root, whom it refuses."""
    user = "postgres" if os.geteuid() == 0 else getpass.getuser()
    data = folder / "data"
    data.mkdir(parents=True)
    secret = folder / "password"
    secret.write_text(PASSWORD)
    if os.geteuid() == 0:
        for path in (folder, data, secret):
            shutil.chown(path, user, user)
        _open_parents(folder)
    port = free_port()
    run = {"user": user} if os.geteuid() == 0 else {}
    subprocess.run(
        [program("initdb"), "-D", data, "-U", "owner", "-A", "scram-sha-256", "--pwfile", secret, "-N", "-E", "UTF8"],
        check=True, capture_output=True, cwd=folder, **run,
    )  # fmt: skip
    command = [program("postgres"), "-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1"]
    for setting in ("unix_socket_directories=", "fsync=off", "temp_file_limit=200MB", "autovacuum=off"):
        command += ["-c", setting]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **run)
    try:
        import psycopg

        url = f"postgresql://owner:{PASSWORD}@127.0.0.1:{port}/postgres"
        with _when_up(lambda: psycopg.connect(url, autocommit=True), process) as connection:
            connection.execute("CREATE SCHEMA archive")
            connection.execute("CREATE TABLE archive.orders (id int PRIMARY KEY, note text)")
            connection.execute("INSERT INTO archive.orders VALUES (7, 'old')")
            for sql in TABLES:
                connection.execute(sql)
        yield Server(url, data)
    finally:
        process.terminate()
        process.wait(timeout=60)


@contextlib.contextmanager
def mariadb(folder: Path) -> Iterator[Server]:
    """Run MariaDB with the tables in it."""
    data = folder / "data"
    user = "mysql" if os.geteuid() == 0 else getpass.getuser()
    folder.mkdir(parents=True, exist_ok=True)
    data.mkdir()
    if os.geteuid() == 0:
        shutil.chown(data, user, user)
        _open_parents(folder)
    port = free_port()
    install = [program("mariadb-install-db"), "--no-defaults", f"--datadir={data}", f"--user={user}"]
    subprocess.run(
        [*install, "--auth-root-authentication-method=normal", "--skip-test-db"], check=True, capture_output=True
    )
    command = [program("mariadbd"), "--no-defaults", f"--datadir={data}", f"--user={user}", f"--port={port}"]
    command += ["--bind-address=127.0.0.1", f"--socket={data}/s", f"--pid-file={data}/pid", "--secure-file-priv="]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        import pymysql

        def open_it() -> "pymysql.Connection[pymysql.cursors.Cursor]":
            return pymysql.connect(host="127.0.0.1", port=port, user="root", autocommit=True)

        with contextlib.closing(_when_up(open_it, process)) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE shop CHARACTER SET utf8mb4")
            cursor.execute("USE shop")
            for sql in TABLES:
                cursor.execute(sql.replace(" REFERENCES customer (id), placed_at", ", placed_at"))
            cursor.execute(f"GRANT ALL ON *.* TO 'owner'@'%' IDENTIFIED BY '{PASSWORD}'")
        yield Server(f"mysql+pymysql://owner:{PASSWORD}@127.0.0.1:{port}/shop", data)
    finally:
        process.terminate()
        process.wait(timeout=60)


def _open_parents(folder: Path) -> None:
    """Let another user come as far as the folder, which pytest makes for its own user only."""
    for parent in folder.parents:
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)


def _when_up(connect, process):  # type: ignore[no-untyped-def]
    for _ in range(600):
        try:
            return connect()
        except Exception:
            assert process.poll() is None, "the server ended"
            time.sleep(0.2)
    raise AssertionError("the server does not answer")
