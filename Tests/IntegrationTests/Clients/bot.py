"""A bot of simplematrixbotlib serves a user of matrix-nio.

usage: bot.py SERVER_URL SERVER_NAME FOLDER

The bot logs in, accepts an invitation, answers commands, and reacts to messages and to reactions. Prints a line
per step that held and exits 0, or says what did not and exits 1.
"""

import asyncio
import sys

import simplematrixbotlib as botlib
from nio import (
    AsyncClient,
    ReactionEvent,
    RegisterResponse,
    RoomCreateResponse,
    RoomMessageText,
    RoomSendResponse,
    SyncResponse,
)

URL, SERVER, FOLDER = sys.argv[1:4]
STEP_SECONDS = 60


class Failed(Exception):
    pass


def held(response, kind, step):
    if not isinstance(response, kind):
        raise Failed(f"{step}: {response}")
    print("held:", step, flush=True)
    return response


def make_bot():
    creds = botlib.Creds(URL, "bot", "secret", session_stored_file=f"{FOLDER}/session.txt")
    config = botlib.Config()
    config.encryption_enabled = False
    config.store_path = f"{FOLDER}/bot-store/"
    bot = botlib.Bot(creds, config)

    @bot.listener.on_message_event
    async def answer(room, message):
        match = botlib.MessageMatch(room, message, bot, "!")
        if match.is_not_from_this_bot() and match.prefix() and match.command("echo"):
            await bot.api.send_text_message(room.room_id, " ".join(match.args()))
            await bot.api.send_reaction(room.room_id, message, "👍")

    @bot.listener.on_reaction_event
    async def thank(room, event, key):
        if event.sender != bot.async_client.user_id:
            await bot.api.send_text_message(room.room_id, f"thanks for {key}")

    return bot


class Person:
    def __init__(self):
        self.client = AsyncClient(URL, f"@person:{SERVER}")
        self.seen = []

    async def until(self, step, found):
        """Syncs until an event that is looked for has come."""
        async def look():
            while True:
                for event in self.seen:
                    if found(event):
                        return event
                answer = held(await self.client.sync(timeout=10000), SyncResponse, "sync")
                for room in answer.rooms.join.values():
                    self.seen += room.timeline.events

        event = await asyncio.wait_for(look(), STEP_SECONDS)
        print("held:", step, flush=True)
        return event


async def talk(person):
    client = person.client
    registered = await client.register("person", "secret", "phone")
    held(registered, RegisterResponse, "the person registers")
    created = held(
        await client.room_create(invite=[f"@bot:{SERVER}"]), RoomCreateResponse, "a room is made"
    )
    room = created.room_id
    await person.until(
        "the bot joins",
        lambda event: event.source["type"] == "m.room.member"
        and event.source["state_key"] == f"@bot:{SERVER}"
        and event.source["content"]["membership"] == "join",
    )
    sent = held(
        await client.room_send(
            room, "m.room.message", {"msgtype": "m.text", "body": "!echo hello there"}
        ),
        RoomSendResponse,
        "a command is sent",
    )
    answer = await person.until(
        "the bot answers",
        lambda event: isinstance(event, RoomMessageText)
        and event.sender == f"@bot:{SERVER}"
        and event.body == "hello there",
    )
    await person.until(
        "the bot reacts",
        lambda event: isinstance(event, ReactionEvent)
        and event.reacts_to == sent.event_id
        and event.key == "👍",
    )
    relation = {"rel_type": "m.annotation", "event_id": answer.event_id, "key": "🎉"}
    held(
        await client.room_send(room, "m.reaction", {"m.relates_to": relation}),
        RoomSendResponse,
        "the person reacts",
    )
    await person.until(
        "the bot has seen the reaction",
        lambda event: isinstance(event, RoomMessageText) and event.body == "thanks for 🎉",
    )


async def main():
    registering = AsyncClient(URL, f"@bot:{SERVER}")
    held(await registering.register("bot", "secret"), RegisterResponse, "the bot registers")
    await registering.close()
    running = asyncio.create_task(make_bot().main())
    person = Person()
    talking = asyncio.create_task(talk(person))
    try:
        # A bot that fails must not be waited for.
        done, _ = await asyncio.wait({running, talking}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        if talking not in done:
            raise Failed("the bot has ended")
        print("all held")
    finally:
        for task in (running, talking):
            task.cancel()
        await person.client.close()


try:
    asyncio.run(main())
except (Failed, asyncio.TimeoutError) as failure:
    print("failed:", repr(failure))
    sys.exit(1)
