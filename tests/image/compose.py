"""Does docker-compose.yaml show what it promises? Its services as processes in network namespaces of their own.

The primary is stopped, and comes back; then it is killed, and comes back. Each order of the demo has to arrive once at least.
usage: compose.py RELAY DIRECTORY PYTHON, where PYTHON has the OpenTelemetry SDK; run by .ci/image.
"""

import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request

import yaml

from container import PATIENCE, PROJECT, Container, Image, Names, until

GATEWAY = "10.93.0.1"


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


class Network:
    """One bridge with a name server, as a compose project has it."""

    def __init__(self):
        # Names of namespaces, and the name server's address, are seen in here only.
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
        resolver = pathlib.Path("/run/resolv.conf")
        resolver.write_text(f"nameserver {GATEWAY}\n")
        subprocess.run(["mount", "--bind", resolver, os.path.realpath("/etc/resolv.conf")], check=True)
        ip("link", "set", "lo", "up")
        ip("link", "add", "compose", "type", "bridge")
        ip("addr", "add", f"{GATEWAY}/24", "dev", "compose")
        ip("link", "set", "compose", "up")
        self.addresses = {}
        self.names = Names(GATEWAY)

    def join(self, name):
        """A namespace for the service `name`."""
        number = len(self.addresses) + 2
        self.addresses[name] = f"10.93.0.{number}"
        ip("netns", "add", name)
        ip("link", "add", f"to{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("link", "set", f"to{number}", "master", "compose", "up")
        for command in (["link", "set", "lo", "up"], ["addr", "add", f"{self.addresses[name]}/24", "dev", "eth0"],
                        ["link", "set", "eth0", "up"], ["route", "add", "default", "via", GATEWAY]):
            ip("-n", name, *command)

    def appears(self, name):
        self.names.known[name] = self.addresses[name]

    def vanishes(self, name):
        """The name of a stopped container is not resolved any more."""
        del self.names.known[name]


class Service:
    """A service that has the relay's image."""

    def __init__(self, name, written, image, place, network):
        self.name, self.network = name, network
        self.arguments = written.get("command", [])
        self.environment = written.get("environment", {})
        network.join(name)
        self.container = Container(name, image, place, network=name)
        self.container.write("/etc/resolv.conf", f"nameserver {GATEWAY}\n")
        for volume in written.get("volumes", []):
            source, target = volume.split(":")[:2]
            if source.startswith("."):
                self.container.write(target, (PROJECT / source).read_text())
            else:
                self.container.owns(target)

    def start(self):
        self.network.appears(self.name)
        self.container.start(self.arguments, environment=self.environment)

    def stop(self):
        self.container.stop()
        self.network.vanishes(self.name)

    def orders(self):
        """The numbers of the orders that it has printed."""
        return {int(number) for number in re.findall(r"order\.number=(\d+)", self.container.text())}


def parsed():
    """docker-compose.yaml, which a real parser has to take where there is one."""
    file = PROJECT / "docker-compose.yaml"
    for parser in (["docker-compose"], ["docker", "compose"]):
        if shutil.which(parser[0]):
            subprocess.run([*parser, "--file", file, "config", "--quiet"], check=True)
            break
    else:
        print("SKIPPED: no docker-compose parses docker-compose.yaml: none is installed", file=sys.stderr)
    return yaml.safe_load(file.read_text())["services"]


def start_demo(written, network, python, place):
    """The application, as its service says, but for the installation of the SDK."""
    network.join("demo")
    script = shlex.split(written["command"])[-1].split("&&")[-1].split()
    assert script[0] == "python", script
    files = dict(reversed(volume.split(":")[:2]) for volume in written["volumes"])
    log = open(place / "demo.log", "w")
    return subprocess.Popen(
        ["ip", "netns", "exec", "demo", python, PROJECT / files[script[1]]], stdout=log, stderr=log,
        env={"PATH": os.environ["PATH"], **written["environment"]})


def page(network):
    """What the status page says."""
    with urllib.request.urlopen(f"http://{network.addresses['relay']}:55679/api/status", timeout=PATIENCE) as answer:
        return answer.read().decode()


def goes_on(service, what):
    """Waits until orders that are made from now on come to `service`."""
    before = max(service.orders(), default=-1)
    until(what, lambda: before + 3 < max(service.orders(), default=-1))
    print(f"compose: {what}")


def main():
    image, place, python = Image(pathlib.Path(sys.argv[1])), pathlib.Path(sys.argv[2]), sys.argv[3]
    written = parsed()
    network = Network()
    services = {name: Service(name, service, image, place, network)
                for name, service in written.items() if service["image"] == "otlp-relay"}
    primary, fallback, relay = services["primary"], services["fallback"], services["relay"]
    for service in (primary, fallback, relay):
        service.start()
    demo = start_demo(written["demo"], network, python, place)

    goes_on(primary, "the primary has the data")
    assert "primary" in page(network)
    assert not fallback.orders(), "the fallback has nothing yet"
    for name, end in (("stopped", primary.stop), ("killed", primary.container.kill)):
        end()
        goes_on(fallback, f"the primary was {name}: the fallback takes over")
        primary.start()
        goes_on(primary, "the primary is back")

    demo.send_signal(signal.SIGINT)
    demo.wait(timeout=PATIENCE)
    # At its end the SDK sends what it has, and the relay what is under way.
    relay.stop()
    arrived = primary.orders() | fallback.orders()
    lost = set(range(max(arrived) + 1)) - arrived
    assert not lost, f"lost: {sorted(lost)}"
    said = relay.container.text()
    assert "lost=0" in said and "switched to a fallback" in said and "switched back" in said, said
    for service in (primary, fallback):
        service.stop()
    print(f"compose: {len(arrived)} orders, none lost")


main()
