public import ReplicationWire

/// How often each command was seen. For metrics, which read it when they are scraped.
public struct CommandCounters: Sendable, Hashable {
    private var counts = [UInt64](repeating: 0, count: CommandName.allCases.count)

    /// Counters at zero.
    public init() {}

    /// How often a command was seen.
    public internal(set) subscript(name: CommandName) -> UInt64 {
        get { counts[Self.index(name)] }
        set { counts[Self.index(name)] = newValue }
    }

    /// The commands that were seen, with their counts.
    public var nonzero: [(name: CommandName, count: UInt64)] {
        CommandName.allCases.map { ($0, self[$0]) }.filter { $0.1 > 0 }
    }

    private static let indices: [CommandName: Int] = .init(
        uniqueKeysWithValues: CommandName.allCases.enumerated().map { ($1, $0) })

    private static func index(_ name: CommandName) -> Int {
        name == .rowData ? rowDataIndex : indices[name] ?? 0
    }

    private static let rowDataIndex = indices[.rowData] ?? 0
}
