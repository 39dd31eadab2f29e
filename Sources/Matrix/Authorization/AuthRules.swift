public import JSON

/// The authorisation rules of all room versions.
///
/// A rule is called by its number in room version 10, whatever the event's version, so that it has
/// one name. Those that version 10 does not have carry the version that they are numbered by:
/// `v1/4` (aliases), `v1/11` (redactions), `v12/1.2` (create events have no room), `v12/1.4`
/// (additional creators), `v12/2` (the room is its create event), `v12/10.4` (creators have no
/// level). Where versions differ otherwise is said by the properties of `RoomVersion`.
///
/// Specification: room versions, "Authorisation rules".
public enum AuthRules {
    /// The places in the room's state whose events an event must name as its auth events, if
    /// they are there.
    ///
    /// Specification: server-server, "Auth events selection".
    public static func authEventPlaces(
        type: String, stateKey: String?, sender: UserID, content: JSON.Object,
        version: RoomVersion
    ) -> [StateKey] {
        guard type != EventType.create else { return [] }
        var places = [StateKey.powerLevels, .member(sender)]
        if !version.roomIDIsHash { places.insert(.create, at: 0) }
        func add(_ place: StateKey) {
            if !places.contains(place) { places.append(place) }
        }
        guard type == EventType.member, let stateKey else { return places }
        add(StateKey(EventType.member, stateKey))
        let membership = content["membership"]?.stringValue
        if ["join", "invite", "knock"].contains(membership) { add(.joinRules) }
        if membership == "invite",
            let token = content["third_party_invite"]?["signed"]?["token"]?.stringValue
        {
            add(StateKey(EventType.thirdPartyInvite, token))
        }
        if membership == "join", version.allowsRestrictedJoins,
            let user = content["join_authorised_via_users_server"]?.stringValue
        {
            add(StateKey(EventType.member, user))
        }
        return places
    }

    /// The places in the room's state that decide over an event: `authEventPlaces`, and the create
    /// event where that goes without naming.
    public static func statePlaces(
        type: String, stateKey: String?, sender: UserID, content: JSON.Object,
        version: RoomVersion
    ) -> [StateKey] {
        var places = authEventPlaces(
            type: type, stateKey: stateKey, sender: sender, content: content, version: version)
        if version.roomIDIsHash, type != EventType.create { places.append(.create) }
        return places
    }

    /// The places in the room's state that decide over this event.
    public static func statePlaces(for event: Event) -> [StateKey] {
        statePlaces(
            type: event.type, stateKey: event.stateKey, sender: event.sender,
            content: event.content, version: event.version)
    }

    /// The places in the room's state that decide over an event in the making.
    public static func statePlaces(for builder: EventBuilder) -> [StateKey] {
        statePlaces(
            type: builder.type, stateKey: builder.stateKey, sender: builder.sender,
            content: builder.content, version: builder.version)
    }

    /// The places whose events an event in the making must name as its auth events.
    public static func authEventPlaces(for builder: EventBuilder) -> [StateKey] {
        authEventPlaces(
            type: builder.type, stateKey: builder.stateKey, sender: builder.sender,
            content: builder.content, version: builder.version)
    }

    /// The places whose events this event must name as its auth events.
    public static func authEventPlaces(for event: Event) -> [StateKey] {
        authEventPlaces(
            type: event.type, stateKey: event.stateKey, sender: event.sender,
            content: event.content, version: event.version)
    }

