import Bytes
import JSON

/// What workers send.
extension ReplicationCommand {
    /// The longest id that is accepted; Matrix' own limit is 255 bytes.
    static var identifierBytesMax: Int { 1024 }

    static func parseReplicate(
        _ arguments: inout Arguments, dialect: Dialect
    ) throws(CommandError) -> Subscription {
        if dialect == .named, arguments.rest.byteCount == 0 { return .all }
        let stream = try arguments.word("a stream")
        let start: Subscription.Start
        if arguments.rest.equals("NOW") {
            start = .now
        } else if let token = Int64(ascii: arguments.rest) {
            start = .token(token)
        } else {
            throw arguments.failure("a token is a number or NOW")
        }
        guard stream.equals("ALL") else { return .stream(StreamName(stream), from: start) }
        guard start == .now else { throw arguments.failure("ALL begins NOW") }
        return .all
    }

    static func parseUserSync(
        _ arguments: inout Arguments, dialect: Dialect
    ) throws(CommandError) -> UserSync {
        let instance = dialect == .named ? try arguments.word("an instance").string : nil
        // From the end, since a user's id may hold a space.
        guard let time = Int64(ascii: try arguments.lastWord("a time")) else {
            throw arguments.failure("the time is a number")
        }
        let state = try arguments.lastWord("start or end")
        guard state.equals("start") || state.equals("end") else {
            throw arguments.failure("expected start or end")
        }
        let user = try arguments.nonemptyRest("a user")
        guard user.utf8.count <= identifierBytesMax else {
            throw arguments.failure("the user's id is too long")
        }
        return UserSync(
            userID: user, isSyncing: state.equals("start"), lastSyncMilliseconds: time,
            instance: instance)
    }

    /// The user stands in front of the JSON in captured sessions, and inside it in our own form.
    static func parseUserIP(_ arguments: inout Arguments) throws(CommandError) -> UserIP {
        var outer: String?
        if !arguments.rest.starts(with: "[") { outer = try arguments.word("a user").string }
        return try arguments.read { (reader) throws(RowError) in
            let user = if let outer { outer } else { try reader.string() }
            return UserIP(
                userID: user, accessToken: try reader.string(),
                ip: try reader.string(), userAgent: try reader.string(),
                deviceID: try reader.optionalString(),
                lastSeenMilliseconds: try reader.integer())
        }
    }

    static func parseAck(
        _ arguments: inout Arguments, dialect: Dialect
    ) throws(CommandError) -> FederationAck {
        let instance = dialect == .named ? try arguments.word("an instance").string : nil
        return FederationAck(token: try arguments.lastToken(), instance: instance)
    }

    static func parseRemovePusher(
        _ arguments: inout Arguments
    ) throws(CommandError) -> RemovePusher {
        let app = try arguments.word("an app id").string
        let user = try arguments.lastWord("a user").string
        return RemovePusher(
            appID: app, pushKey: try arguments.nonemptyRest("a push key"), userID: user)
    }

    static func parseInvalidateCache(
        _ arguments: inout Arguments
    ) throws(CommandError) -> InvalidateCache {
        let cache = try arguments.word("a cache").string
        if arguments.rest.equals("null") { return InvalidateCache(cache: cache, keys: nil) }
        return try arguments.read { (reader) throws(RowError) in
            var keys: [String] = []
            while try reader.hasNext() { keys.append(try reader.string()) }
            return InvalidateCache(cache: cache, keys: keys)
        }
    }
}
