"""Does the image work that the Dockerfile describes? Its files, its user, its configuration, its names, its health.

usage: image.py RELAY DIRECTORY; run by .ci/image.
"""

import json
import os
import pathlib
import subprocess
import sys

from container import PROJECT, Container, Image, Names, send_span, until

MOST = 15 << 20
# At rest it takes three quarters of this. Where it takes more, build/order is to be run again.
MOST_RESIDENT = 10_000_000
BACKEND = """
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:14317"}}}}
exporters: {debug: {verbosity: normal}}
service:
  pipelines: {traces: {receivers: [otlp], exporters: [debug]}}
  telemetry: {metrics: {level: none}}
"""
# Where the data goes is the only thing that a test changes.
FORWARD = """
receivers: {otlp: {protocols: {grpc: , http: }}}
exporters: {otlp_grpc: {endpoint: "%s:14317", tls: {insecure: true}}}
extensions: {health_check: , file_storage: {directory: /var/lib/otlp-relay}}
service:
  extensions: [health_check, file_storage]
  pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}
"""


def size(root):
    """The bytes of the image's files."""
    files = (pathlib.Path(folder) / name for folder, _, names in os.walk(root) for name in names)
    return sum(file.lstat().st_size for file in files)


def check_context():
    """The build stage has what Cargo.toml names, and the context what the build stage copies."""
    lines = (PROJECT / "Dockerfile").read_text().splitlines()
    lines = lines[:lines.index("FROM scratch")]
    copied = [source for line in lines if line.startswith("COPY ") for source in line.split()[1:-1]]
    sent = [line.removeprefix("!") for line in (PROJECT / ".dockerignore").read_text().splitlines() if line[0] == "!"]
    assert set(copied) == set(sent), f"{copied} are copied, {sent} are there"
    metadata = subprocess.run(["cargo", "metadata", "--locked", "--offline", "--no-deps", "--format-version", "1"],
                              cwd=PROJECT, check=True, capture_output=True, text=True)
    for target in json.loads(metadata.stdout)["packages"][0]["targets"]:
        path = pathlib.Path(target["src_path"]).relative_to(PROJECT)
        # Tests are found by themselves, and need not be there.
        assert target["kind"] == ["test"] or path.parts[0] in copied, f"{path} is not copied"


def check_files(image, place):
    """The image is small, and its program needs no other file."""
    root = place / "files"
    image.lay_out(root)
    total = size(root)
    print(f"image: {total / 1e6:.1f} MB")
    assert total < MOST, f"the image has {total} bytes, more than {MOST}"
    program = image.relay.read_bytes()
    assert b"/lib64/ld-linux" not in program and b"/lib/ld-linux" not in program, "the program is linked dynamically"


def check_forwards(image, place, names, name, to, config, arguments=(), program=None):
    """With its configuration at `config`, the container hands on what it gets to `to`."""
    backend = Container(f"{name}-backend", image, place)
    # Nothing but its command line tells where it can be asked.
    backend.write("/backend.yaml", BACKEND)
    backend.start(["--config", "/backend.yaml"])
    relay = Container(name, image, place)
    relay.write("/etc/hosts", "127.0.0.1 localhost\n127.0.0.1 by-hosts\n")
    relay.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    relay.write(config, FORWARD % to)
    relay.owns("/var/lib/otlp-relay")
    names.known["by-dns"] = "127.0.0.1"
    relay.start(arguments, program)
    send_span(name)
    until(f"{name} arrives", lambda: f"{name} " in backend.text())
    for container in (relay, backend):
        code, line = container.health()
        assert code == 0 and line.startswith("healthy: "), f"{container.name}: {line}"
    relay.stop()
    backend.stop()
    assert "delivered=1 " in relay.text() and "lost=0" in relay.text(), relay.text()
    print(f"image: {name}: {' '.join((*(program or image.entrypoint), *arguments))}")


def check_default(image, place):
    """Without a configuration, the relay takes little memory; it takes data and shows it."""
    relay = Container("default", image, place)
    relay.start()
    resident = relay.resident()
    print(f"image: {resident / 1e6:.1f} MB in memory at rest")
    assert resident < MOST_RESIDENT, f"{resident} bytes are in memory at rest, more than {MOST_RESIDENT}"
    send_span("by-default")
    until("the span is shown", lambda: "spans" in relay.text())
    assert relay.health()[0] == 0
    relay.stop()
    print("image: without a configuration")


def main():
    image = Image(pathlib.Path(sys.argv[1]))
    place = pathlib.Path(sys.argv[2])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    names = Names("127.0.0.1")
    check_context()
    check_files(image, place)
    check_default(image, place)
    usual = "/etc/otel-collector-config.yaml"
    for name, to, config, arguments, program in [
        ("core-path", "127.0.0.1", "/etc/otelcol/config.yaml", [], None),
        ("contrib-path", "by-hosts", "/etc/otelcol-contrib/config.yaml", [], None),
        ("one-argument", "by-dns", usual, [f"--config={usual}"], None),
        ("two-arguments", "localhost", usual, ["--config", usual], None),
        # As the OpenTelemetry Operator starts it.
        ("operator", "by-dns", "/conf/collector.yaml",
         ["--config=/conf/collector.yaml", "--feature-gates=-component.UseLocalHostAsDefaultHost"], None),
        # Manifests that name the Collector's program.
        ("as-otelcol", "by-dns", usual, [f"--config={usual}"], ["/otelcol"]),
        ("as-contrib", "by-dns", usual, [f"--config={usual}"], ["/otelcol-contrib"]),
    ]:
        check_forwards(image, place, names, name, to, config, arguments, program)
    print("image: all is well")


main()
