internal import Bytes

extension Row {
    /// Text, or anything whose binary form is text (json, jsonb, varchar, enumerations).
    public func text(_ column: Int) throws(PostgresError) -> String {
        guard let value = try optionalText(column) else { throw missing(column) }
        return value
    }

    /// Text or null.
    public func optionalText(_ column: Int) throws(PostgresError) -> String? {
        guard type(column).isText || type(column) == .jsonb else {
            throw mismatch(column, "text")
        }
        return withBytes(column) { $0?.string }
    }

    /// `bytea`, or text's UTF-8.
    public func bytes(_ column: Int) throws(PostgresError) -> [UInt8] {
        guard let value = try optionalBytes(column) else { throw missing(column) }
        return value
    }

    /// `bytea`, text's UTF-8, or null.
    public func optionalBytes(_ column: Int) throws(PostgresError) -> [UInt8]? {
        guard type(column) == .bytea || type(column).isText || type(column) == .jsonb else {
            throw mismatch(column, "bytea")
        }
        return withBytes(column) { $0?.array }
    }

    /// Any integer type; numeric without a fraction, such as the sum of a bigint column.
    public func integer(_ column: Int) throws(PostgresError) -> Int64 {
        guard let value = try optionalInteger(column) else { throw missing(column) }
        return value
    }

    /// An integer or null.
    public func optionalInteger(_ column: Int) throws(PostgresError) -> Int64? {
        let type = type(column)
        return try withBytes(column) { (bytes: RawSpan?) throws(PostgresError) -> Int64? in
            guard let bytes else { return nil }
            let value: Int64? =
                switch type {
                case .int8, .int4, .int2: bytes.bigEndianInteger
                case .oid: Int64(bytes.bigEndian(at: 0, as: UInt32.self))
                case .numeric: Numeric(bytes)?.integer
                default: nil
                }
            guard let value else { throw mismatch(column, "an integer") }
            return value
        }
    }

    /// Any number.
    public func double(_ column: Int) throws(PostgresError) -> Double {
        guard let value = try optionalDouble(column) else { throw missing(column) }
        return value
    }

    /// A number or null.
    public func optionalDouble(_ column: Int) throws(PostgresError) -> Double? {
        let type = type(column)
        return try withBytes(column) { (bytes: RawSpan?) throws(PostgresError) -> Double? in
            guard let bytes else { return nil }
            let value: Double? =
                switch type {
                case .float8: Double(bitPattern: bytes.bigEndian(at: 0, as: UInt64.self))
                case .float4: Double(Float(bitPattern: bytes.bigEndian(at: 0, as: UInt32.self)))
                case .numeric: Numeric(bytes)?.double
                case .int8, .int4, .int2: bytes.bigEndianInteger.map(Double.init)
                default: nil
                }
            guard let value else { throw mismatch(column, "a number") }
            return value
        }
    }

    /// A boolean; an integer is true unless it is 0.
    public func bool(_ column: Int) throws(PostgresError) -> Bool {
        guard let value = try optionalBool(column) else { throw missing(column) }
        return value
    }

    /// A boolean or null.
    public func optionalBool(_ column: Int) throws(PostgresError) -> Bool? {
        let type = type(column)
        return try withBytes(column) { (bytes: RawSpan?) throws(PostgresError) -> Bool? in
            guard let bytes else { return nil }
            switch type {
            case .bool: return bytes.byteCount == 1 && bytes.byte(0) != 0
            case .int8, .int4, .int2: return bytes.bigEndianInteger.map { $0 != 0 }
            default: throw mismatch(column, "a boolean")
            }
        }
    }
}
