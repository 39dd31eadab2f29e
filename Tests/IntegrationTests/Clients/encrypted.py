"""Two users of a real client library talk with end-to-end encryption.

usage: encrypted.py URL SERVER_NAME STORE_FOLDER

Keys are uploaded, queried and claimed, room keys travel as messages to devices, and each decrypts what the
other has said, also after logging in on a second device. Prints a line per step that held and exits 0, or says
what did not and exits 1.
"""

import asyncio
import os
import sys

from nio import (
    AsyncClient,
    AsyncClientConfig,
    JoinResponse,
    LoginResponse,
    MegolmEvent,
    RegisterResponse,
    RoomCreateResponse,
    RoomMessageText,
    RoomSendResponse,
    SyncResponse,
)

URL, SERVER, STORE = sys.argv[1:4]
STEP_SECONDS = 60


class Failed(Exception):
    pass


def held(response, kind, step):
    if not isinstance(response, kind):
        raise Failed(f"{step}: {response}")
    print("held:", step, flush=True)
    return response


class Device:
    def __init__(self, name, device):
        folder = os.path.join(STORE, f"{name}-{device}")
        os.makedirs(folder, exist_ok=True)
        config = AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True)
        self.client = AsyncClient(
            URL, f"@{name}:{SERVER}", device_id=device, store_path=folder, config=config
        )
        self.name = f"{name} on {device}"
        self.heard = []
        self.sealed = []
        self.client.add_event_callback(self.on_text, RoomMessageText)
        self.client.add_event_callback(self.on_sealed, MegolmEvent)

    def on_text(self, room, event):
        self.heard.append((event.sender, event.body, event.decrypted))

    def on_sealed(self, room, event):
        self.sealed.append(event.event_id)

    async def enter(self, password):
        held(await self.client.login(password), LoginResponse, f"{self.name} logs in")
        await self.step()

    async def step(self):
        """One answer of /sync, and whatever the client wants to do about its keys."""
        answer = await self.client.sync(timeout=2000)
        if not isinstance(answer, SyncResponse):
            raise Failed(f"{self.name} syncs: {answer}")
        if self.client.should_upload_keys:
            await self.client.keys_upload()
        if self.client.should_query_keys:
            await self.client.keys_query()
        if self.client.should_claim_keys:
            await self.client.keys_claim(self.client.get_users_for_key_claiming())
        await self.client.send_to_device_messages()

    async def until(self, step, found):
        async def poll():
            while not found():
                await self.step()

        await asyncio.wait_for(poll(), STEP_SECONDS)
        print("held:", step, flush=True)

    async def say(self, room, text):
        answer = await self.client.room_send(
            room,
            "m.room.message",
            {"msgtype": "m.text", "body": text},
            ignore_unverified_devices=True,
        )
        held(answer, RoomSendResponse, f"{self.name} says {text!r}")


async def talk(devices):
    alice, bob, second = devices
    for name in ["alice", "bob"]:
        await with_client(name)
    await alice.enter("secret")
    await bob.enter("secret")
    created = await alice.client.room_create(
        invite=[bob.client.user_id],
        initial_state=[
            {
                "type": "m.room.encryption",
                "state_key": "",
                "content": {"algorithm": "m.megolm.v1.aes-sha2"},
            }
        ],
    )
    room = held(created, RoomCreateResponse, "an encrypted room is made").room_id
    await bob.step()
    held(await bob.client.join(room), JoinResponse, "bob joins it")
    await bob.until("bob knows that it is encrypted", lambda: encrypted(bob, room))
    await alice.until("alice sees both members", lambda: members(alice, room) == 2)
    await alice.say(room, "hello")
    hello = (alice.client.user_id, "hello", True)
    await bob.until("bob decrypts it", lambda: hello in bob.heard)
    await bob.say(room, "and to you")
    answer = (bob.client.user_id, "and to you", True)
    await alice.until("alice decrypts the answer", lambda: answer in alice.heard)

    # A new device of bob's is noticed without anybody asking, and gets the next keys too.
    await second.enter("secret")
    await alice.until(
        "alice notices bob's new device",
        lambda: second.client.device_id in alice.client.device_store[bob.client.user_id],
    )
    await alice.say(room, "to both of you")
    both = (alice.client.user_id, "to both of you", True)
    for device in [bob, second]:
        await device.until(f"{device.name} decrypts it", lambda: both in device.heard)
    if bob.sealed:
        raise Failed(f"bob could not decrypt {bob.sealed}")


def encrypted(device, room):
    known = device.client.rooms.get(room)
    return known is not None and known.encrypted


def members(device, room):
    known = device.client.rooms.get(room)
    return len(known.users) if known else 0


async def with_client(name):
    client = AsyncClient(URL, f"@{name}:{SERVER}")
    try:
        held(await client.register(name, "secret"), RegisterResponse, f"{name} registers")
    finally:
        await client.close()


async def main():
    devices = [Device("alice", "PHONE"), Device("bob", "LAPTOP"), Device("bob", "TABLET")]
    try:
        await talk(devices)
        print("all held")
        return 0
    except (Failed, asyncio.TimeoutError) as error:
        print("failed:", repr(error))
        for device in devices:
            print(device.name, "heard", device.heard, "could not decrypt", device.sealed)
        return 1
    finally:
        for device in devices:
            await device.client.close()


sys.exit(asyncio.run(main()))
