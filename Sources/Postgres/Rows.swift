/// The rows that a statement gave, detached from the connection: a value that may go anywhere.
public struct Rows: Sendable, RandomAccessCollection {
    let storage: RowStorage

    /// How many rows a statement touched: those of INSERT, UPDATE, DELETE, or the ones given.
    public let affectedCount: Int

    init(_ storage: RowStorage, affectedCount: Int) {
        self.storage = storage
        self.affectedCount = affectedCount
    }

    /// Always 0.
    public var startIndex: Int { 0 }

    /// The number of rows.
    public var endIndex: Int { storage.rowCount }

    /// The row at a position.
    public subscript(position: Int) -> Row {
        precondition(position >= 0 && position < storage.rowCount)
        return Row(storage: storage, position: position)
    }

    /// How many columns each row has.
    public var columnCount: Int { storage.columns.count }

    /// The columns' names, in their order.
    public var columnNames: [String] { storage.columns.names }
}

/// One row of a result; keeps the whole result alive.
public struct Row: Sendable {
    let storage: RowStorage
    let position: Int

    /// How many columns the row has.
    public var count: Int { storage.columns.count }
}

/// All cells of a result in one buffer, as the server sent them in the binary format.
final class RowStorage: Sendable {
    struct Cell {
        let offset: UInt32
        /// Negative for null.
        let length: Int32
    }

    let columns: Columns
    let rowCount: Int
    let cells: [Cell]
    let bytes: [UInt8]

    /// What a command gives that returns no rows.
    static let empty = RowStorage(
        columns: Columns(names: [], types: []), rowCount: 0, cells: [], bytes: [])

    init(columns: Columns, rowCount: Int, cells: [Cell], bytes: [UInt8]) {
        self.columns = columns
        self.rowCount = rowCount
        self.cells = cells
        self.bytes = bytes
    }
}

/// The names and types of a result's columns; results of one statement share it.
final class Columns: Sendable {
    let names: [String]
    let types: [TypeID]

    init(names: [String], types: [TypeID]) {
        self.names = names
        self.types = types
    }

    var count: Int { types.count }
}
