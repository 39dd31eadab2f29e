internal import CPostgres

/// Reads libpq's results. They stay on the loop; what leaves it is a copy.
enum ResultReading {
    /// The rows of a result in the binary format.
    static func rows(
        _ result: OpaquePointer, knownColumns: Columns?
    ) throws(PostgresError) -> (rows: Rows, columns: Columns) {
        let columns = self.columns(result, known: knownColumns)
        let rowCount = Int(PQntuples(result))
        let cellCount = rowCount * columns.count
        if cellCount == 0 {
            let storage = RowStorage(columns: columns, rowCount: rowCount, cells: [], bytes: [])
            return (Rows(storage, affectedCount: affectedCount(result)), columns)
        }
        var total = 0
        let width = Int32(columns.count)
        let height = Int32(rowCount)
        let cells = [RowStorage.Cell](unsafeUninitializedCapacity: cellCount) { cells, count in
            for row in 0..<height {
                for column in 0..<width {
                    let length = PQgetlength(result, row, column)
                    let isNull = length == 0 && PQgetisnull(result, row, column) == 1
                    cells.initializeElement(
                        at: count,
                        to: RowStorage.Cell(
                            offset: UInt32(truncatingIfNeeded: total),
                            length: isNull ? -1 : length))
                    count += 1
                    total += Int(length)
                }
            }
        }
        guard total <= UInt32.max else {
            throw PostgresError(.decoding, "the result has more than 4 GiB")
        }
        let bytes = [UInt8](unsafeUninitializedCapacity: total) { bytes, count in
            let target = UnsafeMutableRawBufferPointer(bytes)
            for row in 0..<height {
                for column in 0..<width {
                    let length = Int(PQgetlength(result, row, column))
                    guard length > 0, let value = PQgetvalue(result, row, column) else { continue }
                    target.baseAddress?.advanced(by: count).copyMemory(
                        from: value, byteCount: length)
                    count += length
                }
            }
        }
        let storage = RowStorage(columns: columns, rowCount: rowCount, cells: cells, bytes: bytes)
        return (Rows(storage, affectedCount: rowCount), columns)
    }

    /// How many rows a command says it touched; 0 where it says nothing.
    static func affectedCount(_ result: OpaquePointer) -> Int {
        guard let text = PQcmdTuples(result) else { return 0 }
        return Int(String(cString: text)) ?? 0
    }

    static func error(
        _ result: OpaquePointer, statement: String?
    ) -> PostgresError {
        let state = diagnostic(result, "C")
        let severity = diagnostic(result, "V")
        // A fatal error is the server's farewell: the connection ends with it.
        // An error without a state is libpq's own, when it noticed the end first.
        let isFatal = severity == "FATAL" || severity == "PANIC" || state == nil
        let code: PostgresError.Code =
            isFatal ? .connectionLost : state == "57014" ? .timeout : .server
        return PostgresError(
            code, diagnostic(result, "M") ?? trimmed(PQresultErrorMessage(result)),
            sqlState: state, detail: diagnostic(result, "D"),
            constraint: diagnostic(result, "n"), statement: statement)
    }

    private static func columns(_ result: OpaquePointer, known: Columns?) -> Columns {
        let count = Int(PQnfields(result))
        if let known, known.count == count,
            (0..<count).allSatisfy({ known.types[$0].rawValue == PQftype(result, Int32($0)) })
        {
            return known
        }
        return Columns(
            names: (0..<count).map { column in
                PQfname(result, Int32(column)).map { String(cString: $0) } ?? ""
            },
            types: (0..<count).map { TypeID(rawValue: PQftype(result, Int32($0))) })
    }
}
