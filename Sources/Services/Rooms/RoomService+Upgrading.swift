public import JSON
import Matrix
public import Reactor
import Storage

/// What a room is to be replaced with.
private struct UpgradeTarget {
    let version: RoomVersion
    var additionalCreators: [UserID] = []

    /// Reads the body of the request.
    init(_ request: JSON) throws(MatrixError) {
        guard let value = request["new_version"], !value.isNull else {
            throw .missingParameter("new_version")
        }
        guard let text = value.stringValue else { throw .badJSON("new_version must be a string") }
        guard let version = RoomVersion(rawValue: text), RoomVersion.supported.contains(version)
        else {
            throw MatrixError(
                400, "M_UNSUPPORTED_ROOM_VERSION",
                "Your homeserver does not support the room version \(text)")
        }
        self.version = version
        guard version.creatorsOutrankAll, let creators = request["additional_creators"],
            !creators.isNull
        else { return }
        for creator in creators.arrayValue ?? [JSON.null] {
            guard let user = creator.stringValue.flatMap({ UserID($0) }) else {
                throw .invalidParameter("additional_creators must be a list of user ids")
            }
            additionalCreators.append(user)
        }
    }
}

extension RoomService {
    /// The state that is copied to the room that replaces another, beside its power levels.
    private static let transferred = [
        EventType.serverACL, EventType.encryption, EventType.name, EventType.avatar,
        EventType.topic, EventType.guestAccess, EventType.historyVisibility, EventType.joinRules,
        EventType.canonicalAlias,
    ]

    /// Replaces a room with one of another version. Returns the new room's id.
    ///
    /// Specification: client-server API, "Room Upgrades".
    public func upgrade(
        _ roomID: String, _ request: JSON, sender: EventSender, on loop: isolated EventLoop
    ) async throws -> String {
        let target = try UpgradeTarget(request)
        _ = try await joinedRoom(roomID, userID: sender.userID, on: loop)
        let replacement = try await rooms.exclusively(roomID, on: loop) { room in
            guard room.membership(of: sender.userID) == .join else {
                throw MatrixError.forbidden("User \(sender.userID) not in room \(roomID)")
            }
            try await requirePower(
                .state(EventType.tombstone), of: sender.userID, in: room, on: loop)
            return try await replace(room, with: target, sender: sender, on: loop)
        }
        if try await isPublished(roomID, on: loop) {
            try await setPublished(true, roomID: replacement, on: loop)
            try await setPublished(false, roomID: roomID, on: loop)
        }
        return replacement
    }

    /// Makes the new room and closes the old one, for whoever holds the old one's lock.
    private func replace(
        _ room: Room, with target: UpgradeTarget, sender: EventSender,
        on loop: isolated EventLoop
    ) async throws -> String {
        guard let creator = UserID(sender.userID), let server = ServerName(settings.serverName)
        else { throw MatrixError.forbidden("Only users of this server can make rooms") }
        let old = RoomDraft(room)
        var state: [String: Event] = [:]
        for type in Self.transferred + [EventType.create, EventType.powerLevels] {
            state[type] = try await event(at: StateKey(type), of: old, on: loop)
        }
        var plan = RoomCreation(version: target.version, creator: creator, preset: .privateChat)
        let member = try await memberContent(
            .join, userID: sender.userID, reason: nil, isDirect: false, on: loop)
        plan.creatorProfile = member.filter { $0.key != "membership" }
        for type in Self.transferred {
            guard let content = state[type]?.content else { continue }
            plan.initialState.append(RoomCreation.InitialEvent(type, content: content))
        }
        // The levels come last: until then the creator may send everything.
        plan.initialState.append(
            RoomCreation.InitialEvent(
                EventType.powerLevels,
                content: Self.powerLevels(of: room.version, state, for: target, creator: creator)))
        for key in ["type", "m.federate"] {
            plan.creationContent[key] = state[EventType.create]?.content[key]
        }
        if !target.additionalCreators.isEmpty {
            plan.creationContent["additional_creators"] = .array(
                target.additionalCreators.map(\.json))
        }
        var predecessor: JSON = ["room_id": room.roomID.json]
        var chosen: RoomID?
        if !target.version.roomIDIsHash {
            var generator = SystemRandomNumberGenerator()
            let id = RoomID.random(on: server, using: &generator)
            let end = try await bury(old, for: id, sender: sender, on: loop)
            predecessor["event_id"] = end.eventID.json
            chosen = id
        }
        plan.creationContent["predecessor"] = predecessor
        let first = try createEvent(plan, server: server, roomID: chosen)
        // An id that is a hash of the create event cannot be known to an event that this names.
        if chosen == nil {
            _ = try await bury(old, for: first.roomID, sender: sender, on: loop)
        }
        let new = Room(roomID: first.roomID, version: target.version)
        let draft = try await draft(plan, of: new, from: first, creator: sender, on: loop)
        try await silence(old, levels: state[EventType.powerLevels], sender: sender, on: loop)
        try await reserve(new, alias: nil, creator: sender, isPublic: false, on: loop)
        try await commit(draft, on: loop)
        rooms.insert(new)
        try await RoomAliases.move(
            from: room.roomID.text, to: new.roomID.text, in: pool, on: loop)
        try await commit(old, on: loop)
        return new.roomID.text
    }