    /// Rule 2: whether the event names the right auth events.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - authEvents: The events that it names.
    ///   - isRejected: Whether one of them was rejected when it came.
    /// - Throws: The rule that is broken.
    public static func checkAuthEvents(
        of event: Event, _ authEvents: [Event], isRejected: (Event) -> Bool = { _ in false }
    ) throws(AuthError) {
        guard event.type != EventType.create else { return }
        let allowed = Set(authEventPlaces(for: event))
        var seen: Set<StateKey> = []
        for authEvent in authEvents {
            guard let place = authEvent.statePlace else {
                throw AuthError(rule: "2.2", reason: "an auth event is not a state event")
            }
            guard seen.insert(place).inserted else {
                throw AuthError(rule: "2.1", reason: "two auth events for \(place)")
            }
            guard allowed.contains(place) else {
                throw AuthError(rule: "2.2", reason: "an auth event for \(place)")
            }
            guard !isRejected(authEvent) else {
                throw AuthError(rule: "2.3", reason: "auth event \(authEvent.eventID) was rejected")
            }
            guard authEvent.roomID == event.roomID else {
                throw AuthError(rule: "2.5", reason: "an auth event is of another room")
            }
        }
        guard event.version.roomIDIsHash || seen.contains(.create) else {
            throw AuthError(rule: "2.4", reason: "no create event among the auth events")
        }
    }

    /// All rules but the second: whether the event is allowed by a state of its room.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - state: The state, of which the places `statePlaces` are looked at.
    ///   - signers: The servers whose signatures on the event were verified; nil if what rule 4.2.1
    ///     asks for was verified earlier, as for every event that takes part in state resolution. The
    ///     sender's need not be among them; the one that vouches for a restricted join must be.
    /// - Throws: The rule that is broken.
    public static func check(
        _ event: Event, against state: StateMap<Event>, signedBy signers: Set<ServerName>? = []
    ) throws(AuthError) {
        let version = event.version
        if event.type == EventType.create { return try checkCreate(event) }
        guard let create = state[.create], create.roomID == event.roomID else {
            // From room version 12 on the room's identifier says which event must be there.
            throw AuthError(
                rule: version.roomIDIsHash ? "v12/2" : "2.4",
                reason: "the room has no create event")
        }
        // Rule 3.
        if create.content["m.federate"] == false, event.sender.server != create.sender.server {
            throw AuthError(rule: "3", reason: "the room is closed to other servers")
        }
        if event.type == EventType.aliases, version.hasAliasRules {
            return try checkAliases(event)
        }
        let context = AuthContext(event: event, state: state, create: create)
        if event.type == EventType.member {
            return try context.checkMember(signedBy: signers)
        }
        try context.checkOther()
    }

    /// Rule 1.
    private static func checkCreate(_ event: Event) throws(AuthError) {
        let version = event.version
        guard event.previousEventIDs.isEmpty else {
            throw AuthError(rule: "1.1", reason: "a create event has previous events")
        }
        if version.roomIDIsHash {
            guard event.json["room_id"] == nil else {
                throw AuthError(rule: "v12/1.2", reason: "a create event names a room")
            }
        } else {
            guard event.roomID.server == event.sender.server else {
                throw AuthError(
                    rule: "1.2", reason: "the room is not of the creator's server")
            }
        }
        if let version = event.content["room_version"] {
            guard version.stringValue.flatMap({ RoomVersion(rawValue: $0) }) != nil else {
                throw AuthError(rule: "1.3", reason: "the room version is unknown")
            }
        }
        guard version.creatorIsSender || event.content["creator"] != nil else {
            throw AuthError(rule: "1.4", reason: "a create event names no creator")
        }
        if version.creatorsOutrankAll, let creators = event.content["additional_creators"] {
            guard
                let list = creators.arrayValue,
                list.allSatisfy({ $0.stringValue.flatMap { UserID($0) } != nil })
            else {
                throw AuthError(
                    rule: "v12/1.4", reason: "additional_creators is not a list of users")
            }
        }
    }

    /// Room versions 1 to 5, rule 4. The sender need not be a member.
    private static func checkAliases(_ event: Event) throws(AuthError) {
        guard let server = event.stateKey else {
            throw AuthError(rule: "v1/4.1", reason: "an aliases event lacks a state_key")
        }
        guard server.hasSameBytes(as: event.sender.server.text) else {
            throw AuthError(rule: "v1/4.2", reason: "the aliases belong to another server")
        }
    }
}
