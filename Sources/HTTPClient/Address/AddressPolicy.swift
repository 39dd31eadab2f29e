/// Which addresses a client may connect to.
///
/// It is asked when a socket is about to be connected, with the address that the name has been
/// resolved to: a name that leads to a forbidden address, at once, after a redirect or only the
/// second time it is looked up, gets no connection. An IPv6 address that stands for an IPv4 address
/// (mapped, NAT64, 6to4, Teredo and the like) is refused where that one is.
public struct AddressPolicy: Sendable, Hashable {
    /// The ranges that are refused.
    public var refused: [AddressRange]
    /// Exceptions from ``refused``.
    public var allowed: [AddressRange]

    /// Refuses `refused`, apart from what lies in `allowed`.
    public init(refusing refused: [AddressRange], except allowed: [AddressRange] = []) {
        self.refused = refused
        self.allowed = allowed
    }

    /// Every address is allowed.
    public static let unrestricted = AddressPolicy(refusing: [])

    /// Refuses what no homeserver should be talked into connecting to: this machine, private and
    /// shared networks, link-local, multicast, documentation and reserved addresses. See the IANA
    /// registries of special-purpose addresses (RFC 6890).
    public static let publicInternet = AddressPolicy(refusing: specialPurpose)

    /// Whether a connection to `address` is allowed.
    public func allows(_ address: IPAddress) -> Bool {
        let embedded = address.embedded.map(IPAddress.v4)
        if allowed.contains(where: { $0.contains(address) }) { return true }
        if refused.contains(where: { $0.contains(address) }) {
            // `::ffff:0:0/96` and the like may be refused as a whole, with exceptions written in
            // IPv4.
            return !embedded.isEmpty && embedded.allSatisfy(isException)
        }
        return embedded.allSatisfy { inner in
            isException(inner) || !refused.contains { $0.contains(inner) }
        }
    }

    private func isException(_ address: IPAddress) -> Bool {
        allowed.contains { $0.contains(address) }
    }

    private static let specialPurpose: [AddressRange] = [
        // "This network", and with it 0.0.0.0, which connects to this machine.
        v4(0, 0, 0, 0, 8),
        // Private use, shared address space of carriers, loopback, link-local.
        v4(10, 0, 0, 0, 8), v4(100, 64, 0, 0, 10), v4(127, 0, 0, 0, 8), v4(169, 254, 0, 0, 16),
        v4(172, 16, 0, 0, 12), v4(192, 168, 0, 0, 16),
        // IETF protocol assignments, documentation, the relays of 6to4, benchmarks.
        v4(192, 0, 0, 0, 24), v4(192, 0, 2, 0, 24), v4(192, 88, 99, 0, 24), v4(198, 18, 0, 0, 15),
        v4(198, 51, 100, 0, 24), v4(203, 0, 113, 0, 24),
        // Multicast; reserved, with the limited broadcast.
        v4(224, 0, 0, 0, 4), v4(240, 0, 0, 0, 4),
        // Unspecified, loopback, discard-only, documentation, segment routing.
        v6(0, 128), v6(1, 128), v6(0x0100 << 112, 64), v6(0x2001_0db8 << 96, 32),
        v6(0x3fff << 112, 20), v6(0x5f00 << 112, 16),
        // Benchmarks and ORCHID, unique local, link-local, site-local, multicast.
        v6(0x2001_0002 << 96, 48), v6(0x2001_0010 << 96, 28), v6(0x2001_0020 << 96, 28),
        v6(0xfc00 << 112, 7), v6(0xfe80 << 112, 10), v6(0xfec0 << 112, 10), v6(0xff00 << 112, 8),
    ]

    private static func v4(
        _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32, _ prefixLength: Int
    ) -> AddressRange {
        AddressRange(.v4(a << 24 | b << 16 | c << 8 | d), prefixLength: prefixLength)
    }

    private static func v6(_ bits: UInt128, _ prefixLength: Int) -> AddressRange {
        AddressRange(.v6(bits), prefixLength: prefixLength)
    }
}
