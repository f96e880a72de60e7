"""The official Python client (PyPI: hcloud) against a Hetzner Cloud interface.

Takes HCLOUD_ENDPOINT (…/v1) and HCLOUD_TOKEN from the environment; HCLOUD_SERVER_TYPE,
HCLOUD_IMAGE and HCLOUD_LOCATION if others than cx23, debian-13 and nbg1 are wanted.
Creates a server with a label, finds it by the label, powers it off, waits for every
action, deletes it. Ends with status 0 and a last line that says so, or with a traceback.
"""

import base64
import os
import secrets
import time

from hcloud import APIException, Client
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.server_types import ServerType

# A public key of nobody: its 32 bytes are random, so nobody has the private half.
# (Two runs at once must not meet: the interface refuses the same key twice.)
KEY_BLOB = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + secrets.token_bytes(32)
KEY = "ssh-ed25519 " + base64.b64encode(KEY_BLOB).decode() + " nobody"


def main() -> None:
    client = Client(
        token=os.environ["HCLOUD_TOKEN"],
        api_endpoint=os.environ["HCLOUD_ENDPOINT"],
        application_name="holdfast-e2e",
        poll_interval=0.2,
        poll_max_retries=1500,
        timeout=30,
    )
    mark = secrets.token_hex(4)
    name = f"python-{mark}"
    selector = f"holdfast-e2e={mark}"
    image = os.environ.get("HCLOUD_IMAGE", "debian-13")
    location = os.environ.get("HCLOUD_LOCATION", "nbg1")
    server_type = os.environ.get("HCLOUD_SERVER_TYPE", "cx23")

    assert image in [i.name for i in client.images.get_all()]
    assert client.images.get_by_name_and_architecture(image, "x86").name == image
    assert client.server_types.get_by_name(server_type).cores >= 1
    assert client.locations.get_by_name(location).name == location

    key = client.ssh_keys.create(name=name, public_key=KEY)
    try:
        assert client.ssh_keys.get_by_fingerprint(key.fingerprint).id == key.id
        created = client.servers.create(
            name=name,
            server_type=ServerType(name=server_type),
            image=Image(name=image),
            location=Location(name=location),
            ssh_keys=[key],
            labels={"holdfast-e2e": mark, "made-by/python": ""},
        )
        try:
            follow(client, created, name, selector)
        finally:
            server = client.servers.get_by_name(name)
            if server is not None:
                server.delete().wait_until_finished()
    finally:
        key.delete()

    assert client.servers.get_all(label_selector=selector) == []
    try:
        client.servers.get_by_id(created.server.id)
    except APIException as exception:
        assert exception.code == "not_found"
        assert exception.correlation_id
    else:
        raise AssertionError("the deleted server is still there")
    print("the official client is content")


def follow(client: Client, created, name: str, selector: str) -> None:
    """The life of one server, between its order and its deletion."""
    assert created.root_password is None
    created.action.wait_until_finished()
    for action in created.next_actions:
        action.wait_until_finished()

    found = client.servers.get_all(label_selector=selector)
    assert [s.name for s in found] == [name], found
    assert client.servers.get_all(label_selector="!holdfast-e2e,made-by/python") == []
    server = found[0]
    assert server.status == server.STATUS_RUNNING, server.status
    assert server.public_net.ipv4.ip
    assert server.created.tzinfo is not None
    assert server.location.name and server.image.name and server.server_type.name

    server = server.update(labels={**server.labels, "seen": "yes"})
    assert server.labels["seen"] == "yes"
    server.change_protection(delete=True, rebuild=True).wait_until_finished()
    try:
        server.delete()
    except APIException as exception:
        assert exception.code == "protected", exception
    else:
        raise AssertionError("a protected server was deleted")
    server.change_protection(delete=False, rebuild=False).wait_until_finished()

    server.power_off().wait_until_finished()
    server.reload()
    assert server.status == server.STATUS_OFF, server.status
    server.power_on().wait_until_finished()
    server.shutdown().wait_until_finished()
    for _ in range(300):
        server.reload()
        if server.status == server.STATUS_OFF:
            break
        time.sleep(0.2)
    assert server.status == server.STATUS_OFF, server.status
    commands = [a.command for a in client.servers.get_actions(server)]
    assert commands[0] == "create_server" and "stop_server" in commands, commands

    try:
        client.servers.create(
            name=name,
            server_type=ServerType(name=server.server_type.name),
            image=Image(name=server.image.name),
        )
    except APIException as exception:
        assert exception.code == "uniqueness_error", exception
    else:
        raise AssertionError("two servers of one name")


if __name__ == "__main__":
    main()