    /// Adds the tombstone to the old room's draft.
    private func bury(
        _ old: RoomDraft, for replacement: RoomID, sender: EventSender,
        on loop: isolated EventLoop
    ) async throws -> Event {
        let content: JSON.Object = [
            "body": "This room has been replaced", "replacement_room": replacement.json,
        ]
        return try await add(
            EventProposal(
                type: EventType.tombstone, stateKey: "", content: content, sender: sender),
            to: old, on: loop)
    }

    /// Takes the main alias from the old room and lets only moderators talk there, as far as the sender has
    /// the power to.
    private func silence(
        _ old: RoomDraft, levels: Event?, sender: EventSender, on loop: isolated EventLoop
    ) async throws {
        var proposals: [(type: String, content: JSON.Object)] = []
        if old.entry(StateKey(EventType.canonicalAlias)) != nil {
            proposals.append((EventType.canonicalAlias, [:]))
        }
        if let levels {
            let current = PowerLevels(levels.content, creators: [], version: levels.version)
            let needed = max(50, current.usersDefault.addingReportingOverflow(1).partialValue)
            var content = levels.content
            content["events_default"] = .integer(max(current.eventsDefault, needed))
            content["invite"] = .integer(max(current.invite, needed))
            if content != levels.content { proposals.append((EventType.powerLevels, content)) }
        }
        for (type, content) in proposals {
            let proposal = EventProposal(
                type: type, stateKey: "", content: content, sender: sender)
            do {
                _ = try await add(proposal, to: old, on: loop)
            } catch let error as MatrixError where error.errorCode == "M_FORBIDDEN" {
                continue  // The tombstone is what counts.
            }
        }
    }

    /// The levels of the new room: the old room's, as far as the new version has room for them.
    private static func powerLevels(
        of version: RoomVersion, _ state: [String: Event], for target: UpgradeTarget,
        creator: UserID
    ) -> JSON.Object {
        var levels =
            state[EventType.powerLevels]?.content
            ?? RoomCreation.defaultPowerLevels(users: [:], version: target.version)
        var users = levels["users"]?.objectValue ?? [:]
        let oldCreators = state[EventType.create].map(PowerLevels.creators(of:)) ?? []
        if target.version.creatorsOutrankAll {
            for creator in [creator] + target.additionalCreators {
                users.removeValue(forKey: creator.text)
            }
        } else if version.creatorsOutrankAll || state[EventType.powerLevels] == nil {
            // Their power had no level, and is the greatest that there usually is.
            for creator in oldCreators { users[creator.text] = 100 }
        }
        levels["users"] = .object(users)
        guard target.version.requiresIntegerPowerLevels else { return levels }
        return levels.withIntegers { $0.withIntegers { _ in nil } }
    }
}

extension JSON.Object {
    /// The levels as integers, where old rooms have them as texts or fractions; `nested` does the same for objects
    /// among the values. What is no level is left out.
    fileprivate func withIntegers(nested: (JSON.Object) -> JSON.Object?) -> JSON.Object {
        var mapped: JSON.Object = [:]
        for (key, value) in self {
            switch value {
            case .integer: mapped[key] = value
            case .string(let text):
                mapped[key] = Int64(text.filter { !$0.isWhitespace }).map { .integer($0) }
            case .double(let number):
                mapped[key] = Int64(exactly: number.rounded(.towardZero)).map { .integer($0) }
            case .object(let inner): mapped[key] = nested(inner).map { .object($0) }
            default: continue
            }
        }
        return mapped
    }
}
