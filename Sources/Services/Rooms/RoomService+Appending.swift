import JSON
import Matrix
import Postgres
import Reactor
import Storage

extension RoomService {
    /// How often an event is made anew because what it followed could not be stored.
    private static let attemptsMax = 5

    private static let cannotBeWrittenTo = MatrixError(
        503, "M_UNKNOWN", "The room could not be written to; try again")

    private enum Step {
        /// The event that was asked for is there already.
        case known(String)
        /// It is being stored already.
        case coming(String, EventPersister.Ticket)
        case added(String, EventPersister.Ticket)
    }

    /// Adds one event to a room. Returns its id once it is committed; for a repeated transaction, and for
    /// state that is there already, the id of the earlier event.
    ///
    /// While it is being stored others add theirs behind it, so that the senders of one room share commits.
    func append(
        _ proposal: EventProposal, to room: Room, on loop: isolated EventLoop
    ) async throws -> String {
        let roomID = room.roomID.text
        // Asked before the room is locked: others need not wait for the answer.
        if let known = try await earlier(proposal.sender.transaction, in: roomID, on: loop) {
            return known
        }
        var attempt = 1
        while true {
            do {
                let step = try await rooms.exclusively(roomID, on: loop) { room in
                    try await add(proposal, to: room, on: loop)
                }
                switch step {
                case .known(let eventID): return eventID
                case .coming(let eventID, let ticket):
                    // If it does not come, it is this request's to make.
                    if (try? await ticket.positions(on: loop)) != nil { return eventID }
                    throw EventPersister.Orphaned()
                case .added(let eventID, let ticket):
                    _ = try await ticket.positions(on: loop)
                    return eventID
                }
            } catch is EventPersister.Orphaned where attempt < Self.attemptsMax {
                attempt += 1
            } catch is EventPersister.Orphaned {
                throw Self.cannotBeWrittenTo
            } catch let error as PostgresError where error.isUniqueViolation {
                // A request like this one was stored after it was looked for.
                let stored = try await earlier(proposal.sender.transaction, in: roomID, on: loop)
                guard let stored else { throw error }
                return stored
            }
        }
    }

    /// The event that a client's transaction made before.
    private func earlier(
        _ transaction: NewEvent.Transaction?, in roomID: String, on loop: isolated EventLoop
    ) async throws -> String? {
        guard let transaction else { return nil }
        if let known = transactions.eventID(of: transaction, in: roomID) { return known }
        return try await EventTransactions.eventID(
            of: transaction, roomID: roomID, in: pool, on: loop)
    }

    /// Adds an event behind what is in a room and sends it on its way to the database. For the holder of the
    /// room's lock.
    private func add(
        _ proposal: EventProposal, to room: Room, on loop: isolated EventLoop
    ) async throws -> Step {
        if let transaction = proposal.sender.transaction {
            if let (eventID, ticket) = room.pending.transactions[transaction] {
                return .coming(eventID, ticket)
            }
            if let known = transactions.eventID(of: transaction, in: room.roomID.text) {
                return .known(known)
            }
        }
        let draft = RoomDraft(room)
        if let known = try await duplicate(of: proposal, in: draft, on: loop) {
            return room.pending.events[known].map { .coming(known, $0.ticket) } ?? .known(known)
        }
        let event = try await add(proposal, to: draft, on: loop)
        return .added(event.eventID.text, try await submit(draft, on: loop))
    }

    /// The state event that says what the proposal says, by the same sender.
    private func duplicate(
        of proposal: EventProposal, in draft: RoomDraft, on loop: isolated EventLoop
    ) async throws -> String? {
        guard let stateKey = proposal.stateKey,
            let entry = draft.entry(StateKey(proposal.type, stateKey)),
            let event = try await events([entry.eventID], of: draft, on: loop).first,
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
            let ticket = try await submit(draft, on: loop)
            _ = try await ticket.positions(on: loop)
        } catch is EventPersister.Orphaned {
            throw Self.cannotBeWrittenTo
        }
    }

    /// Sends a draft's events on their way to the database, after which they become the room's. Throws
    /// ``EventPersister/Orphaned`` if what the draft was made of was given up meanwhile.
    private func submit(
        _ draft: RoomDraft, on loop: isolated EventLoop
    ) async throws -> EventPersister.Ticket {
        let preparation = try await preparePush(draft, on: loop)
        if draft.room.isStale { throw EventPersister.Orphaned() }
        addPush(draft, preparation)
        let (cache, transactions) = (cache, transactions)
        let ticket = persister.submit(draft.submission, on: loop) {
            draft.apply()
            for new in draft.submission.events {
                guard let transaction = new.transaction else { continue }
                transactions.insert(transaction, in: new.roomID, eventID: new.eventID)
            }
            for event in draft.events {
                cache.insert(event)
                if let redacted = event.redacts { cache.forget(redacted.text) }
            }
        }
        draft.advance(ticket)
        return ticket
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
