import JSON

/// Rule 4: `m.room.member`.
extension AuthContext {
    func checkMember(signedBy signers: Set<ServerName>?) throws(AuthError) {
        // Rule 4.1.
        guard let key = event.stateKey, let membership = event.content["membership"] else {
            throw AuthError(rule: "4.1", reason: "a member event lacks state_key or membership")
        }
        guard let target = UserID(key) else {
            throw AuthError(rule: "4.1", reason: "the state key is no user")
        }
        // Rule 4.2.
        if version.allowsRestrictedJoins, let signers,
            let authoriser = event.content["join_authorised_via_users_server"]
        {
            let user = authoriser.stringValue.flatMap { UserID($0) }
            try require(
                user.map { signers.contains($0.server) } ?? false, rule: "4.2.1",
                "the server that vouches for the join has not signed it")
        }
        switch membership.stringValue.flatMap({ Membership(rawValue: $0) }) {
        case .join: try checkJoin(target)
        case .invite: try checkInvite(target)
        case .leave: try checkLeave(target)
        case .ban: try checkBan(target)
        case .knock where version.allowsKnocking: try checkKnock(target)
        case .knock, nil: throw AuthError(rule: "4.8", reason: "the membership is unknown")
        }
    }

    private var joinRule: String {
        // A room without join rules is by invitation.
        state[.joinRules]?.content["join_rule"]?.stringValue ?? "invite"
    }

    /// Rule 4.3.
    private func checkJoin(_ target: UserID) throws(AuthError) {
        // Rule 4.3.1: the creator's join right after the create event; additional creators have
        // to be invited.
        if event.previousEventIDs == [create.eventID],
            PowerLevels.creators(of: create).first == target
        {
            return
        }
        try require(
            event.sender == target, rule: "4.3.2", "users can join only for themselves")
        let current = membership(of: target)
        try require(current != .ban, rule: "4.3.3", "\(target) is banned from the room")
        let isExpected = current == .invite || current == .join
        switch joinRule {
        case "public": return  // Rule 4.3.6.
        case "invite",
            "knock" where version.allowsKnocking:
            try require(isExpected, rule: "4.3.4", "\(target) is not invited to the room")
        case "restricted" where version.allowsRestrictedJoins,
            "knock_restricted" where version.allowsKnockRestrictedJoins:
            if !isExpected { try checkRestrictedJoin() }
        default:
            throw AuthError(rule: "4.3.7", reason: "the join rule is unknown")
        }
    }

    /// Rule 4.3.5.2.
    private func checkRestrictedJoin() throws(AuthError) {
        let text = event.content["join_authorised_via_users_server"]?.stringValue
        guard let authoriser = text.flatMap({ UserID($0) }) else {
            throw AuthError(rule: "4.3.5.2", reason: "no member of the room vouches for the join")
        }
        try require(
            membership(of: authoriser) == .join, rule: "4.3.5.2",
            "\(authoriser), who vouches for the join, is not a member of the room")
        try require(
            levels.level(of: authoriser) >= levels.invite, rule: "4.3.5.2",
            "\(authoriser), who vouches for the join, may not invite")
    }

    /// Rule 4.4.
    private func checkInvite(_ target: UserID) throws(AuthError) {
        if let thirdParty = event.content["third_party_invite"] {
            return try checkThirdPartyInvite(thirdParty, target: target)
        }
        try require(
            membership(of: event.sender) == .join, rule: "4.4.2",
            "\(event.sender) is not a member of the room")
        let current = membership(of: target)
        try require(current != .join, rule: "4.4.3", "\(target) is already in the room")
        try require(current != .ban, rule: "4.4.3", "\(target) is banned from the room")
        try require(
            senderLevel >= levels.invite, rule: "4.4.5",
            "inviting needs power level \(levels.invite)")
    }

