public import JSON

/// The authorisation rules of room versions 6 to 11; the rule numbers are those of version 10.
///
/// Specification: room version 10, "Authorisation rules".
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
        guard seen.contains(.create) else {
            throw AuthError(rule: "2.4", reason: "no create event among the auth events")
        }
    }

    /// Rules 1 and 3 to 10: whether the event is allowed by a state of its room.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - state: The state, of which the places `authEventPlaces` are looked at.
    ///   - signers: The servers whose signatures on the event were verified. The sender's need
    ///     not be among them; the one that vouches for a restricted join must be.
    /// - Throws: The rule that is broken.
    public static func check(
        _ event: Event, against state: StateMap<Event>, signedBy signers: Set<ServerName> = []
    ) throws(AuthError) {
        let version = event.version
        guard RoomVersion.supported.contains(version) else {
            throw AuthError(rule: "-", reason: "room version \(version.identifier) is unsupported")
        }
        if event.type == EventType.create { return try checkCreate(event) }
        guard let create = state[.create], create.roomID == event.roomID else {
            throw AuthError(rule: "2.4", reason: "the room has no create event")
        }
        // Rule 3.
        if create.content["m.federate"] == false, event.sender.server != create.sender.server {
            throw AuthError(rule: "3", reason: "the room is closed to other servers")
        }
        let context = AuthContext(event: event, state: state, create: create)
        if event.type == EventType.member {
            return try context.checkMember(signedBy: signers)
        }
        try context.checkOther()
    }

    /// Rule 1.
    private static func checkCreate(_ event: Event) throws(AuthError) {
        guard event.previousEventIDs.isEmpty else {
            throw AuthError(rule: "1.1", reason: "a create event has previous events")
        }
        guard event.roomID.server == event.sender.server else {
            throw AuthError(rule: "1.2", reason: "the room is not of the creator's server")
        }
        if let version = event.content["room_version"] {
            guard version.stringValue.flatMap({ RoomVersion(rawValue: $0) }) != nil else {
                throw AuthError(rule: "1.3", reason: "the room version is unknown")
            }
        }
        guard event.version.creatorIsSender || event.content["creator"] != nil else {
            throw AuthError(rule: "1.4", reason: "a create event names no creator")
        }
    }
}
