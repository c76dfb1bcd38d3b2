"""A server of this machine that speaks the Hub's protocol as huggingface_hub needs it to create, upload and commit."""

import base64
import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

TOKEN = "hf_rightTokenOfTheTests"
OWNER = "me"


@dataclass
class Repository:
    """One repository: its files by name, and its commits, newest last."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=lambda: ["0" * 40])


@dataclass
class Hub:
    """What the server holds and what it was asked; `trouble` is what goes wrong: broken, status 507, hold, drop."""

    address: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    trouble: str = ""
    uploading: Event = field(default_factory=Event)
    go_on: Event = field(default_factory=Event)

    def count(self, request: str) -> int:
        """How many requests began with this text."""
        return sum(asked.startswith(request) for asked in self.requests)


@contextlib.contextmanager
def hub_server() -> Iterator[Hub]:
    """Run the server."""
    hub = Hub()
    handler = type("Bound", (_Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        hub.address = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield hub
        hub.go_on.set()
        server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, value: object = None, **headers: str) -> None:
        body = json.dumps(value if value is not None else {}).encode()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        self.wfile.write(body)

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline().strip(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def allowed(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {TOKEN}":
            return True
        self.answer(401, {"error": "Invalid user token."})
        return False

    def do_GET(self) -> None:
        self.hub.requests.append(f"GET {self.path}")
        name = self.path.removeprefix("/api/models/").partition("?")[0].removesuffix("/revision/main")
        repository = self.hub.repositories.get(name)
        if repository is None:
            self.answer(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
        elif self.allowed():
            files = [{"rfilename": path} for path in repository.files]
            sha = repository.commits[-1]
            self.answer(200, {"_id": "1", "id": name, "sha": sha, "private": repository.private, "siblings": files})

    def do_PUT(self) -> None:
        self.hub.requests.append(f"PUT {self.path}")
        if self.hub.trouble == "hold":
            self.rfile.read(1000)
            self.hub.uploading.set()
            self.hub.go_on.wait(60)
            self.close_connection = True
            return
        if self.hub.trouble == "drop":
            self.hub.trouble = ""
            self.close_connection = True
            return
        data = self.body()
        oid = self.path.rpartition("/")[2]
        assert hashlib.sha256(data).hexdigest() == oid
        self.hub.objects[oid] = data
        self.answer(200)

    def do_POST(self) -> None:
        self.hub.requests.append(f"POST {self.path}")
        data = self.body()
        if self.hub.trouble == "broken":
            self.answer(500, {"error": "Internal Error"})
        elif self.hub.trouble == "echo":
            self.answer(418, {"error": f"no {self.headers['Authorization']}"})
        elif self.allowed():
            if self.path == "/api/repos/create":
                self.create(json.loads(data))
            elif self.path == "/api/validate-yaml":
                self.answer(200, {"warnings": [], "errors": []})
            elif "/preupload/" in self.path:
                self.preupload(json.loads(data))
            elif self.path.endswith("/info/lfs/objects/batch"):
                self.batch(json.loads(data))
            elif "/commit/" in self.path:
                self.commit([json.loads(line) for line in data.splitlines()])
            else:
                self.answer(404)

    def create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization'] or OWNER}/{asked['name']}"
        url = {"url": f"{self.hub.address}/{name}"}
        if asked["organization"] not in (None, OWNER):
            self.answer(403, {"error": f'You don\'t have the rights to create a model under "{asked["organization"]}"'})
        elif name in self.hub.repositories:
            self.answer(409, {"error": "You already created this model repo", **url})
        else:
            self.hub.repositories[name] = Repository(asked.get("visibility") == "private")
            self.answer(200, url)

    def repository(self) -> Repository:
        owner, name = self.path.removeprefix("/api/models/").split("/")[:2]
        return self.hub.repositories[f"{owner}/{name}"]

    def preupload(self, asked: dict[str, Any]) -> None:
        held, said = self.repository().files, []
        for file in asked["files"]:
            mode = "lfs" if file["path"].endswith((".gguf", ".safetensors")) else "regular"
            oid = _oid(held[file["path"]], mode) if file["path"] in held else None
            said.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self.answer(200, {"files": said})

    def batch(self, asked: dict[str, Any]) -> None:
        objects = []
        for item in asked["objects"]:
            upload = {"upload": {"href": f"{self.hub.address}/lfs/{item['oid']}"}}
            needed = {} if item["oid"] in self.hub.objects else {"actions": upload}
            objects.append({"oid": item["oid"], "size": item["size"], **needed})
        self.answer(200, {"transfer": "basic", "objects": objects})

    def commit(self, lines: list[dict[str, Any]]) -> None:
        repository = self.repository()
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                repository.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                repository.files[value["path"]] = self.hub.objects[value["oid"]]
        text = json.dumps({path: _oid(data, "lfs") for path, data in sorted(repository.files.items())})
        oid = hashlib.sha1(text.encode()).hexdigest()
        repository.commits.append(oid)
        owner, name = self.path.removeprefix("/api/models/").split("/")[:2]
        url = f"{self.hub.address}/{owner}/{name}/commit/{oid}"
        self.answer(200, {"commitUrl": url, "commitOid": oid, "pullRequestUrl": None})


def _oid(data: bytes, mode: str) -> str:
    if mode == "lfs":
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
