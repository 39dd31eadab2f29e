/// Why a private cluster could not be made, started or used.
public struct PostgresClusterError: Error, Sendable, CustomStringConvertible {
    /// One sentence, with the program's own last words where it had some.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
