/// What every row type can do.
protocol StreamRow: Sendable, Hashable {
    /// Reads the columns of a row, in every shape that was seen on the wire.
    init(reading reader: inout RowReader) throws(RowError)

    /// Writes the columns.
    func write(to writer: inout RowWriter, dialect: Dialect)
}
