"""Containers without a container engine: the files of the Dockerfile's final stage in a chroot, run as its user.

Whoever uses this runs in mount, network and process namespaces of its own (see .ci/image): nothing is left behind.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
import urllib.request

PROJECT = pathlib.Path(__file__).resolve().parents[2]
# What a slow machine may need; nothing waits so long when all is well.
PATIENCE = 60
READY = "Everything is ready"


class Image:
    """What the Dockerfile says of its final stage, around the program `relay`."""

    def __init__(self, relay):
        lines = (PROJECT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
        final = lines[lines.index("FROM scratch"):]
        self.relay = relay
        # How the build stage makes the directory /state, which is copied as a whole.
        self.state = [line.removeprefix("RUN ") for line in lines if line.startswith("RUN ") and "/state" in line]
        self.copies = [re.findall(r"\S+", line)[1:] for line in final if line.startswith("COPY ")]
        self.user = next(line.split()[1] for line in final if line.startswith("USER "))
        self.entrypoint = json.loads(next(line.split(" ", 1)[1] for line in final if line.startswith("ENTRYPOINT ")))
        self.health = json.loads(next(line.split(" CMD ", 1)[1] for line in final if line.startswith("HEALTHCHECK ")))

    def lay_out(self, root):
        """Puts the files of the image into `root`."""
        root.mkdir(parents=True)
        for copy in self.copies:
            flags = dict(part.removeprefix("--").split("=", 1) for part in copy if part.startswith("--"))
            source, target = (part for part in copy if not part.startswith("--"))
            to = root / target.lstrip("/")
            if source == "/state/":
                for command in self.state:
                    subprocess.run(["sh", "-ec", command.replace("/state", shlex.quote(str(root)))], check=True)
                owned = [root / path for path in root.rglob("*")] + [root]
                owner = flags.get("chown", "0:0")
                subprocess.run(["chown", "--no-dereference", owner, *map(str, owned)], check=True)
            else:
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(self.relay if source == "/otlp-relay" else source, to)


class Container:
    """One container: a root directory and processes of its own, and a network where it is given one."""

    def __init__(self, name, image, place, network=None):
        self.name, self.image, self.network = name, image, network
        self.root = place / name
        self.log = place / f"{name}.log"
        self.process = None
        image.lay_out(self.root)
        self.write("/etc/hosts", "127.0.0.1 localhost\n")
        for folder in ("proc", "dev"):
            (self.root / folder).mkdir()
        subprocess.run(["mount", "--bind", "/dev", self.root / "dev"], check=True)

    def write(self, path, text):
        """A file that is mounted into the container."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def owns(self, path):
        """A directory belongs to the image's user, as a new volume on it then does."""
        stat = (self.root / path.lstrip("/")).stat()
        user = int(self.image.user.split(":")[0])
        assert stat.st_uid == user, f"{path} belongs to {stat.st_uid}, not to {user}"

    def start(self, arguments=(), program=None, environment=None):
        """Runs the image with `arguments`, and waits until it is ready."""
        network = ["ip", "netns", "exec", self.network] if self.network else []
        # The program is process 1 of its own, as in a container.
        apart = ["unshare", "--pid", "--mount", "--fork", "--kill-child"]
        proc = ["sh", "-c", 'mount -t proc proc "$0/proc" && exec "$@"', str(self.root)]
        program = [*(program or self.image.entrypoint), *arguments]
        with open(self.log, "a") as log:
            said = log.seek(0, 2)
            self.process = subprocess.Popen(
                [*network, *apart, *proc, *self.entered(program)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": os.environ["PATH"], **(environment or {})},
            )
        until(f"{self.name} is ready", lambda: self.ended() or READY in self.text()[said:])

    def entered(self, program):
        """`program`, run with the image's files and user."""
        return ["chroot", f"--userspec={self.image.user}", str(self.root), *program]

    def first(self):
        """Process 1 of the container, as it is called outside."""
        pid = self.process.pid
        return int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def resident(self):
        """The bytes in memory of process 1."""
        lines = pathlib.Path(f"/proc/{self.first()}/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))

    def ended(self):
        """Fails when the process has ended."""
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.text()}")
        return False

    def text(self):
        """Everything that it has said."""
        return self.log.read_text()

    def stop(self):
        """SIGTERM, as docker stop does; it must end well."""
        os.kill(self.first(), signal.SIGTERM)
        code = self.process.wait(timeout=PATIENCE)
        assert code == 0, f"{self.name} ended with {code}:\n{self.text()}"

    def kill(self):
        """SIGKILL."""
        os.kill(self.first(), signal.SIGKILL)
        self.process.wait(timeout=PATIENCE)

    def health(self):
        """What the image's HEALTHCHECK says: its exit code, and its line."""
        inside = ["nsenter", f"--target={self.first()}", "--mount", "--pid", "--net"]
        done = subprocess.run(
            [*inside, *self.entered(self.image.health)], capture_output=True, text=True, timeout=PATIENCE)
        return done.returncode, (done.stdout + done.stderr).strip()


class Names(threading.Thread):
    """A name server as a container engine's: it knows the names of what runs, and no other."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.known = {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        self.start()

    def run(self):
        while True:
            question, asker = self.socket.recvfrom(4096)
            at, labels = 12, []
            while question[at]:
                labels.append(question[at + 1:at + 1 + question[at]].decode("ascii", "replace"))
                at += 1 + question[at]
            end = at + 5
            kind = struct.unpack("!H", question[at + 1:at + 3])[0]
            address = self.known.get(".".join(labels).lower())
            answers = b""
            if address and kind == 1:
                answers = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0, 4) + socket.inet_aton(address)
            # NXDOMAIN for who is not there, no answer for an address of another family.
            flags = 0x8180 if address else 0x8183
            head = question[:2] + struct.pack("!HHHHH", flags, 1, 1 if answers else 0, 0, 0)
            self.socket.sendto(head + question[12:end] + answers, asker)


def until(what, holds):
    """Waits until `holds()`; answers what it answers."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = holds()
        if answer:
            return answer
        if deadline < time.monotonic():
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.05)


def send_span(name, port=4318):
    """One span as OTLP/JSON to the relay in this network namespace."""
    span = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": name}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/traces", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        assert answer.status == 200, answer.status
