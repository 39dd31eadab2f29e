import JSON

/// Rule 9: `m.room.power_levels`.
extension AuthContext {
    private static let plainKeys = [
        "users_default", "events_default", "state_default", "ban", "redact", "kick", "invite",
    ]

    func checkPowerLevels() throws(AuthError) {
        let new = event.content
        if version.requiresIntegerPowerLevels { try checkAreIntegers(new) }
        try checkUsers(new)
        // Room version 12, rule 10.4.
        if version.creatorsOutrankAll, let users = new["users"]?.objectValue {
            for creator in PowerLevels.creators(of: create) {
                try require(
                    users[creator.text] == nil, rule: "v12/10.4",
                    "\(creator) is a creator, whose power has no level")
            }
        }
        // Rule 9.4.
        guard let old = state[.powerLevels]?.content else { return }
        // Rule 9.5.
        for key in Self.plainKeys {
            try checkChange(
                from: level(old[key]), to: level(new[key]), rules: ("9.5.1", "9.5.2"), key)
        }
        // Rules 9.6 and 9.7.
        for key in version.checksNotificationLevels ? ["events", "notifications"] : ["events"] {
            try forEachEntry(of: key, old, new) { (entry, from, to) throws(AuthError) in
                try checkChange(from: from, to: to, rules: ("9.6.1", "9.7.1"), entry)
            }
        }
        // Rules 9.8 and 9.9.
        try forEachEntry(of: "users", old, new) { (user, from, to) throws(AuthError) in
            if let from, from != to, !user.hasSameBytes(as: event.sender.text) {
                try require(
                    from < senderLevel, rule: "9.8.1",
                    "\(user) has as much power as \(event.sender)")
            }
            try checkChange(from: nil, to: to == from ? nil : to, rules: ("9.8.1", "9.9.1"), user)
        }
    }

    /// Rules 9.1 and 9.2.
    private func checkAreIntegers(_ content: JSON.Object) throws(AuthError) {
        for key in Self.plainKeys {
            guard let value = content[key] else { continue }
            try require(value.intValue != nil, rule: "9.1", "\(key) is not an integer")
        }
        for key in ["events", "notifications"] {
            guard let value = content[key] else { continue }
            try require(
                value.objectValue?.allSatisfy { $0.value.intValue != nil } ?? false, rule: "9.2",
                "\(key) is not an object of integers")
        }
    }

    /// Rule 9.3.
    private func checkUsers(_ content: JSON.Object) throws(AuthError) {
        guard let value = content["users"] else { return }
        guard let users = value.objectValue else {
            throw AuthError(rule: "9.3", reason: "users is not an object")
        }
        for (user, level) in users {
            try require(UserID(user) != nil, rule: "9.3", "\(user) is no user")
            try require(
                self.level(level) != nil, rule: "9.3", "the level of \(user) is not an integer")
        }
    }

    private func level(_ value: JSON?) -> Int64? {
        value.flatMap { PowerLevels.level($0, version: version) }
    }

    /// Shows every key that the old or the new object under `key` has.
    private func forEachEntry(
        of key: String, _ old: JSON.Object, _ new: JSON.Object,
        _ body: (String, _ from: Int64?, _ to: Int64?) throws(AuthError) -> Void
    ) throws(AuthError) {
        let old = old[key]?.objectValue ?? [:]
        let new = new[key]?.objectValue ?? [:]
        for entry in old.merging(new).keys {
            try body(entry, level(old[entry]), level(new[entry]))
        }
    }

    /// Whether the sender's level is enough to change a level from what it was to what it is.
    private func checkChange(
        from: Int64?, to: Int64?, rules: (from: String, to: String), _ name: String
    ) throws(AuthError) {
        guard from != to else { return }
        if let from {
            try require(
                from <= senderLevel, rule: rules.from,
                "\(name) is above the power level of \(event.sender)")
        }
        if let to {
            try require(
                to <= senderLevel, rule: rules.to,
                "\(name) would be above the power level of \(event.sender)")
        }
    }
}
