internal import CReactor
internal import Glibc

/// A host name that could not be resolved, with the resolver's own text.
public struct ResolutionError: Error, Sendable, CustomStringConvertible {
    /// The name that was asked for.
    public var host: String
    /// What getaddrinfo(3) said.
    public var message: String
    /// The name and the resolver's text.
    public var description: String { "\(host): \(message)" }
}

extension SocketAddress {
    /// The stream addresses of a host name, in the order that getaddrinfo(3) prefers.
    ///
    /// Blocks for as long as the resolver does: call it before a loop runs, or through
    /// ``EventLoop/offload(_:)``.
    public static func resolve(
        host: String, port: UInt16
    ) throws(ResolutionError) -> [SocketAddress] {
        if let numeric = SocketAddress(host: host, port: port) { return [numeric] }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &list)
        guard result == 0 else {
            let text = gai_strerror(result).map { String(cString: $0) }
            throw ResolutionError(host: host, message: text ?? "error \(result)")
        }
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
