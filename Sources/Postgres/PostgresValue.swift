/// A parameter of a statement.
///
/// The server infers each parameter's type from the statement, so one case serves several types: an
/// integer goes into any numeric column, text into text, json or timestamps. Where nothing tells
/// the type, the statement says it: `$1::bigint`, `unnest($2::text[])`.
public enum PostgresValue: Sendable, Hashable {
    /// SQL's NULL, of any type.
    case null
    /// Text, or anything in its text form.
    case text(String)
    /// For `bytea`; also for text that is at hand as UTF-8.
    case bytes([UInt8])
    /// Any integer type, or numeric.
    case integer(Int64)
    /// Any floating-point type, or numeric.
    case double(Double)
    /// A boolean.
    case bool(Bool)
    /// For `= ANY($1)` and `unnest($1::text[])`.
    case textArray([String])
    /// Text with nulls among it.
    case optionalTextArray([String?])
    /// For `= ANY($1)` and `unnest($1::bigint[])`.
    case integerArray([Int64])
    /// For `unnest($1::boolean[])`.
    case boolArray([Bool])
    /// For `unnest($1::bytea[])`.
    case bytesArray([[UInt8]])

    /// Text or null.
    public init(_ value: String?) { self = value.map(Self.text) ?? .null }
    /// An integer or null.
    public init(_ value: Int64?) { self = value.map(Self.integer) ?? .null }
    /// An integer or null.
    public init(_ value: Int?) { self = value.map { .integer(Int64($0)) } ?? .null }
    /// A number or null.
    public init(_ value: Double?) { self = value.map(Self.double) ?? .null }
    /// A boolean or null.
    public init(_ value: Bool?) { self = value.map(Self.bool) ?? .null }
    /// Bytes or null.
    public init(_ value: [UInt8]?) { self = value.map(Self.bytes) ?? .null }
}

extension PostgresValue: ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByFloatLiteral, ExpressibleByNilLiteral
{
    /// Text.
    public init(stringLiteral value: String) { self = .text(value) }
    /// An integer.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// A boolean.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// A number.
    public init(floatLiteral value: Double) { self = .double(value) }
    /// Null.
    public init(nilLiteral: ()) { self = .null }
}
