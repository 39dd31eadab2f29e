internal import Glibc

/// A place where a process should listen, and a way to see whether somebody does.
public enum ListenProbe: Sendable, Hashable, CustomStringConvertible {
    /// A port; an empty host, `0.0.0.0` and `::` are asked through the loopback address.
    case tcp(host: String, port: UInt16)
    /// A socket in the file system.
    case unix(path: String)

    /// `127.0.0.1:8008`, `[::1]:8008` or `unix:/path`.
    public var description: String {
        switch self {
        case .tcp(let host, let port):
            let shown = ListenProbe.target(of: host)
            return shown.contains(":") ? "[\(shown)]:\(port)" : "\(shown):\(port)"
        case .unix(let path): return "unix:\(path)"
        }
    }

    /// Whether a connection is accepted within a second. Blocks so long at most.
    public func isListening() -> Bool {
        switch self {
        case .unix(let path): return ListenProbe.connects(toSocketAt: path)
        case .tcp(let host, let port):
            // A port chosen by the system cannot be known from outside.
            guard port > 0 else { return true }
            return ListenProbe.connects(to: ListenProbe.target(of: host), port: port)
        }
    }

    private static func target(of host: String) -> String {
        switch host {
        case "", "0.0.0.0": "127.0.0.1"
        case "::": "::1"
        default: host
        }
    }

    private static func connects(to host: String, port: UInt16) -> Bool {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, "\(port)", &hints, &list) == 0 else { return false }
        defer { freeaddrinfo(list) }
        var entry = list
        while let found = entry {
            if connects(found.pointee.ai_addr, found.pointee.ai_addrlen, found.pointee.ai_family) {
                return true
            }
            entry = found.pointee.ai_next
        }
        return false
    }

    private static func connects(toSocketAt path: String) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array(path.utf8)
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connects($0, socklen_t(MemoryLayout<sockaddr_un>.size), AF_UNIX)
            }
        }
    }

    private static func connects(
        _ address: UnsafePointer<sockaddr>?, _ length: socklen_t, _ family: Int32
    ) -> Bool {
        let type =
            Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        if connect(descriptor, address, length) == 0 { return true }
        guard errno == EINPROGRESS else { return false }
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&entry, 1, 1000) > 0 else { return false }
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0 && code == 0
    }
}
