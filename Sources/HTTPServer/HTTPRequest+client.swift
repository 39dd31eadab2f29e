internal import Bytes
internal import HTTPWire
public import Reactor

/// A connection's other end.
final class Peer: Sendable {
    let address: SocketAddress?
    /// Whether it is a proxy that may speak for others.
    let isProxy: Bool

    init(_ address: SocketAddress?, isProxy: Bool) {
        self.address = address
        self.isProxy = isProxy
    }
}

extension HTTPRequest {
    /// The address of the connection's other end; `nil` for Unix sockets without a name.
    public var remoteAddress: SocketAddress? { peer?.address }

    /// Where the request comes from: ``remoteAddress`` or, where the server says that it
    /// ``HTTPServerOptions/isBehindProxy``, the first address of `X-Forwarded-For`. What is not an
    /// address there is not believed. The port is 0 if it is not known. Worked out when asked for.
    public var clientAddress: SocketAddress? { forwardedAddress ?? remoteAddress }

    /// Whether the client's connection was encrypted, as far as the proxy says:
    /// `X-Forwarded-Proto: https`.
    public var isForwardedSecure: Bool {
        guard peer?.isProxy == true, let index = headers.firstIndex(of: "x-forwarded-proto") else {
            return false
        }
        return headers.value(at: index).equalsIgnoringCase("https")
    }

    private var forwardedAddress: SocketAddress? {
        guard peer?.isProxy == true, let index = headers.firstIndex(of: "x-forwarded-for") else {
            return nil
        }
        let value = headers.value(at: index)
        let end = value.firstIndex(of: UInt8(ascii: ",")) ?? value.byteCount
        // The longest is `[` an IPv6 address of 45 characters `]:65535`.
        guard end <= 64 else { return nil }
        return Self.address(value.extracting(0..<end).string)
    }

    /// Reads an address with or without a port, such as `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]:5`.
    private static func address(_ text: String) -> SocketAddress? {
        var host = Substring(text)
        while host.last == " " || host.last == "\t" { host.removeLast() }
        var port = Substring()
        if host.first == "[" {
            guard let bracket = host.firstIndex(of: "]") else { return nil }
            port = host[host.index(after: bracket)...]
            host = host[host.index(after: host.startIndex)..<bracket]
            guard host.contains(":"), port.isEmpty || port.first == ":" else { return nil }
            port = port.dropFirst()
        } else if host.contains("."), let colon = host.lastIndex(of: ":"),
            host.firstIndex(of: ":") == colon
        {
            port = host[host.index(after: colon)...]
            host = host[..<colon]
        }
        guard !host.isEmpty, host != "*" else { return nil }
        guard let number = port.isEmpty ? 0 : UInt16(port) else { return nil }
        return SocketAddress(host: String(host), port: number)
    }
}
