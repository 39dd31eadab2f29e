extension Row {
    /// Whether the column is null.
    public func isNull(_ column: Int) -> Bool {
        cell(column).length < 0
    }

    /// The column's name.
    public func name(of column: Int) -> String {
        storage.columns.names[column]
    }

    /// Lends a column's bytes: text as UTF-8, `bytea` and `jsonb` as they are, other types in the
    /// server's binary format; `nil` for null. Nothing is copied.
    public func withBytes<Result, Failure: Error>(
        _ column: Int, _ body: (RawSpan?) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let cell = cell(column)
        guard cell.length >= 0 else { return try body(nil) }
        var start = Int(cell.offset)
        let end = start + Int(cell.length)
        // jsonb's binary form is a version byte and the text.
        if storage.columns.types[column] == .jsonb && end > start { start += 1 }
        let bytes = storage.bytes
        let part = bytes.span.bytes.extracting(start..<end)
        return try body(part)
    }

    func type(_ column: Int) -> TypeID {
        storage.columns.types[column]
    }

    private func cell(_ column: Int) -> RowStorage.Cell {
        precondition(column >= 0 && column < storage.columns.count)
        return storage.cells[position * storage.columns.count + column]
    }

    func mismatch(_ column: Int, _ wanted: StaticString) -> PostgresError {
        PostgresError(
            .decoding,
            "column \(column) (\(name(of: column))) is \(type(column).description), not \(wanted)")
    }

    func missing(_ column: Int) -> PostgresError {
        PostgresError(.decoding, "column \(column) (\(name(of: column))) is null")
    }
}

extension RawSpan {
    /// A big-endian integer, as the wire has them; 0 beyond the end.
    func bigEndian<Integer: FixedWidthInteger & BitwiseCopyable>(
        at offset: Int, as type: Integer.Type
    ) -> Integer {
        guard offset >= 0, offset <= byteCount - MemoryLayout<Integer>.size else { return 0 }
        return Integer(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: type))
    }

    /// An integer of one of the three sizes, or `nil` if it has none of them.
    var bigEndianInteger: Int64? {
        switch byteCount {
        case 8: bigEndian(at: 0, as: Int64.self)
        case 4: Int64(bigEndian(at: 0, as: Int32.self))
        case 2: Int64(bigEndian(at: 0, as: Int16.self))
        default: nil
        }
    }
}
