internal import CReactor
internal import Glibc

/// Where a stream socket listens or connects: an IPv4, IPv6 or Unix-domain address.
public enum SocketAddress: Sendable, Hashable, CustomStringConvertible {
    /// An IPv4 address as its four bytes in one number (127.0.0.1 is 0x7f000001).
    case ipv4(UInt32, port: UInt16)
    /// An IPv6 address as its 128 bits, with the scope (interface index) of link-local ones.
    case ipv6(UInt128, port: UInt16, scope: UInt32)
    /// A path of the file system, at most 107 bytes; or, with a NUL in front, a name in the abstract
    /// namespace, which has no file and goes with its socket. See unix(7).
    case unix(path: String)

    /// An address from its numeric text; no name is looked up.
    ///
    /// `""`, `"*"` and `"0.0.0.0"` mean every IPv4 interface, `"::"` every interface. `nil` if
    /// `host` is not a numeric address.
    public init?(host: String, port: UInt16) {
        if host.isEmpty || host == "*" {
            self = .ipv4(0, port: port)
            return
        }
        var v4 = in_addr()
        if inet_pton(AF_INET, host, &v4) == 1 {
            self = .ipv4(UInt32(bigEndian: v4.s_addr), port: port)
            return
        }
        var v6 = in6_addr()
        if inet_pton(AF_INET6, host, &v6) == 1 {
            self = .ipv6(SocketAddress.bits(of: v6), port: port, scope: 0)
            return
        }
        return nil
    }

    /// 127.0.0.1 with `port`; 0 lets the system choose one.
    public static func loopback(port: UInt16 = 0) -> SocketAddress {
        .ipv4(0x7f00_0001, port: port)
    }

    /// The port, or `nil` for a Unix-domain address.
    public var port: UInt16? {
        switch self {
        case .ipv4(_, let port), .ipv6(_, let port, _): port
        case .unix: nil
        }
    }

    /// The numeric host without the port, or the path.
    public var host: String {
        var text = [UInt8](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        switch self {
        case .ipv4(let address, _):
            var bytes = in_addr(s_addr: address.bigEndian)
            return SocketAddress.text(AF_INET, &bytes, &text)
        case .ipv6(let address, _, _):
            var bytes = SocketAddress.structure(of: address)
            return SocketAddress.text(AF_INET6, &bytes, &text)
        case .unix(let path): return path
        }
    }

    /// `127.0.0.1:80`, `[::1]:80` or `unix:/path`.
    public var description: String {
        switch self {
        case .ipv4(_, let port): "\(host):\(port)"
        case .ipv6(_, let port, _): "[\(host)]:\(port)"
        case .unix(let path): isAbstract ? "unix:@\(path.dropFirst())" : "unix:\(path)"
        }
    }

    /// Whether it is a Unix address without a file.
    public var isAbstract: Bool {
        if case .unix(let path) = self { return path.utf8.first == 0 }
        return false
    }

    /// Whether only this machine can reach the address.
    public var isLoopback: Bool {
        switch self {
        case .ipv4(let address, _): address >> 24 == 127
        case .ipv6(let address, _, _): address == 1 || address >> 24 == 0xffff_7f
        case .unix: true
        }
    }

    private static func text(
        _ family: Int32, _ address: UnsafeRawPointer, _ text: inout [UInt8]
    ) -> String {
        text.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress?.assumingMemoryBound(to: CChar.self),
                let result = inet_ntop(family, address, base, socklen_t(buffer.count))
            else { return "?" }
            return String(cString: result)
        }
    }

    private static func bits(of address: in6_addr) -> UInt128 {
        withUnsafeBytes(of: address) { bytes in
            bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        }
    }

    private static func structure(of bits: UInt128) -> in6_addr {
        var address = in6_addr()
        withUnsafeMutableBytes(of: &address) { bytes in
            for index in 0..<16 {
                bytes[index] = UInt8(truncatingIfNeeded: bits >> UInt128(8 * (15 - index)))
            }
        }
        return address
    }
}

