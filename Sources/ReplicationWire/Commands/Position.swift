/// The receiver has now every row of a stream up to a token.
public struct Position: Sendable, Hashable {
    /// The stream.
    public var stream: StreamName
    /// Who wrote the rows; only the named dialect says it.
    public var instance: String?
    /// The position that the sender gave last before; only the named dialect says it.
    public var previousToken: Int64?
    /// The position.
    public var token: Int64

    /// A position.
    public init(
        stream: StreamName, token: Int64, previousToken: Int64? = nil, instance: String? = nil
    ) {
        self.stream = stream
        self.instance = instance
        self.previousToken = previousToken
        self.token = token
    }
}