    /// Rule 4.4.1.
    private func checkThirdPartyInvite(_ invite: JSON, target: UserID) throws(AuthError) {
        try require(
            membership(of: target) != .ban, rule: "4.4.1.1", "\(target) is banned from the room")
        guard let signed = invite["signed"]?.objectValue else {
            throw AuthError(rule: "4.4.1.2", reason: "the third-party invite is not signed")
        }
        guard let user = signed["mxid"]?.stringValue, let token = signed["token"]?.stringValue
        else { throw AuthError(rule: "4.4.1.3", reason: "the third-party invite lacks a part") }
        try require(
            user.hasSameBytes(as: target.text), rule: "4.4.1.4",
            "the third-party invite is for another user")
        guard let offer = state[StateKey(EventType.thirdPartyInvite, token)] else {
            throw AuthError(rule: "4.4.1.5", reason: "the third-party invite is unknown")
        }
        try require(
            event.sender == offer.sender, rule: "4.4.1.6",
            "the third-party invite is another user's")
        try require(
            Self.isSigned(signed, byKeyOf: offer.content), rule: "4.4.1.8",
            "no known key has signed the third-party invite")
    }

    /// Rule 4.4.1.7: whether one of the offer's keys has signed.
    private static func isSigned(_ signed: JSON.Object, byKeyOf offer: JSON.Object) -> Bool {
        var texts = (offer["public_keys"]?.arrayValue ?? []).compactMap { $0["public_key"] }
        if let key = offer["public_key"] { texts.append(key) }
        let keys = texts.compactMap { $0.stringValue.flatMap { VerifyKey(base64: $0) } }
        let message = signed.signedBytes
        for (_, ofServer) in signed["signatures"]?.objectValue ?? [:] {
            for (identifier, signature) in ofServer.objectValue ?? [:] {
                guard identifier.hasPrefix("ed25519:"),
                    let bytes = signature.stringValue.flatMap({ Base64.decode($0) })
                else { continue }
                if keys.contains(where: { $0.verifies(bytes, of: message) }) { return true }
            }
        }
        return false
    }

    /// Rule 4.5.
    private func checkLeave(_ target: UserID) throws(AuthError) {
        let current = membership(of: target)
        if event.sender == target {
            let isThere =
                current == .invite || current == .join
                || (current == .knock && version.allowsKnocking)
            return try require(
                isThere, rule: "4.5.1",
                "\(target) is not in the room")
        }
        try require(
            membership(of: event.sender) == .join, rule: "4.5.2",
            "\(event.sender) is not a member of the room")
        try require(
            current != .ban || senderLevel >= levels.ban, rule: "4.5.3",
            "unbanning needs power level \(levels.ban)")
        try require(
            senderLevel >= levels.kick, rule: "4.5.5", "kicking needs power level \(levels.kick)")
        try require(
            levels.level(of: target) < senderLevel, rule: "4.5.5",
            "\(target) has as much power as \(event.sender)")
    }

    /// Rule 4.6.
    private func checkBan(_ target: UserID) throws(AuthError) {
        try require(
            membership(of: event.sender) == .join, rule: "4.6.1",
            "\(event.sender) is not a member of the room")
        try require(
            senderLevel >= levels.ban, rule: "4.6.3", "banning needs power level \(levels.ban)")
        try require(
            levels.level(of: target) < senderLevel, rule: "4.6.3",
            "\(target) has as much power as \(event.sender)")
    }

    /// Rule 4.7.
    private func checkKnock(_ target: UserID) throws(AuthError) {
        let allows =
            joinRule == "knock"
            || (joinRule == "knock_restricted" && version.allowsKnockRestrictedJoins)
        try require(allows, rule: "4.7.1", "the room does not take knocks")
        try require(
            event.sender == target, rule: "4.7.2", "users can knock only for themselves")
        let current = membership(of: event.sender)
        try require(
            ![.ban, .invite, .join].contains(current), rule: "4.7.4",
            "\(event.sender) cannot knock, being \(current.rawValue)")
    }
}
