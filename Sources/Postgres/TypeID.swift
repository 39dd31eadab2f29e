/// The object identifiers of PostgreSQL's built-in types, as far as they are told apart here.
struct TypeID: RawRepresentable, Hashable, Sendable {
    let rawValue: UInt32

    static let bool = TypeID(rawValue: 16)
    static let bytea = TypeID(rawValue: 17)
    static let char = TypeID(rawValue: 18)
    static let name = TypeID(rawValue: 19)
    static let int8 = TypeID(rawValue: 20)
    static let int2 = TypeID(rawValue: 21)
    static let int4 = TypeID(rawValue: 23)
    static let text = TypeID(rawValue: 25)
    static let oid = TypeID(rawValue: 26)
    static let json = TypeID(rawValue: 114)
    static let xml = TypeID(rawValue: 142)
    static let float4 = TypeID(rawValue: 700)
    static let float8 = TypeID(rawValue: 701)
    static let unknown = TypeID(rawValue: 705)
    static let bpchar = TypeID(rawValue: 1042)
    static let varchar = TypeID(rawValue: 1043)
    static let numeric = TypeID(rawValue: 1700)
    static let void = TypeID(rawValue: 2278)
    static let jsonb = TypeID(rawValue: 3802)

    /// Whether the binary form is the text itself. Types made by extensions and enumerations are.
    var isText: Bool {
        switch self {
        case .char, .name, .text, .json, .xml, .unknown, .bpchar, .varchar: true
        default: rawValue >= 16384
        }
    }

    /// For messages.
    var description: String {
        switch self {
        case .bool: "boolean"
        case .bytea: "bytea"
        case .int8: "bigint"
        case .int2: "smallint"
        case .int4: "integer"
        case .text: "text"
        case .json: "json"
        case .jsonb: "jsonb"
        case .float4: "real"
        case .float8: "double precision"
        case .varchar: "varchar"
        case .numeric: "numeric"
        default: "the type with oid \(rawValue)"
        }
    }
}
