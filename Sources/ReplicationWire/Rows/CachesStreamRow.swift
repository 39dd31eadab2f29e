/// A row of `caches`: entries of a cache are out of date.
public struct CachesStreamRow: Sendable, Hashable {
    /// The cache.
    public var cache: String
    /// The entry's keys; nil for the whole cache.
    public var keys: [String]?
    /// When, in milliseconds since 1970.
    public var invalidatedMilliseconds: Int64

    /// A row.
    public init(cache: String, keys: [String]?, invalidatedMilliseconds: Int64) {
        self.cache = cache
        self.keys = keys
        self.invalidatedMilliseconds = invalidatedMilliseconds
    }
}

extension CachesStreamRow: StreamRow {
    init(reading reader: inout RowReader) throws(RowError) {
        self.init(
            cache: try reader.string(), keys: try reader.optionalStrings(),
            invalidatedMilliseconds: try reader.integer())
    }

    func write(to writer: inout RowWriter, dialect: Dialect) {
        writer.string(cache)
        if let keys { writer.strings(keys) } else { writer.null() }
        writer.integer(invalidatedMilliseconds)
    }
}
