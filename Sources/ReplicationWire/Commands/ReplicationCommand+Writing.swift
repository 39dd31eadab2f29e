import Bytes
import JSON

extension ReplicationCommand {
    /// Appends the command without an end of line.
    public func write(to output: inout [UInt8], dialect: Dialect = .classic) {
        output.append(contentsOf: name.rawValue.utf8)
        output.append(UInt8(ascii: " "))
        switch self {
        case .server(let text), .ping(let text), .name(let text), .sync(let text),
            .remoteServerUp(let text), .error(let text), .clearUserSync(let text):
            output.appendOnOneLine(text)
        case .authenticate(let secret): output.appendOnOneLine(secret.text)
        case .replicate(let subscription):
            Self.write(subscription, to: &output, dialect: dialect)
        case .position(let position): Self.write(position, to: &output, dialect: dialect)
        case .rowData(let data): Self.write(data, to: &output, dialect: dialect)
        case .userSync(let sync): Self.write(sync, to: &output, dialect: dialect)
        case .userIP(let sighting): Self.write(sighting, to: &output, dialect: dialect)
        case .federationAck(let ack):
            if dialect == .named { output.appendWord(ack.instance ?? Self.mainInstance) }
            output.appendDecimal(ack.token)
        case .removePusher(let pusher):
            output.appendWord(pusher.appID)
            output.appendWord(pusher.pushKey)
            output.appendOnOneLine(pusher.userID)
        case .invalidateCache(let cache): Self.write(cache, to: &output)
        case .lockReleased(let value): value.write(to: &output, style: RowWriter.style)
        }
    }

    /// The command as a line, with its end.
    public func line(dialect: Dialect = .classic) -> [UInt8] {
        var output: [UInt8] = []
        write(to: &output, dialect: dialect)
        output.append(UInt8(ascii: "\n"))
        return output
    }

    /// The writer's name in the named dialect if nobody gave another.
    public static let mainInstance = "master"

    private static func write(
        _ subscription: Subscription, to output: inout [UInt8], dialect: Dialect
    ) {
        switch (subscription, dialect) {
        case (.all, .named): break
        case (.all, .classic): output.appendOnOneLine("ALL NOW")
        case (.stream(let stream, let start), _):
            output.appendWord(stream.name)
            switch start {
            case .now: output.appendOnOneLine("NOW")
            case .token(let token): output.appendDecimal(token)
            }
        }
    }

    private static func write(
        _ position: Position, to output: inout [UInt8], dialect: Dialect
    ) {
        output.appendWord(position.stream.name)
        if dialect == .named {
            output.appendWord(position.instance ?? mainInstance)
            output.appendDecimal(position.previousToken ?? position.token)
            output.append(UInt8(ascii: " "))
        }
        output.appendDecimal(position.token)
    }

    private static func write(
        _ data: RowData, to output: inout [UInt8], dialect: Dialect
    ) {
        output.appendWord(data.stream.name)
        if dialect == .named { output.appendWord(data.instance ?? mainInstance) }
        switch data.token {
        case .batch: output.appendOnOneLine("batch")
        case .number(let token): output.appendDecimal(token)
        }
        output.append(UInt8(ascii: " "))
        data.row.write(to: &output, stream: data.stream, dialect: dialect)
    }

    private static func write(
        _ sync: UserSync, to output: inout [UInt8], dialect: Dialect
    ) {
        if dialect == .named { output.appendWord(sync.instance ?? mainInstance) }
        output.appendWord(sync.userID)
        output.appendWord(sync.isSyncing ? "start" : "end")
        output.appendDecimal(sync.lastSyncMilliseconds)
    }

    private static func write(
        _ sighting: UserIP, to output: inout [UInt8], dialect: Dialect
    ) {
        if dialect == .named { output.appendWord(sighting.userID) }
        RowWriter.append(to: &output) { writer in
            if dialect == .classic { writer.string(sighting.userID) }
            writer.string(sighting.accessToken)
            writer.string(sighting.ip)
            writer.string(sighting.userAgent)
            writer.optionalString(sighting.deviceID)
            writer.integer(sighting.lastSeenMilliseconds)
        }
    }

    private static func write(_ cache: InvalidateCache, to output: inout [UInt8]) {
        output.appendWord(cache.cache)
        guard let keys = cache.keys else { return output.appendOnOneLine("null") }
        RowWriter.append(to: &output) { writer in
            for key in keys { writer.string(key) }
        }
    }
}

extension [UInt8] {
    /// Appends text whose ends of line become spaces, so that it cannot pass for more lines.
    fileprivate mutating func appendOnOneLine(_ text: String) {
        for byte in text.utf8 {
            append(byte == 0x0A || byte == 0x0D ? UInt8(ascii: " ") : byte)
        }
    }

    fileprivate mutating func appendWord(_ text: String) {
        appendOnOneLine(text)
        append(UInt8(ascii: " "))
    }
}
