"""nginx as it is shipped: the same file, with this machine's ports and processes included."""

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Self

import httpx

from tests.backends import binary, free_port

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "docker" / "nginx"

# What Debian and the image put around files in conf.d.
_MAIN = """
worker_processes 1;
daemon off;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
    types { text/css css; text/javascript js; image/svg+xml svg; font/woff2 woff2; }
    default_type application/octet-stream;
    access_log access.log;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include conf.d/*.conf;
}
"""


class Nginx:
    """In front of processes on these ports of this machine."""

    def __init__(self, directory: Path, ports: list[int], *, static_root: Path | None = None):
        self.directory = directory
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        (directory / "conf.d").mkdir(parents=True)
        shutil.copy(SHIPPED / "collab.conf", directory / "conf.d")
        (directory / "collab").mkdir()
        upstreams = "".join(
            f"server 127.0.0.1:{port} max_fails=2 fail_timeout=2s;\n" for port in ports
        )
        (directory / "collab" / "upstreams.conf").write_text(upstreams)
        listen = (
            f"listen 127.0.0.1:{self.port};\nroot {static_root or directory};\n"
            "access_log access.log collab;\nset $collab_scheme $scheme;\n"
        )
        (directory / "collab" / "listen.conf").write_text(listen)
        (directory / "nginx.conf").write_text(_MAIN)

    def check(self) -> str:
        """What ``nginx -t`` says. Raises when it does not like the configuration."""
        done = subprocess.run(
            [*self._command(), "-t"], capture_output=True, text=True, check=False, timeout=20
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command(), cwd=self.directory)
        deadline = time.monotonic() + 10
        while True:
            try:
                httpx.get(f"{self.url}/metrics")
            except httpx.TransportError:
                assert time.monotonic() < deadline, "nginx did not start"
                time.sleep(0.02)
            else:
                return self

    def __exit__(self, *error: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(10)

    @property
    def log(self) -> str:
        """What it has written of requests."""
        return (self.directory / "access.log").read_text()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/documents"

    def _command(self) -> list[str]:
        nginx = binary("nginx")
        assert nginx is not None
        as_root = ["-g", "user root;"] if os.geteuid() == 0 else []
        return [
            nginx,
            "-p",
            str(self.directory),
            "-c",
            str(self.directory / "nginx.conf"),
            *as_root,
        ]
