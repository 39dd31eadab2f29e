/// What a worker asks for with `REPLICATE`.
public enum Subscription: Sendable, Hashable {
    /// Where a worker wants a stream to begin.
    public enum Start: Sendable, Hashable {
        /// After the row with this token.
        case token(Int64)
        /// After whatever is the newest row.
        case now
    }

    /// Every stream that there is, from now on. The only form of the named dialect.
    case all
    /// One stream.
    case stream(StreamName, from: Start)
}
