/// What went wrong between us and the database.
public struct PostgresError: Error, Sendable, Hashable {
    /// The kind of an error; further kinds may come.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case connectFailed, connectionLost, server, decoding, encoding, timeout
            case poolExhausted, poolClosed, transactionAborted, misuse
        }
        private let kind: Kind

        /// The kind's name.
        public var description: String { kind.rawValue }

        /// No connection could be made: the parameters are wrong or the server is not there.
        public static let connectFailed = Code(kind: .connectFailed)
        /// The connection ended while the request was under way: it may or may not have happened.
        public static let connectionLost = Code(kind: .connectionLost)
        /// The server refused the statement; see `sqlState`.
        public static let server = Code(kind: .server)
        /// A column has another type than the caller expected, or is null.
        public static let decoding = Code(kind: .decoding)
        /// A parameter cannot be sent, such as text with a zero byte.
        public static let encoding = Code(kind: .encoding)
        /// The statement ran into the statement timeout, or no connection became free in time.
        public static let timeout = Code(kind: .timeout)
        /// Too many requests wait already.
        public static let poolExhausted = Code(kind: .poolExhausted)
        /// The pool is closed or was never started.
        public static let poolClosed = Code(kind: .poolClosed)
        /// A transaction could not commit since one of its statements had failed.
        public static let transactionAborted = Code(kind: .transactionAborted)
        /// The interface was used in a way it does not allow.
        public static let misuse = Code(kind: .misuse)
    }

    /// The kind.
    public let code: Code
    /// The server's five characters, where the server spoke.
    public let sqlState: String?
    /// One sentence, as the server, libpq or this library put it.
    public let message: String
    /// The server's further explanation.
    public let detail: String?
    /// The constraint that was violated, where one was.
    public let constraint: String?
    /// The name of the statement.
    public let statement: String?

    init(
        _ code: Code, _ message: String, sqlState: String? = nil, detail: String? = nil,
        constraint: String? = nil, statement: String? = nil
    ) {
        self.code = code
        self.message = message
        self.sqlState = sqlState
        self.detail = detail
        self.constraint = constraint
        self.statement = statement
    }

    /// A row with this key exists already.
    public var isUniqueViolation: Bool { sqlState == "23505" }

    /// Repeating the whole transaction may succeed: a serialization failure or a deadlock.
    public var isRetryable: Bool { sqlState == "40001" || sqlState == "40P01" }
}

extension PostgresError: CustomStringConvertible {
    /// For logs: everything that is known.
    public var description: String {
        var text = "\(code)"
        if let sqlState { text += " [\(sqlState)]" }
        if let statement, !statement.isEmpty { text += " in \(statement)" }
        text += ": \(message)"
        if let detail { text += " (\(detail))" }
        return text
    }
}
