/// One SQL statement with `$1`-style parameters.
///
/// A named statement is prepared once per connection, on its first use there and without a round trip
/// of its own. Make named statements `static let`: a name stands for one text in the whole process.
public struct Statement: Sendable, Hashable {
    /// Shown in errors; names the prepared statement on the server. Empty: not prepared.
    public let name: String
    /// The text.
    public let sql: String

    /// A statement that is prepared under a name.
    public init(_ name: String, _ sql: String) {
        self.name = name
        self.sql = sql
    }

    /// A statement whose text is made at run time: parsed and planned each time.
    public init(unprepared sql: String) {
        name = ""
        self.sql = sql
    }

    var isPrepared: Bool { !name.isEmpty }
}
