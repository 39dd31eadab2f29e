internal import Bytes

extension Row {
    /// An array of text without nulls.
    public func textArray(_ column: Int) throws(PostgresError) -> [String] {
        guard let value = try optionalTextArray(column) else { throw missing(column) }
        return value
    }

    /// An array of text without nulls, or null.
    public func optionalTextArray(_ column: Int) throws(PostgresError) -> [String]? {
        try array(column, "an array of text") { type, bytes in
            type.isText ? bytes.string : nil
        }
    }

    /// An array of any integer type without nulls.
    public func integerArray(_ column: Int) throws(PostgresError) -> [Int64] {
        guard let value = try optionalIntegerArray(column) else { throw missing(column) }
        return value
    }

    /// An array of any integer type without nulls, or null.
    public func optionalIntegerArray(_ column: Int) throws(PostgresError) -> [Int64]? {
        try array(column, "an array of integers") { type, bytes in
            switch type {
            case .int8, .int4, .int2: bytes.bigEndianInteger
            default: nil
            }
        }
    }

    /// An array's binary form: dimensions, a flag, the elements' type; for each dimension its length
    /// and lower bound; then each element's length and bytes. All numbers have 32 bits.
    private func array<Element>(
        _ column: Int, _ wanted: StaticString, _ decode: (TypeID, RawSpan) -> Element?
    ) throws(PostgresError) -> [Element]? {
        try withBytes(column) { (bytes: RawSpan?) throws(PostgresError) -> [Element]? in
            guard let bytes else { return nil }
            // No type but arrays has a built-in name here, so the form itself is checked.
            guard bytes.byteCount >= 12, !type(column).isText, type(column) != .bytea else {
                throw mismatch(column, wanted)
            }
            let dimensions = bytes.bigEndian(at: 0, as: Int32.self)
            if dimensions == 0 { return [] }
            let type = TypeID(rawValue: bytes.bigEndian(at: 8, as: UInt32.self))
            guard dimensions == 1, bytes.byteCount >= 20 else { throw mismatch(column, wanted) }
            let count = Int(bytes.bigEndian(at: 12, as: Int32.self))
            var offset = 20
            guard count >= 0, count <= (bytes.byteCount - offset) / 4 else {
                throw mismatch(column, wanted)
            }
            var elements: [Element] = []
            elements.reserveCapacity(count)
            for _ in 0..<count {
                guard offset + 4 <= bytes.byteCount else { throw mismatch(column, wanted) }
                let length = Int(bytes.bigEndian(at: offset, as: Int32.self))
                offset += 4
                guard length >= 0, length <= bytes.byteCount - offset,
                    let element = decode(type, bytes.extracting(offset..<(offset + length)))
                else { throw mismatch(column, wanted) }
                offset += length
                elements.append(element)
            }
            return elements
        }
    }
}
