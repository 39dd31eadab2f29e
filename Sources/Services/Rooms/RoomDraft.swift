import JSON
import Matrix
import Storage

/// Events about to be added to a room, and the room as it will be. Used by whoever holds the room's lock.
final class RoomDraft {
    let room: Room
    private(set) var events: [Event] = []
    private(set) var submission = EventPersister.Submission(events: [], groups: [])
    private(set) var extremities: [(eventID: String, depth: Int64)]
    private(set) var stateGroup: Int64?
    private(set) var hops: Int64
    private var changes: StateMap<Room.Entry> = [:]

    init(_ room: Room) {
        self.room = room
        extremities = room.extremities
        stateGroup = room.stateGroup
        hops = room.hops
    }

    /// What holds a piece of the state, the draft's events included.
    func entry(_ key: StateKey) -> Room.Entry? {
        changes[key] ?? room.pending.state[key] ?? room.state[key]
    }

    /// The event among those of the draft and those of the room that are not stored yet.
    func event(_ eventID: String) -> Event? {
        events.first { $0.eventID.text == eventID } ?? room.pending.events[eventID]?.event
    }

    /// Whether the next event needs a state group of its own.
    func needsGroup(_ event: Event) -> Bool { event.isState || stateGroup == nil }

    /// Adds an event that passed the auth rules. `group` is a fresh number, if it needs one.
    func append(_ event: Event, facts: (inout NewEvent) -> Void, group: Int64?) {
        let replaced = event.statePlace.flatMap { entry($0) }
        if let place = event.statePlace {
            changes[place] = Room.Entry(
                eventID: event.eventID.text, membership: event.membership)
        }
        if let group { start(group, at: event) }
        var new = NewEvent(
            eventID: event.eventID.text, roomID: event.roomID.text, type: event.type,
            stateKey: event.stateKey, sender: event.sender.text, depth: event.depth,
            originServerTimestamp: event.originServerTimestamp,
            receivedTimestamp: event.originServerTimestamp,
            containsURL: event.content["url"]?.stringValue != nil,
            json: String(decoding: JSON.object(event.json).bytes, as: UTF8.self),
            internalMetadata: "{}", formatVersion: event.version.formatNumber,
            previousEventIDs: event.previousEventIDs.map(\.text),
            authEventIDs: event.authEventIDs.map(\.text), stateGroup: stateGroup ?? 0)
        new.replacesEventID = replaced?.eventID
        new.redacts = event.redacts?.text
        facts(&new)
        new.membership?.wasJoined = replaced?.membership == .join
        submission.events.append(new)
        events.append(event)
        extremities = [(event.eventID.text, event.depth)]
    }

    /// Notes who is notified of an event.
    func setPush(_ push: NewEvent.Push?, at index: Int) { submission.events[index].push = push }

    /// Starts a state group: a change to the one before, or all of the state every so often.
    private func start(_ group: Int64, at event: Event) {
        let previous = hops + 1 < StateGroups.hopsMax && event.isState ? stateGroup : nil
        var entries: [NewStateGroup.Entry] = []
        if previous != nil, let place = event.statePlace {
            entries = [
                NewStateGroup.Entry(
                    type: place.type, stateKey: place.key, eventID: event.eventID.text)
            ]
        } else {
            let state = room.state.merging(room.pending.state) { $1 }
            for (place, entry) in state.merging(changes, uniquingKeysWith: { $1 }) {
                entries.append(
                    NewStateGroup.Entry(
                        type: place.type, stateKey: place.key, eventID: entry.eventID))
            }
        }
        submission.groups.append(
            NewStateGroup(
                id: group, roomID: event.roomID.text, eventID: event.eventID.text,
                previous: previous, entries: entries))
        hops = previous == nil ? 0 : hops + 1
        stateGroup = group
    }

    /// Makes the next draft follow this one, whose events are on their way to the database.
    func advance(_ ticket: EventPersister.Ticket) {
        room.extremities = extremities
        room.stateGroup = stateGroup
        room.hops = hops
        room.pending.state.merge(changes) { $1 }
        for event in events { room.pending.events[event.eventID.text] = (event, ticket) }
        for new in submission.events {
            guard let transaction = new.transaction else { continue }
            room.pending.transactions[transaction] = (new.eventID, ticket)
        }
    }

    /// Makes the draft's state the room's, once the events are stored.
    func apply() {
        for (place, entry) in changes {
            room.state[place] = entry
            if room.pending.state[place]?.eventID == entry.eventID {
                room.pending.state[place] = nil
            }
        }
        for event in events { room.pending.events[event.eventID.text] = nil }
        for transaction in submission.events.compactMap(\.transaction) {
            room.pending.transactions[transaction] = nil
        }
    }
}

extension RoomVersion {
    /// The number that the tables give an event format.
    var formatNumber: Int64 {
        switch eventIDFormat {
        case .chosen: 1
        case .hash: 2
        case .urlSafeHash: roomIDIsHash ? 4 : 3
        }
    }
}
