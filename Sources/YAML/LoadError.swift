/// Why a document could not be loaded, and where.
public struct LoadError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where the problem was noticed.
    public let position: SourcePosition
    /// What is wrong, in words for the person who wrote the file.
    public let problem: String

    /// A problem at a place.
    public init(_ problem: String, at position: SourcePosition) {
        self.position = position
        self.problem = problem
    }

    /// `file:line: problem`.
    public var description: String { "\(position): \(problem)" }
}

/// What a document may at most be.
///
/// Files come from people, so the defaults are generous, yet finite.
public struct LoadLimits: Sendable, Hashable {
    /// Size of the text in bytes.
    public var bytesMax: Int
    /// Sequences and mappings inside each other.
    public var depthMax: Int
    /// Nodes of the tree after every alias has been replaced by what it stands for.
    public var nodesMax: Int

    /// Limits; the defaults fit every configuration file.
    public init(bytesMax: Int = 4 << 20, depthMax: Int = 100, nodesMax: Int = 200_000) {
        self.bytesMax = bytesMax
        self.depthMax = depthMax
        self.nodesMax = nodesMax
    }
}
