import JSON

/// An event with the state that it is held against.
struct AuthContext {
    let event: Event
    let state: StateMap<Event>
    let create: Event
    let levels: PowerLevels
    let senderLevel: Int64

    var version: RoomVersion { event.version }

    init(event: Event, state: StateMap<Event>, create: Event) {
        self.event = event
        self.state = state
        self.create = create
        levels = PowerLevels(state: state, version: event.version)
        senderLevel = levels.level(of: event.sender)
    }

    func membership(of user: UserID) -> Membership {
        state[.member(user)]?.membership ?? .leave
    }

    func require(
        _ condition: Bool, rule: String, _ reason: @autoclosure () -> String
    ) throws(AuthError) {
        guard condition else { throw AuthError(rule: rule, reason: reason()) }
    }

    /// Rules 5 to 10.
    func checkOther() throws(AuthError) {
        // Rule 5.
        try require(
            membership(of: event.sender) == .join, rule: "5",
            "\(event.sender) is not a member of the room")
        // Rule 6, which replaces all that follow.
        if event.type == EventType.thirdPartyInvite {
            return try require(
                senderLevel >= levels.invite, rule: "6.1",
                "inviting needs power level \(levels.invite)")
        }
        // Rule 7.
        let required = levels.required(forType: event.type, isState: event.isState)
        try require(
            senderLevel >= required, rule: "7",
            "sending \(event.type) needs power level \(required), \(event.sender) has \(senderLevel)"
        )
        // Rule 8.
        if let key = event.stateKey, key.utf8.first == UInt8(ascii: "@") {
            try require(
                key.hasSameBytes(as: event.sender.text), rule: "8",
                "the state key \(key) belongs to another user")
        }
        // Rule 9.
        if event.type == EventType.powerLevels { try checkPowerLevels() }
        if event.type == EventType.redaction, version.authorisesRedactions {
            try checkRedaction()
        }
    }

    /// Room versions 1 and 2, rule 11. Later the question is asked when a redaction is applied,
    /// see `PowerLevels.allowsRedacting`.
    private func checkRedaction() throws(AuthError) {
        if senderLevel >= levels.redact { return }
        let server = event.redacts?.server
        try require(
            server != nil && server == event.eventID.server, rule: "v1/11",
            "redacting another server's events needs power level \(levels.redact)")
    }
}
