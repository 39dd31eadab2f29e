/// Assembles a JSON text piece by piece, with the commas put where they belong.
///
/// It does not check that the pieces make a whole: begins and ends must pair up, and each key
/// must be followed by one value. Keys are written in the order in which they come.
public struct JSONWriter: Sendable {
    /// The text so far.
    public private(set) var bytes: [UInt8]
    private var style: JSON.Style
    private var needsComma = false

    /// Makes a writer; white space styles do not apply.
    public init(reserving capacity: Int = 0, style: JSON.Style = .compact) {
        bytes = []
        bytes.reserveCapacity(capacity)
        self.style = style
        self.style.isIndented = false
    }

    /// Opens an object.
    public mutating func beginObject() { open(UInt8(ascii: "{")) }
    /// Closes the innermost object.
    public mutating func endObject() { close(UInt8(ascii: "}")) }
    /// Opens an array.
    public mutating func beginArray() { open(UInt8(ascii: "[")) }
    /// Closes the innermost array.
    public mutating func endArray() { close(UInt8(ascii: "]")) }

    /// Writes the key of the next value.
    public mutating func key(_ key: String) {
        separate()
        bytes.appendJSONString(key, style: style)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes a value.
    public mutating func value(_ value: JSON) {
        separate()
        value.write(to: &bytes, style: style)
    }

    /// Writes a string.
    public mutating func string(_ value: String) {
        separate()
        bytes.appendJSONString(value, style: style)
    }

    /// Writes a number.
    public mutating func integer(_ value: some BinaryInteger) {
        separate()
        bytes.appendJSONInteger(Int64(clamping: value))
    }

    /// Writes a boolean.
    public mutating func bool(_ value: Bool) {
        self.value(.bool(value))
    }

    /// Writes a value whose text exists already.
    ///
    /// It is not checked.
    public mutating func raw(_ text: [UInt8]) {
        separate()
        bytes.append(contentsOf: text)
    }

    /// Writes a value whose text exists already.
    ///
    /// It is not checked.
    public mutating func raw(_ text: RawSpan) {
        separate()
        text.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }

    /// Writes a key with its value.
    public mutating func member(_ key: String, _ value: JSON) {
        self.key(key)
        self.value(value)
    }

    /// Writes a key with a string.
    public mutating func member(_ key: String, string value: String) {
        self.key(key)
        string(value)
    }

    /// Writes a key with a value whose text exists already.
    public mutating func member(_ key: String, raw text: RawSpan) {
        self.key(key)
        raw(text)
    }

    /// Writes a key with a value whose text exists already.
    public mutating func member(_ key: String, raw text: [UInt8]) {
        self.key(key)
        raw(text)
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }
}
