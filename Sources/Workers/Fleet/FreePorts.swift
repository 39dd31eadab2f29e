internal import Glibc

/// Ports of 127.0.0.1 that nobody listens on now.
enum FreePorts {
    struct Failure: Error, CustomStringConvertible {
        var description: String { "no free port found on 127.0.0.1" }
    }

    /// All are held at once, so that they differ.
    static func find(_ count: Int) throws -> [UInt16] {
        var held: [Int32] = []
        defer { for descriptor in held { close(descriptor) } }
        var ports: [UInt16] = []
        for _ in 0..<count {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard descriptor >= 0 else { throw Failure() }
            held.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isBound = withUnsafeMutablePointer(to: &address) { pointer in
                let raw = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
                return bind(descriptor, raw, length) == 0
                    && getsockname(descriptor, raw, &length) == 0
            }
            guard isBound else { throw Failure() }
            ports.append(UInt16(bigEndian: address.sin_port))
        }
        return ports
    }
}