extension SocketAddress {
    var isTCP: Bool { family != AF_UNIX }

    var family: Int32 {
        switch self {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix: AF_UNIX
        }
    }

    /// Lends the address as the kernel wants it. Throws ENAMETOOLONG for a path over 107 bytes.
    func withSockaddr<Result>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) throws(SystemError) -> Result
    ) throws(SystemError) -> Result {
        switch self {
        case .ipv4(let address, let port):
            var value = sockaddr_in()
            value.sin_family = sa_family_t(AF_INET)
            value.sin_port = port.bigEndian
            value.sin_addr.s_addr = address.bigEndian
            return try SocketAddress.lend(&value, size: MemoryLayout<sockaddr_in>.size, body)
        case .ipv6(let address, let port, let scope):
            var value = sockaddr_in6()
            value.sin6_family = sa_family_t(AF_INET6)
            value.sin6_port = port.bigEndian
            value.sin6_addr = SocketAddress.structure(of: address)
            value.sin6_scope_id = scope
            return try SocketAddress.lend(&value, size: MemoryLayout<sockaddr_in6>.size, body)
        case .unix(let path):
            var value = sockaddr_un()
            value.sun_family = sa_family_t(AF_UNIX)
            let bytes = Array(path.utf8)
            guard bytes.count < MemoryLayout.size(ofValue: value.sun_path) else {
                throw SystemError("bind", code: ENAMETOOLONG)
            }
            withUnsafeMutableBytes(of: &value.sun_path) { $0.copyBytes(from: bytes) }
            // A path ends with a NUL; every byte of an abstract name counts.
            let size = MemoryLayout<sa_family_t>.size + bytes.count + (isAbstract ? 0 : 1)
            return try SocketAddress.lend(&value, size: size, body)
        }
    }

    private static func lend<Value, Result>(
        _ value: inout Value, size: Int,
        _ body: (UnsafePointer<sockaddr>, socklen_t) throws(SystemError) -> Result
    ) throws(SystemError) -> Result {
        try withUnsafePointer(to: &value) { pointer throws(SystemError) in
            let raw = UnsafeRawPointer(pointer)
            return try body(raw.assumingMemoryBound(to: sockaddr.self), socklen_t(size))
        }
    }

    /// Reads an address that the kernel filled in; `nil` for families that are not ours and for
    /// unnamed Unix sockets.
    init?(filling call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32)
    {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let address: SocketAddress? = withUnsafeMutablePointer(to: &storage) { pointer in
            let raw = UnsafeMutableRawPointer(pointer)
            guard call(raw.assumingMemoryBound(to: sockaddr.self), &length) == 0 else { return nil }
            return SocketAddress(reading: raw, length: Int(length))
        }
        guard let address else { return nil }
        self = address
    }

    init?(reading raw: UnsafeRawPointer, length: Int) {
        switch Int32(raw.loadUnaligned(as: sa_family_t.self)) {
        case AF_INET:
            let value = raw.loadUnaligned(as: sockaddr_in.self)
            self = .ipv4(
                UInt32(bigEndian: value.sin_addr.s_addr), port: UInt16(bigEndian: value.sin_port))
        case AF_INET6:
            let value = raw.loadUnaligned(as: sockaddr_in6.self)
            self = .ipv6(
                SocketAddress.bits(of: value.sin6_addr), port: UInt16(bigEndian: value.sin6_port),
                scope: value.sin6_scope_id)
        case AF_UNIX:
            let header = MemoryLayout<sa_family_t>.size
            guard length > header else { return nil }
            let bytes = UnsafeRawBufferPointer(start: raw + header, count: length - header)
            let name = bytes.first == 0 ? bytes[...] : bytes.prefix { $0 != 0 }
            self = .unix(path: String(decoding: name, as: UTF8.self))
        default: return nil
        }
    }
}
