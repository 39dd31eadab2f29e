internal import Glibc
internal import Reactor

/// An IPv4 or IPv6 address without port and scope.
public enum IPAddress: Sendable, Hashable {
    /// The four bytes in one number (127.0.0.1 is 0x7f000001).
    case v4(UInt32)
    /// The 128 bits.
    case v6(UInt128)

    /// The address of its numeric text, such as `192.0.2.1` or `2001:db8::1`; `nil` for all else,
    /// short forms such as `127.1` among it.
    public init?(_ text: some StringProtocol) {
        guard !text.isEmpty, text != "*" else { return nil }
        switch SocketAddress(host: String(text), port: 0) {
        case .ipv4(let bits, _): self = .v4(bits)
        case .ipv6(let bits, _, _): self = .v6(bits)
        case .unix, nil: return nil
        }
    }

    /// The address that a socket would connect to; `nil` for families other than IP.
    init?(_ raw: UnsafeRawPointer, length: Int) {
        guard length >= MemoryLayout<sa_family_t>.size else { return nil }
        switch Int32(raw.loadUnaligned(as: sa_family_t.self)) {
        case AF_INET where length >= MemoryLayout<sockaddr_in>.size:
            self = .v4(UInt32(bigEndian: raw.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr))
        case AF_INET6 where length >= MemoryLayout<sockaddr_in6>.size:
            let structure = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            let bits = withUnsafeBytes(of: structure) { bytes in
                bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
            }
            self = .v6(bits)
        default: return nil
        }
    }

    /// The IPv4 addresses that traffic to this address may end at: those which a translator, a
    /// tunnel or the system itself takes out of an IPv6 address.
    var embedded: [UInt32] {
        guard case .v6(let bits) = self else { return [] }
        func slice(_ end: UInt128) -> UInt32 { UInt32(truncatingIfNeeded: bits >> end) }
        let low = slice(0)
        var found: [UInt32] = []
        switch bits >> 32 {
        // IPv4-compatible (RFC 4291, 2.5.5.1); `::` and `::1` are addresses of their own.
        case 0 where bits > 1: found.append(low)
        // IPv4-mapped (RFC 4291, 2.5.5.2) and IPv4-translated (RFC 2765).
        case 0xffff, 0xffff_0000: found.append(low)
        // NAT64 (RFC 6052).
        case 0x0064_ff9b << 64: found.append(low)
        default: break
        }
        // NAT64 with a prefix of one's own (RFC 8215); where in it the address lies depends on the
        // prefix's length (RFC 6052, 2.2).
        if bits >> 80 == 0x0064_ff9b_0001 {
            let high = UInt32(truncatingIfNeeded: bits >> 64) & 0xffff
            found.append(high << 16 | UInt32(truncatingIfNeeded: bits >> 40) & 0xffff)
            found.append((high & 0xff) << 24 | UInt32(truncatingIfNeeded: bits >> 32) & 0xff_ffff)
            found.append(UInt32(truncatingIfNeeded: bits >> 24))
            found.append(low)
        }
        // 6to4 (RFC 3056).
        if bits >> 112 == 0x2002 { found.append(slice(80)) }
        // Teredo (RFC 4380): the relay, and the client with its bits inverted.
        if bits >> 96 == 0x2001_0000 { found += [slice(64), ~low] }
        // ISATAP (RFC 5214), in any network.
        let interface = UInt32(truncatingIfNeeded: bits >> 32)
        if interface & 0xfdff_ffff == 0x0000_5efe { found.append(low) }
        return found
    }
}

extension IPAddress: CustomStringConvertible {
    /// The numeric text.
    public var description: String {
        switch self {
        case .v4(let bits): SocketAddress.ipv4(bits, port: 0).host
        case .v6(let bits): SocketAddress.ipv6(bits, port: 0, scope: 0).host
        }
    }
}
