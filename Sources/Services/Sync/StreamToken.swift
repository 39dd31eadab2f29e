/// A place in all streams at once: what `since` and `next_batch` say.
///
/// The text has eight fields joined by `_`: the events' position (`s<n>`, or `t<depth>-<n>` for a place
/// within a room), then presence, typing, receipts, account data, push rules, to-device messages and
/// device lists. Fields missing at the end count as 0. A token means the same to every process.
public struct StreamToken: Sendable, Hashable {
    /// The position in the stream of events.
    public var room: Int64
    /// The depth in the room's graph, in tokens that pagination within one room uses.
    public var topological: Int64?
    /// The position in the stream of presence.
    public var presence: Int64 = 0
    /// The serial of typing, which starts again with the main process.
    public var typing: Int64 = 0
    /// The position in the stream of receipts.
    public var receipt: Int64 = 0
    /// The position in the streams of account data and tags, which share one sequence.
    public var accountData: Int64 = 0
    /// The position in the stream of push rules.
    public var pushRules: Int64 = 0
    /// The position in the stream of to-device messages.
    public var toDevice: Int64 = 0
    /// The position in the stream of device lists.
    public var deviceList: Int64 = 0

    /// A place in the stream of events, and the beginning of all others.
    public init(room: Int64 = 0, topological: Int64? = nil) {
        self.room = room
        self.topological = topological
    }

    /// Reads a token. Throws M_INVALID_PARAM.
    public init(parsing text: String) throws(MatrixError) {
        guard let token = Self(text) else {
            throw MatrixError.invalidParameter("The token is malformed")
        }
        self = token
    }

    /// Reads a token; nil if it is malformed.
    public init?(_ text: String) {
        var text = text
        guard let token = text.withUTF8({ Self($0[...]) }) else { return nil }
        self = token
    }

    /// Every request has one, so it is read byte by byte and makes nothing on the way.
    private init?(_ text: Slice<UnsafeBufferPointer<UInt8>>) {
        guard text.count <= 400 else { return nil }
        var rest = text
        self.init()
        switch rest.popFirst() {
        case UInt8(ascii: "s"):
            guard let position = Self.number(&rest) else { return nil }
            room = position
        case UInt8(ascii: "t"):
            guard let depth = Self.number(&rest), rest.popFirst() == UInt8(ascii: "-") else {
                return nil
            }
            topological = depth
            let isNegative = rest.first == UInt8(ascii: "-")
            if isNegative { rest.removeFirst() }
            guard let position = Self.number(&rest) else { return nil }
            room = isNegative ? -position : position
        default: return nil
        }
        var index = 1
        while let separator = rest.popFirst() {
            guard separator == UInt8(ascii: "_"), index < 16, let value = Self.number(&rest) else {
                return nil
            }
            set(index, value)
            index += 1
        }
    }

    /// Further fields are those of later releases, which this one has no use for.
    private mutating func set(_ index: Int, _ value: Int64) {
        switch index {
        case 1: presence = value
        case 2: typing = value
        case 3: receipt = value
        case 4: accountData = value
        case 5: pushRules = value
        case 6: toDevice = value
        case 7: deviceList = value
        default: break
        }
    }

    private static var others: [WritableKeyPath<StreamToken, Int64>] {
        [
            \.presence, \.typing, \.receipt, \.accountData, \.pushRules, \.toDevice, \.deviceList,
        ]
    }

    /// The decimal digits in front, at least one.
    private static func number(_ text: inout Slice<UnsafeBufferPointer<UInt8>>) -> Int64? {
        var value: Int64 = 0
        let before = text.startIndex
        while let byte = text.first, (0x30...0x39).contains(byte) {
            let (scaled, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflows) = scaled.addingReportingOverflow(Int64(byte - 0x30))
            if isTooLarge || overflows { return nil }
            value = sum
            text.removeFirst()
        }
        return text.startIndex > before ? value : nil
    }

    /// Whether this place is at or after another in every stream of which that can be said.
    ///
    /// Typing is left out: its serials start again with the main process.
    public func isAtLeast(_ other: StreamToken) -> Bool {
        room >= other.room && receipt >= other.receipt && accountData >= other.accountData
            && presence >= other.presence && pushRules >= other.pushRules
            && toDevice >= other.toDevice && deviceList >= other.deviceList
    }

    /// The later of two places, stream by stream; typing is this one's.
    func merged(with other: StreamToken) -> StreamToken {
        var merged = self
        for field in [\StreamToken.room] + Self.others where field != \.typing {
            merged[keyPath: field] = max(self[keyPath: field], other[keyPath: field])
        }
        merged.topological = nil
        return merged
    }
}

extension StreamToken: CustomStringConvertible {
    /// The text.
    public var description: String {
        let first = topological.map { "t\($0)-\(room)" } ?? "s\(room)"
        return first + "_\(presence)_\(typing)_\(receipt)_\(accountData)_\(pushRules)"
            + "_\(toDevice)_\(deviceList)"
    }
}
