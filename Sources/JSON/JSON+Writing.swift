extension JSON {
    /// Appends the value's text.
    ///
    /// A double that JSON cannot express is written as `null`.
    public func write(to output: inout [UInt8], style: Style = .compact) {
        write(to: &output, style: style, depth: 0)
    }

    /// The value's text without white space.
    public var bytes: [UInt8] { bytes(style: .compact) }

    /// The value's text.
    public func bytes(style: Style) -> [UInt8] {
        var output: [UInt8] = []
        write(to: &output, style: style)
        return output
    }

    private func write(to output: inout [UInt8], style: Style, depth: Int) {
        switch self {
        case .null:
            output.append(ascii: "null")
        case .bool(let value):
            output.append(ascii: value ? "true" : "false")
        case .integer(let value):
            output.appendJSONInteger(value)
        case .double(let value):
            Self.write(value, to: &output, style: style)
        case .string(let value):
            output.appendJSONString(value, style: style)
        case .array(let elements):
            output.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                style.breakLine(in: &output, depth: depth + 1)
                element.write(to: &output, style: style, depth: depth + 1)
            }
            if !elements.isEmpty { style.breakLine(in: &output, depth: depth) }
            output.append(UInt8(ascii: "]"))
        case .object(let object):
            output.append(UInt8(ascii: "{"))
            for (index, member) in object.members.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                style.breakLine(in: &output, depth: depth + 1)
                output.appendJSONString(member.key, style: style)
                output.append(UInt8(ascii: ":"))
                if style.isIndented { output.append(UInt8(ascii: " ")) }
                member.value.write(to: &output, style: style, depth: depth + 1)
            }
            if !object.members.isEmpty { style.breakLine(in: &output, depth: depth) }
            output.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ value: Double, to output: inout [UInt8], style: Style) {
        if style.writesIntegralDoublesAsIntegers, let integer = Int64(exactly: value),
            canonicalIntegers.contains(integer)
        {
            output.appendJSONInteger(integer)
        } else if value.isFinite {
            output.append(contentsOf: value.description.utf8)
        } else {
            output.append(ascii: "null")
        }
    }
}

extension JSON.Style {
    fileprivate func breakLine(in output: inout [UInt8], depth: Int) {
        guard isIndented else { return }
        output.append(UInt8(ascii: "\n"))
        output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: depth * 2))
    }
}

extension JSON: CustomStringConvertible {
    /// The value's text without white space.
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}
