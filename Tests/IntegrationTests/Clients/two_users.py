"""Two users of a real client library talk; everything they see comes from a synchrotron.

usage: two_users.py MAIN_URL SYNC_URL SERVER_NAME

matrix-nio talks to one server only, so each user has two clients with one access token: one for
the main process and one for the synchrotron, as a load balancer in front of both would do it.
Prints a line per step that held and exits 0, or says what did not and exits 1.
"""

import asyncio
import sys
import uuid

from nio import (
    AsyncClient,
    JoinResponse,
    EnablePushRuleResponse,
    LoginResponse,
    PushNotify,
    PushRuleKind,
    PushRulesEvent,
    PushSetTweak,
    RegisterResponse,
    RoomCreateResponse,
    RoomMessageText,
    RoomMessagesResponse,
    RoomSendResponse,
    SetPushRuleResponse,
    SyncResponse,
    TypingNoticeEvent,
    ReceiptEvent,
    WhoamiResponse,
)

MAIN, SYNC, SERVER = sys.argv[1:4]
STEP_SECONDS = 60


class Failed(Exception):
    pass


def held(response, kind, step):
    if not isinstance(response, kind):
        raise Failed(f"{step}: {response}")
    print("held:", step, flush=True)
    return response


class User:
    def __init__(self, name):
        self.id = f"@{name}:{SERVER}"
        self.main = AsyncClient(MAIN, self.id)
        self.sync = AsyncClient(SYNC, self.id)
        self.next_batch = None

    async def enter(self, password):
        localpart = self.id[1:].split(":")[0]
        registered = await self.main.register(localpart, password, "test")
        held(registered, RegisterResponse, f"{localpart} registers")
        logged_in = await self.main.login(password, "phone")
        held(logged_in, LoginResponse, f"{localpart} logs in")
        held(await self.main.whoami(), WhoamiResponse, f"{localpart} asks who that is")
        self.sync.restore_login(self.id, self.main.device_id, self.main.access_token)

    async def until(self, step, found):
        """Long-polls on the synchrotron until `found` is true of an answer."""

        async def poll():
            while True:
                answer = await self.sync.sync(timeout=5000, since=self.next_batch)
                if not isinstance(answer, SyncResponse):
                    raise Failed(f"{step}: {answer}")
                self.next_batch = answer.next_batch
                result = found(answer)
                if result:
                    return result

        result = await asyncio.wait_for(poll(), STEP_SECONDS)
        print("held:", step, flush=True)
        return result

    async def close(self):
        await self.main.close()
        await self.sync.close()


def message(room_id, body):
    def found(answer):
        room = answer.rooms.join.get(room_id)
        return room and any(
            isinstance(event, RoomMessageText) and event.body == body
            for event in room.timeline.events
        )

    return found


def ephemeral(room_id, kind, test):
    def found(answer):
        room = answer.rooms.join.get(room_id)
        return room and any(isinstance(event, kind) and test(event) for event in room.ephemeral)

    return found


def unread(room_id, body, notifications, highlights):
    """A message, and what there is to read in the room with it."""
    has_message = message(room_id, body)

    def found(answer):
        if not has_message(answer):
            return None
        counts = answer.rooms.join[room_id].unread_notifications
        told = (counts.notification_count, counts.highlight_count)
        if told != (notifications, highlights):
            raise Failed(f"{told} are unread with {body!r}")
        return True

    return found


def push_rules(test):
    def found(answer):
        return any(
            isinstance(event, PushRulesEvent) and test(event.global_rules)
            for event in answer.account_data_events
        )

    return found


async def be_notified(alice, bob, room):
    """Bob has rules of his own, and is told how much there is to read."""
    rule = await bob.main.set_pushrule(
        "global",
        PushRuleKind.content,
        "biscuits",
        actions=[PushNotify(), PushSetTweak("highlight", True)],
        pattern="bisc*",
    )
    held(rule, SetPushRuleResponse, "bob writes a push rule")
    await bob.until(
        "bob's other client has it",
        push_rules(lambda rules: any(rule.id == "biscuits" for rule in rules.content)),
    )
    for body, counts in [("And milk?", (1, 0)), ("Biscuits!", (2, 1))]:
        await alice.main.room_send(
            room, "m.room.message", {"msgtype": "m.text", "body": body}, uuid.uuid4().hex
        )
        await bob.until(f"bob has {counts} to read", unread(room, body, *counts))
    switched = await bob.main.enable_pushrule("global", PushRuleKind.content, "biscuits", False)
    held(switched, EnablePushRuleResponse, "bob switches the rule off")
    await alice.main.room_send(
        room, "m.room.message", {"msgtype": "m.text", "body": "More biscuits?"}, uuid.uuid4().hex
    )
    await bob.until("it highlights no more", unread(room, "More biscuits?", 3, 1))


async def talk(alice, bob):
    await alice.enter("correct horse")
    await bob.enter("battery staple")
    await alice.until("alice's first sync", lambda answer: True)
    await bob.until("bob's first sync", lambda answer: True)

    room = held(
        await alice.main.room_create(name="Tea", topic="with milk", invite=[bob.id]),
        RoomCreateResponse,
        "alice creates a room and invites bob",
    ).room_id
    await alice.until("alice sees her room", lambda answer: room in answer.rooms.join)
    await bob.until("bob sees the invitation", lambda answer: room in answer.rooms.invite)
    held(await bob.main.join(room), JoinResponse, "bob joins")
    await bob.until("bob sees the room", lambda answer: room in answer.rooms.join)

    for sender, reader, body in [(alice, bob, "Tea?"), (bob, alice, "Yes, please. ☕")]:
        sent = held(
            await sender.main.room_send(
                room, "m.room.message", {"msgtype": "m.text", "body": body}, uuid.uuid4().hex
            ),
            RoomSendResponse,
            f"{sender.id} sends",
        )
        await reader.until(f"{reader.id} reads it", message(room, body))
        await sender.until(f"{sender.id} sees it come back", message(room, body))

    await bob.main.room_typing(room, True, 30000)
    await alice.until(
        "alice sees bob typing",
        ephemeral(room, TypingNoticeEvent, lambda event: bob.id in event.users),
    )
    await bob.main.room_typing(room, False)
    await alice.until(
        "alice sees him stop",
        ephemeral(room, TypingNoticeEvent, lambda event: bob.id not in event.users),
    )
    await alice.main.update_receipt_marker(room, sent.event_id)
    await bob.until(
        "bob sees that alice has read it",
        ephemeral(
            room,
            ReceiptEvent,
            lambda event: any(
                receipt.user_id == alice.id and receipt.event_id == sent.event_id
                for receipt in event.receipts
            ),
        ),
    )
    page = held(
        await alice.main.room_messages(room, alice.next_batch, limit=50),
        RoomMessagesResponse,
        "alice pages back",
    )
    bodies = [event.body for event in page.chunk if isinstance(event, RoomMessageText)]
    if bodies != ["Yes, please. ☕", "Tea?"]:
        raise Failed(f"history is {bodies}")
    print("held: the history has each message once, newest first", flush=True)
    await be_notified(alice, bob, room)


async def main():
    suffix = uuid.uuid4().hex[:8]
    alice, bob = User(f"alice{suffix}"), User(f"bob{suffix}")
    try:
        await talk(alice, bob)
    finally:
        await alice.close()
        await bob.close()


try:
    asyncio.run(main())
except (Failed, asyncio.TimeoutError) as error:
    print("FAILED:", error or "timed out", flush=True)
    sys.exit(1)
print("all held", flush=True)
