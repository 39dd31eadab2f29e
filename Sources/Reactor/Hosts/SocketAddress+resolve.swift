internal import CReactor
internal import Glibc

extension SocketAddress {
    /// The stream addresses of a host name, in the order that getaddrinfo(3) prefers.
    ///
    /// Blocks for as long as the system's resolver does: call it before a loop runs. On a loop use
    /// ``EventLoop/resolve(host:port:timeout:)``.
    public static func resolve(
        host: String, port: UInt16
    ) throws(ResolutionError) -> [SocketAddress] {
        try resolve(host: host, port: port, family: nil)
    }

    /// The addresses in one family, or in any.
    static func resolve(
        host: String, port: UInt16, family: AddressFamily?
    ) throws(ResolutionError) -> [SocketAddress] {
        if let numeric = SocketAddress(host: host, port: port) { return [numeric] }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        switch family {
        case nil: hints.ai_family = AF_UNSPEC
        case .ipv4: hints.ai_family = AF_INET
        case .ipv6: hints.ai_family = AF_INET6
        }
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &list)
        guard result == 0 else { throw ResolutionError(host: host, result) }
        defer { freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var next = list
        while let entry = next {
            if let address = entry.pointee.ai_addr,
                let value = SocketAddress(
                    reading: UnsafeRawPointer(address), length: Int(entry.pointee.ai_addrlen)),
                !found.contains(value)
            {
                found.append(value)
            }
            next = entry.pointee.ai_next
        }
        guard !found.isEmpty else { throw ResolutionError(host: host, message: "no addresses") }
        return found
    }
}

extension ResolutionError {
    /// An error by the number that getaddrinfo(3) returned.
    fileprivate init(host: String, _ result: Int32) {
        let text = gai_strerror(result).map { String(cString: $0) }
        self.init(
            host: host, message: text ?? "error \(result)",
            code: result == EAI_AGAIN ? .temporary : .unknown)
    }
}
