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
        guard text.utf8.count <= 400 else { return nil }
        let fields = text.split(separator: "_", maxSplits: 16, omittingEmptySubsequences: false)
        guard let first = fields.first, fields.count <= 16 else { return nil }
        self.init()
        if first.hasPrefix("s"), let position = Self.number(first.dropFirst()) {
            room = position
        } else if first.hasPrefix("t") {
            let parts = first.dropFirst().split(
                separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let depth = Self.number(parts[0]) else { return nil }
            let isNegative = parts[1].hasPrefix("-")
            guard let position = Self.number(isNegative ? parts[1].dropFirst() : parts[1]) else {
                return nil
            }
            topological = depth
            room = isNegative ? -position : position
        } else {
            return nil
        }
        for (index, field) in fields.enumerated().dropFirst() {
            guard let value = Self.number(field) else { return nil }
            // Further fields are those of later releases, which this one has no use for.
            if index <= Self.others.count { self[keyPath: Self.others[index - 1]] = value }
        }
    }

    private static var others: [WritableKeyPath<StreamToken, Int64>] {
        [
            \.presence, \.typing, \.receipt, \.accountData, \.pushRules, \.toDevice, \.deviceList,
        ]
    }

    /// Decimal digits and nothing else.
    private static func number(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int64(text)
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
