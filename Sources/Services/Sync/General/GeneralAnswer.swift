import JSON
import Matrix
import Storage

/// Writes what a ``GeneralSync`` found.
struct GeneralAnswer {
    let sync: GeneralSync
    /// What the answer tells beside rooms.
    let rest: AnswerFrame.Rest

    private var request: SyncRequest { sync.request }

    /// The body, or nil when there is nothing to tell and `evenIfEmpty` is false.
    func write(nextBatch: StreamToken, evenIfEmpty: Bool, time: Int64) -> [UInt8]? {
        var rest = rest
        var output = AnswerFrame.head(nextBatch: nextBatch)
        var hasJoined = false
        for room in sync.rooms {
            switch room.kind {
            case .joined:
                let section = section(for: room, time: time)
                let isForced = request.fullState || !room.isKnown
                guard isForced || !section.isEmpty else { continue }
                if hasJoined { output.append(UInt8(ascii: ",")) }
                hasJoined = true
                section.append(to: &output)
            case .left:
                var bytes: [UInt8] = []
                section(for: room, time: time).append(to: &bytes, isLeft: true)
                rest.left.append(bytes)
            case .invited: rest.invited.append(pending(room, "invite_state"))
            case .knocked: rest.knocked.append(pending(room, "knock_state"))
            }
        }
        guard hasJoined || evenIfEmpty || !rest.isEmpty else { return nil }
        output.append(contentsOf: AnswerFrame.tail(rest))
        return output
    }

    private func section(for room: PlannedRoom, time: Int64) -> RoomSection {
        var section = RoomSection(roomID: room.roomID)
        section.isLimited = room.isLimited
        section.previousBatch =
            room.events.first.map {
                RoomSection.previousBatch(
                    topological: $0.topologicalOrdering, stream: $0.streamOrdering)
            } ?? RoomSection.previousBatch(at: room.window.upTo)
        section.timeline = room.events.compactMap { text(of: $0, time: time) }
        section.state = room.state.compactMap { text(of: $0, time: time) }
        section.accountData = room.accountData
        if let typing = room.typing { section.ephemeral.append(Ephemera.typing(typing)) }
        if let receipts = Ephemera.receipts(room.receipts) { section.ephemeral.append(receipts) }
        section.summary = room.summary
        section.unread = UnreadText(
            room.unread, showsThreads: request.filter.showsUnreadThreads)
        section.stateName = request.stateKind.rawValue
        let limit = request.filter.filter.room.ephemeral.limit
        section.ephemeral = SyncFilter.limited(section.ephemeral, to: limit)
        return section
    }

    private func text(of event: SyncEvent, time: Int64) -> [UInt8]? {
        let relations = sync.relations[event.eventID]
        if request.filter.filter.format == .federation {
            let json = SyncEventText.federated(event, now: time)
            return json.map { bytes(of: $0) }
        }
        let text = SyncEventText.render(
            event, now: time, relations: relations, for: request)
        guard let text else { return nil }
        guard request.filter.fields != nil, let json = try? JSON(parsing: text).objectValue
        else { return text }
        return self.bytes(of: json)
    }

    /// The text of an event with the fields that the filter keeps.
    private func bytes(of json: JSON.Object) -> [UInt8] {
        JSON.object(request.filter.fields?.apply(json) ?? json).bytes
    }

    /// `"!room":{"invite_state":{"events":[…]}}`
    private func pending(_ room: PlannedRoom, _ name: String) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendJSONString(room.roomID)
        bytes.append(contentsOf: Array(":{\"\(name)\":{\"events\":[".utf8))
        let events = sync.stripped[room.roomID] ?? []
        RoomSection.append(events.compactMap(SyncEventText.renderStripped), to: &bytes)
        bytes.append(contentsOf: Array("]}}".utf8))
        return bytes
    }
}

extension RoomSection.Summary {
    /// What the summary says to one member: the first five others.
    init(_ summary: SyncRoomState.Summary, for userID: String) {
        let others = summary.first.filter { $0 != userID }
        // If nobody else is there, the room is named after those who were.
        heroes = Array((others.isEmpty ? summary.gone : others).filter { $0 != userID }.prefix(5))
        joined = summary.joined
        invited = summary.invited
    }
}
