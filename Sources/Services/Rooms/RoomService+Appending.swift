import JSON
import Matrix
import Reactor
import Storage

extension RoomService {
    /// Adds one event to a room. Returns its id once it is committed; for a repeated transaction, and for
    /// state that is there already, the id of the earlier event.
    func append(
        _ proposal: EventProposal, to room: Room, on loop: isolated EventLoop
    ) async throws -> String {
        try await rooms.exclusively(room.roomID.text, on: loop) { room in
            let roomID = room.roomID.text
            if let transaction = proposal.sender.transaction {
                let known = try await EventTransactions.eventID(
                    of: transaction, roomID: roomID, in: pool, on: loop)
                if let known { return known }
            }
            let draft = RoomDraft(room)
            if let known = try await duplicate(of: proposal, in: draft, on: loop) { return known }
            let event = try await add(proposal, to: draft, on: loop)
            try await commit(draft, on: loop)
            return event.eventID.text
        }
    }

    /// The state event that says what the proposal says, by the same sender.
    private func duplicate(
        of proposal: EventProposal, in draft: RoomDraft, on loop: isolated EventLoop
    ) async throws -> String? {
        guard let stateKey = proposal.stateKey,
            let entry = draft.entry(StateKey(proposal.type, stateKey)),
            let event = try await cache.events([entry.eventID], on: loop)[entry.eventID],
            event.sender.text == proposal.sender.userID, event.content == proposal.content
        else { return nil }
        return entry.eventID
    }

    /// Makes an event of a proposal, checks it against the auth rules and adds it to a draft.
    func add(
        _ proposal: EventProposal, to draft: RoomDraft, on loop: isolated EventLoop
    ) async throws -> Event {
        let room = draft.room
        guard let sender = UserID(proposal.sender.userID) else {
            throw MatrixError.forbidden("The sender is not a user")
        }
        var builder = EventBuilder(
            version: room.version, roomID: room.roomID, type: proposal.type,
            stateKey: proposal.stateKey, sender: sender, content: proposal.content,
            redacts: proposal.redacts)
        builder.originServerTimestamp = clock.now
        builder.previousEventIDs = draft.extremities.map { EventID(trusted: $0.eventID) }
        builder.depth = (draft.extremities.map(\.depth).max() ?? 0) + 1
        if let place = proposal.stateKey.map({ StateKey(proposal.type, $0) }),
            let replaced = try await event(at: place, of: draft, on: loop)
        {
            builder.unsigned = [
                "replaces_state": replaced.eventID.json,
                "prev_content": .object(replaced.content),
                "prev_sender": replaced.sender.json,
            ]
        }
        let state = try await decidingState(for: builder, in: draft, on: loop)
        let authEvents = AuthRules.authEventPlaces(for: builder).compactMap { state[$0] }
        builder.authEventIDs = authEvents.map(\.eventID).sorted()
        if room.version.referencesHaveHashes {
            let names = draft.extremities.map(\.eventID)
            for event in try await events(names, of: draft, on: loop) + authEvents {
                builder.referenceHashes[event.eventID] = event.referenceHash
            }
        }
        let event = try build(builder)
        try await admit(event, proposal, against: state, to: draft, on: loop)
        return event
    }

    /// Checks an event against the auth rules and adds it to a draft.
    func admit(
        _ event: Event, _ proposal: EventProposal, against state: StateMap<Event>,
        to draft: RoomDraft, on loop: isolated EventLoop
    ) async throws {
        try authorise(event, against: state)
        let group = draft.needsGroup(event) ? try await nextGroup(on: loop) : nil
        draft.append(event, facts: { describe(event, proposal, in: &$0) }, group: group)
    }

    func build(_ builder: EventBuilder) throws -> Event {
        do throws(EventError) {
            return try builder.build(
                signingWith: settings.signingKey,
                as: ServerName(trusted: settings.serverName))
        } catch {
            if case .tooLarge = error {
                throw MatrixError(413, "M_TOO_LARGE", "event too large")
            }
            throw MatrixError.badJSON(error.description)
        }
    }

    private func nextGroup(on loop: isolated EventLoop) async throws -> Int64 {
        let ids = try await groupIDs.next(1, from: pool, on: loop)
        groupIDs.finish(ids, on: loop)
        return ids[0]
    }

    /// What the tables need to know of an event besides the event itself.
    private func describe(
        _ event: Event, _ proposal: EventProposal, in new: inout NewEvent
    ) {
        var metadata = JSON.Object()
        metadata["txn_id"] = proposal.sender.transactionID.map { .string($0) }
        metadata["device_id"] = proposal.sender.deviceID.map { .string($0) }
        metadata["token_id"] = proposal.sender.tokenID.map { .integer($0) }
        new.internalMetadata = String(decoding: JSON.object(metadata).bytes, as: UTF8.self)
        new.transaction = proposal.sender.transaction
        if let membership = event.membership, let userID = event.stateKey {
            new.membership = NewEvent.Membership(
                userID: userID, membership: membership.rawValue,
                displayName: event.content["displayname"]?.stringValue,
                avatarURL: event.content["avatar_url"]?.stringValue, isLocal: isLocal(userID))
        }
        if let relation = EventRelation(event.content) {
            new.relation = NewEvent.Relation(
                eventID: relation.eventID.text, type: relation.type, key: relation.key)
        }
    }

    /// Stores a draft's events and makes them the room's. After a failure the room is read again.
    func commit(_ draft: RoomDraft, on loop: isolated EventLoop) async throws {
        do {
            _ = try await persister.persist(draft.submission, on: loop)
        } catch {
            rooms.forget(draft.room.roomID.text)
            throw error
        }
        draft.apply()
        for event in draft.events {
            cache.insert(event)
            if let redacted = event.redacts { cache.forget(redacted.text) }
        }
    }

    /// The event that holds a piece of a draft's state.
    func event(
        at place: StateKey, of draft: RoomDraft, on loop: isolated EventLoop
    ) async throws -> Event? {
        guard let eventID = draft.entry(place)?.eventID else { return nil }
        return try await events([eventID], of: draft, on: loop).first
    }

    /// Events of a draft or of the room below it.
    private func events(
        _ names: [String], of draft: RoomDraft, on loop: isolated EventLoop
    ) async throws -> [Event] {
        let stored = names.filter { draft.event($0) == nil }
        let found = stored.isEmpty ? [:] : try await cache.events(stored, on: loop)
        return names.compactMap { draft.event($0) ?? found[$0] }
    }
}
