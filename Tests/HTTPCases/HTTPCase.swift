/// Bytes that a client sends first on a connection, and what a server must make of them.
///
/// The table serves three tests: the parser's, the server's over real sockets, and the comparison
/// with nginx. Behind the bytes the latter two send a plain request, the probe, and the end of the
/// stream: whether the probe is answered tells whether the connection stayed in step.
public struct HTTPCase: CustomStringConvertible, Sendable {
    /// What is odd about it; unique.
    public let name: String
    /// The bytes.
    public let bytes: [UInt8]
    /// The statuses of the answers, in order, interim ones (1xx) left out.
    public let statuses: [Int]
    /// Whether the connection stays open and in step.
    public let stays: Bool
    /// Whether the first request is a HEAD, whose answer has no body whatever it says.
    public let isHead: Bool

    /// The name.
    public var description: String { name }

    init(
        _ name: String, _ bytes: [UInt8], statuses: [Int], stays: Bool, isHead: Bool = false
    ) {
        self.name = name
        self.bytes = bytes
        self.statuses = statuses
        self.stays = stays
        self.isHead = isHead
    }

    /// A request that is refused with a status, after which the connection is closed.
    init(_ status: Int, _ name: String, _ text: String) {
        self.init(name, Array(text.utf8), statuses: [status], stays: false)
    }

    init(_ status: Int, _ name: String, bytes: [UInt8]) {
        self.init(name, bytes, statuses: [status], stays: false)
    }

    /// A request with the given field lines beside Host, refused.
    static func fields(_ status: Int, _ name: String, _ lines: String, body: String = "") -> Self {
        Self(status, name, "POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n\(body)")
    }

    /// A request with the given request line, refused.
    static func line(_ status: Int, _ name: String, _ line: String) -> Self {
        Self(status, name, "\(line)\r\nHost: a\r\n\r\n")
    }

    /// A chunked request with the given body, refused.
    static func chunks(_ status: Int, _ name: String, _ body: String) -> Self {
        fields(status, name, "Transfer-Encoding: chunked", body: body)
    }

    /// What must be refused.
    public static let refused =
        requestLines + targets + lineEnds + fieldLines + hosts + lengths + codings
        + chunked + others

    /// Everything.
    public static let all = refused + served
}
