internal import Bytes

/// A block of IP addresses: those that share a prefix, as in `10.0.0.0/8` or `2001:db8::/32`.
public struct AddressRange: Sendable, Hashable {
    /// The first address.
    public let first: IPAddress
    /// The number of leading bits that all addresses share: up to 32 or 128.
    public let prefixLength: Int

    /// The addresses that share the first `prefixLength` bits with `address`; lengths beyond the
    /// family's are taken as its greatest.
    public init(_ address: IPAddress, prefixLength: Int) {
        switch address {
        case .v4(let bits):
            self.prefixLength = min(max(prefixLength, 0), 32)
            first = .v4(bits & ~(UInt32.max >> UInt32(self.prefixLength)))
        case .v6(let bits):
            self.prefixLength = min(max(prefixLength, 0), 128)
            first = .v6(bits & ~(UInt128.max >> UInt128(self.prefixLength)))
        }
    }

    /// Reads `address/length`, or an address alone, which is a range of one. Bits behind the prefix
    /// may be set and are ignored.
    public init(parsing text: String) throws(AddressRangeError) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(parts[0]) else {
            throw AddressRangeError(
                text: text,
                problem: parts[0].isEmpty
                    ? "an address is missing" : "'\(parts[0])' is not an IPv4 or IPv6 address")
        }
        let longest: Int
        switch address {
        case .v4: longest = 32
        case .v6: longest = 128
        }
        guard parts.count == 2 else {
            self.init(address, prefixLength: longest)
            return
        }
        guard let length = UInt64(ascii: Array(parts[1].utf8).span.bytes), length <= longest else {
            throw AddressRangeError(
                text: text,
                problem: "'\(parts[1])' is not a prefix length; it must be 0 to \(longest)")
        }
        self.init(address, prefixLength: Int(length))
    }

    /// Whether `address` lies in the range. Ranges of one family hold no address of the other.
    public func contains(_ address: IPAddress) -> Bool {
        switch (first, address) {
        case (.v4(let own), .v4(let other)):
            prefixLength == 0 || (own ^ other) >> UInt32(32 - prefixLength) == 0
        case (.v6(let own), .v6(let other)):
            prefixLength == 0 || (own ^ other) >> UInt128(128 - prefixLength) == 0
        case (.v4, .v6), (.v6, .v4): false
        }
    }
}

extension AddressRange: CustomStringConvertible {
    /// The range as `address/length`.
    public var description: String { "\(first)/\(prefixLength)" }
}

/// A text that is no range of addresses.
public struct AddressRangeError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was to be read.
    public let text: String
    /// What is wrong with it.
    public let problem: String

    /// For people: the text and the problem.
    public var description: String { "'\(text)' is not a range of addresses: \(problem)" }
}
