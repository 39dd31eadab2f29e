import JSON
import Storage

/// Writes the answer.
extension SlidingSync {
    func write(_ extensions: Extensions) -> [UInt8] {
        var body = Array(",\"lists\":{".utf8)
        for (index, name) in lists.keys.sorted().enumerated() {
            if index > 0 { body.append(UInt8(ascii: ",")) }
            write(list: name, to: &body)
        }
        body.append(contentsOf: Array("},\"rooms\":{".utf8))
        let time = engine.clock.now
        var isFirst = true
        for (roomID, section) in sections.sorted(by: { $0.key < $1.key }) {
            if !isFirst { body.append(UInt8(ascii: ",")) }
            isFirst = false
            body.appendJSONString(roomID)
            body.append(UInt8(ascii: ":"))
            write(section, time, to: &body)
        }
        body.append(contentsOf: Array("},\"extensions\":{".utf8))
        write(extensions, to: &body)
        body.append(contentsOf: Array("}}".utf8))
        return body
    }

    /// The whole answer: a position and what ``write(_:)`` gave.
    static func body(position: String, _ rest: [UInt8]) -> [UInt8] {
        var body = Array("{\"pos\":".utf8)
        body.appendJSONString(position)
        return body + rest
    }

    private func write(list name: String, to body: inout [UInt8]) {
        let ids = lists[name] ?? []
        var operations: [JSON] = []
        for range in asked.lists[name]?.ranges ?? [] {
            let window = ids.dropFirst(range.lowerBound).prefix(range.count)
            operations.append([
                "op": "SYNC",
                "range": [
                    .integer(Int64(range.lowerBound)), .integer(Int64(range.upperBound)),
                ],
                "room_ids": .array(window.map { .string($0) }),
            ])
        }
        body.appendJSONString(name)
        body.append(UInt8(ascii: ":"))
        JSON(["count": .integer(Int64(ids.count)), "ops": .array(operations)]).write(to: &body)
    }

    // MARK: Rooms

    private func write(_ section: Section, _ time: Int64, to body: inout [UInt8]) {
        let target = section.target
        var head: JSON.Object = [
            "bump_stamp": .integer(target.room.rank), "is_dm": .bool(target.room.isDirect),
            "notification_count": 0, "highlight_count": 0,
        ]
        let isNew = target.since == nil
        if isNew { head["initial"] = true }
        let isInside = section.planned.kind == .joined || section.planned.kind == .left
        if isInside {
            addInside(section, to: &head)
        } else {
            // Who is only asked in learns no more than the stripped state.
            let events = section.stripped.compactMap(SyncEventText.renderStripped)
                .compactMap { try? JSON(parsing: $0) }
            head["invite_state"] = .array(events)
            head["stripped_state"] = .array(events)
        }
        var text = JSON.object(head).bytes
        guard isInside else { return body.append(contentsOf: text) }
        text.removeLast()
        text.append(contentsOf: Array(",\"required_state\":[".utf8))
        RoomSection.append(
            section.state.compactMap { SyncEventText.render($0, now: time) }, to: &text)
        text.append(contentsOf: Array("],\"timeline\":[".utf8))
        RoomSection.append(
            section.planned.events.compactMap { render($0, time) }, to: &text)
        text.append(contentsOf: Array("]}".utf8))
        body.append(contentsOf: text)
    }

    private func addInside(_ section: Section, to head: inout JSON.Object) {
        let target = section.target
        let facts = target.room.facts
        let room = section.planned
        if target.since == nil || section.state.contains(where: { $0.type == "m.room.name" }) {
            head["name"] = facts.name.map { .string($0) }
        }
        if target.since == nil || section.state.contains(where: { $0.type == "m.room.avatar" }) {
            head["avatar"] = facts.avatar.map { .string($0) }
        }
        if target.isExpanded { head["unstable_expanded_timeline"] = true }
        head["limited"] = .bool(room.isLimited)
        let first = room.events.first.map {
            RoomSection.previousBatch(
                topological: $0.topologicalOrdering, stream: $0.streamOrdering)
        }
        head["prev_batch"] = .string(first ?? RoomSection.previousBatch(at: room.window.upTo))
        let live = known.map { state in
            room.events.count { $0.streamOrdering > state.token.room }
        }
        head["num_live"] = .integer(Int64(live ?? 0))
        if let summary = section.summary {
            head["joined_count"] = .integer(summary.joined)
            head["invited_count"] = .integer(summary.invited)
        }
        if !section.heroes.isEmpty { head["heroes"] = .array(section.heroes.map(Self.hero)) }
    }

    private static func hero(_ event: SyncEvent) -> JSON {
        var hero: JSON = ["user_id": .string(event.stateKey ?? "")]
        // Broken: it has no name then.
        let content = (try? JSON(parsing: event.json))?["content"]
        if let name = content?["displayname"], name.stringValue != nil {
            hero["displayname"] = name
        }
        if let avatar = content?["avatar_url"], avatar.stringValue != nil {
            hero["avatar_url"] = avatar
        }
        return hero
    }

    private func render(_ event: SyncEvent, _ time: Int64) -> [UInt8]? {
        SyncEventText.render(
            event, now: time, relations: relations[event.eventID], for: request)
    }

    // MARK: Extensions

    private func write(_ extensions: Extensions, to body: inout [UInt8]) {
        var parts: [[UInt8]] = []
        if let toDevice = extensions.toDevice {
            var part = Array("\"to_device\":{\"next_batch\":\"\(toDevice.nextBatch)\"".utf8)
            part.append(contentsOf: Array(",\"events\":[".utf8))
            RoomSection.append(toDevice.messages, to: &part)
            part.append(contentsOf: Array("]}".utf8))
            parts.append(part)
        }
        if let lists = extensions.deviceLists {
            var part = Array("\"e2ee\":{\"device_lists\":".utf8)
            let names: (Set<String>) -> JSON = { .array($0.sorted().map { .string($0) }) }
            JSON(["changed": names(lists.changed), "left": names(lists.left)]).write(to: &part)
            if let keys = extensions.keys { part.append(contentsOf: keys.members) }
            part.append(UInt8(ascii: "}"))
            parts.append(part)
        }
        if let global = extensions.globalData {
            var part = Array("\"account_data\":{\"global\":[".utf8)
            RoomSection.append(global, to: &part)
            part.append(contentsOf: Array("],\"rooms\":{".utf8))
            let rooms = extensions.roomData.mapValues { texts in
                var array = [UInt8(ascii: "[")]
                RoomSection.append(texts, to: &array)
                array.append(UInt8(ascii: "]"))
                return array
            }
            Self.write(rooms, to: &part)
            part.append(contentsOf: Array("}}".utf8))
            parts.append(part)
        }
        for (name, rooms) in [("receipts", extensions.receipts), ("typing", extensions.typing)] {
            guard let rooms else { continue }
            var part = Array("\"\(name)\":{\"rooms\":{".utf8)
            Self.write(rooms, to: &part)
            part.append(contentsOf: Array("}}".utf8))
            parts.append(part)
        }
        RoomSection.append(parts, to: &body)
    }

    private static func write(_ rooms: [String: [UInt8]], to output: inout [UInt8]) {
        for (index, entry) in rooms.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            output.appendJSONString(entry.key)
            output.append(UInt8(ascii: ":"))
            output.append(contentsOf: entry.value)
        }
    }
}
