"""Users of a real client library talk through a load balancer that sends each request to any of the workers.

usage: moving_users.py URL SERVER_NAME USERS MESSAGES

Every user sends MESSAGES messages into one room and polls all the while, as a phone does: the next request begins
with the token of the last answer, whichever worker gave it. At the end everybody must have seen every event of the
room since its own join once, in the same order. Prints a line per step that held and exits 0, or says what did
not and exits 1.
"""

import asyncio
import sys
import uuid

from nio import (
    AsyncClient,
    AsyncClientConfig,
    JoinResponse,
    LoginResponse,
    RegisterResponse,
    RoomCreateResponse,
    RoomMessagesResponse,
    RoomSendResponse,
    SyncResponse,
)

URL, SERVER = sys.argv[1:3]
USERS, MESSAGES = int(sys.argv[3]), int(sys.argv[4])
LIMIT = 150
FILTER = {"room": {"timeline": {"limit": 100}}}


class Failed(Exception):
    pass


def held(response, kind, step):
    if not isinstance(response, kind):
        raise Failed(f"{step}: {response}")
    return response


class User:
    def __init__(self, number):
        self.name = f"mover{number}_{uuid.uuid4().hex[:8]}"
        self.id = f"@{self.name}:{SERVER}"
        self.client = AsyncClient(URL, self.id, config=AsyncClientConfig(max_limit_exceeded=0))
        self.since = None
        self.seen = []
        self.polls = 0

    async def enter(self):
        held(await self.client.register(self.name, "secret", "x"), RegisterResponse, "register")
        held(await self.client.login("secret", "phone"), LoginResponse, "login")

    async def poll(self, room):
        answer = await self.client.sync(timeout=3000, since=self.since, sync_filter=FILTER)
        held(answer, SyncResponse, f"{self.name} syncs")
        if answer.next_batch == self.since and answer.rooms.join:
            raise Failed(f"{self.name}: news without a new token")
        self.since = answer.next_batch
        self.polls += 1
        joined = answer.rooms.join.get(room)
        if joined is None:
            return
        events = [event.event_id for event in joined.timeline.events]
        if joined.timeline.limited and self.seen:
            # What was left out is asked for, as clients do.
            raise Failed(f"{self.name}: a gap before {events[:1]}")
        self.seen += events

    async def follow(self, room, is_complete):
        while not is_complete():
            await self.poll(room)

    async def talk(self, room):
        for number in range(MESSAGES):
            content = {"msgtype": "m.text", "body": f"{self.name} {number}"}
            answer = await self.client.room_send(room, "m.room.message", content)
            held(answer, RoomSendResponse, f"{self.name} sends")
            await asyncio.sleep(0.01)


async def history(user, room):
    """The room's messages from the database, oldest first."""
    events, start = [], ""
    while True:
        answer = held(
            await user.client.room_messages(room, start, limit=100), RoomMessagesResponse, "history"
        )
        events += [event.event_id for event in answer.chunk]
        if not answer.end or not answer.chunk:
            return events[::-1]
        start = answer.end


async def main():
    users = [User(number) for number in range(USERS)]
    try:
        for user in users:
            await user.enter()
        created = await users[0].client.room_create(name="Moving")
        room = held(created, RoomCreateResponse, "create").room_id
        for user in users[1:]:
            held(await users[0].client.room_invite(room, user.id), object, "invite")
            held(await user.client.join(room), JoinResponse, "join")
        for user in users:
            await user.poll(room)
        print("held: everybody is there", flush=True)
        last = {}

        def is_complete(user):
            return lambda: len(last) == USERS and set(last.values()) <= set(user.seen)

        async def talk(user):
            await user.talk(room)
            end = await user.client.room_send(
                room, "m.room.message", {"msgtype": "m.text", "body": "end"})
            last[user.id] = held(end, RoomSendResponse, "end").event_id

        tasks = [talk(user) for user in users]
        tasks += [user.follow(room, is_complete(user)) for user in users]
        await asyncio.wait_for(asyncio.gather(*tasks), LIMIT)
        everything = await history(users[0], room)
        for user in users:
            if len(user.seen) != len(set(user.seen)):
                twice = {event for event in user.seen if user.seen.count(event) > 1}
                raise Failed(f"{user.name} saw twice: {sorted(twice)[:5]}")
            expected = everything[everything.index(user.seen[0]) :]
            missing = set(expected) - set(user.seen)
            if missing:
                raise Failed(f"{user.name} lost {len(missing)}: {sorted(missing)[:5]}")
            if user.seen != expected:
                raise Failed(f"{user.name} saw another order")
        if len(everything) < USERS * MESSAGES:
            raise Failed(f"only {len(everything)} events")
        polls = sum(user.polls for user in users)
        print(f"held: nothing lost, nothing twice in {polls} polls", flush=True)
    finally:
        for user in users:
            await user.client.close()


try:
    asyncio.run(main())
except (Failed, asyncio.TimeoutError) as error:
    print("failed:", repr(error))
    sys.exit(1)
