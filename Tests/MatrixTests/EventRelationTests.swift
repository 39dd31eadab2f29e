import JSON
import Matrix
import Testing

@Suite struct EventRelations {
    private let room = RoomFixture(version: .v11)

    private func relation(_ relation: JSON) -> EventRelation? {
        EventRelation(["m.relates_to": relation])
    }

    @Test func kinds() {
        let reaction = relation(["rel_type": "m.annotation", "event_id": "$e", "key": "👍"])
        #expect(reaction?.kind == .annotation(key: "👍"))
        #expect(reaction?.key == "👍")
        #expect(reaction?.eventID == "$e")
        #expect(relation(["rel_type": "m.replace", "event_id": "$e"])?.kind == .replacement)
        #expect(relation(["rel_type": "m.reference", "event_id": "$e"])?.kind == .reference)
        #expect(relation(["rel_type": "x.y", "event_id": "$e"])?.type == "x.y")
    }

    @Test func threadsAndReplies() {
        var thread: JSON = ["rel_type": "m.thread", "event_id": "$root"]
        #expect(relation(thread)?.kind == .thread)
        #expect(relation(thread)?.inReplyTo == nil)
        thread["is_falling_back"] = true
        #expect(relation(thread)?.isFallingBack == false)
        thread["m.in_reply_to"] = ["event_id": "$last"]
        #expect(relation(thread)?.inReplyTo == "$last")
        #expect(relation(thread)?.isFallingBack == true)
        thread["is_falling_back"] = nil
        #expect(relation(thread)?.isFallingBack == false)
        let reply: JSON = ["m.in_reply_to": ["event_id": "$e"]]
        #expect(relation(reply) == nil)
        #expect(EventRelation.reply(in: ["m.relates_to": reply]) == "$e")
        #expect(
            EventRelation.canBeThreadRoot(
                room.event("m.x", sender: "@u:a", ["m.relates_to": reply])))
        #expect(
            !EventRelation.canBeThreadRoot(
                room.event("m.x", sender: "@u:a", ["m.relates_to": thread])))
    }

    @Test(
        arguments: [
            .null, [], "x", [:], ["rel_type": "m.replace"], ["event_id": "$e"],
            ["rel_type": 1, "event_id": "$e"], ["rel_type": "m.replace", "event_id": "e"],
            ["rel_type": "m.annotation", "event_id": "$e"],
            ["rel_type": "m.annotation", "event_id": "$e", "key": 1],
        ] as [JSON])
    func malformedRelationsAreNone(json: JSON) {
        #expect(relation(json) == nil)
    }

    @Test func whoMayReplaceWhat() {
        let original = room.event("m.room.message", sender: "@u:a", ["body": "x"])
        func edit(
            _ type: String = "m.room.message", key: String? = nil, sender: UserID = "@u:a",
            of original: Event = original, content: JSON? = ["body": "y"]
        ) -> Bool {
            var all: JSON.Object = [
                "m.relates_to": ["rel_type": "m.replace", "event_id": original.eventID.json]
            ]
            all["m.new_content"] = content
            return EventRelation.isValidReplacement(
                room.event(type, key: key, sender: sender, all), of: original)
        }
        #expect(edit())
        #expect(!edit("m.room.other"))
        #expect(!edit(sender: "@v:a"))
        #expect(!edit(key: ""))
        #expect(!edit(content: nil))
        #expect(!edit(content: "y"))
        let edited = room.event(
            "m.room.message", sender: "@u:a",
            ["m.relates_to": ["rel_type": "m.replace", "event_id": "$e"]])
        #expect(!edit(of: edited))
        #expect(!edit(of: room.event("m.room.message", key: "", sender: "@u:a")))
        let encrypted = room.event("m.room.encrypted", sender: "@u:a")
        #expect(edit("m.room.encrypted", of: encrypted, content: nil))
        let other = room.event("m.room.message", sender: "@u:a", ["body": "other"])
        #expect(
            !EventRelation.isValidReplacement(
                room.event(
                    "m.room.message", sender: "@u:a",
                    [
                        "m.new_content": [:],
                        "m.relates_to": ["rel_type": "m.replace", "event_id": "$e"],
                    ]), of: other))
    }
}
