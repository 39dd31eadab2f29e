import Bytes
import JSON

extension ReplicationCommand {
    /// Reads a line, given without its end and known to be UTF-8.
    ///
    /// The dialect settles what a line means that both have. Forms that only one of them has are
    /// read in either.
    public init(parsing line: RawSpan, dialect: Dialect = .classic) throws(CommandError) {
        let space = line.firstIndex(of: UInt8(ascii: " "))
        let word = line.extracting(first: space ?? line.byteCount)
        guard let name = CommandName(word) else {
            throw .unknown(Self.presentable(word.extracting(first: min(64, word.byteCount))))
        }
        guard let space else {
            switch name {
            case .error: self = .error("")
            case .replicate where dialect == .named: self = .replicate(.all)
            default: throw .malformed(name, reason: "no arguments")
            }
            return
        }
        var arguments = Arguments(line.extracting(droppingFirst: space + 1), of: name)
        self = try Self.parse(&arguments, dialect: dialect)
    }

    /// Reads a line.
    public init(parsing line: String, dialect: Dialect = .classic) throws(CommandError) {
        let bytes = Array(line.utf8)
        try self.init(parsing: bytes.span.bytes, dialect: dialect)
    }

    private static func parse(
        _ arguments: inout Arguments, dialect: Dialect
    ) throws(CommandError) -> ReplicationCommand {
        switch arguments.command {
        case .rowData: .rowData(try parseRowData(&arguments, dialect: dialect))
        case .position: .position(try parsePosition(&arguments, dialect: dialect))
        case .ping: .ping(arguments.rest.string)
        case .server: .server(try arguments.nonemptyRest("a server name"))
        case .authenticate:
            .authenticate(ReplicationSecret(try arguments.nonemptyRest("a secret")))
        case .name: .name(arguments.rest.string)
        case .replicate: .replicate(try parseReplicate(&arguments, dialect: dialect))
        case .userSync: .userSync(try parseUserSync(&arguments, dialect: dialect))
        case .clearUserSync: .clearUserSync(instance: try arguments.nonemptyRest("an instance"))
        case .userIP: .userIP(try parseUserIP(&arguments))
        case .federationAck: .federationAck(try parseAck(&arguments, dialect: dialect))
        case .removePusher: .removePusher(try parseRemovePusher(&arguments))
        case .invalidateCache: .invalidateCache(try parseInvalidateCache(&arguments))
        case .sync: .sync(arguments.rest.string)
        case .remoteServerUp: .remoteServerUp(try arguments.nonemptyRest("a server name"))
        case .lockReleased:
            .lockReleased(
                try arguments.read { (reader) throws(RowError) in
                    var elements: [JSON] = []
                    while try reader.hasNext() { elements.append(try reader.json()) }
                    return .array(elements)
                })
        case .error: .error(arguments.rest.string)
        }
    }

    /// A word of a peer's as it may be shown: what is not printable ASCII is replaced.
    static func presentable(_ bytes: RawSpan) -> String {
        String(
            decoding: bytes.array.map { (0x21..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") },
            as: UTF8.self)
    }

    // MARK: From the main

    private static func parseRowData(
        _ arguments: inout Arguments, dialect: Dialect
    ) throws(CommandError) -> RowData {
        let stream = StreamName(try arguments.word("a stream"))
        let instance = dialect == .named ? try arguments.word("an instance").string : nil
        let place = try arguments.word("a token")
        let token: RowData.Token
        if place.equals("batch") {
            token = .batch
        } else if let number = Int64(ascii: place) {
            token = .number(number)
        } else {
            throw arguments.failure("a token is a number or batch")
        }
        do {
            let row = try ReplicationRow(stream, json: arguments.rest)
            return RowData(stream: stream, token: token, row: row, instance: instance)
        } catch {
            throw arguments.failure("the row is not JSON: \(error)")
        }
    }

    private static func parsePosition(
        _ arguments: inout Arguments, dialect: Dialect
    ) throws(CommandError) -> Position {
        let stream = StreamName(try arguments.word("a stream"))
        guard dialect == .named else {
            return Position(stream: stream, token: try arguments.lastToken())
        }
        let instance = try arguments.word("an instance").string
        let first = try arguments.token()
        // The first releases of this dialect had no previous token yet.
        guard arguments.rest.byteCount > 0 else {
            return Position(
                stream: stream, token: first, previousToken: first, instance: instance)
        }
        return Position(
            stream: stream, token: try arguments.lastToken(), previousToken: first,
            instance: instance)
    }
}
